"""A sentence that floats over the window until it is read or dismissed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from studio.gui.theme import Theme
from studio.gui.widgets.label import Label

#: Milliseconds it stays, and for each letter besides.
_STAY, _STAY_EACH = 5000, 60


class Notice(QWidget):
    """One error in one sentence, at the top of the window.

    A question waits while a sentence is shown, and comes back after it.

    Parameters
    ----------
    window : QWidget
        Over which it floats.
    above : QWidget or None
        A part of the window in whose middle it stands while that is seen; None for the window's.
    """

    def __init__(self, window: QWidget, above: QWidget | None = None) -> None:
        super().__init__(window)
        self._above = above
        self.setAccessibleName(self.tr("Message"))
        self._icon = QLabel(self)
        self._text = Label("", "body", "text", wrap=True, parent=self)
        self._buttons: list[QPushButton] = []
        self._question, self._asking = "", False
        self._close = QToolButton(self)
        self._close.setFixedSize(24, 24)
        self._close.setAccessibleName(self.tr("Dismiss"))
        self._close.clicked.connect(self._put_away)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(14, 9, 8, 9)
        self._row.setSpacing(10)
        self._row.addWidget(self._icon)
        self._row.addWidget(self._text, 1)
        self._row.addWidget(self._close)
        self._tone = "error"
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._time_out)
        window.installEventFilter(self)
        if above is not None:
            above.installEventFilter(self)
        Theme.instance().changed.connect(self._restyle)
        self.hide()

    @property
    def text(self) -> str:
        """The sentence; empty while hidden."""
        return self._text.text() if self.isVisible() else ""

    def say(self, sentence: str, error: bool = True) -> None:
        """Show a sentence for as long as reading it takes."""
        self._show(sentence, "error" if error else "accent", question=False)
        self._timer.start(_STAY + _STAY_EACH * len(sentence))

    def outdate(self) -> None:
        """Take away what was said of something that has changed since; a question stays."""
        if not self._asking:
            self._put_away()

    def ask(self, sentence: str, *answers: QPushButton) -> None:
        """Show a sentence with buttons; it stays until one is pressed or it is dismissed."""
        self._forget_question()
        self._question, self._buttons = sentence, list(answers)
        for number, button in enumerate(answers):
            button.setProperty("kind", "compact")
            button.clicked.connect(self._answered)
            self._row.insertWidget(2 + number, button)
        self._ask()

    def _ask(self) -> None:
        self._timer.stop()
        self._show(self._question, "accent", question=True)

    def _put_away(self) -> None:
        """Hide what is shown: a sentence gives way to the question that waits, a question is gone."""
        if self._question and not self._asking:
            self._ask()
        else:
            self._forget_question()
            self._timer.stop()
            self.hide()

    def _answered(self) -> None:
        # What the answer itself had to say stays.
        if self._asking:
            self._timer.stop()
            self.hide()
        self._forget_question()

    def _forget_question(self) -> None:
        for old in self._buttons:
            old.hide()
            old.deleteLater()
        self._question, self._asking, self._buttons = "", False, []

    def _show(self, sentence: str, tone: str, question: bool) -> None:
        self._asking = question
        for button in self._buttons:
            button.setVisible(question)
        self._tone = tone
        self._text.setText(sentence)
        self._restyle()
        self._place()
        self.show()
        self.raise_()

    def _time_out(self) -> None:
        if self.underMouse():
            self._timer.start(_STAY)
        else:
            self._put_away()

    def _restyle(self) -> None:
        theme = Theme.instance()
        self._icon.setPixmap(theme.pixmap("warning" if self._tone == "error" else "info", self._tone, 18))
        self._close.setIcon(theme.icon("close", "text-2", 14))
        self.update()

    def _place(self) -> None:
        window = self.parentWidget()
        assert window is not None
        above = self._above if self._above is not None and self._above.isVisible() else window
        # Beside wide panels little may be left.
        if above.width() < 480:
            above = window
        left = above.mapTo(window, above.rect().topLeft()).x() if above is not window else 0
        width = min(640, above.width() - 48)
        self.setFixedWidth(width)
        row = self._row
        row.activate()
        height = max(42, row.heightForWidth(width) if row.hasHeightForWidth() else row.sizeHint().height())
        self.setFixedHeight(height)
        self.move(left + (above.width() - width) // 2, 92)

    def eventFilter(self, watched, event) -> bool:  # type: ignore[no-untyped-def]
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return bool(super().eventFilter(watched, event))

    def sizeHint(self) -> QSize:
        return QSize(640, 44)

    def keyPressEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Escape:
            self._put_away()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color(self._tone), 1))
        painter.setBrush(theme.color("error-bg" if self._tone == "error" else "accent-bg"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
