"""Where new nodes go: free places, and room made on a wire. Pure; sizes are passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from studio.core.document import Document, Position
from studio.core.graph import Edge
from studio.gui.canvas.layout import GRID, snapped

Size = tuple[float, float]
#: Gives a node's width and height in pixels.
SizeOf = Callable[[str], Size]

#: The size of a node nobody has measured.
USUAL_SIZE: Size = (120.0, 168.0)
GAP = 56.0


def usual_size(node: str) -> Size:
    """What to go by when nothing is drawn (the command line, the Problems panel)."""
    return USUAL_SIZE


def free_place(
    document: Document, near: Position, size: Size = USUAL_SIZE, size_of: SizeOf = usual_size
) -> Position:
    """A place for a node of `size` as close to `near` as can be without covering another."""
    x, y = snapped(near[0]), snapped(near[1])
    taken = [(px, py, *size_of(n)) for n, (px, py) in document.positions.items() if n in document.graph]

    def is_free(left: float, top: float) -> bool:
        return not any(
            left < px + w + GRID and px < left + size[0] + GRID and top < py + h + GRID and py < top + size[1] + GRID
            for px, py, w, h in taken
        )

    for ring in range(200):
        for dx, dy in _ring(ring):
            place = (x + dx * 4 * GRID, y + dy * 4 * GRID)
            if is_free(*place):
                return place
    return x, y


def _ring(radius: int) -> Iterable[tuple[int, int]]:
    """Steps at a distance, straight down and right first: that is where people look."""
    around = [
        (dx, dy)
        for dx in range(-radius, radius + 1)
        for dy in range(-radius, radius + 1)
        if max(abs(dx), abs(dy)) == radius
    ]
    return sorted(around, key=lambda step: (abs(step[0]) + abs(step[1]), -step[1], -step[0]))


def make_room(
    document: Document, edge: Edge, size: Size = USUAL_SIZE, size_of: SizeOf = usual_size
) -> tuple[Document, Position]:
    """Push what comes after a wire to the right, so that a node of `size` fits onto it.

    Returns
    -------
    tuple of Document and (float, float)
        The document with the moved nodes, and the place for the new one.
    """
    graph, positions = document.graph, document.positions
    source_x, source_y = positions.get(edge.source, (0.0, 0.0))
    target_x, target_y = positions.get(edge.target, (source_x + 400.0, source_y))
    source_width, source_height = size_of(edge.source)
    target_height = size_of(edge.target)[1]
    left = source_x + source_width + GAP
    missing = left + size[0] + GAP - target_x
    moved = {}
    if missing > 0:
        push = snapped(missing + GRID / 2)
        later = {edge.target} | {n.id for n in graph.nodes if edge.target in graph.ancestors(n.id)}
        moved = {n: (positions[n][0] + push, positions[n][1]) for n in later if n in positions}
        target_x += push
    else:
        left = (source_x + source_width + target_x - size[0]) / 2
    middle = (source_y + source_height / 2 + target_y + target_height / 2) / 2
    return document.moved(moved), (snapped(left), snapped(middle - size[1] / 2))
