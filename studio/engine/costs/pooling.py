"""Costs of pooling."""

from __future__ import annotations

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.formulas import Work, cost

_MODULE = "studio.kernels.pooling"


def _taps(a: Arguments) -> tuple[int, int]:
    """How many pixels all windows see, and how many of them are different ones."""
    many = int(a.integers("starts", a.pixels + 1)[-1])
    return many, a.distinct("taps", many)


def _windows(a: Arguments) -> tuple[int, int]:
    """How often windows saw the pixels, and how many windows did."""
    many = int(a.integers("starts", a.pixels + 1)[-1])
    return many, len(set(a.integers("entries", 2 * many)[::2].tolist()))


@cost(_MODULE, "largest_in_windows")
def _largest(a: Arguments) -> Work:
    many, seen = _taps(a)
    return Work(4.0 * (many - a.pixels) * a.length, seen * a.length, a.pixels * a.length)


@cost(_MODULE, "largest_in_windows_with_places")
def _largest_with_places(a: Arguments) -> Work:
    many, seen = _taps(a)
    return Work(5.0 * (many - a.pixels) * a.length, seen * a.length, 2 * a.pixels * a.length)


@cost(_MODULE, "spread_largest")
def _spread_largest(a: Arguments) -> Work:
    many, windows = _windows(a)
    # Where windows overlap there is a sum.
    each = 3.0 if many > a.pixels else 2.0
    return Work(each * many * a.length, 2 * windows * a.length, a.pixels * a.length)


@cost(_MODULE, "means_of_windows")
def _means(a: Arguments) -> Work:
    many, seen = _taps(a)
    return Work(float(many * a.length), seen * a.length, a.pixels * a.length)


@cost(_MODULE, "spread_means")
def _spread_means(a: Arguments) -> Work:
    many, windows = _windows(a)
    return Work((2.0 * many - a.filled("starts", a.pixels)) * a.length, windows * a.length, a.pixels * a.length)


@cost(_MODULE, "mean_of_pixels")
def _mean_of_pixels(a: Arguments) -> Work:
    return Work((a.pixels + 1) * a.length, a.pixels * a.length, a.length)


@cost(_MODULE, "spread_mean")
def _spread_mean(a: Arguments) -> Work:
    return Work(a.pixels * a.length, a.length, a.pixels * a.length)


@cost(_MODULE, "largest_of_pixels")
def _largest_of_pixels(a: Arguments) -> Work:
    return Work(4.0 * (a.pixels - 1) * a.length, a.pixels * a.length, 2 * a.length)


@cost(_MODULE, "spread_largest_of_pixels")
def _spread_largest_of_pixels(a: Arguments) -> Work:
    return Work(2.0 * a.pixels * a.length, 2 * a.length, a.pixels * a.length)
