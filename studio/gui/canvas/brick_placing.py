"""Putting a brick onto the canvas, in one step of undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.core.brick import Brick, add_brick, corner_of
from studio.core.document import Document, Position
from studio.core.graph import Edge
from studio.gui.canvas.bodies import tr
from studio.gui.canvas.layout import snapped
from studio.gui.canvas.placement import USUAL_SIZE, Size, free_place, make_room
from studio.storage import StorageError, open_brick

if TYPE_CHECKING:
    from studio.gui.canvas.editing import Editor


def size_of_brick(brick: Brick) -> Size:
    """How much room a brick takes, about."""
    left, top = corner_of(brick.document)
    places = brick.document.positions.values()
    right, bottom = max((x for x, _ in places), default=left), max((y for _, y in places), default=top)
    return right - left + USUAL_SIZE[0], bottom - top + USUAL_SIZE[1]


def read_brick(editor: Editor, path: str) -> Brick | None:
    """The brick in a file; None after having said why there is none."""
    try:
        return open_brick(path)
    except StorageError as error:
        editor.session.say(str(error), True)
        return None


def place_brick(editor: Editor, brick: Brick, place: Position, wire: Edge | None = None) -> None:
    """Add a brick with its top left corner at a place, or onto a wire; it becomes the selection."""
    chosen: frozenset[str] = frozenset()

    def edit() -> tuple[Document, str]:
        nonlocal chosen
        document, corner = editor.session.document, place
        if wire is not None:
            document, corner = make_room(document, wire, size_of_brick(brick), editor.size_of)
        corner = snapped(corner[0]), snapped(corner[1])
        document, ids = add_brick(document, brick, corner, wire=wire)
        chosen = frozenset(ids.values())
        return document, ""

    text = tr("Insert {layer}") if wire is not None else tr("Add {layer}")
    if editor.attempt(edit, text.format(layer=brick.name)) is not None:
        editor.session.select(chosen)


def place_brick_near(editor: Editor, brick: Brick, middle: Position) -> None:
    """Add a brick as close to a place as can be."""
    width, height = size_of_brick(brick)
    corner = middle[0] - width / 2, middle[1] - height / 2
    place_brick(editor, brick, free_place(editor.session.document, corner, (width, height), editor.size_of))
