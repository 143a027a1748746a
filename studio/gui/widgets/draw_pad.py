"""A square to draw into with the mouse."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.gui.theme import Theme
from studio.gui.widgets.ink import Ink, Stroke, round_pen

#: Shares of the side that the mouse moves before a line gets another point.
_STEP = 0.004


class DrawPad(QWidget):
    """Draws with the left button, and erases with the right one or while `erasing` is chosen."""

    #: Emitted after the drawing changed, also while a line is being drawn.
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ink = Ink()
        self.erasing = False
        #: What stands on the empty pad.
        self.hint = ""
        self._drawing = False
        self._at: QPointF | None = None
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 120)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setSizePolicy(policy)
        Theme.instance().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(240, 240)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was drawn since the pad was cleared."""
        return not self.ink.strokes

    def clear(self) -> None:
        """Take all strokes away."""
        if self.ink.strokes:
            self.ink.strokes.clear()
            self._tell()

    def undo(self) -> None:
        """Take the last stroke away."""
        if self.ink.strokes:
            self.ink.strokes.pop()
            self._tell()

    def square(self) -> QRectF:
        """Where one draws, in the widget's pixels."""
        side = min(self.width(), self.height())
        return QRectF((self.width() - side) // 2, (self.height() - side) // 2, side, side)

    def _tell(self) -> None:
        self.update()
        self.changed.emit()

    # Mouse and keys -------------------------------------------------------------------------------

    def _place(self, event: QMouseEvent) -> QPointF:
        area, where = self.square(), event.position()
        x, y = (where.x() - area.left()) / area.width(), (where.y() - area.top()) / area.height()
        return QPointF(min(1.0, max(0.0, x)), min(1.0, max(0.0, y)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        right = event.button() == Qt.MouseButton.RightButton
        if not (right or event.button() == Qt.MouseButton.LeftButton) or not self.square().contains(event.position()):
            return
        erases = right or self.erasing
        if erases and self.is_empty:
            return
        self._drawing = True
        self.ink.strokes.append(Stroke([self._place(event)], erases))
        self._tell()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._at = event.position()
        if self._drawing:
            points, place = self.ink.strokes[-1].points, self._place(event)
            if (place - points[-1]).manhattanLength() >= _STEP:
                points.append(place)
                self._tell()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drawing = False

    def leaveEvent(self, event: object) -> None:
        self._at = None
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Undo):
            self.undo()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.clear()
        else:
            super().keyPressEvent(event)

    # Painting -------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, area = Theme.instance(), self.square()
        paper, ink = (theme.packed_lut("sequential")[place] for place in (0, 255))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(area)
        painter.fillRect(area, QColor(int(paper)))
        painter.save()
        painter.translate(area.topLeft())
        painter.scale(area.width(), area.height())
        pen, eraser = round_pen(QColor(int(ink)), self.ink.pen), round_pen(QColor(int(paper)), self.ink.eraser)
        self.ink.paint(painter, pen, eraser)
        painter.restore()
        if self.is_empty:
            painter.setFont(theme.font("body"))
            painter.setPen(theme.color("text-3"))
            flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
            painter.drawText(area.adjusted(16, 16, -16, -16), flags, self.hint)
        if self._at is not None and self.erasing:
            painter.setPen(QPen(theme.color("border-strong"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            radius = self.ink.eraser * area.width() / 2
            painter.drawEllipse(self._at, radius, radius)
        focused = self.hasFocus()
        painter.setPen(QPen(theme.color("accent" if focused else "border-strong"), 2 if focused else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
