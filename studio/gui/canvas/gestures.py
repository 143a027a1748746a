"""What a press of the mouse becomes: panning, a rubber band, moving nodes, dragging a wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from studio.core.graph import Edge, GraphError
from studio.core.inference import infer
from studio.gui.canvas.bodies import remedy_rect, tr
from studio.gui.canvas.layout import snapped
from studio.gui.canvas.node_item import NodeItem
from studio.gui.canvas.scene import PortHit
from studio.gui.canvas.style import current_style
from studio.gui.canvas.wire_item import WireItem

if TYPE_CHECKING:
    from studio.gui.canvas.view import GraphView

#: A press becomes a drag after this many pixels on the screen.
DRAG_FROM = 4
#: How near a dropped node's middle must be to a wire to go onto it.
DROP_REACH = 26.0


class Gesture:
    """A press that may become a drag.

    Parameters
    ----------
    view : GraphView
        Where it happens.
    start : QPoint
        Where the button went down, in the viewport.
    """

    def __init__(self, view: GraphView, start: QPoint) -> None:
        self.view = view
        self.start = start
        self.dragging = False

    def move(self, at: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        """The mouse moved."""
        if not self.dragging and (at - self.start).manhattanLength() >= DRAG_FROM:
            self.dragging = True
            self.begin()
        if self.dragging:
            self.drag(at, modifiers)

    def release(self, at: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        """The button went up."""
        if self.dragging:
            self.drop(at, modifiers)
        else:
            self.click(modifiers)

    def begin(self) -> None:
        """The press became a drag."""

    def drag(self, at: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        """Follow the mouse."""

    def drop(self, at: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        """Finish the drag."""

    def click(self, modifiers: Qt.KeyboardModifier) -> None:
        """It was a click, not a drag."""

    def cancel(self) -> None:
        """Escape was pressed: leave everything as it was."""


class Pan(Gesture):
    """Drag the whole canvas."""

    def begin(self) -> None:
        self._last = self.start

    def drag(self, at: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        self.view.pan(at - self._last)
        self._last = at


class _Band(QGraphicsRectItem):
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        style = current_style()
        pen = style.pen("accent", 1)
        pen.setCosmetic(True)
        fill = style.color("accent")
        painter.setPen(pen)
        painter.setBrush(type(fill)(fill.red(), fill.green(), fill.blue(), 26))
        painter.drawRect(self.rect())


class RubberBand(Gesture):
    """Select what a rectangle touches; with Shift or Control in addition."""

    def __init__(self, view: GraphView, start: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        super().__init__(view, start)
        more = modifiers & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier)
        self._before = view.session.selection if more else frozenset()
        self._item: _Band | None = None

    def begin(self) -> None:
        self._item = _Band()
        self._item.setZValue(5)
        self.view.graph_scene.addItem(self._item)

    def drag(self, at: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        assert self._item is not None
        rect = QRectF(self.view.mapToScene(self.start), self.view.mapToScene(at)).normalized()
        self._item.setRect(rect)
        self.view.session.select(self._before | frozenset(self.view.graph_scene.nodes_in(rect)))

    def drop(self, at: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        self.cancel()

    def click(self, modifiers: Qt.KeyboardModifier) -> None:
        self.view.select_wire(None)
        self.view.session.select(self._before)

    def cancel(self) -> None:
        if self._item is not None:
            self.view.graph_scene.removeItem(self._item)
            self._item = None


class MoveNodes(Gesture):
    """Move the selected nodes; one that has no wires goes onto the wire it is dropped on."""

    def __init__(self, view: GraphView, start: QPoint, item: NodeItem, modifiers: Qt.KeyboardModifier) -> None:
        super().__init__(view, start)
        self._item = item
        node = item.face.node.id
        selection = view.session.selection
        self._toggles = bool(
            modifiers & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier)
        )
        self._was_selected = node in selection
        if self._toggles:
            view.session.select(selection | {node})
        elif not self._was_selected:
            view.session.select(frozenset([node]))
        view.select_wire(None)
        self._wire: WireItem | None = None

    def begin(self) -> None:
        scene = self.view.graph_scene
        self._from = {n: QPointF(scene.nodes[n].pos()) for n in self.view.session.selection}
        scene.held = frozenset(self._from)
        graph = scene.graph
        (node, *others) = self._from
        wired = graph.incoming(node) or graph.outgoing(node)
        layer = graph.node(node).layer
        self._goes_on_wires = not others and not wired and bool(layer.inputs) and bool(layer.outputs)

    def _places(self, at: QPoint, modifiers: Qt.KeyboardModifier) -> dict[str, QPointF]:
        delta = self.view.mapToScene(at) - self.view.mapToScene(self.start)
        lead = self._from[self._item.face.node.id]
        if not modifiers & Qt.KeyboardModifier.AltModifier:
            delta = QPointF(snapped(lead.x() + delta.x()), snapped(lead.y() + delta.y())) - lead
        return {n: p + delta for n, p in self._from.items()}

    def drag(self, at: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        scene = self.view.graph_scene
        if any(n not in scene.nodes for n in self._from):
            self.view.end_gesture()  # an undo took the node away under the mouse
            return
        scene.move_held(self._places(at, modifiers))
        if self._goes_on_wires:
            self._mark(scene.wire_at(self._item.frame().center(), DROP_REACH, self._from))

    def _mark(self, wire: WireItem | None) -> None:
        if wire is not self._wire:
            if self._wire is not None:
                self._wire.set_state(target=False)
            self._wire = wire
            if wire is not None:
                wire.set_state(target=True)

    def drop(self, at: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        scene = self.view.graph_scene
        places = {n: (p.x(), p.y()) for n, p in self._places(at, modifiers).items()}
        wire = self._wire.edge if self._wire is not None else None
        self._mark(None)
        scene.held = frozenset()
        self.view.editor.move(places, "" if wire is None else tr("Insert on wire"), wire=wire)
        self.view.restore_places()

    def click(self, modifiers: Qt.KeyboardModifier) -> None:
        node = self._item.face.node.id
        if self._toggles:
            if self._was_selected:
                self.view.session.select(self.view.session.selection - {node})
            return
        self.view.session.select(frozenset([node]))
        self.view.click_in_node(self._item, self.view.mapToScene(self.start))

    def cancel(self) -> None:
        self._mark(None)
        self.view.graph_scene.held = frozenset()
        self.view.restore_places()


class DragWire(Gesture):
    """Drag a new wire from a port, or an end of an existing one.

    Parameters
    ----------
    port : PortHit
        The end that stays.
    loose : Edge, optional
        The existing wire whose other end is being led elsewhere.
    """

    def __init__(self, view: GraphView, start: QPoint, port: PortHit, loose: Edge | None = None) -> None:
        super().__init__(view, start)
        self._port, self._loose = port, loose
        self._target: PortHit | None = None
        self._reason = ""

    def begin(self) -> None:
        scene = self.view.graph_scene
        scene.offer_ports(self._port, self._loose)
        if self._loose is not None and self._loose in scene.wires:
            scene.wires[self._loose].setOpacity(0.25)
        scene.dragged_wire.show()

    def drag(self, at: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        scene = self.view.graph_scene
        if self._port.node not in scene.nodes:
            self.view.end_gesture()
            return
        place = self.view.mapToScene(at)
        before = self._target
        self._target, reason = self._find(place)
        if reason and reason != self._reason:
            self.view.session.say(reason)
        elif self._target is not None and self._target != before:
            self._say_consequence(self._target)
        self._reason = reason
        fixed = scene.nodes[self._port.node].port_position(self._port.side, self._port.index)
        end = place
        if self._target is not None:
            end = scene.nodes[self._target.node].port_position(self._target.side, self._target.index)
        if self._port.side == "output":
            scene.dragged_wire.run(fixed, end, not reason)
        else:
            scene.dragged_wire.run(end, fixed, not reason)

    def _say_consequence(self, target: PortHit) -> None:
        """A legal wire may still bring a shape that does not fit: say so before it is dropped."""
        session = self.view.session
        wire = self._wire_to(target)
        try:
            graph = session.document.graph
            graph = graph.disconnect(self._loose) if self._loose is not None else graph
            graph = graph.connect(wire.source, wire.source_port, wire.target, wire.target_port)
        except GraphError:
            return
        for problem in infer(graph, session.datasets).errors:
            if problem.node == wire.target:
                session.say(problem.message)

    def _wire_to(self, target: PortHit) -> Edge:
        ends = (self._port, target) if self._port.side == "output" else (target, self._port)
        return Edge(ends[0].node, ends[0].index, ends[1].node, ends[1].index)

    def _find(self, place: QPointF) -> tuple[PortHit | None, str]:
        """The port that a drop here would take, or why it would not."""
        scene, side = self.view.graph_scene, "input" if self._port.side == "output" else "output"
        hit = scene.port_at(place, self.view.zoom)
        if hit is not None and (hit.node, hit.side, hit.index) == (self._port.node, self._port.side, self._port.index):
            return None, ""
        if hit is not None and hit.side != side and hit.node != self._port.node:
            hit = None
        if hit is None:
            hit = self._port_of_node(scene.node_at(place), side)
        if hit is None:
            return None, ""
        if hit.side != side:
            return None, tr("A wire goes from an output to an input.")
        offers = scene.nodes[hit.node].offers or {}
        if offers.get((hit.side, hit.index)):
            return hit, ""
        ends = (self._port, hit) if side == "input" else (hit, self._port)
        graph = scene.graph
        if self._loose is not None and self._loose in graph.edges:
            graph = graph.disconnect(self._loose)
        return None, graph.why_not_connect(ends[0].node, ends[0].index, ends[1].node, ends[1].index)

    def _port_of_node(self, item: NodeItem | None, side: str) -> PortHit | None:
        """A drop on a node's body takes its first free legal port, or its only one."""
        if item is None or item.face.node.id == self._port.node:
            return None
        node = item.face.node.id
        ports = item.ports(side)
        legal = [i for i in range(len(ports)) if (item.offers or {}).get((side, i))]
        if side == "input":
            taken = {e.target_port for e in self.view.graph_scene.graph.incoming(node)}
            legal.sort(key=lambda i: i in taken)
        if not legal:
            return PortHit(node, side, 0)
        return PortHit(node, side, legal[0])

    def drop(self, at: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        scene, editor = self.view.graph_scene, self.view.editor
        place = self.view.mapToScene(at)
        target, reason = self._find(place)
        nowhere = target is None and not reason and scene.node_at(place) is None and scene.port_at(place) is None
        self.cancel()
        if target is not None:
            editor.connect(self._wire_to(target), self._loose)
        elif reason:
            self.view.session.say(reason, True)
        elif nowhere and self._loose is not None:
            editor.disconnect(self._loose)
        elif nowhere:
            self.view.search_wanted.emit(at, None, self._port)

    def click(self, modifiers: Qt.KeyboardModifier) -> None:
        if self._loose is not None:
            self.view.session.select(frozenset())
            self.view.select_wire(self._loose)

    def cancel(self) -> None:
        scene = self.view.graph_scene
        scene.withdraw_offers()
        if self._loose is not None and self._loose in scene.wires:
            scene.wires[self._loose].setOpacity(1.0)


def gesture_at(view: GraphView, at: QPoint, modifiers: Qt.KeyboardModifier) -> Gesture | None:
    """What a press of the left button at a place of the viewport may become."""
    scene, place = view.graph_scene, view.mapToScene(at)
    item = scene.node_at(place)
    if item is not None and over_remedy(item, place):
        view.editor.repair(item.face.problems[0])
        return None
    port = scene.port_at(place, view.zoom)
    if port is not None:
        return _from_port(view, at, port)
    if item is not None:
        return MoveNodes(view, at, item, modifiers)
    wire = scene.wire_at(place, 7 / min(view.zoom, 1))
    if wire is not None:
        return _from_wire(view, at, wire, place)
    return RubberBand(view, at, modifiers)


def _from_port(view: GraphView, at: QPoint, port: PortHit) -> Gesture:
    """From an output a new wire; from a wired input the wire that is on it."""
    if port.side == "input":
        incoming = view.graph_scene.graph.incoming(port.node)
        taken = next((e for e in incoming if e.target_port == port.index), None)
        if taken is not None:
            return DragWire(view, at, PortHit(taken.source, "output", taken.source_port), taken)
    return DragWire(view, at, port)


def _from_wire(view: GraphView, at: QPoint, wire: WireItem, place: QPointF) -> Gesture:
    """The end of the wire that is nearer to the mouse comes off."""
    edge = wire.edge
    start, end = wire.ends()
    if (place - start).manhattanLength() < (place - end).manhattanLength():
        return DragWire(view, at, PortHit(edge.target, "input", edge.target_port), edge)
    return DragWire(view, at, PortHit(edge.source, "output", edge.source_port), edge)


def over_remedy(item: NodeItem, place: QPointF) -> bool:
    """Whether a place of the scene is on the node's one-click repair."""
    return remedy_rect(item.face, current_style()).contains(place - item.pos())
