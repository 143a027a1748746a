"""Pictures of shapes, with the class of each pixel."""

from __future__ import annotations

import numpy as np

from studio.data.chance import Chance
from studio.data.facts import Arrays, Facts

SIDE = 32
CLASSES = ("background", "disc", "square", "triangle")
_MOST = 3
#: Samples at a time, so that temporary arrays stay small.
_PIECE = 512


def facts(samples: int) -> Facts:
    """What the set holds."""
    return Facts(
        "Shapes with masks", (SIDE, SIDE, 1), "labels", samples, classes=CLASSES, y_shape=(SIDE, SIDE),
        notes=("Y tells for each pixel whether it is background, a disc, a square or a triangle.",),
    )


def arrays(samples: int, noise: float, seed: int) -> Arrays:
    """Draw one to three shapes of different greys on an uneven ground, later ones on top."""
    u = Chance(seed, "shapes").uniform(samples, _MOST, 6)
    ground = Chance(seed, "shapes ground").uniform(samples, 3)
    count = 1 + (Chance(seed, "shapes count").uniform(samples) * _MOST).astype(np.int64)
    x = np.empty((samples, SIDE, SIDE, 1), np.float32)
    y = np.zeros((samples, SIDE, SIDE), np.int64)
    jitter = Chance(seed, "shapes jitter")
    row, column = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    for start in range(0, samples, _PIECE):
        part = slice(start, min(samples, start + _PIECE))
        g = ground[part]
        slope = (g[:, 0] - 0.5)[:, None, None] * row + (g[:, 1] - 0.5)[:, None, None] * column
        picture = 0.25 + 0.2 * g[:, 2, None, None] + 0.2 * slope / SIDE
        classes = y[part]
        for i in range(_MOST):
            inside, kind, grey = _shape(u[part, i], row, column)
            inside &= (i < count[part])[:, None, None]
            picture = np.where(inside, grey[:, None, None], picture)
            classes[inside] = np.broadcast_to(kind[:, None, None], inside.shape)[inside]
        picture = picture + 0.3 * noise * jitter.normal(len(picture), SIDE, SIDE)
        x[part, ..., 0] = np.clip(picture, 0.0, 1.0)
    return Arrays(x, y)


def _shape(u: np.ndarray, row: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which pixels a turned shape covers, ``(samples, SIDE, SIDE)``, its class and its grey."""
    kind = 1 + (u[:, 0] * 3).astype(np.int64)
    radius = (4.0 + 4.0 * u[:, 1])[:, None, None]
    r = row - (6.0 + (SIDE - 12.0) * u[:, 2])[:, None, None]
    c = column - (6.0 + (SIDE - 12.0) * u[:, 3])[:, None, None]
    angle = (2.0 * np.pi * u[:, 4])[:, None, None]
    across, down = c * np.cos(angle) + r * np.sin(angle), r * np.cos(angle) - c * np.sin(angle)
    disc = r**2 + c**2 <= (0.85 * radius) ** 2
    square = np.maximum(np.abs(across), np.abs(down)) <= 0.8 * radius
    # The three sides of a triangle whose corners are `1.2 * radius` from its middle.
    sides = [across * np.cos(a) + down * np.sin(a) <= 0.6 * radius for a in 2.0 * np.pi / 3.0 * np.arange(3)]
    triangle = sides[0] & sides[1] & sides[2]
    shape = kind[:, None, None]
    inside = np.where(shape == 1, disc, np.where(shape == 2, square, triangle))
    return inside, kind, 0.65 + 0.35 * u[:, 5]
