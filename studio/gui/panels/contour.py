"""Contour lines of a grid by marching squares, in NumPy."""

from __future__ import annotations

import numpy as np

# For each of the 16 patterns of corners above the level: pairs of cell edges that a line
# joins. Corners count 1 (low left), 2 (low right), 4 (high right), 8 (high left); edges are
# 0 low, 1 right, 2 high, 3 left. The saddles 5 and 10 are settled by the cell's middle.
_LINES: tuple[tuple[tuple[int, int], ...], ...] = (
    (),
    ((3, 0),),
    ((0, 1),),
    ((3, 1),),
    ((1, 2),),
    ((3, 2), (0, 1)),
    ((0, 2),),
    ((3, 2),),
    ((2, 3),),
    ((0, 2),),
    ((3, 0), (1, 2)),
    ((1, 2),),
    ((1, 3),),
    ((0, 1),),
    ((3, 0),),
    (),
)
_SADDLE_JOINED = {5: ((3, 0), (1, 2)), 10: ((3, 2), (0, 1))}


def contour(values: np.ndarray, level: float) -> np.ndarray:
    """Line pieces where a sampled surface crosses a level.

    Parameters
    ----------
    values : numpy.ndarray
        ``(rows, columns)``, finite, at least 2 x 2.
    level : float
        The value on the line.

    Returns
    -------
    numpy.ndarray
        float64 ``(pieces, 2, 2)``: both ends of each piece as (x, y), x in columns and y in
        rows, where 0 is the middle of the first one.
    """
    v = np.asarray(values, np.float64) - level
    if v.ndim != 2 or min(v.shape) < 2:
        return np.empty((0, 2, 2))
    a, b, c, d = v[:-1, :-1], v[:-1, 1:], v[1:, 1:], v[1:, :-1]
    above = (a > 0) * 1 + (b > 0) * 2 + (c > 0) * 4 + (d > 0) * 8
    pieces = []
    for pattern in range(1, 15):
        rows, columns = np.nonzero(above == pattern)
        if not len(rows):
            continue
        corners = tuple(part[rows, columns] for part in (a, b, c, d))
        groups = [(np.ones(len(rows), bool), _LINES[pattern])]
        if pattern in _SADDLE_JOINED:
            joined = np.sum(corners, axis=0) <= 0
            groups = [(~joined, _LINES[pattern]), (joined, _SADDLE_JOINED[pattern])]
        for chosen, lines in groups:
            if not chosen.any():
                continue
            where = rows[chosen], columns[chosen]
            at = tuple(part[chosen] for part in corners)
            pieces += [np.stack([_cross(e, where, at) for e in line], 1) for line in lines]
    return np.concatenate(pieces) if pieces else np.empty((0, 2, 2))


def _cross(
    edge: int, where: tuple[np.ndarray, np.ndarray], corners: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Where the surface crosses 0 on an edge of the cells, ``(cells, 2)`` as (x, y)."""
    rows, columns = where
    a, b, c, d = corners
    if edge == 0:
        return np.stack([columns + a / (a - b), rows + 0.0], 1)
    if edge == 1:
        return np.stack([columns + 1.0, rows + b / (b - c)], 1)
    if edge == 2:
        return np.stack([columns + d / (d - c), rows + 1.0], 1)
    return np.stack([columns + 0.0, rows + a / (a - d)], 1)


def enlarged(values: np.ndarray, size: int) -> np.ndarray:
    """A grid stretched to ``(size, size)`` by bilinear interpolation, corners on corners.

    Parameters
    ----------
    values : numpy.ndarray
        float ``(rows, columns)`` or ``(rows, columns, features)``.
    size : int
        Pixels a side, at least 2.
    """
    # Sums of neighbours rather than matrix products: a threaded BLAS would take cores from
    # training for a few hundred kilobytes.
    grid = np.asarray(values, np.float32)
    low, part = _neighbours(grid.shape[0], size)
    part = part.reshape(-1, *(1,) * (grid.ndim - 1))
    rows = grid[low] * (1 - part) + grid[np.minimum(low + 1, grid.shape[0] - 1)] * part
    low, part = _neighbours(grid.shape[1], size)
    part = part.reshape(-1, *(1,) * (grid.ndim - 2))
    right = np.minimum(low + 1, grid.shape[1] - 1)
    return np.asarray(rows[:, low] * (1 - part) + rows[:, right] * part)


def _neighbours(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    place = np.linspace(0.0, count - 1.0, size)
    low = np.minimum(place.astype(int), max(0, count - 2))
    return low, (place - low).astype(np.float32)


def sampled(values: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Values of a grid at places between its points, bilinear; outside, the nearest edge.

    Parameters
    ----------
    values : numpy.ndarray
        ``(rows, columns, features)``.
    columns, rows : numpy.ndarray
        float ``(points,)``, 0 at the first column and row.

    Returns
    -------
    numpy.ndarray
        ``(points, features)``.
    """
    height, width = values.shape[:2]
    x = np.clip(columns, 0, width - 1)
    y = np.clip(rows, 0, height - 1)
    left = np.minimum(x.astype(int), max(0, width - 2))
    low = np.minimum(y.astype(int), max(0, height - 2))
    right, high = np.minimum(left + 1, width - 1), np.minimum(low + 1, height - 1)
    s, t = (x - left)[:, None], (y - low)[:, None]
    bottom = values[low, left] * (1 - s) + values[low, right] * s
    top = values[high, left] * (1 - s) + values[high, right] * s
    return np.asarray(bottom * (1 - t) + top * t)
