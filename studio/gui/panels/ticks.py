"""Round numbers for axes, and how they are written."""

from __future__ import annotations

import math


def linear_ticks(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, at most `most` of them (at least 2)."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return []
    raw = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten, with 2 and 5 times them where there is room.

    Parameters
    ----------
    low, high : float
        Ends of the axis, above 0.
    most : int
        No more ticks than this.
    """
    if not 0 < low < high:
        return []
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))

    def between(factors: tuple[int, ...], every: int = 1) -> list[float]:
        ticks = [f * 10.0**p for p in range(first, last + 1) if p % every == 0 for f in factors]
        return [t for t in ticks if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]

    if len(between((1, 2, 5))) < 4:
        if 4 <= len(between((1, 2, 3, 5, 7))) <= most:
            return between((1, 2, 3, 5, 7))
        if high < 3 * low:
            return linear_ticks(low, high, min(6, most))
    for factors in ((1, 2, 5), (1, 3), (1,)):
        if len(between(factors)) <= most:
            return between(factors)
    return next(t for every in range(2, 400) if len(t := between((1,), every)) <= max(1, most))


def tick_text(value: float) -> str:
    """A tick as people write it: ``0.05``, ``20``, ``1e-4``."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        return f"{value:.6f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value:g}"
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")


def range_text(value: float) -> str:
    """The end of a colour map's range, as short as it can be."""
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e").replace("-", "−", 1 if value < 0 else 0)


def number_text(value: float) -> str:
    """A measured value with about three digits: ``0.115``, ``12.3``, ``4.1e-5``."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e5 or size < 1e-3:
        return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e")
    if size < 0.01:
        return f"{value:.4f}"
    return f"{value:.3f}" if size < 10 else f"{value:.1f}" if size < 1000 else f"{value:.0f}"
