"""A series of numbers, whose next one is to be forecast."""

from __future__ import annotations

import numpy as np

from studio.data.chance import Chance
from studio.data.facts import Arrays, Facts

#: Numbers that a forecast is made from.
WINDOW = 32


def series(length: int, noise: float, seed: int) -> np.ndarray:
    """A daily and a weekly swing whose strength drifts, and chance, float64 ``(length,)``.

    Noise 1 is as strong as the swings.
    """
    chance = Chance(seed, "waves")
    phases = 2.0 * np.pi * chance.uniform(3)
    jitter = Chance(seed, "waves jitter").normal(length)
    t = np.arange(length, dtype=np.float64)
    drift = 1.0 + 0.4 * np.sin(2.0 * np.pi * t / 311.0 + phases[2])
    return np.asarray(
        drift * np.sin(2.0 * np.pi * t / 12.0 + phases[0]) + 0.6 * np.sin(2.0 * np.pi * t / 29.7 + phases[1]) + noise * jitter
    )


def facts(samples: int) -> Facts:
    """What the set holds."""
    return Facts(
        "A series with two swings", (WINDOW, 1), "values", samples, y_shape=(1,), features=("value",), targets=("next value",),
        ordered=True,
        notes=("X are 32 numbers in a row, Y the next one; the later part of the series is kept for checking.",),
    )


def arrays(samples: int, noise: float, seed: int) -> Arrays:
    """Windows of one series, each a step later than the one before."""
    numbers = series(samples + WINDOW, noise, seed)
    x = np.lib.stride_tricks.sliding_window_view(numbers, WINDOW)[:samples]
    return Arrays(x[..., None].copy(), numbers[WINDOW:, None])
