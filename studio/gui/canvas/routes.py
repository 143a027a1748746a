"""The ways wires take: curves, detours past nodes, and the square way below them."""

from __future__ import annotations

import itertools
import math

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainterPath

_CORNER = 12.0
_CLEAR = 20.0
#: Places on a curve that are tried for what is in the way.
_SAMPLES = np.linspace(0.04, 0.96, 24)


def cubic(start: QPointF, end: QPointF) -> QPainterPath:
    """A curve that leaves and arrives horizontally."""
    reach = control_length(start.x(), end.x())
    path = QPainterPath(start)
    path.cubicTo(start + QPointF(reach, 0), end - QPointF(reach, 0), end)
    return path


def control_length(x1: float, x2: float) -> float:
    """Length of a curve's two horizontal tangents; bounded where the wire runs backwards."""
    dx = x2 - x1
    return max(24.0, 0.5 * dx) if dx >= 0 else min(160.0, max(48.0, -0.5 * dx))


def blocking(start: QPointF, end: QPointF, boxes: np.ndarray) -> np.ndarray:
    """Those of `boxes` ``(n, 4)`` (left, top, right, bottom) that a curve would run behind."""
    if not len(boxes):
        return boxes
    reach = control_length(start.x(), end.x())
    t = _SAMPLES[:, None]
    ends = ((start.x(), start.y()), (start.x() + reach, start.y()), (end.x() - reach, end.y()), (end.x(), end.y()))
    p0, p1, p2, p3 = (np.array(p) for p in ends)
    points = (1 - t) ** 3 * p0 + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t**2 * p2 + t**3 * p3
    x, y = points[:, :1], points[:, 1:]
    inside = (x > boxes[:, 0] - 2) & (x < boxes[:, 2] + 2) & (y > boxes[:, 1] - 2) & (y < boxes[:, 3] + 2)
    found: np.ndarray = boxes[inside.any(axis=0)]
    return found


def around(start: QPointF, end: QPointF, boxes: np.ndarray, own: np.ndarray | None = None) -> QPainterPath:
    """A curve, led above or below the nodes in between where these are in the way, or between two rows of nodes.

    Parameters
    ----------
    start, end : QPointF
        The two ports.
    boxes : numpy.ndarray
        float ``(n, 4)``: left, top, right, bottom of the nodes to keep clear of.
    own : numpy.ndarray, optional
        float ``(2, 4)``: those of the two nodes that the wire connects.
    """
    everything = boxes if own is None else np.concatenate([boxes, own])
    if end.x() < start.x() + 48:
        return between_rows(start, end, everything) or cubic(start, end)
    blocked = blocking(start, end, boxes)
    if not len(blocked):
        return cubic(start, end)
    if (way := between_rows(start, end, everything)) is not None:
        return way
    # What overlaps the lane's width is passed on the same side as the rest.
    left, right = blocked[:, 0].min(), blocked[:, 2].max()
    left, right = max(left - _CLEAR, start.x() + 24), min(right + _CLEAR, end.x() - 24)
    if right - left < 24:
        return cubic(start, end)
    below, above = float(blocked[:, 3].max()) + _CLEAR, float(blocked[:, 1].min()) - _CLEAR
    between = (boxes[:, 2] > left) & (boxes[:, 0] < right)
    below, above = _clear(below, boxes[between], 1), _clear(above, boxes[between], -1)
    middle = (start.y() + end.y()) / 2
    lane = below if abs(below - middle) <= abs(above - middle) else above
    path = QPainterPath(start)
    reach = max(24.0, (left - start.x()) * 0.5)
    path.cubicTo(start + QPointF(reach, 0), QPointF(left - reach, lane), QPointF(left, lane))
    path.lineTo(right, lane)
    reach = max(24.0, (end.x() - right) * 0.5)
    path.cubicTo(QPointF(right + reach, lane), end - QPointF(reach, 0), end)
    return path


def between_rows(start: QPointF, end: QPointF, boxes: np.ndarray) -> QPainterPath | None:
    """A square way to another row of nodes, through the space between the rows.

    None where there is no such space, or something stands in the way all the same.
    """
    out, into = start.x() + 24, end.x() - 28
    channel = _channel(out, into, start.y(), end.y(), boxes)
    if channel is None:
        return None
    middle = (channel[0] + channel[1]) / 2
    corners = [start, QPointF(out, start.y()), QPointF(out, middle), QPointF(into, middle), QPointF(into, end.y()), end]
    return None if _hits(corners, boxes) else rounded(corners)


def _channel(x1: float, x2: float, y1: float, y2: float, boxes: np.ndarray) -> tuple[float, float] | None:
    """The highest stretch between two heights where nothing stands between two places; at least as high as a wire needs."""
    left, right, low, high = min(x1, x2) - 8, max(x1, x2) + 8, min(y1, y2), max(y1, y2)
    if not len(boxes):
        return None
    across = boxes[(boxes[:, 2] > left) & (boxes[:, 0] < right) & (boxes[:, 3] > low) & (boxes[:, 1] < high)]
    best, top = None, None
    # What is above the first box is no space between rows.
    for box in across[np.argsort(across[:, 1])]:
        if top is not None and box[1] - top >= 2 * _CLEAR and (best is None or box[1] - top > best[1] - best[0]):
            best = float(top), float(box[1])
        top = box[3] if top is None else max(top, box[3])
    return best


