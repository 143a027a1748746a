"""Rows of a word and a number, painted in one go."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.gui.theme import Theme

_ROW = 21


class Facts(QWidget):
    """Words at the left, numbers at the right; made for numbers that change often."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[tuple[str, str], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        Theme.instance().changed.connect(self._resize)

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """What is shown."""
        return self._rows

    def show_rows(self, *rows: tuple[str, str]) -> None:
        """Show other rows."""
        if rows == self._rows:
            return
        count = len(self._rows)
        self._rows = rows
        self.setAccessibleDescription("; ".join(f"{word} {number}" for word, number in rows))
        if len(rows) != count:
            self._resize()
        self.update()

    def _resize(self) -> None:
        self.setFixedHeight(round(len(self._rows) * _ROW * Theme.instance().scale))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        row = _ROW * theme.scale
        weak, strong = theme.font("tab"), theme.font("tab")
        strong.setWeight(strong.Weight.Medium)
        middle = Qt.AlignmentFlag.AlignVCenter
        for i, (word, number) in enumerate(self._rows):
            box = QRectF(0, i * row, self.width(), row)
            painter.setFont(weak)
            painter.setPen(theme.color("text-2"))
            painter.drawText(box, middle, word)
            painter.setFont(strong)
            painter.setPen(theme.color("text"))
            painter.drawText(box, middle | Qt.AlignmentFlag.AlignRight, number)
