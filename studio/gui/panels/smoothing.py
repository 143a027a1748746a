"""Exponential moving averages of curves, exact and without a Python loop over the points."""

from __future__ import annotations

import numpy as np

_BLOCK = 64


def moving_average(values: np.ndarray, weight: float, start: float | None = None) -> np.ndarray:
    """Smooth a curve.

    Parameters
    ----------
    values : numpy.ndarray
        float64 ``(points,)``, finite.
    weight : float
        How much of the average so far is kept at each point, 0 (nothing is smoothed) to
        below 1.
    start : float or None
        The average before the first value; None takes the first value itself.

    Returns
    -------
    numpy.ndarray
        float64 ``(points,)``.

    Raises
    ------
    ValueError
        When the weight is not in 0 to 1 (1 excluded).

    Notes
    -----
    ``y[i] = weight * y[i - 1] + (1 - weight) * x[i]``. Blocks of 64 points are solved by one
    matrix product; what is carried from block to block follows the same rule, so it is solved
    in the same way.
    """
    if not 0.0 <= weight < 1.0:
        raise ValueError(f"The smoothing weight must be from 0 to below 1, not {weight}.")
    values = np.asarray(values, np.float64)
    if weight == 0.0 or len(values) == 0:
        return values.copy()
    first = float(values[0]) if start is None else float(start)
    return _recursion((1.0 - weight) * values, weight, first)


def _recursion(x: np.ndarray, decay: float, start: float) -> np.ndarray:
    """Solve ``y[i] = decay * y[i - 1] + x[i]`` with ``y[-1] = start``."""
    blocks = -(-len(x) // _BLOCK)
    padded = np.zeros(blocks * _BLOCK)
    padded[: len(x)] = x
    powers = decay ** np.arange(_BLOCK + 1)
    steps = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))
    matrix = np.where(steps >= 0, powers[np.maximum(steps, 0)], 0.0)
    local = padded.reshape(blocks, _BLOCK) @ matrix.T
    before = np.full(blocks, start)
    if blocks > 1:
        before[1:] = _recursion(local[:-1, -1], float(powers[_BLOCK]), start)
    return np.asarray((local + before[:, None] * powers[1:]).reshape(-1)[: len(x)])
