"""A small label above a number, for the run bar; painted in one go, since it changes often."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.gui.theme import Theme

#: A piece of the value: text, and whether it is the number itself rather than its unit.
Piece = tuple[str, bool]


class Readout(QWidget):
    """Label, value and, if wanted, the curve's line as a key or a thin progress bar.

    Parameters
    ----------
    label : str
        Shown above the value.
    widest : tuple of (str, bool)
        Pieces as wide as the value may become, so that neighbours do not move.
    key : str
        ``train`` or ``validation`` for the line of that curve before the label.
    bar : bool
        Whether there is a progress bar below.
    """

    def __init__(
        self, label: str, widest: tuple[Piece, ...], key: str = "", bar: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._label, self._widest, self._key, self._bar = label, widest, key, bar
        self._pieces: tuple[Piece, ...] = (("–", True),)
        self._share = 0.0
        self._brief = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(label)
        Theme.instance().changed.connect(self._restyle)

    def show_value(self, *pieces: Piece, share: float = 0.0) -> None:
        """Show other pieces, and fill the bar to this share."""
        share = max(0.0, min(1.0, share))
        width = max(1, self.width())
        if pieces == self._pieces and round(share * width) == round(self._share * width):
            return
        self._pieces, self._share = pieces, share
        self.setAccessibleDescription(" ".join(text for text, _ in pieces))
        self.update()

    def set_brief(self, brief: bool) -> None:
        """Leave the units out, where there is little room."""
        if brief != self._brief:
            self._brief = brief
            self._restyle()

    def _shown(self, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
        return tuple(p for p in pieces if p[1] or not self._brief or self._bar)

    @property
    def text(self) -> str:
        """What is shown, as plain text."""
        return " ".join(text for text, _ in self._pieces)

    @property
    def label(self) -> str:
        """The words above the value."""
        return self._label

    def set_label(self, label: str) -> None:
        """Change the words above the value."""
        if label != self._label:
            self._label = label
            self.setAccessibleName(label)
            self._restyle()

    def sizeHint(self) -> QSize:
        theme = Theme.instance()
        width = max(
            self._advance(self._shown(self._widest)),
            QFontMetricsF(theme.font("label")).horizontalAdvance(self._label) + (24 if self._key else 0),
        )
        return QSize(round(width * 1.02) + 4, round(38 * theme.scale))

    def _restyle(self) -> None:
        self.updateGeometry()
        self.update()

    def _advance(self, pieces: tuple[Piece, ...]) -> float:
        theme = Theme.instance()
        strong, weak = QFontMetricsF(theme.font("value")), QFontMetricsF(theme.font("body"))
        return sum((strong if big else weak).horizontalAdvance(text) + 5 for text, big in pieces) - 5

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        scale, x = theme.scale, 0.0
        if self._key:
            pen = QPen(theme.color(self._key), 2.2)
            if self._key == "validation":
                pen.setCapStyle(Qt.PenCapStyle.FlatCap)
                pen.setDashPattern([2.7, 1.4])
            painter.setPen(pen)
            painter.drawLine(QPointF(0, 8 * scale), QPointF(17, 8 * scale))
            x = 22.0
        painter.setFont(theme.font("label"))
        painter.setPen(theme.color("text-3"))
        painter.drawText(QPointF(x, 12 * scale), self._label)
        x, base = 0.0, 29.0 * scale
        for text, big in self._shown(self._pieces):
            font = theme.font("value" if big else "body")
            painter.setFont(font)
            painter.setPen(theme.color("text" if big else "text-2"))
            painter.drawText(QPointF(x, base), text)
            x += QFontMetricsF(font).horizontalAdvance(text) + 5
        if self._bar:
            groove = QRectF(0, self.height() - 4, self.width(), 3)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("border"))
            painter.drawRoundedRect(groove, 1.5, 1.5)
            if self._share > 0:
                painter.setBrush(theme.color("accent"))
                painter.drawRoundedRect(QRectF(0, groove.y(), max(3.0, groove.width() * self._share), 3), 1.5, 1.5)
