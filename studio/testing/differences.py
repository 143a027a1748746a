"""Gradients by central differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from studio.testing.declarations import require, require_close

#: Half the distance of the two points a slope is measured between.
STEP = 1e-5
#: Most single numbers of an array that are moved; a random direction moves all at once.
MOST_MOVED = 40


def check_gradient(
    function: Callable[[np.ndarray], float],
    at: np.ndarray,
    gradient: np.ndarray,
    what: str,
    generator: np.random.Generator,
    one_by_one: bool = True,
    tolerance: float = 2e-4,
    step: float = STEP,
) -> None:
    """Compare a gradient with central differences of a function.

    Parameters
    ----------
    function : callable
        Gives a number for an array like `at`.
    at : numpy.ndarray
        float64; where the gradient was taken.
    gradient : numpy.ndarray
        Of the same shape.
    what : str
        Start of the sentence if they differ.
    generator : numpy.random.Generator
        Chooses directions.
    one_by_one : bool
        Move single numbers (all of them, or `MOST_MOVED` chosen by chance), not only all at
        once in a random direction.
    tolerance : float
        Relative to the largest slope, or to 1 if that is smaller.
    step : float
        Half the distance of the two points.
    """
    require(gradient.shape == at.shape, f"{what} has the shape {gradient.shape}, not {at.shape}.")
    if at.size == 0:
        return

    def slope(direction: np.ndarray, step: float = step) -> float:
        return (function(at + step * direction) - function(at - step * direction)) / (2.0 * step)

    direction = generator.choice([-1.0, 1.0], at.shape) * generator.uniform(0.5, 1.0, at.shape)
    along = float(np.sum(gradient.astype(np.float64) * direction))
    # The error of a sum of many numbers grows with the root of their count.
    scale = max(1.0, float(np.abs(gradient).max())) * np.sqrt(at.size)
    measured = slope(direction)
    for shorter in (0.1 * step, 0.01 * step):
        # Among many numbers some may lie so near a kink, such as ReLU's, that the step crosses it.
        if abs(along - measured) > tolerance * scale:
            measured = slope(direction, shorter)
    require(
        abs(along - measured) <= tolerance * scale,
        f"{what} gives a slope of {along:.7g} in a random direction, but it is {measured:.7g}.",
    )
    if not one_by_one:
        return
    chosen = np.arange(at.size) if at.size <= MOST_MOVED else generator.choice(at.size, MOST_MOVED, replace=False)
    slopes = []
    for place in chosen:
        unit = np.zeros(at.size)
        unit[place] = 1.0
        slopes.append(slope(unit.reshape(at.shape)))
    require_close(gradient.ravel()[chosen], np.array(slopes), tolerance, what)
