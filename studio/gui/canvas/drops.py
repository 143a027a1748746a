"""Layers and bricks dragged from the palette: a ghost under the mouse, and the wire they would go onto."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QGraphicsRectItem

from studio.core import registry
from studio.core.brick import Brick
from studio.gui.canvas.brick_placing import place_brick, read_brick, size_of_brick
from studio.gui.canvas.faces import HEADER
from studio.gui.canvas.layout import snapped
from studio.gui.canvas.placement import USUAL_SIZE
from studio.gui.canvas.style import current_style
from studio.gui.canvas.wire_item import WireItem

if TYPE_CHECKING:
    from studio.gui.canvas.view import GraphView

#: What the palette drags: the layer's type name, UTF-8.
LAYER_MIME_TYPE = "application/x-layer-studio-layer"
#: Or the path of a brick's file, UTF-8.
BRICK_MIME_TYPE = "application/x-layer-studio-brick"
_REACH = 18.0


class PaletteDrops:
    """Follows a drag from the palette over the view.

    Parameters
    ----------
    view : GraphView
        Where layers are dropped.
    """

    def __init__(self, view: GraphView) -> None:
        self._view = view
        self._wire: WireItem | None = None
        self._ghost: QGraphicsRectItem | None = None
        #: The brick that is dragged, if it is one and can be read.
        self._brick: Brick | None = None

    def enter(self, event: QDropEvent) -> None:
        """Something is dragged in: take it if it is a layer or a brick."""
        path = _text_of(event, BRICK_MIME_TYPE)
        self._brick = read_brick(self._view.editor, path) if path is not None else None
        if self._brick is not None or event.mimeData().hasFormat(LAYER_MIME_TYPE):
            event.acceptProposedAction()
        else:
            event.ignore()

    def move(self, event: QDropEvent) -> None:
        """Show where the layer would go."""
        kind = _text_of(event, LAYER_MIME_TYPE)
        if kind is None and self._brick is None:
            event.ignore()
            return
        scene = self._view.graph_scene
        place = self._view.mapToScene(event.position().toPoint())
        if self._brick is not None:
            takes_wire = self._brick.ends() is not None
        else:
            layer = registry.layers().get(kind or "")
            takes_wire = layer is not None and bool(layer.inputs) and bool(layer.outputs)
        self._mark(scene.wire_at(place, _REACH) if takes_wire else None)
        if self._ghost is None:
            size = USUAL_SIZE if self._brick is None else size_of_brick(self._brick)
            self._ghost = QGraphicsRectItem(0, 0, *size)
            self._ghost.setPen(current_style().pen("accent", 1.5, (6, 4)))
            self._ghost.setZValue(5)
            scene.addItem(self._ghost)
        self._ghost.setPos(_corner(place))
        event.acceptProposedAction()

    def leave(self) -> None:
        """The drag went elsewhere, or is over."""
        self._brick = None
        self._mark(None)
        if self._ghost is not None:
            self._view.graph_scene.removeItem(self._ghost)
            self._ghost = None

    def drop(self, event: QDropEvent) -> None:
        """Add the layer, on the marked wire if there is one."""
        view, kind, brick = self._view, _text_of(event, LAYER_MIME_TYPE), self._brick
        wire = self._wire.edge if self._wire is not None else None
        wire = wire if wire in view.graph_scene.wires else None
        self.leave()
        if kind is None and brick is None:
            event.ignore()
            return
        event.acceptProposedAction()
        view.setFocus(Qt.FocusReason.MouseFocusReason)
        corner = _corner(view.mapToScene(event.position().toPoint()))
        if brick is not None:
            place_brick(view.editor, brick, (corner.x(), corner.y()), wire)
        elif wire is not None:
            view.editor.add_on_wire(kind or "", wire)
        else:
            view.editor.add(kind or "", (corner.x(), corner.y()))

    def _mark(self, wire: WireItem | None) -> None:
        if self._wire is not wire:
            if self._wire is not None and self._wire.scene() is not None:
                self._wire.set_state(target=False)
            self._wire = wire
            if wire is not None:
                wire.set_state(target=True)


def _text_of(event: QDropEvent, kind: str) -> str | None:
    """What is dragged, if it is of that kind."""
    if not event.mimeData().hasFormat(kind):
        return None
    return bytes(event.mimeData().data(kind).data()).decode("utf-8", "replace")


def _corner(place: QPointF) -> QPointF:
    """The new node's header comes under the mouse."""
    return QPointF(snapped(place.x() - USUAL_SIZE[0] / 2), snapped(place.y() - HEADER / 2))
