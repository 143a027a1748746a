"""Amounts in words that people read."""

from __future__ import annotations

import math


def memory_words(count: float, up: bool = False) -> str:
    """An amount of memory, such as ``3.1 GB``, ``412 MB`` or ``0 kB``.

    Parameters
    ----------
    count : float
        Bytes, at least 0; a GB are 10 ** 9 of them.
    up : bool
        Whether it is rounded up, as what is needed should be, and not down, as what is there should be.
    """
    unit, size = next(((u, s) for u, s in (("GB", 1e9), ("MB", 1e6)) if count >= s), ("kB", 1e3))
    digits = 0 if unit == "kB" or count >= 100 * size else 1
    steps = count / size * 10**digits
    return f"{(math.ceil(steps) if up else math.floor(steps)) / 10**digits:.{digits}f} {unit}"
