"""The canvas as a widget: the view of the graph with all that floats over it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import (
    QEvent,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QTimer,
    Signal,
)
from PySide6.QtGui import QAction, QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from studio.core.document import Document
from studio.core.graph import Edge
from studio.core.layer import Layer
from studio.engine.commands import Watch
from studio.engine.messages import Snapshot
from studio.gui.canvas.actions import make_actions, show_menu
from studio.gui.canvas.brick_placing import place_brick_near, read_brick
from studio.gui.canvas.editing import Editor
from studio.gui.canvas.faces import HEADER, TEXT_LEFT
from studio.gui.canvas.growth import Growth
from studio.gui.canvas.journey import Journey
from studio.gui.canvas.layer_search import takes
from studio.gui.canvas.minimap import FOLDED, SIZE, Minimap, minimap_corners
from studio.gui.canvas.node_times import NodeTimes
from studio.gui.canvas.overlays import Hint, Legend, TitleEditor, ZoomControls
from studio.gui.canvas.picture import draw
from studio.gui.canvas.placement import USUAL_SIZE
from studio.gui.canvas.refresh_pace import RefreshPace
from studio.gui.canvas.scene import GraphScene, PortHit
from studio.gui.canvas.search_popup import SearchPopup
from studio.gui.canvas.style import forget_styles
from studio.gui.canvas.view import GraphView
from studio.gui.live import Live
from studio.gui.session import Session
from studio.gui.theme import Theme

_ZOOM_STEP = 1.25
#: A graph is opened at this scale at least: of a larger one the beginning is shown.
_READABLE = 0.5


class Canvas(QWidget):
    """Shows the session's graph and lets a person edit it.

    Parameters
    ----------
    session : Session
        The document, its problems and what is selected.
    live : Live
        Gives snapshots of training; is told which nodes are in view.
    """

    #: Emitted with node id and neuron when a person picks a neuron; -1 for none.
    unit_selected = Signal(str, int)
    #: Emitted with a node's id when a person asks for its big view (double-click, "+24").
    details_wanted = Signal(str)
    #: Emitted when a person wants to keep the selection as a brick.
    brick_wanted = Signal()
    #: Emitted when a person wants to see the programs that compute the selected layer.
    kernel_wanted = Signal()

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Canvas"))
        self.session, self.live = session, live
        self.graph_scene = GraphScene(self)
        self.editor = Editor(session, self.graph_scene)
        self._growth = Growth(session, self.graph_scene)
        self.view = GraphView(session, self.graph_scene, self.editor, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        self.setFocusProxy(self.view)
        self._actions = make_actions(self)
        self.controls = ZoomControls(self._actions, self)
        self.legend = Legend(self)
        self.hint = Hint(self)
        self.minimap = Minimap(self.graph_scene, self)
        self.search = SearchPopup(self)
        self.title_editor = TitleEditor(self.view.viewport())
        self._search_for: tuple[QPointF, Edge | None, PortHit | None] = (QPointF(), None, None)
        self._journey = Journey(self.view, self)
        self._scale = Theme.instance().scale
        self._visible: frozenset[str] | None = None
        self._shown_serial = -1
        self._fit_due = True
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.timeout.connect(self._show_snapshot)
        self._pace = RefreshPace()
        self.node_times = NodeTimes(self.graph_scene, live, self)
        self._connect()
        live.add_wish(self._wish)
        self._show_document(session.document, session.document)

    def _connect(self) -> None:
        session, view = self.session, self.view
        session.document_changed.connect(self._show_document)
        session.selection_changed.connect(self._show_selection)
        session.opened.connect(self._opened)
        self.live.snapshot_taken.connect(self._snapshot_taken)
        view.looked.connect(self._looked)
        view.search_wanted.connect(self.open_search)
        view.rename_wanted.connect(self.rename)
        view.menu_wanted.connect(lambda place, node, wire: show_menu(self, place, node, wire))
        view.wire_selected.connect(self._enable_actions)
        view.unit_selected.connect(self.unit_selected)
        view.details_wanted.connect(self.details_wanted)
        self.search.chosen.connect(self._add_found)
        self.search.dismissed.connect(self.view.setFocus)
        self.title_editor.renamed.connect(self._renamed)
        self.minimap.centred.connect(lambda place: self.view.look_at(place, self.view.transform().m11()))
        Theme.instance().changed.connect(self._restyle)

    def actions(self) -> dict[str, QAction]:  # type: ignore[override]
        """Actions by name, with shortcuts, for menus."""
        return dict(self._actions)

    # The document ----------------------------------------------------------------------

    def _opened(self) -> None:
        self._fit_due = True
        self.view.end_gesture()
        self._fit_if_due()

    def _show_document(self, before: Document, after: Document) -> None:
        fresh = before is after or before.graph is not after.graph
        self._growth.about_to_show(before)
        self.graph_scene.reconcile(after, self.session.inference, self.session.datasets, fresh)
        if self.view.chosen_wire is not None and self.view.chosen_wire not in self.graph_scene.wires:
            self.view.select_wire(None)
        self.hint.setVisible(not after.graph.nodes)
        self._visible = None
        self._show_selection(self.session.selection)
        self._looked()
        self._schedule()

    def _show_selection(self, selection: frozenset[str]) -> None:
        self.graph_scene.show_selection(selection, self.view.chosen_wire)
        self._enable_actions()

    def _enable_actions(self) -> None:
        count = len(self.session.selection)
        for name in ("cut", "copy", "duplicate", "frame", "disconnect", "brick"):
            self._actions[name].setEnabled(count > 0)
        self._actions["delete"].setEnabled(count > 0 or self.view.chosen_wire is not None)
        for name in ("rename", "take_out", "kernel"):
            self._actions[name].setEnabled(count == 1)
        for name, action in self._actions.items():
            if name.startswith("align_"):
                action.setEnabled(count > 1)
            elif name.startswith("distribute_"):
                action.setEnabled(count > 2)

    # Snapshots -------------------------------------------------------------------------

    def visible_nodes(self) -> frozenset[str]:
        """Ids of the nodes in view."""
        if self._visible is None:
            self._visible = frozenset(self.graph_scene.nodes_in(self.view.in_view()))
        return self._visible

    def _wish(self) -> Watch | None:
        if not self.isVisible():
            return None
        nodes = self.visible_nodes()
        strands = {
            e.target for e, w in self.graph_scene.wires.items() if w.is_strands and nodes & {e.source, e.target}
        }
        return Watch(nodes=nodes | strands, details=frozenset(strands), interval=self._pause() / 1000)

    def _snapshot_taken(self, snapshot: Snapshot) -> None:
        self._schedule()

    def _schedule(self) -> None:
        """Refresh thumbnails now, or as soon as 15 Hz allow; less often where it takes long."""
        if self.isVisible() and not self._refresh.isActive():
            self._refresh.start(self._pace.wait(self._pause()))

    def _pause(self) -> int:
        """Milliseconds between two refreshes."""
        return self._pace.pause(self.view.paint_seconds, self.live.stretch)

    def _show_snapshot(self) -> None:
        if not self.isVisible():
            return
        begin = time.thread_time()
        latest = self.live.latest
        numbers = self._pace.begin(latest.status == "running")
        visible = self.visible_nodes()
        self.graph_scene.show_snapshot(latest, visible, numbers)
        strands = any(w.is_strands for w in self.graph_scene.wires.values())
        self.legend.explain([self.graph_scene.nodes[n] for n in visible], strands)
        self._pace.took(time.thread_time() - begin)

    # Looking ---------------------------------------------------------------------------

    def _looked(self) -> None:
        before, self._visible = self._visible, None
        self.live.renew()
        view = self.view.in_view()
        self.controls.show_zoom(self.view.zoom)
        bounds = self.graph_scene.bounds()
        self.minimap.show_view(view)
        self.minimap.setVisible(not bounds.isEmpty() and not view.contains(bounds))
        self._place_minimap()
        if self.title_editor.isVisible():
            self.title_editor.clearFocus()
        if before is not None and self.visible_nodes() - before:
            self._schedule()

    def fit(self) -> None:
        """Show the whole graph."""
        self._journey.set_out(self.graph_scene.bounds())

    def draw(self, path: Path, form: str) -> None:
        """Write a picture of the whole graph, without marks of selection; see `studio.gui.canvas.picture.draw`."""
        self.graph_scene.show_selection(frozenset(), None)
        try:
            draw(self.graph_scene, path, form)
        finally:
            self._show_selection(self.session.selection)

    def frame_selection(self) -> None:
        """Show the selected nodes (all, if none are) as large as they are drawn at most."""
        if self.session.selection:
            self._journey.set_out(self.graph_scene.bounds(self.session.selection), 1.5)
        else:
            self.fit()

    def zoom_in(self) -> None:
        """Zoom in by a step."""
        self._zoom_to(self.view.zoom * _ZOOM_STEP)

    def zoom_out(self) -> None:
        """Zoom out by a step."""
        self._zoom_to(self.view.zoom / _ZOOM_STEP)

    def zoom_reset(self) -> None:
        """Zoom to 100 %."""
        self._zoom_to(1.0)

    def _zoom_to(self, zoom: float) -> None:
        self._journey.stop()
        self.view.set_zoom(zoom)

    def _fit_if_due(self) -> None:
        if self._fit_due and self.isVisible() and self.graph_scene.nodes:
            self._fit_due = False
            self.view.fit_rect(self.graph_scene.bounds(), smallest=_READABLE)

    # Editing ---------------------------------------------------------------------------

    def tidy_up(self) -> None:
        """Lay out the selection if it is two nodes or more, everything otherwise."""
        whole = len(self.session.selection) < 2
        self.editor.tidy_up()
        if whole:
            self.fit()

    def delete_selection(self) -> None:
        """Delete the selected nodes, or the selected wire."""
        if self.session.selection:
            self.editor.delete(self.session.selection)
        elif self.view.chosen_wire is not None:
            self.editor.disconnect(self.view.chosen_wire)

    def take_out(self) -> None:
        """Remove the selected node and join the wires it was on."""
        if len(self.session.selection) == 1:
            self.editor.dissolve(next(iter(self.session.selection)))

    def open_brick(self) -> None:
        """Replace the selected node by the layers it is made of, if it is made of layers."""
        chosen = next(iter(self.session.selection)) if len(self.session.selection) == 1 else ""
        if chosen and self.editor.is_brick(chosen):
            self.editor.open_brick(chosen)
        else:
            self.session.say(self.tr("Only a single brick made of layers, such as ResidualBlock, can be opened: select one."))

    def connect_selection(self) -> None:
        """Wire the selected layers one to the next, from left to right."""
        self.editor.connect_in_order(self.session.selection)

    def disconnect_selection(self) -> None:
        """Remove all wires of the selected nodes."""
        self.editor.disconnect_all(self.session.selection)

    def copy(self) -> None:
        """Put the selection on the clipboard."""
        self.editor.copy()

    def cut(self) -> None:
        """Put the selection on the clipboard and remove it."""
        self.editor.cut()

    def paste(self) -> None:
        """Add the layers on the clipboard."""
        self.editor.paste(self.view.in_view())

    def duplicate(self) -> None:
        """Add a copy of the selection beside it."""
        self.editor.duplicate()

    def select_all(self) -> None:
        """Select every node."""
        self.session.select(frozenset(self.graph_scene.nodes))

    def align(self, edge: str) -> None:
        """Bring the selection into line: left, right, top, bottom, centre or middle."""
        self.editor.align(edge)

    def distribute(self, axis: str) -> None:
        """Give the selection equal gaps: horizontal or vertical."""
        self.editor.distribute(axis)

    def add_layer(self, kind: str) -> None:
        """Add a layer in the middle of the view, wired to the selected node if that is open."""
        middle = self.view.in_view().center()
        self.editor.add_near(kind, (middle.x() - USUAL_SIZE[0] / 2, middle.y() - USUAL_SIZE[1] / 2))

    def add_brick(self, path: str) -> None:
        """Add the brick in a file in the middle of the view."""
        brick = read_brick(self.editor, path)
        if brick is not None:
            middle = self.view.in_view().center()
            place_brick_near(self.editor, brick, (middle.x(), middle.y()))
            self.view.setFocus()

    # Search ----------------------------------------------------------------------------

    def open_search(
        self, at: QPoint | None = None, wire: Edge | None = None, port: PortHit | None = None
    ) -> None:
        """Open the search at a place of the viewport, for a wire or for the end of a new one."""
        if at is None:
            line = self.graph_scene.wires.get(wire) if wire is not None else None
            at = self.view.mapFromScene(line.middle()) if line else self.view.viewport().rect().center()
        self._search_for = self.view.mapToScene(at), wire, port

        def fits(layer: type[Layer]) -> bool:
            takes, gives = bool(layer.inputs), bool(layer.outputs)
            if wire is not None:
                return takes and gives
            return port is None or (takes if port.side == "output" else gives)

        self.search.open_at(at + QPoint(2, 2), fits, self._taker_of(wire, port))

    def _taker_of(self, wire: Edge | None, port: PortHit | None) -> Callable[[type[Layer]], bool]:
        """Says of a layer class whether it takes, as it comes, the shape at a wire or at an output."""
        source = (wire.source, wire.source_port) if wire is not None else None
        if port is not None and port.side == "output":
            source = (port.node, port.index)
        elif port is None and source is None and len(self.session.selection) == 1:
            source = (next(iter(self.session.selection)), 0)
        shapes = self.session.inference.shapes.get(source[0], ()) if source is not None else ()
        if source is None or source[1] >= len(shapes):
            return lambda layer: True
        shape = shapes[source[1]]

        return lambda layer: takes(layer, shape)

    def _add_found(self, kind: str) -> None:
        place, wire, port = self._search_for
        corner = place.x() - TEXT_LEFT, place.y() - HEADER / 2
        if wire is not None and wire in self.graph_scene.wires:
            self.editor.add_on_wire(kind, wire)
        elif port is not None and port.node in self.graph_scene.nodes:
            corner = (place.x(), corner[1]) if port.side == "output" else (place.x() - USUAL_SIZE[0], corner[1])
            self.editor.add_wired(kind, corner, port)
        elif len(self.session.selection) == 1:
            self.editor.add_near(kind, corner)
        else:
            self.editor.add(kind, corner)
        self.view.setFocus()

    # Renaming --------------------------------------------------------------------------

    def rename_selection(self) -> None:
        """Edit the name of the selected node in its place."""
        if len(self.session.selection) == 1:
            self.rename(next(iter(self.session.selection)))

    def rename(self, node: str) -> None:
        """Edit the name of a node in its place."""
        item = self.graph_scene.nodes[node]
        if not self.view.in_view().contains(item.frame().topLeft()):
            self.view.look_at(item.frame().center(), self.view.transform().m11())
        corner = QPointF(self.view.mapFromScene(item.pos() + QPointF(TEXT_LEFT - 6, 3)))
        width = max(120.0, (item.face.width - TEXT_LEFT) * self.view.transform().m11())
        self.title_editor.open_on(node, item.face.node.name, QRectF(corner, QPointF(corner.x() + width, corner.y() + 28)))

    def _renamed(self, node: str, name: str) -> None:
        if node in self.graph_scene.nodes:
            self.editor.rename(node, name)
        self.view.setFocus()

    # Widget ----------------------------------------------------------------------------

    def _restyle(self) -> None:
        forget_styles()
        scale, before = Theme.instance().scale, self._scale
        if scale != before:  # larger for a projector: the same nodes, enlarged
            self._scale = scale
            self.view.look_at(self.view.in_view().center(), self.view.transform().m11() * scale / before)
        self.graph_scene.forget_thumbnails()
        self.view.resetCachedContent()
        self.view.viewport().update()
        self.controls.restyle()
        self.hint.restyle()
        self.minimap.redraw()
        self._place_overlays()
        self._schedule()

    def _place_overlays(self) -> None:
        self.controls.adjustSize()
        self.controls.move(self.width() - self.controls.width() - 12, 12)
        self.legend.move(26, 20)
        self.hint.adjustSize()
        self.hint.move((self.width() - self.hint.width()) // 2, (self.height() - self.hint.height()) // 2)
        self._place_minimap()

    def _place_minimap(self) -> None:
        """Into a corner where it covers no node; folded where there is none. It does not move without need."""
        minimap = self.minimap
        if minimap.isHidden() or minimap.is_opened:
            return
        corners = minimap_corners(self.rect())

        def is_free(corner: QPoint) -> bool:
            return not self.graph_scene.nodes_in(self.view.mapToScene(QRect(corner, SIZE)).boundingRect())

        now = QRect(minimap.pos(), minimap.size()).bottomRight() - QRect(QPoint(), SIZE).bottomRight()
        free = now if now in corners and is_free(now) else next(filter(is_free, corners), None)
        minimap.fold(free is None)
        place = corners[0] + QPoint(SIZE.width() - FOLDED.width(), SIZE.height() - FOLDED.height())
        minimap.move(place if free is None else free)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_overlays()
        self._fit_if_due()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._place_overlays()
        self._fit_if_due()
        self._looked()
        self._schedule()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.live.renew()
        self._refresh.stop()
        self._journey.stop()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._place_overlays()
