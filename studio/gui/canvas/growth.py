"""Nodes that grow push away what they would cover, as part of the edit that let them grow."""

from __future__ import annotations

from studio.core.document import Document
from studio.gui.canvas.room import Size, room_for
from studio.gui.canvas.scene import GraphScene
from studio.gui.session import Session


class Growth:
    """Amends edits after which nodes are larger: to undo the edit brings every node back.

    Parameters
    ----------
    session : Session
    scene : GraphScene
        Knows how large nodes are; shows a document before `Session.edited` is emitted for it.
    """

    def __init__(self, session: Session, scene: GraphScene) -> None:
        self._session, self._scene = session, scene
        #: How large nodes were in the document shown last, and before the gesture that goes on.
        self._latest: tuple[Document, dict[str, Size]] = (Document(), {})
        self._known = self._latest
        session.edited.connect(self._make_room)

    def about_to_show(self, before: Document) -> None:
        """The scene still shows this document, and will show another one."""
        self._latest = before, {node: self._scene.size_of(node) for node in self._scene.faces}

    def _make_room(self) -> None:
        edit = self._session.last_edit
        if edit is None or (edit.before.graph == edit.after.graph and not edit.amended):
            return
        if edit.before is self._latest[0]:
            self._known = self._latest
        elif edit.before is not self._known[0]:
            return
        before, after, sizes = edit.before, edit.after, self._known[1]
        # Of a slider's drag each step starts from where nodes were before it, or they would only ever part.
        places = {
            node: before.positions[node] if place == edit.amended.get(node) and node in before.positions else place
            for node, place in after.positions.items()
            if node in self._scene.faces
        }
        now = {node: self._scene.size_of(node) for node in places}
        grown = [node for node in places if node in sizes and self._has_grown(node, sizes[node])]
        moved = room_for(grown, places, {node: sizes.get(node, size) for node, size in now.items()}, now)
        wanted = places | moved
        if any(after.positions[node] != place for node, place in wanted.items()):
            self._session.amend(wanted, frozenset(moved))

    def _has_grown(self, node: str, before: Size) -> bool:
        # A sentence about a problem goes again: it is not worth a layout of its own.
        now = self._scene.size_of(node)
        return (now[0] > before[0] or now[1] > before[1]) and not self._scene.faces[node].problems