def _hits(corners: list[QPointF], boxes: np.ndarray) -> int:
    """How many boxes a polyline runs behind; those that hold one of its ends do not count."""
    found = np.zeros(len(boxes), bool)
    for a, b in itertools.pairwise(corners):
        left, right = min(a.x(), b.x()), max(a.x(), b.x())
        top, bottom = min(a.y(), b.y()), max(a.y(), b.y())
        found |= (boxes[:, 2] > left) & (boxes[:, 0] < right) & (boxes[:, 3] > top) & (boxes[:, 1] < bottom)
    for at in (corners[0], corners[-1]):
        found &= ~(
            (boxes[:, 0] - 1 <= at.x()) & (at.x() <= boxes[:, 2] + 1)
            & (boxes[:, 1] <= at.y()) & (at.y() <= boxes[:, 3])
        )  # fmt: skip
    return int(found.sum())


def _clear(lane: float, boxes: np.ndarray, direction: int) -> float:
    """The lane, moved on until no box is on it."""
    for _ in range(len(boxes)):
        hit = (boxes[:, 1] - 4 < lane) & (lane < boxes[:, 3] + 4)
        if not hit.any():
            break
        lane = float(boxes[hit, 3].max()) + _CLEAR if direction > 0 else float(boxes[hit, 1].min()) - _CLEAR
    return lane


def below(start: QPointF, end: QPointF, boxes: np.ndarray, level: int = 0) -> tuple[QPainterPath, QPointF]:
    """The square way of a label wire, below the nodes between its ends.

    Parameters
    ----------
    start, end : QPointF
        The two ports.
    boxes : numpy.ndarray
        float ``(n, 4)``: left, top, right, bottom of all nodes.
    level : int
        How many label wires run above this one already.

    Returns
    -------
    tuple of QPainterPath and QPointF
        The way, and the middle of its long stretch, where the name goes.
    """
    # Wires below another turn nearer to their nodes, so that none crosses the other.
    out, into = start.x() + max(10, 30 - 10 * level), end.x() - max(12, 36 - 10 * level)
    low, high = min(out, into) - 8, max(out, into) + 8
    floor = max(start.y(), end.y()) + 24
    between = boxes[(boxes[:, 2] > low) & (boxes[:, 0] < high)] if len(boxes) else boxes
    # The first height with free way, so that what lies far below does not matter.
    tries = sorted({floor, *(float(b) + 16 for b in between[:, 3] if b + 16 > floor)})
    floor = next(y for y in tries if not ((between[:, 1] - 12 < y) & (y < between[:, 3] + 12)).any())
    floor += 14 * level

    def square(y: float) -> list[QPointF]:
        return [start, QPointF(out, start.y()), QPointF(out, y), QPointF(into, y), QPointF(into, end.y()), end]

    corners = square(floor)
    channel = _channel(out, into, start.y(), end.y(), boxes)
    if channel is not None:
        # Nodes stand in rows: the way between them is shorter, and passes behind fewer.
        beside = square(min((channel[0] + channel[1]) / 2 + 20 + 14 * level, channel[1] - 10))
        if _hits(beside, boxes) <= _hits(corners, boxes):
            corners = beside
    return rounded(corners), QPointF((out + into) / 2, corners[2].y())


def rounded(corners: list[QPointF], radius: float = _CORNER) -> QPainterPath:
    """A polyline with round corners."""
    path = QPainterPath(corners[0])
    for before, at, after in zip(corners, corners[1:], corners[2:], strict=False):
        to_before, to_after = before - at, after - at
        lengths = [math.hypot(v.x(), v.y()) for v in (to_before, to_after)]
        reach = min(radius, lengths[0] / 2, lengths[1] / 2)
        if reach < 0.5:
            path.lineTo(at)
            continue
        path.lineTo(at + to_before * (reach / lengths[0]))
        path.quadTo(at, at + to_after * (reach / lengths[1]))
    path.lineTo(corners[-1])
    return path


def sampled(path: QPainterPath, count: int = 32) -> np.ndarray:
    """Points along a path, float64 ``(count, 2)``, for finding what is near it."""
    if path.elementCount() > 4:
        count *= 2
    points = (path.pointAtPercent(i / (count - 1)) for i in range(count))
    return np.array([(p.x(), p.y()) for p in points])


def distance(points: np.ndarray, x: float, y: float) -> float:
    """Distance of a place from the polyline through `points`."""
    start, step = points[:-1], np.diff(points, axis=0)
    length = np.maximum((step**2).sum(1), 1e-9)
    share = np.clip(((x - start[:, 0]) * step[:, 0] + (y - start[:, 1]) * step[:, 1]) / length, 0, 1)
    nearest = start + share[:, None] * step
    return float(np.sqrt(((nearest - (x, y)) ** 2).sum(1)).min())
