"""What a person can do to the graph on the canvas; each is one step of undo."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

from PySide6.QtCore import QPointF, QRectF

from studio.core import registry
from studio.core.composite import Composite, opened
from studio.core.document import Document, Position
from studio.core.fields import FieldError
from studio.core.graph import Edge, GraphError
from studio.core.problems import Problem
from studio.gui.canvas import arrange, clipboard
from studio.gui.canvas.bodies import tr
from studio.gui.canvas.layout import GRID, snapped
from studio.gui.canvas.placement import USUAL_SIZE, free_place
from studio.gui.canvas.remedies import RemedyError, apply_remedy, insert_new
from studio.gui.canvas.scene import GraphScene, PortHit
from studio.gui.session import Session
from studio.storage import StorageError

_PASTE_STEP = 4 * GRID


class Editor:
    """Turns gestures into edits of the session's document.

    What is not possible is said in one sentence, and nothing changes.

    Parameters
    ----------
    session : Session
        Holds the document.
    scene : GraphScene
        Knows how large nodes are.
    """

    def __init__(self, session: Session, scene: GraphScene) -> None:
        self.session = session
        self.scene = scene
        self._pasted = 0

    def attempt(self, edit: Callable[[], tuple[Document, str]], text: str, merge_key: str = "") -> str | None:
        """Make an edit; returns the id it gives, or None after having said why not."""
        try:
            document, node = edit()
        except (GraphError, FieldError, RemedyError, StorageError, registry.UnknownName) as error:
            self.session.say(str(error), True)
            return None
        self.session.edit(document, text, merge_key)
        return node

    def size_of(self, node: str) -> tuple[float, float]:
        """Width and height of a node, in scene pixels."""
        return self.scene.size_of(node) if node in self.scene.faces else USUAL_SIZE

    # Adding ----------------------------------------------------------------------------

    def add(self, kind: str, place: Position) -> str | None:
        """Add a layer with its top left corner at a place; it becomes the selection."""
        def edit() -> tuple[Document, str]:
            document = self.session.document
            graph, node = document.graph.add(registry.layer(kind)())
            return document.with_graph(graph, **{node: (snapped(place[0]), snapped(place[1]))}), node

        return self._select(self.attempt(edit, tr("Add {layer}").format(layer=kind)))

    def add_near(self, kind: str, place: Position) -> str | None:
        """Add a layer as close to a place as can be; wired to the selected node if it ends there."""
        document = self.session.document
        source = self._open_end()
        if source is not None and registry.layers().get(kind) is not None and registry.layer(kind).inputs:
            x, y, width, _ = self.scene.box(source)
            free = free_place(document, (x + width + 80, y), USUAL_SIZE, self.size_of)
            return self.add_wired(kind, free, PortHit(source, "output", 0))
        return self.add(kind, free_place(document, place, USUAL_SIZE, self.size_of))

    def _open_end(self) -> str | None:
        """The one selected node, if its first output leads nowhere yet."""
        if len(self.session.selection) != 1:
            return None
        (node,) = self.session.selection
        graph = self.session.document.graph
        if not graph.node(node).layer.outputs or any(e.source_port == 0 for e in graph.outgoing(node)):
            return None
        return node

    def add_wired(self, kind: str, place: Position, port: PortHit) -> str | None:
        """Add a layer and wire it to a port that a wire was dragged from."""
        def edit() -> tuple[Document, str]:
            document = self.session.document
            graph, node = document.graph.add(registry.layer(kind)())
            if port.side == "output":
                graph = graph.connect(port.node, port.index, node, 0)
            else:
                graph = graph.connect(node, 0, port.node, port.index)
            return document.with_graph(graph, **{node: (snapped(place[0]), snapped(place[1]))}), node

        return self._select(self.attempt(edit, tr("Add {layer}").format(layer=kind)))

    def add_on_wire(self, kind: str, wire: Edge) -> str | None:
        """Add a layer onto a wire; what comes after moves to make room."""
        def edit() -> tuple[Document, str]:
            return insert_new(self.session.document, wire, registry.layer(kind)(), self.size_of)

        return self._select(self.attempt(edit, tr("Insert {layer}").format(layer=kind)))

    def _select(self, node: str | None) -> str | None:
        if node is not None:
            self.session.select(frozenset([node]))
        return node

    # Wires -----------------------------------------------------------------------------

    def connect(self, wire: Edge, instead_of: Edge | None = None) -> None:
        """Add a wire, or lead an existing one elsewhere."""
        if wire == instead_of:
            return

        def edit() -> tuple[Document, str]:
            graph = self.session.document.graph
            if instead_of is not None:
                graph = graph.disconnect(instead_of)
            port = wire.target_port
            if graph.node(wire.target).layer.is_variadic():
                port = min(port, len(graph.incoming(wire.target)))
            graph = graph.connect(wire.source, wire.source_port, wire.target, port)
            return self.session.document.with_graph(graph), ""

        self.attempt(edit, tr("Connect") if instead_of is None else tr("Move wire"))

    def connect_in_order(self, nodes: frozenset[str]) -> None:
        """Wire nodes one to the next, from left to right: first outputs to first inputs without a wire."""
        document = self.session.document
        if len(nodes) < 2:
            self.session.say(tr("Select two layers or more to wire them to each other."), True)
            return
        order = sorted(nodes, key=lambda n: document.positions.get(n, (0.0, 0.0)))

        def edit() -> tuple[Document, str]:
            graph = document.graph
            for source, target in itertools.pairwise(order):
                layer = graph.node(target).layer
                taken = {e.target_port for e in graph.incoming(target)}
                if any(e.source == source for e in graph.incoming(target)):
                    continue
                free = [i for i in range(len(layer.inputs)) if i not in taken]
                port = len(taken) if layer.is_variadic() else free[0] if free else 0
                graph = graph.connect(source, 0, target, port)
            return document.with_graph(graph), ""

        self.attempt(edit, tr("Connect"))

    def disconnect(self, wire: Edge) -> None:
        """Remove a wire."""
        document = self.session.document
        self.attempt(lambda: (document.with_graph(document.graph.disconnect(wire)), ""), tr("Delete wire"))

    def disconnect_all(self, nodes: frozenset[str]) -> None:
        """Remove all wires that end at these nodes."""
        document = self.session.document
        graph = document.graph
        while wire := next((e for e in graph.edges if {e.source, e.target} & nodes), None):
            graph = graph.disconnect(wire)
        self.session.edit(document.with_graph(graph), tr("Disconnect"))

    # Nodes -----------------------------------------------------------------------------

    def delete(self, nodes: frozenset[str], text: str = "") -> None:
        """Remove nodes and their wires."""
        if not nodes:
            return
        document = self.session.document
        one = document.graph.node(next(iter(nodes))).name
        text = text or (tr("Delete {name}").format(name=one) if len(nodes) == 1 else tr("Delete {count} layers").format(count=len(nodes)))  # fmt: skip
        self.attempt(lambda: (document.with_graph(document.graph.remove(nodes)), ""), text)

    def dissolve(self, node: str) -> None:
        """Take a node out and join the wires it was on."""
        document = self.session.document
        text = tr("Take out {name}").format(name=document.graph.node(node).name)
        self.attempt(lambda: (document.with_graph(document.graph.dissolve(node)), ""), text)

    def is_brick(self, node: str) -> bool:
        """Whether the node is made of layers and knows its shapes, so that it can be opened."""
        layer = self.session.document.graph.node(node).layer
        return isinstance(layer, Composite) and node in self.session.inference.input_shapes

    def open_brick(self, node: str) -> None:
        """Put the layers that a node is made of in its place; training goes on with their weights."""
        document = self.session.document
        shapes = self.session.inference.input_shapes[node]
        text = tr("Open {name}").format(name=document.graph.node(node).name)
        x, y = document.positions.get(node, self.scene.box(node)[:2])
        parts: dict[str, str] = {}

        def edit() -> tuple[Document, str]:
            nonlocal parts
            graph, parts = opened(document.graph, node, *shapes)
            return document.with_graph(graph).moved(dict.fromkeys(parts.values(), (x, y))), node

        if self.attempt(edit, text, f"open {node}") is not None:
            # How large the new nodes are is known only now; still the same step of undo.
            every = frozenset(self.scene.nodes)
            corner = self.scene.bounds(every).topLeft()
            self.move(self.scene.arranged(every, (corner.x(), corner.y())), text, f"open {node}")
            self.session.select(frozenset(parts.values()))

    def rename(self, node: str, name: str) -> None:
        """Give a node another name."""
        name = name.strip()[:64]
        document = self.session.document
        if name and name != document.graph.node(node).name:
            self.attempt(lambda: (document.with_graph(document.graph.rename(node, name)), ""), tr("Rename"))

    def repair(self, problem: Problem) -> None:
        """Do what a problem's remedy says."""
        text = problem.remedy.text if problem.remedy else tr("Repair")
        session = self.session
        self.attempt(lambda: (apply_remedy(session.document, problem, session.datasets, self.size_of), ""), text)

    # Places ----------------------------------------------------------------------------

    def move(self, places: Mapping[str, Position], text: str = "", merge_key: str = "", wire: Edge | None = None) -> None:
        """Put nodes elsewhere; a single one may go onto a wire with the same step of undo."""
        def edit() -> tuple[Document, str]:
            document = self.session.document.moved(places)
            if wire is not None:
                (node,) = places
                document = document.with_graph(document.graph.insert(wire, node))
            return document, ""

        if self.attempt(edit, text or tr("Move"), merge_key) is None and wire is not None:
            self.move(places, text, merge_key)

    def nudge(self, dx: float, dy: float) -> None:
        """Move the selection by a few pixels; a row of nudges is one step of undo."""
        document = self.session.document
        places = {n: document.positions.get(n, self.scene.box(n)[:2]) for n in self.session.selection}
        moved = {n: (x + dx, y + dy) for n, (x, y) in places.items()}
        if moved:
            self.move(moved, tr("Nudge"), "nudge " + " ".join(sorted(moved)))

    def align(self, edge: str) -> None:
        """Bring the selection into line."""
        self._arrange(arrange.align(self._boxes(), edge), tr("Align"))

    def distribute(self, axis: str) -> None:
        """Give the selection equal gaps."""
        if len(self.session.selection) < 3:
            self.session.say(tr("Select three or more layers to space them evenly."))
            return
        self._arrange(arrange.distribute(self._boxes(), axis), tr("Distribute"))

    def _boxes(self) -> dict[str, arrange.Box]:
        return {n: self.scene.box(n) for n in sorted(self.session.selection)}

    def _arrange(self, places: Mapping[str, Position], text: str) -> None:
        if len(self.session.selection) < 2:
            self.session.say(tr("Select two or more layers to line them up."))
            return
        self.move(places, text)

    def tidy_up(self) -> None:
        """Lay out the selection if it is two nodes or more, everything otherwise."""
        chosen = self.session.selection if len(self.session.selection) > 1 else frozenset(self.scene.nodes)
        if not chosen:
            return
        corner = self.scene.bounds(chosen).topLeft()
        places = self.scene.arranged(chosen, (corner.x(), corner.y()))
        self.move(places, tr("Tidy up"))

    # Clipboard -------------------------------------------------------------------------

    def _chosen(self) -> Document:
        document, chosen = self.session.document, self.session.selection
        graph = document.graph.subgraph(chosen)
        return Document(graph, {n: document.positions.get(n, self.scene.box(n)[:2]) for n in chosen})

    def copy(self) -> bool:
        """Put the selection on the clipboard; whether there was one."""
        if not self.session.selection:
            self.session.say(tr("Select a layer to copy it."))
            return False
        clipboard.put(self._chosen())
        self._pasted = 0
        return True

    def cut(self) -> None:
        """Put the selection on the clipboard and remove it."""
        if self.copy():
            self.delete(self.session.selection, tr("Cut"))

    def paste(self, view: QRectF) -> None:
        """Add what is on the clipboard, where it can be seen."""
        try:
            document = clipboard.get()
        except StorageError as error:
            self.session.say(str(error), True)
            return
        if document is None or not document.graph.nodes:
            self.session.say(tr("There are no layers on the clipboard: copy some first."))
            return
        self._pasted += 1
        self._add_copies(document, self._pasted * _PASTE_STEP, tr("Paste"), view)

    def duplicate(self) -> None:
        """Add a copy of the selection beside it; wires among the selected come along."""
        if self.session.selection:
            self._add_copies(self._chosen(), _PASTE_STEP, tr("Duplicate"), None)

    def _add_copies(self, other: Document, offset: float, text: str, view: QRectF | None) -> None:
        places = {n.id: other.positions.get(n.id, (0.0, 0.0)) for n in other.graph.nodes}
        left, top = min(x for x, _ in places.values()), min(y for _, y in places.values())
        dx = dy = offset
        if view is not None and not view.contains(QPointF(left + offset, top + offset)):
            dx = view.center().x() - USUAL_SIZE[0] / 2 - left
            dy = view.center().y() - USUAL_SIZE[1] / 2 - top
        document = self.session.document
        graph, ids = document.graph.paste(other.graph)
        moved = {ids[n]: (snapped(x + dx), snapped(y + dy)) for n, (x, y) in places.items()}
        self.session.edit(document.with_graph(graph, **moved), text)
        self.session.select(frozenset(ids.values()))
