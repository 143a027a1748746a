"""The whole graph, small, with the part in view; click or drag in it to go there."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from studio.gui.canvas.scene import GraphScene
from studio.gui.canvas.style import current_style, mixed

#: Of the map, and of the corner of it that is left where it would cover nodes.
SIZE, FOLDED = QSize(176, 116), QSize(44, 30)
_MARGIN = 8


def minimap_corners(canvas: QRect) -> list[QPoint]:
    """Where the map may lie in a canvas, the best place first; below what floats over its upper edge."""
    edge, top = 12, 64
    right, bottom = canvas.width() - SIZE.width() - edge, canvas.height() - SIZE.height() - edge
    return [QPoint(right, bottom), QPoint(edge, bottom), QPoint(right, top), QPoint(edge, top)]


class Minimap(QWidget):
    """A map of the scene; folded it is a small sign that opens under the pointer.

    Parameters
    ----------
    scene : GraphScene
        What is drawn.
    """

    #: Emitted with the place of the scene that should come to the middle of the view.
    centred = Signal(QPointF)

    def __init__(self, scene: GraphScene, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedSize(SIZE)
        self._folded = False
        self.setAccessibleName(self.tr("Map of the graph"))
        self.setToolTip(self.tr("Click or drag to go to another part of the graph."))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._scene = scene
        self._view = QRectF()
        self._world = QRectF(0, 0, 1, 1)
        self._nodes: QPixmap | None = None
        self._dragging = False
        scene.rearranged.connect(self.redraw)

    def fold(self, folded: bool) -> None:
        """Be a small sign, or the whole map."""
        if folded != self._folded:
            self._folded = folded
            self._resize(FOLDED if folded else SIZE)

    @property
    def is_opened(self) -> bool:
        """Whether it is folded, but opened by the pointer over it."""
        return self._folded and self.size() == SIZE

    def _resize(self, size: QSize) -> None:
        """Take another size; the lower right corner stays."""
        corner = QPoint(self.width() - size.width(), self.height() - size.height())
        self.setFixedSize(size)
        self.move(self.pos() + corner)
        self.redraw()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        if self._folded:
            self._resize(SIZE)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if self._folded and not self._dragging:
            self._resize(FOLDED)

    def redraw(self) -> None:
        """Draw the nodes again: they, or the theme, changed."""
        self._nodes = None
        self.update()

    def show_view(self, view: QRectF) -> None:
        """Say which part of the scene is in view."""
        if view != self._view:
            self._view = view
            self.update()

    def _fit(self) -> None:
        bounds = self._scene.bounds()
        self._world = bounds.adjusted(-60, -60, 60, 60)

    def _scale(self) -> float:
        margin = _MARGIN if self.size() == SIZE else _MARGIN // 2
        room = self.rect().adjusted(margin, margin, -margin, -margin)
        return min(room.width() / max(self._world.width(), 1), room.height() / max(self._world.height(), 1))

    def _to_map(self, rect: QRectF) -> QRectF:
        scale = self._scale()
        offset = QPointF(self.rect().center()) - self._world.center() * scale
        return QRectF(rect.topLeft() * scale + offset, rect.size() * scale)

    def _to_scene(self, place: QPointF) -> QPointF:
        return (place - QPointF(self.rect().center())) / self._scale() + self._world.center()

    def paintEvent(self, event: QPaintEvent) -> None:
        style = current_style()
        if self._nodes is None:
            self._nodes = self._paint_nodes()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPixmap(0, 0, self._nodes)
        view = self._to_map(self._view).intersected(QRectF(self.rect()).adjusted(2, 2, -2, -2))
        painter.setPen(style.pen("accent", 1.5))
        fill = style.color("accent")
        fill = type(fill)(fill.red(), fill.green(), fill.blue(), 28)
        painter.setBrush(fill)
        painter.drawRoundedRect(view, 2, 2)

    def _paint_nodes(self) -> QPixmap:
        self._fit()
        style = current_style()
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(style.pen("border"))
        painter.setBrush(style.color("node"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        families: dict[str, list[QRectF]] = {}
        for item in self._scene.nodes.values():
            rect = self._to_map(item.frame())
            rect.setSize(rect.size().expandedTo(QSize(2, 2).toSizeF()))
            families.setdefault(item.face.node.layer.family, []).append(rect)
        for family, rects in families.items():
            painter.setBrush(mixed(style.color("node"), style.family(family), 0.7))
            painter.drawRects(rects)
        painter.end()
        return picture

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._dragging = True
            self.centred.emit(self._to_scene(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragging:
            self.centred.emit(self._to_scene(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragging = False
        if self._folded and not self.rect().contains(event.position().toPoint()):
            self._resize(FOLDED)
