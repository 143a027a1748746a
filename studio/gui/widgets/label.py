"""Text in one of the theme's type roles and tones."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from studio.gui.theme import Theme


class Label(QLabel):
    """A label that follows the theme.

    Parameters
    ----------
    text : str
    role : str
        Key of the type table, such as ``section``.
    tone : str
        Name of a colour token.
    wrap : bool
        Whether long text takes several lines.
    """

    def __init__(
        self, text: str = "", role: str = "body", tone: str = "text", wrap: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(text, parent)
        self._role, self._tone = role, tone
        self.setWordWrap(wrap)
        self.setTextFormat(Qt.TextFormat.PlainText)
        Theme.instance().changed.connect(self._restyle)
        self._restyle()

    def set_tone(self, tone: str) -> None:
        """Use another colour."""
        if tone != self._tone:
            self._tone = tone
            self._restyle()

    def show_text(self, text: str) -> None:
        """Set the text if it differs; laying out again costs more than comparing."""
        if text != self.text():
            self.setText(text)

    def _restyle(self) -> None:
        theme = Theme.instance()
        self.setFont(theme.font(self._role))
        palette = self.palette()
        palette.setColor(self.foregroundRole(), theme.color(self._tone))
        self.setPalette(palette)


class ElidedLabel(Label):
    """One line that ends in an ellipsis where there is no room; the tooltip has all of it."""

    def __init__(self, text: str = "", role: str = "body", tone: str = "text", parent: QWidget | None = None) -> None:
        super().__init__(text, role, tone, parent=parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self.palette().color(self.foregroundRole()))
        text = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        self.setToolTip(self.text() if text != self.text() else "")
        painter.drawText(self.rect(), self.alignment() | Qt.AlignmentFlag.AlignVCenter, text)


class Rule(QFrame):
    """A hairline, level or upright."""

    def __init__(self, upright: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._upright = upright
        if upright:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)
        Theme.instance().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), Theme.instance().color("border"))
