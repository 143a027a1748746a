"""The scene: reconciled with the document by node id and by wire, never rebuilt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, Signal
from PySide6.QtGui import QRegion
from PySide6.QtWidgets import QGraphicsScene

from studio.core.dataset import DatasetInfo
from studio.core.document import Document, Position
from studio.core.graph import Edge, Graph
from studio.core.inference import Inference
from studio.core.layer import Loss
from studio.engine.messages import Snapshot
from studio.gui.canvas import routes
from studio.gui.canvas.bodies import tr
from studio.gui.canvas.faces import Face, make_faces
from studio.gui.canvas.layout import Link, arrange_in_columns
from studio.gui.canvas.node_item import NodeItem
from studio.gui.canvas.ports import MORE_ROW, Port
from studio.gui.canvas.style import current_style
from studio.gui.canvas.thumbnails import make_thumbnail
from studio.gui.canvas.wire_item import DraggedWire, WireItem

_HALF = 100_000.0
#: Width by height of the canvas beside its panels, which the auto-layout is for.
_ASPECT = 1.9
#: Half the hit area of a port, in pixels on the screen at 100 %.
_REACH = 12.0


@dataclass(frozen=True)
class PortHit:
    """A port under the mouse."""

    node: str
    side: str
    index: int


class GraphScene(QGraphicsScene):
    """Node and wire items, and what is where."""

    #: Emitted after nodes came, went or moved.
    rearranged = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(-_HALF, -_HALF, 2 * _HALF, 2 * _HALF, parent)
        # The BSP index thrashes with thousands of moving items.
        self.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self.nodes: dict[str, NodeItem] = {}
        self.wires: dict[Edge, WireItem] = {}
        self.faces: dict[str, Face] = {}
        self.graph = Graph()
        self.dragged_wire = DraggedWire()
        self.addItem(self.dragged_wire)
        self.dragged_wire.hide()
        #: Nodes a drag is moving now; the document does not place them until the drop.
        self.held: frozenset[str] = frozenset()
        #: What of the viewport is being painted; None outside of its paint event.
        self.exposed: QRegion | None = None
        self._boxes = np.zeros((0, 4))
        self._rows: dict[str, int] = {}

    # Reconciling -----------------------------------------------------------------------

    def reconcile(
        self, document: Document, inference: Inference, datasets: Mapping[str, DatasetInfo | str], fresh: bool
    ) -> None:
        """Show this document; items whose node or wire stays, stay.

        Parameters
        ----------
        fresh : bool
            Whether anything but positions may have changed.
        """
        moved: set[str] = set()
        if fresh:
            moved = self._reconcile_nodes(document, inference, datasets)
        places = self._places(document)
        for node, item in self.nodes.items():
            place = QPointF(*places[node])
            if item.pos() != place and node not in self.held:
                item.setPos(place)
                moved.add(node)
        if fresh:
            self._reconcile_wires(document.graph, inference, datasets)
        if moved or fresh:
            before = dict(zip(self._rows, self._boxes, strict=True)) if not fresh else {}
            self._measure_boxes()
            self.route(self.wires if fresh else self._disturbed(moved, before))
            self.rearranged.emit()

    def _disturbed(self, moved: set[str], before: Mapping[str, np.ndarray]) -> list[Edge]:
        """Wires that end at nodes that moved, or that run where these were or are now."""
        areas = [*(before[n] for n in moved if n in before), *(self._boxes[self._rows[n]] for n in moved)]
        rects = [QRectF(b[0], b[1], b[2] - b[0], b[3] - b[1]).adjusted(-24, -24, 24, 24) for b in areas]
        return [
            e
            for e, w in self.wires.items()
            if w.label or e.source in moved or e.target in moved or any(w.boundingRect().intersects(r) for r in rects)
        ]

    def _reconcile_nodes(
        self, document: Document, inference: Inference, datasets: Mapping[str, DatasetInfo | str]
    ) -> set[str]:
        self.graph = document.graph
        self.faces = make_faces(document, inference, datasets, current_style().width)
        for gone in [n for n in self.nodes if n not in self.faces]:
            self.removeItem(self.nodes.pop(gone))
        changed = set()
        for node, face in self.faces.items():
            item = self.nodes.get(node)
            if item is None:
                item = self.nodes[node] = NodeItem(face)
                item.exposed_part = lambda: self.exposed
                self.addItem(item)
                changed.add(node)
            elif item.face != face or item.face.info != face.info:
                item.show_face(face)
                changed.add(node)
        return changed

    def _reconcile_wires(
        self, graph: Graph, inference: Inference, datasets: Mapping[str, DatasetInfo | str]
    ) -> None:
        edges = set(graph.edges)
        for gone in [e for e in self.wires if e not in edges]:
            self.removeItem(self.wires.pop(gone))
        for edge in graph.edges:
            wire = self.wires.get(edge)
            if wire is None:
                wire = self.wires[edge] = WireItem(edge)
                wire.exposed_part = lambda: self.exposed
                self.addItem(wire)
            shapes = inference.shapes.get(edge.source, ())
            rank = len(shapes[edge.source_port]) if edge.source_port < len(shapes) else 1
            wire.width = 4.5 if rank >= 2 else 3.0 if rank == 1 else 2.0
            wire.label = ""
            if self._is_label(edge):
                wire.width = 2.0
                info = datasets.get(edge.source)
                labels = isinstance(info, DatasetInfo) and bool(info.classes)
                wire.label = tr("weights") if edge.target_port > 1 else tr("Y labels") if labels else tr("Y targets")
                if edge.target_port == 1 and edge.source_port == 0:
                    wire.label = tr("X to be found") if (edge.source, 0) in inference.words else tr("X as target")

    def _is_label(self, edge: Edge) -> bool:
        """Whether the wire brings right answers, or their weights, to a loss, and so runs below everything."""
        if not isinstance(self.graph.node(edge.target).layer, Loss):
            return False
        beside = edge.source_port > 0 or not self.graph.node(edge.source).layer.inputs
        return edge.target_port == 1 or (edge.target_port == 2 and beside)

    def _places(self, document: Document) -> dict[str, Position]:
        places = dict(document.positions)
        missing = [n for n in self.nodes if n not in places]
        if len(missing) > 1 and len(missing) == len(self.nodes):
            return self.arranged(self.nodes, (0.0, 0.0))
        for node in missing:
            sources = [e.source for e in document.graph.incoming(node) if e.source in places]
            x, y = places[sources[0]] if sources else (0.0, 0.0)
            places[node] = (x + (self.faces[sources[0]].width + 80 if sources else 0), y)
        return places

    # Geometry --------------------------------------------------------------------------

    def size_of(self, node: str) -> tuple[float, float]:
        """Width and height of a node."""
        face = self.faces[node]
        return face.width, face.height

    def box(self, node: str) -> tuple[float, float, float, float]:
        """Left, top, width and height of a node."""
        item = self.nodes[node]
        return item.pos().x(), item.pos().y(), item.face.width, item.face.height

    def bounds(self, nodes: Iterable[str] | None = None) -> QRectF:
        """The rectangle around nodes (all, if none are given), label wires included."""
        boxes = self._boxes if nodes is None else self._boxes[[self._rows[n] for n in nodes]]
        if not len(boxes):
            return QRectF()
        (left, top), (right, bottom) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
        rect = QRectF(float(left), float(top), float(right - left), float(bottom - top))
        if nodes is None:
            for wire in self.wires.values():
                if wire.label:
                    rect = rect.united(wire.boundingRect().adjusted(8, 8, -8, -8))
        return rect

    def arranged(self, nodes: Iterable[str], origin: Position) -> dict[str, Position]:
        """Places of the auto-layout for these nodes."""
        chosen = set(nodes)
        links = []
        for edge in self.graph.edges:
            start = self.faces[edge.source].outputs[edge.source_port]
            end = self.faces[edge.target].inputs[edge.target_port]
            label = self._is_label(edge)
            room = 80.0 if end.spots else 72.0 if label else 0.0
            links.append(Link(edge.source, edge.target, start.y, end.y, lane=not label, room=room))
        sizes = {n: self.size_of(n) for n in self.graph.order if n in chosen}
        return arrange_in_columns(sizes, links, origin, aspect=_ASPECT)

    def _measure_boxes(self) -> None:
        self._rows = {n: i for i, n in enumerate(self.nodes)}
        boxes = [(x, y, x + w, y + h) for x, y, w, h in (self.box(n) for n in self.nodes)]
        self._boxes = np.array(boxes, np.float64).reshape(-1, 4)

    def move_held(self, places: Mapping[str, QPointF]) -> None:
        """Move nodes on the scene only, while they are dragged."""
        for node, place in places.items():
            item = self.nodes[node]
            item.setPos(place)
            x, y, w, h = self.box(node)
            self._boxes[self._rows[node]] = (x, y, x + w, y + h)
        self.route(e for e in self.wires if e.source in places or e.target in places or self.wires[e].label)
        self.rearranged.emit()

    def route(self, edges: Iterable[Edge]) -> None:
        """Find the ways of these wires again."""
        level = 0
        for edge in list(edges):
            wire = self.wires[edge]
            source, target = self.nodes[edge.source], self.nodes[edge.target]
            start = source.port_position("output", edge.source_port)
            end = target.port_position("input", edge.target_port)
            if wire.label:
                path, plate = routes.below(start, end, self._boxes, level)
                level += 1
                wire.run(path, plate)
                continue
            into, out = target.face.inputs, source.face.outputs
            ends = into[edge.target_port].spots if edge.target_port < len(into) else ()
            if ends:
                starts = out[edge.source_port].spots
                x1, x2 = start.x(), end.x()
                tops = [source.pos().y() + y for y in starts] or self._fanned(source, start.y())
                wire.run_strands(
                    [QPointF(x1, y) for y in tops],
                    [QPointF(x2, target.pos().y() + y) for y in ends],
                    routes.cubic(start, end),
                )
                continue
            own = self._boxes[[self._rows[edge.source], self._rows[edge.target]]]
            wire.run(routes.around(start, end, self._between(edge, start, end), own))

    def _between(self, edge: Edge, start: QPointF, end: QPointF) -> np.ndarray:
        """Boxes of other nodes in the strip that a wire crosses."""
        b = self._boxes
        low, high = sorted((start.x(), end.x()))
        near = (b[:, 2] > low) & (b[:, 0] < high)
        near[[self._rows[edge.source], self._rows[edge.target]]] = False
        return b[near]

    @staticmethod
    def _fanned(source: NodeItem, y: float) -> list[float]:
        """Starts of the strands of a port that stands for several numbers, a hair apart."""
        count = min((source.face.shape or (1,))[0], 8)
        return [y + 2.5 * (i - (count - 1) / 2) for i in range(count)]

    # What is where ---------------------------------------------------------------------

    def node_at(self, place: QPointF) -> NodeItem | None:
        """The topmost node at a place of the scene."""
        hits = [i for i in self.nodes.values() if i.frame().contains(place)]
        return max(hits, key=lambda i: i.zValue(), default=None)

    def port_at(self, place: QPointF, zoom: float = 1.0) -> PortHit | None:
        """The nearest port within reach of a place of the scene."""
        reach = _REACH / max(min(zoom, 1.0), 0.4)
        best: tuple[float, PortHit] | None = None
        for node, item in self.nodes.items():
            local = place - item.pos()
            if not -reach <= local.y() <= item.face.height + reach:
                continue
            for side, x in (("output", item.face.width), ("input", 0.0)):
                if abs(local.x() - x) > reach:
                    continue
                for index, port in enumerate(item.ports(side)):
                    heights = (*port.spots, port.y) if port.plain or not port.spots else port.spots
                    away = min(abs(local.y() - y) for y in heights) + abs(local.x() - x) / 4
                    if away <= reach and (best is None or away < best[0]):
                        best = away, PortHit(node, side, index)
        return best[1] if best else None

    def wire_at(self, place: QPointF, reach: float = 7.0, besides: Iterable[str] = ()) -> WireItem | None:
        """The nearest wire within reach of a place, not counting those of some nodes."""
        skipped = set(besides)
        found: tuple[float, WireItem | None] = (reach, None)
        for wire in self.wires.values():
            if not wire.boundingRect().adjusted(-reach, -reach, reach, reach).contains(place) or {wire.edge.source, wire.edge.target} & skipped:
                continue
            away = wire.distance(place)
            if away <= found[0]:
                found = away, wire
        return found[1]

    def nodes_in(self, rect: QRectF) -> list[str]:
        """Ids of nodes that a rectangle of the scene touches."""
        if len(self._boxes) != len(self.nodes):
            return [n for n, i in self.nodes.items() if i.frame().intersects(rect)]
        b = self._boxes
        hit = (b[:, 0] < rect.right()) & (b[:, 2] > rect.left()) & (b[:, 1] < rect.bottom()) & (b[:, 3] > rect.top())
        names = list(self.nodes)
        return [names[i] for i in np.flatnonzero(hit)]

    # State -----------------------------------------------------------------------------

    def show_selection(self, nodes: frozenset[str], wire: Edge | None) -> None:
        """Mark what is selected."""
        for node, item in self.nodes.items():
            item.set_state(chosen=node in nodes)
        for edge, line in self.wires.items():
            line.set_state(chosen=edge == wire)

    def show_snapshot(self, snapshot: Snapshot, visible: Iterable[str], numbers: bool = True) -> None:
        """Give visible nodes their thumbnails; with `numbers` losses and strands are renewed too."""
        style = current_style()
        problem = snapshot.problem if snapshot.status == "failed" else None
        learning = snapshot.turns.nodes if snapshot.turns is not None and snapshot.status == "running" else frozenset()
        for node, item in self.nodes.items():
            item.set_state(learning=node in learning)
        for node in visible:
            item = self.nodes[node]
            item.set_state(failure=problem.message if problem is not None and problem.node == node else "")
            if item.face.kind == "none":
                continue
            if item.face.kind == "loss" and not numbers and item.thumbnail is not None:
                continue
            source = item.face.kind in ("points", "picture", "table")
            if source and not self._source_changed(item, snapshot, style.dark):
                continue
            thumbnail = make_thumbnail(item.face, snapshot, style)
            if thumbnail is not None and not thumbnail.looks_like(item.thumbnail):
                item.refresh_body(thumbnail)
            elif thumbnail is None and item.face.kind == "loss" and item.thumbnail is not None:
                item.refresh_body(None)  # a reset took the curves away
            view = snapshot.nodes.get(node)
            kernel = view.weights.get("kernel") if view is not None and numbers else None
            if kernel is not None:
                for edge in self.graph.incoming(node):
                    if self.wires[edge].is_strands:
                        self.wires[edge].show_weights(kernel)

    @staticmethod
    def _source_changed(item: NodeItem, snapshot: Snapshot, dark: bool) -> bool:
        """Whether a data node has something new to show; its pictures do not train."""
        probe = None if item.face.kind == "points" else snapshot.probe_x
        # Each snapshot has an array of its own, mostly with the same samples.
        sample = probe[0].tobytes() if probe is not None and len(probe) else b""
        shown = (id(snapshot.datasets.get(item.face.node.id)), sample, snapshot.plane_extent, dark)
        if item.thumbnail is not None and item.source_shown == shown:
            return False
        item.source_shown = shown
        return True

    def forget_thumbnails(self) -> None:
        """Draw everything anew at the next snapshot, in the colours of another theme."""
        for item in self.nodes.values():
            item.thumbnail = None
        self.update()

    # Wires being dragged ---------------------------------------------------------------

    def offer_ports(self, source: PortHit, besides: Edge | None = None) -> None:
        """Let ports that a wire from `source` may end at grow, and the others fade."""
        graph = self.graph.disconnect(besides) if besides is not None and besides in self.graph.edges else self.graph
        for node, item in self.nodes.items():
            offers = {}
            if source.side == "output":
                item.spare = self._spare_port(item, len(graph.incoming(node)) < len(item.face.inputs))
                for i, _ in enumerate(item.ports("input")):
                    offers["input", i] = not graph.why_not_connect(source.node, source.index, node, self._port_in(graph, node, i))
            else:
                into = self._port_in(graph, source.node, source.index)
                for i, _ in enumerate(item.face.outputs):
                    offers["output", i] = not graph.why_not_connect(node, i, source.node, into)
            if node == source.node:
                offers[source.side, source.index] = True
            item.set_state(offers=offers)

    @staticmethod
    def _port_in(graph: Graph, node: str, index: int) -> int:
        """The input's number in the graph: a variadic one has no gaps before its free port."""
        return min(index, len(graph.incoming(node))) if graph.node(node).layer.is_variadic() else index

    @staticmethod
    def _spare_port(item: NodeItem, free: bool) -> Port | None:
        inputs = item.face.inputs
        if not item.face.node.layer.is_variadic() or not inputs or free:
            return None
        y = min(inputs[-1].y + (inputs[-1].y - inputs[0].y) / max(1, len(inputs) - 1), item.face.height - MORE_ROW / 2)
        return Port(f"input {len(inputs) + 1}", 0.0, y)

    def withdraw_offers(self) -> None:
        """Back to normal after a wire was dropped."""
        for item in self.nodes.values():
            item.set_state(offers=None, spare=None)
        self.dragged_wire.hide()
