"""Room for nodes that have grown: what they would cover moves away. Pure arithmetic on rectangles."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from studio.gui.canvas.arrange import Box, Position
from studio.gui.canvas.layout import GRID

Size = tuple[float, float]
#: Nodes come no nearer than this to one that grows, unless they were nearer before.
NEAREST = 32.0


def room_for(grown: Collection[str], places: Mapping[str, Position], before: Mapping[str, Size], after: Mapping[str, Size]) -> dict[str, Position]:
    """Where nodes go so that those which have grown cover none that they did not cover before.

    A node grows to the right and downwards. All that lies beyond what it would cover moves by the same,
    so that rows and columns stay as they are and nothing else can come to overlap.

    Parameters
    ----------
    grown : collection of str
        Ids of the nodes that have grown.
    places : mapping of str to (float, float)
        Top left corners before.
    before, after : mapping of str to (float, float)
        Width and height of all nodes, before and after.

    Returns
    -------
    dict of str to (float, float)
        New top left corners of the nodes that move, and of no others.
    """
    now = dict(places)
    sizes = dict(before)
    for node in sorted(grown, key=lambda n: now[n]):
        for axis in (0, 1):
            grown_box = _box(now[node], _grown(sizes[node], after[node], axis))
            old = _box(now[node], sizes[node])
            end = old[axis] + old[axis + 2]
            push = 0.0
            for other, place in now.items():
                if other == node or place[axis] < end:
                    continue
                gap = min(NEAREST, place[axis] - end)
                box = _box(place, after[other])
                if _beside(grown_box, box, 1 - axis):
                    push = max(push, grown_box[axis] + grown_box[axis + 2] + gap - place[axis])
            if push > 0:
                step = math.ceil(push / GRID) * GRID
                for other, (x, y) in now.items():
                    if other != node and now[other][axis] >= end:
                        now[other] = (x + step, y) if axis == 0 else (x, y + step)
            sizes[node] = _grown(sizes[node], after[node], axis)
    return {node: place for node, place in now.items() if place != places[node]}


def _grown(size: Size, after: Size, axis: int) -> Size:
    return (after[0], size[1]) if axis == 0 else (size[0], after[1])


def _box(place: Position, size: Size) -> Box:
    return (*place, *size)


def _beside(one: Box, other: Box, axis: int) -> bool:
    """Whether two boxes share a stretch of an axis."""
    return one[axis] < other[axis] + other[axis + 2] and other[axis] < one[axis] + one[axis + 2]
