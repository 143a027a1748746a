"""What is under the mouse, and how it shows."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt

from studio.gui.canvas.gestures import over_remedy
from studio.gui.canvas.node_item import NodeItem
from studio.gui.canvas.scene import GraphScene
from studio.gui.canvas.wire_item import WireItem


class Hover:
    """Marks the node or wire under the mouse.

    Parameters
    ----------
    scene : GraphScene
        Where the items are.
    """

    def __init__(self, scene: GraphScene) -> None:
        self._scene = scene
        self._item: NodeItem | None = None
        self._wire: WireItem | None = None

    def look(self, place: QPointF, zoom: float) -> Qt.CursorShape:
        """Mark what is at a place of the scene; returns the cursor that fits."""
        scene = self._scene
        item = scene.node_at(place)
        port = scene.port_at(place, zoom)
        owner = scene.nodes[port.node] if port is not None else item
        wire = scene.wire_at(place, 7 / min(zoom, 1)) if owner is None else None
        self.mark(owner, wire)
        remedy = item is not None and over_remedy(item, place)
        if item is not None:
            item.set_state(over_remedy=remedy)
        if remedy:
            return Qt.CursorShape.PointingHandCursor
        return Qt.CursorShape.CrossCursor if port is not None else Qt.CursorShape.ArrowCursor

    def mark(self, item: NodeItem | None = None, wire: WireItem | None = None) -> None:
        """Mark these, and nothing else."""
        if self._item is not None and self._item is not item and self._item.scene() is not None:
            self._item.set_state(hovered=False, over_remedy=False)
        if self._wire is not None and self._wire is not wire and self._wire.scene() is not None:
            self._wire.set_state(hovered=False)
        if item is not None:
            item.set_state(hovered=True)
        if wire is not None:
            wire.set_state(hovered=True)
        self._item, self._wire = item, wire
