"""Choices side by side in one frame, exactly one of them taken."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.gui.theme import Theme


class SegmentedButtons(QWidget):
    """Words in segments; arrows move the choice.

    Parameters
    ----------
    words : sequence of str
    height : int
        In pixels.
    """

    chosen = Signal(int)

    def __init__(self, words: Sequence[str], height: int = 26, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words, self._height = tuple(words), height
        self._current = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        Theme.instance().changed.connect(self._restyle)

    @property
    def current(self) -> int:
        """Index of the choice that is taken."""
        return self._current

    def set_current(self, index: int) -> None:
        """Take a choice without telling anybody."""
        if index != self._current:
            self._current = index
            self.setAccessibleDescription(self._words[index])
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(round(sum(self._widths())) + 1, round(self._height * Theme.instance().scale))

    def _restyle(self) -> None:
        self.updateGeometry()
        self.update()

    def _widths(self) -> list[float]:
        font = Theme.instance().font("tab")
        font.setWeight(font.Weight.DemiBold)
        metrics = QFontMetricsF(font)
        return [metrics.horizontalAdvance(word) + 21 for word in self._words]

    def segment(self, index: int) -> QRectF:
        """Where a segment is."""
        widths = self._widths()
        return QRectF(sum(widths[:index]), 0, widths[index], self.height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for index in range(len(self._words)):
            if self.segment(index).contains(event.position()) and event.button() == Qt.MouseButton.LeftButton:
                self._choose(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1}
        if event.key() in steps:
            self._choose((self._current + steps[Qt.Key(event.key())]) % len(self._words))
        else:
            super().keyPressEvent(event)

    def _choose(self, index: int) -> None:
        if index != self._current:
            self.set_current(index)
            self.chosen.emit(index)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        outline = QPainterPath()
        outline.addRoundedRect(frame, 6, 6)
        painter.fillPath(outline, theme.color("field"))
        painter.save()
        painter.setClipPath(outline)
        painter.fillRect(self.segment(self._current), theme.color("accent-bg"))
        painter.setPen(QPen(theme.color("border"), 1))
        for index in range(1, len(self._words)):
            x = round(self.segment(index).left()) + 0.5
            painter.drawLine(int(x), 0, int(x), self.height())
        painter.restore()
        for index, word in enumerate(self._words):
            font = theme.font("tab")
            taken = index == self._current
            if taken:
                font.setWeight(font.Weight.DemiBold)
            painter.setFont(font)
            painter.setPen(theme.color("accent" if taken else "text-2"))
            painter.drawText(self.segment(index), Qt.AlignmentFlag.AlignCenter, word)
        painter.setPen(QPen(theme.color("accent" if self.hasFocus() else "border"), 1.5 if self.hasFocus() else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(outline)
