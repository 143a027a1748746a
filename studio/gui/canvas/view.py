"""The view of the scene: mouse, wheel and keys become gestures and edits."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QHelpEvent,
    QInputDevice,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGestureEvent,
    QGraphicsView,
    QPinchGesture,
    QToolTip,
    QWidget,
)

from studio.core.graph import Edge
from studio.gui.canvas import gestures, tips
from studio.gui.canvas.background import Background
from studio.gui.canvas.drops import PaletteDrops
from studio.gui.canvas.editing import Editor
from studio.gui.canvas.faces import HEADER
from studio.gui.canvas.hover import Hover
from studio.gui.canvas.layout import GRID
from studio.gui.canvas.node_item import NodeItem
from studio.gui.canvas.ports import CELL
from studio.gui.canvas.scene import GraphScene
from studio.gui.session import Session
from studio.gui.theme import Theme

SMALLEST, LARGEST = 0.08, 4.0
_STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class GraphView(QGraphicsView):
    """Shows the scene and reacts to a person.

    Parameters
    ----------
    session : Session
        For selection and sentences.
    scene : GraphScene
        What is shown.
    editor : Editor
        What gestures end in.
    """

    #: Emitted when the part in view, or its zoom, changed.
    looked = Signal()
    #: Emitted when the search should open: place in the viewport, wire or None, port or None.
    search_wanted = Signal(QPoint, object, object)
    #: Emitted when a node's name should be edited in place.
    rename_wanted = Signal(str)
    #: Emitted when a context menu is due: place on the screen, node id or "", wire or None.
    menu_wanted = Signal(QPoint, str, object)
    #: Emitted with node and neuron when a person picks a neuron; -1 for none.
    unit_selected = Signal(str, int)
    #: Emitted when a person asks for the big view of a node.
    details_wanted = Signal(str)
    #: Emitted when another wire, or none, is selected.
    wire_selected = Signal()

    def __init__(self, session: Session, scene: GraphScene, editor: Editor, parent: QWidget) -> None:
        super().__init__(scene, parent)
        self._deaf_until = 0.0
        self.session = session
        self.graph_scene = scene
        self.editor = editor
        self.chosen_wire: Edge | None = None
        #: What was fitted last, and where the view then stood.
        self._fitted: tuple[QRectF, float, float, tuple[float, int, int]] | None = None
        self._gesture: gestures.Gesture | None = None
        self._space = False
        #: Processor seconds that painting takes, averaged over the last few times.
        self.paint_seconds = 0.0
        self._hovering = Hover(scene)
        self._drops = PaletteDrops(self)
        self._background = Background()
        self.setAccessibleName(self.tr("Graph of layers"))
        self.setAccessibleDescription(
            self.tr("Tab adds a layer. Alt with an arrow goes to the next layer, arrows move the selected ones.")
        )
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAcceptDrops(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        # The background covers all of it, so Qt need not paint what lies below.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.viewport().setMouseTracking(True)
        self.viewport().grabGesture(Qt.GestureType.PinchGesture)
        self.viewport().setAccessibleName(self.tr("Graph of layers"))

    # Looking ---------------------------------------------------------------------------

    @property
    def zoom(self) -> float:
        """Pixels on the screen a pixel of the design; 1 is 100 %."""
        return self.transform().m11() / Theme.instance().scale

    def set_zoom(self, zoom: float, at: QPointF | None = None) -> None:
        """Zoom, keeping what is at a place of the viewport (its middle) where it is."""
        zoom = min(max(zoom, SMALLEST), LARGEST) * Theme.instance().scale
        at = at if at is not None else QPointF(self.viewport().rect().center())
        fixed = self.mapToScene(at.toPoint())
        self.look_at(fixed, zoom, at)

    def look_at(self, place: QPointF, scale: float, at: QPointF | None = None) -> None:
        """Bring a place of the scene to a place of the viewport (its middle), at a scale."""
        transform = self.transform()
        transform.reset()
        transform.scale(scale, scale)
        self.setTransform(transform)
        at = at if at is not None else QPointF(self.viewport().rect().center())
        corner = place * scale - at - QPointF(self.sceneRect().topLeft() * scale)
        bars = self.horizontalScrollBar(), self.verticalScrollBar()
        for bar, value in zip(bars, (corner.x(), corner.y()), strict=True):
            bar.setValue(round(bar.minimum() + value))
        self.looked.emit()

    def in_view(self) -> QRectF:
        """The part of the scene in view."""
        return self.mapToScene(self.viewport().rect()).boundingRect()

    def fit_rect(self, rect: QRectF, largest: float = 1.0, smallest: float = SMALLEST) -> None:
        """Show a rectangle of the scene whole, with a margin; its left end where that would be too small."""
        if rect.isEmpty():
            self.look_at(QPointF(0, 0), Theme.instance().scale)
            return
        room = self.viewport().rect().adjusted(32, 56, -32, -32)
        scale = min(max(room.width(), 50) / rect.width(), max(room.height(), 50) / rect.height())
        # What fits but for a little is rather shown whole.
        scale = max(scale, SMALLEST) if scale > 0.85 * smallest else smallest
        scale = min(scale, largest * Theme.instance().scale)
        at, centre = QPointF(room.center()), rect.center()
        if rect.width() * scale > room.width():
            at.setX(room.left())
            centre.setX(rect.left())
        if rect.height() * scale > room.height():
            at.setY(room.top())
            centre.setY(rect.top())
        self.look_at(centre, scale, at)
        self._fitted = rect, largest, smallest, self._stand()

    def _stand(self) -> tuple[float, int, int]:
        """Scale and place of the view, exactly."""
        return self.zoom, self.horizontalScrollBar().value(), self.verticalScrollBar().value()

    def pan(self, delta: QPoint) -> None:
        """Move what is in view along with the mouse."""
        self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() - delta.x())
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() - delta.y())

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        self.looked.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        begin = time.thread_time()
        self.graph_scene.exposed = event.region()
        super().paintEvent(event)
        self.graph_scene.exposed = None
        self.paint_seconds += 0.2 * (time.thread_time() - begin - self.paint_seconds)

    def resizeEvent(self, event: QResizeEvent) -> None:
        # Panels find their sizes after the first look; who has not moved since keeps the whole in view.
        fitted = self._fitted if self._fitted is not None and self._fitted[3] == self._stand() else None
        super().resizeEvent(event)
        if fitted is not None:
            self.fit_rect(*fitted[:3])
        self.looked.emit()

    def drawBackground(self, painter: QPainter, rect: QRectF | object) -> None:
        assert isinstance(rect, QRectF)
        self._background.paint(painter, rect, self.zoom)

    # Mouse -----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._gesture is not None:
            return
        at, button = event.position().toPoint(), event.button()
        if button == Qt.MouseButton.MiddleButton or (button == Qt.MouseButton.LeftButton and self._space):
            self._gesture = gestures.Pan(self, at)
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        elif button == Qt.MouseButton.LeftButton:
            self._gesture = gestures.gesture_at(self, at, event.modifiers())
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        if self._gesture is not None:
            self._gesture.move(at, event.modifiers())
        else:
            self._hover(at)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        gesture, self._gesture = self._gesture, None
        if gesture is not None:
            gesture.release(event.position().toPoint(), event.modifiers())
        self._hover(event.position().toPoint())
        event.accept()

    def pause_double_clicks(self) -> None:
        """The page that was clicked before is gone: the second half of a double click is not meant for this one."""
        self._deaf_until = time.monotonic() + QApplication.doubleClickInterval() / 1000

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if time.monotonic() < self._deaf_until:
            event.accept()
            return
        if event.button() != Qt.MouseButton.LeftButton:
            return
        at = event.position().toPoint()
        place = self.mapToScene(at)
        if self.graph_scene.port_at(place, self.zoom) is not None:
            return
        item = self.graph_scene.node_at(place)
        if item is not None and place.y() - item.pos().y() <= HEADER:
            self.rename_wanted.emit(item.face.node.id)
        elif item is not None:
            self.details_wanted.emit(item.face.node.id)
        else:
            wire = self.graph_scene.wire_at(place, 7 / min(self.zoom, 1))
            self.search_wanted.emit(at, wire.edge if wire else None, None)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hovering.mark()

    def end_gesture(self) -> None:
        """Give up the drag that is going on."""
        gesture, self._gesture = self._gesture, None
        if gesture is not None:
            gesture.cancel()
            self._show_cursor()

    def _hover(self, at: QPoint) -> None:
        shape = self._hovering.look(self.mapToScene(at), self.zoom)
        self.viewport().setCursor(Qt.CursorShape.OpenHandCursor if self._space else shape)

    def _show_cursor(self) -> None:
        shape = Qt.CursorShape.OpenHandCursor if self._space else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(shape)

    def click_in_node(self, item: NodeItem, place: QPointF) -> None:
        """A click on a heatmap picks that neuron; on "+24" it opens the big view."""
        face, local = item.face, place - item.pos()
        if face.hidden and face.more_top <= local.y() <= face.more_top + 18 and face.kind in ("neurons", "maps"):
            self.details_wanted.emit(face.node.id)
        if face.kind != "neurons":
            return
        x, _ = face.cell(0)
        unit = next((i for i in range(face.shown) if 0 <= local.y() - face.cell(i)[1] <= CELL), -1)
        unit = unit if x - 24 <= local.x() <= x + CELL else -1
        unit = -1 if unit == item.unit else unit
        item.set_state(unit=unit)
        for edge in self.graph_scene.graph.incoming(face.node.id):
            self.graph_scene.wires[edge].set_state(unit=unit)
        self.unit_selected.emit(face.node.id, unit)

    def select_wire(self, wire: Edge | None) -> None:
        """Select a wire, so that Delete removes it."""
        if wire != self.chosen_wire:
            self.chosen_wire = wire
            self.graph_scene.show_selection(self.session.selection, wire)
            self.wire_selected.emit()

    def restore_places(self) -> None:
        """Put every node where the document has it."""
        self.graph_scene.reconcile(self.session.document, self.session.inference, self.session.datasets, False)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            node = min(self.session.selection, default="")
            place = self.graph_scene.nodes[node].frame().center() if node else self.in_view().center()
            self.menu_wanted.emit(self.viewport().mapToGlobal(self.mapFromScene(place)), node, self.chosen_wire)
            return
        place = self.mapToScene(event.pos())
        item = self.graph_scene.node_at(place)
        wire = None if item else self.graph_scene.wire_at(place, 7 / min(self.zoom, 1))
        if item is not None and item.face.node.id not in self.session.selection:
            self.session.select(frozenset([item.face.node.id]))
        self.select_wire(wire.edge if wire else None)
        self.menu_wanted.emit(event.globalPos(), item.face.node.id if item else "", wire.edge if wire else None)
        event.accept()

    # Wheel and touch -------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        touchpad = event.device() is not None and event.device().type() == QInputDevice.DeviceType.TouchPad
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if touchpad and not control and not event.pixelDelta().isNull():
            self.pan(event.pixelDelta())
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            turn = event.angleDelta().y() or event.angleDelta().x()
            self.pan(QPoint(turn // 2, 0))
        else:
            self.set_zoom(self.zoom * 1.0015 ** event.angleDelta().y(), event.position())
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.set_zoom(self.zoom * (1 + event.value()), event.position())
            return True
        if isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                at = self.viewport().mapFromGlobal(pinch.centerPoint())
                self.set_zoom(self.zoom * pinch.scaleFactor(), at)
                event.accept(pinch)
                return True
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text = tips.tip_at(self.graph_scene, self.session, self.mapToScene(event.pos()), self.zoom)
            QToolTip.showText(event.globalPos(), text, self.viewport())
            return True
        return super().viewportEvent(event)

    # Keys ------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        tab = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Tab and not event.modifiers()
        if tab and event.type() == QEvent.Type.KeyPress:
            self.search_wanted.emit(self._cursor_or_middle(), None, None)
            return True
        return super().event(event)

    def _cursor_or_middle(self) -> QPoint:
        at = self.viewport().mapFromGlobal(self.cursor().pos())
        return at if self.viewport().rect().contains(at) else self.viewport().rect().center()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, modifiers = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._space = True
                self._show_cursor()
        elif key == Qt.Key.Key_Escape:
            self._escape()
        elif key in _STEPS and modifiers == Qt.KeyboardModifier.AltModifier:
            self._go(*_STEPS[Qt.Key(key)])
        elif key in _STEPS and modifiers in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier):
            step = GRID if modifiers == Qt.KeyboardModifier.NoModifier else 1
            dx, dy = _STEPS[Qt.Key(key)]
            if self.session.selection:
                self.editor.nudge(dx * step, dy * step)
            else:
                self._go(dx, dy)
        else:
            event.ignore()

    def _escape(self) -> None:
        if self._gesture is not None:
            self.end_gesture()
        else:
            self.select_wire(None)
            self.session.select(frozenset())

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            self._show_cursor()
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QEvent) -> None:  # type: ignore[override]
        self._space = False
        super().focusOutEvent(event)  # type: ignore[arg-type]

    def _go(self, dx: int, dy: int) -> None:
        """Select the nearest node in a direction."""
        nodes = self.graph_scene.nodes
        centres = {n: i.frame().center() for n, i in nodes.items()}
        if not centres:
            return
        here = min(self.session.selection, default="")
        if not here:
            middle = self.in_view().center()
            chosen = min(centres, key=lambda n: (centres[n] - middle).manhattanLength())
        else:
            def cost(node: str) -> float:
                step = centres[node] - centres[here]
                along, across = step.x() * dx + step.y() * dy, abs(step.x() * dy) + abs(step.y() * dx)
                return along + 2 * across if along > 4 else float("inf")

            chosen = min(centres, key=cost)
            if cost(chosen) == float("inf"):
                return
        self.session.select(frozenset([chosen]))
        if not self.in_view().contains(nodes[chosen].frame()):
            self.look_at(centres[chosen], self.transform().m11())
        self.setAccessibleDescription(tips.describe_node(self.graph_scene, chosen))

    # Layers dropped from the palette ---------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self._drops.enter(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self._drops.move(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._drops.leave()

    def dropEvent(self, event: QDropEvent) -> None:
        self._drops.drop(event)
