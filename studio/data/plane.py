"""Points of a plane, drawn on the fly.

Each set is drawn row by row from one stream for positions and one for jitter. So `noise`
moves the same points further, and a larger `samples` adds points to those already there.
Classes alternate, hence are balanced. Coordinates are within about -1 to 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from studio.data.chance import Chance
from studio.data.facts import Arrays, Facts

#: Draws points: (uniform ``(n, 4)`` in [0, 1), normal ``(n, 2)``, classes ``(n,)``, noise)
#: to points ``(n, 2)``.
Drawing = Callable[[np.ndarray, np.ndarray, np.ndarray, float], np.ndarray]

FEATURES = ("x1", "x2")


def half_planes(uniform: np.ndarray, normal: np.ndarray, labels: np.ndarray, noise: float) -> np.ndarray:
    """Points on both sides of a tilted line; noise narrows the gap, then lets sides overlap."""
    tilt = np.deg2rad(35.0)
    across = np.array([np.cos(tilt), np.sin(tilt)])
    points = 2.0 * uniform[:, :2] - 1.0
    side = 2.0 * labels - 1.0
    points *= (np.where(points @ across < 0.0, -1.0, 1.0) * side)[:, None]
    gap = 0.25 - 0.75 * noise
    furthest = np.abs(across).sum()
    shift = gap * (1.0 - np.abs(points @ across) / furthest) * side
    # Off the origin, so that the line needs its bias.
    return np.asarray(points + shift[:, None] * across + np.array([0.3, 0.2]))


def gaussians(uniform: np.ndarray, normal: np.ndarray, labels: np.ndarray, noise: float) -> np.ndarray:
    """Two round clouds; noise widens them."""
    centre = np.where(labels == 0, -0.6, 0.6)[:, None]
    return np.asarray(centre + (0.15 + 0.5 * noise) * normal)


def circles(uniform: np.ndarray, normal: np.ndarray, labels: np.ndarray, noise: float) -> np.ndarray:
    """A ring inside another."""
    radius = np.where(labels == 0, 0.4, 1.0)
    return _polar(radius, 2.0 * np.pi * uniform[:, 0]) + 0.6 * noise * normal


def moons(uniform: np.ndarray, normal: np.ndarray, labels: np.ndarray, noise: float) -> np.ndarray:
    """Two half moons, each reaching into the other."""
    upper = _polar(np.ones(len(labels)), np.pi * uniform[:, 0])
    lower = np.array([1.0, 0.5]) - upper
    points = np.where((labels == 0)[:, None], upper, lower) - np.array([0.5, 0.25])
    return np.asarray(points / 1.5 + 0.6 * noise * normal)


def xor(uniform: np.ndarray, normal: np.ndarray, labels: np.ndarray, noise: float) -> np.ndarray:
    """Four corners of a square; the class says whether both coordinates have the same sign."""
    sign = np.where(uniform[:, 2] < 0.5, -1.0, 1.0)
    signs = np.stack([sign, sign * np.where(labels == 0, 1.0, -1.0)], axis=1)
    return np.asarray(signs * (0.1 + 0.9 * uniform[:, :2]) + 0.4 * noise * normal)


def spirals(uniform: np.ndarray, normal: np.ndarray, labels: np.ndarray, noise: float) -> np.ndarray:
    """Two arms wound into each other, one and three quarter turns each."""
    radius = np.sqrt(0.01 + 0.99 * uniform[:, 0])
    return _polar(radius, 3.5 * np.pi * radius + np.pi * labels) + 0.25 * noise * normal


def checkerboard(uniform: np.ndarray, normal: np.ndarray, labels: np.ndarray, noise: float) -> np.ndarray:
    """A board of 4 x 4 cells in two colours."""
    cell = np.floor(8.0 * uniform[:, 2])
    row = np.floor(cell / 2.0)
    column = 2.0 * (cell % 2.0) + (row + labels) % 2.0
    corner = np.stack([column, row], axis=1)
    within = 0.05 + 0.9 * uniform[:, :2]
    return np.asarray((corner + within) / 2.0 - 1.0 + 0.2 * noise * normal)


def hills(points: np.ndarray) -> np.ndarray:
    """Height over the plane: a tilted plane with gentle hills, float64 ``(n, 1)``.

    Notes
    -----
    ``y = x1 - x2 / 2 + sin(pi x1) cos(pi x2 / 2) / 2``: a single Dense layer finds the
    tilt, a hidden layer the hills too.
    """
    x1, x2 = points[:, 0], points[:, 1]
    return np.asarray(x1 - 0.5 * x2 + 0.5 * np.sin(np.pi * x1) * np.cos(0.5 * np.pi * x2))[:, None]


def _polar(radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


_DRAWINGS: dict[str, tuple[str, tuple[str, ...], Drawing]] = {
    "half-planes": ("Two half-planes", ("black", "white"), half_planes),
    "gaussians": ("Two clouds", ("A", "B"), gaussians),
    "circles": ("Two rings", ("inner", "outer"), circles),
    "moons": ("Two moons", ("upper", "lower"), moons),
    "xor": ("XOR", ("same signs", "opposite signs"), xor),
    "spirals": ("Two spirals", ("A", "B"), spirals),
    "checkerboard": ("Checkerboard", ("black", "white"), checkerboard),
}

NAMES = (*_DRAWINGS, "plane")


def facts(name: str, samples: int) -> Facts:
    """What the set holds when drawn with that many samples."""
    if name == "plane":
        return Facts(
            "Hills over a plane", (2,), "values", samples, y_shape=(1,), features=FEATURES, targets=("height",), plane=True
        )
    title, classes, _ = _DRAWINGS[name]
    return Facts(title, (2,), "labels", samples, classes=classes, features=FEATURES, plane=True)


def arrays(name: str, samples: int, noise: float, seed: int) -> Arrays:
    """Draw the set.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    samples : int
        How many points.
    noise : float
        0 to 1.
    seed : int
        The same seed draws the same points.
    """
    uniform = Chance(seed, f"{name} positions").uniform(samples, 4)
    normal = Chance(seed, f"{name} jitter").normal(samples, 2)
    if name == "plane":
        points = 2.0 * uniform[:, :2] - 1.0
        return Arrays(points, hills(points) + 0.5 * noise * normal[:, :1])
    labels = np.arange(samples, dtype=np.int64) % 2
    return Arrays(_DRAWINGS[name][2](uniform, normal, labels, noise), labels)
