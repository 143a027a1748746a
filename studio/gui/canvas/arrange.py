"""Aligning and distributing nodes: pure arithmetic on rectangles."""

from __future__ import annotations

from collections.abc import Mapping

Position = tuple[float, float]
#: Left, top, width, height.
Box = tuple[float, float, float, float]

#: What `align` understands.
EDGES = ("left", "right", "top", "bottom", "centre", "middle")


def align(boxes: Mapping[str, Box], edge: str) -> dict[str, Position]:
    """New top left corners that bring an edge (or the centres) of all boxes into line.

    Parameters
    ----------
    boxes : mapping of str to (float, float, float, float)
        Left, top, width and height by node id.
    edge : str
        ``left``, ``right``, ``top``, ``bottom``, ``centre`` (one above the other) or
        ``middle`` (side by side).

    Raises
    ------
    ValueError
        When there is no such edge.
    """
    if edge not in EDGES:
        raise ValueError(f"There is no edge {edge!r}: use one of {', '.join(EDGES)}.")
    if not boxes:
        return {}
    left = min(x for x, _, _, _ in boxes.values())
    top = min(y for _, y, _, _ in boxes.values())
    right = max(x + w for x, _, w, _ in boxes.values())
    bottom = max(y + h for _, y, _, h in boxes.values())
    def place(x: float, y: float, w: float, h: float) -> Position:
        return {
            "left": (left, y),
            "right": (right - w, y),
            "top": (x, top),
            "bottom": (x, bottom - h),
            "centre": ((left + right - w) / 2, y),
            "middle": (x, (top + bottom - h) / 2),
        }[edge]

    return {node: place(*box) for node, box in boxes.items()}


def distribute(boxes: Mapping[str, Box], axis: str) -> dict[str, Position]:
    """New top left corners with equal gaps between neighbours; the outermost stay.

    Parameters
    ----------
    boxes : mapping of str to (float, float, float, float)
        Left, top, width and height by node id.
    axis : str
        ``horizontal`` or ``vertical``.
    """
    along = 0 if axis == "horizontal" else 1
    order = sorted(boxes, key=lambda n: boxes[n][along] + boxes[n][along + 2] / 2)
    places = {n: (boxes[n][0], boxes[n][1]) for n in order}
    if len(order) < 3:
        return places
    first, last = boxes[order[0]], boxes[order[-1]]
    free = last[along] + last[along + 2] - first[along] - sum(boxes[n][along + 2] for n in order)
    at = first[along]
    for node in order:
        x, y, *_ = boxes[node]
        places[node] = (at, y) if along == 0 else (x, at)
        at += boxes[node][along + 2] + free / (len(order) - 1)
    return places
