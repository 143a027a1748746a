"""Costs of pooling."""

from __future__ import annotations

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.formulas import cost, each

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
def _largest(a: Arguments) -> tuple[float, float]:
    many, seen = _taps(a)
    return 4.0 * (many - a.pixels) * a.length, (seen + a.pixels) * a.length


@cost(_MODULE, "largest_in_windows_with_places")
def _largest_with_places(a: Arguments) -> tuple[float, float]:
    many, seen = _taps(a)
    return 5.0 * (many - a.pixels) * a.length, (seen + 2 * a.pixels) * a.length


@cost(_MODULE, "spread_largest")
def _spread_largest(a: Arguments) -> tuple[float, float]:
    many, windows = _windows(a)
    return 2.0 * many * a.length, (a.pixels + 2 * windows) * a.length


@cost(_MODULE, "means_of_windows")
def _means(a: Arguments) -> tuple[float, float]:
    many, seen = _taps(a)
    return float(many * a.length), (seen + a.pixels) * a.length


@cost(_MODULE, "spread_means")
def _spread_means(a: Arguments) -> tuple[float, float]:
    many, windows = _windows(a)
    return 2.0 * many * a.length, (a.pixels + windows) * a.length


cost(_MODULE, "mean_of_pixels")(each(lambda a: (a.pixels + 1) * a.length, 1, 1))
cost(_MODULE, "spread_mean")(each(lambda a: (a.pixels + 1) * a.length, 1, 1))


@cost(_MODULE, "largest_of_pixels")
def _largest_of_pixels(a: Arguments) -> tuple[float, float]:
    return 5.0 * a.pixels * a.length, (a.pixels + 2) * a.length


@cost(_MODULE, "spread_largest_of_pixels")
def _spread_largest_of_pixels(a: Arguments) -> tuple[float, float]:
    return 2.0 * a.pixels * a.length, (a.pixels + 2) * a.length
