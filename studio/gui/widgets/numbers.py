"""Numbers as the window writes them."""

from __future__ import annotations

import math


def short(value: float, digits: int = 3) -> str:
    """A number with about `digits` figures.

    >>> short(0.004), short(12.756), short(1234567.0), short(0.0), short(-0.000123)
    ('0.004', '12.8', '1.23e+6', '0', '−1.23e-4')
    """
    if not math.isfinite(value):
        return str(value)
    small = 0 < abs(value) < 1e-3
    text = f"{value:.{digits - 1}e}" if small else f"{value:.{digits}g}"
    return text.replace("e-0", "e-").replace("e+0", "e+").replace("-", "−", 1 if value < 0 else 0)


def plain(value: float) -> str:
    """A number so that reading it back gives the same: for fields that are typed into.

    >>> plain(0.0012), plain(1e-07), plain(3.0), plain(0.1)
    ('0.0012', '1e-07', '3', '0.1')
    """
    text = repr(float(value))
    return text.removesuffix(".0")


def grouped(value: int) -> str:
    """A whole number in groups of three: ``41 280``."""
    return f"{value:,}".replace(",", " ")


def counted(count: int, one: str, many: str) -> str:
    """A number with its word: ``1 thread``, ``2 threads``.

    Parameters
    ----------
    count : int
    one, many : str
        Translated texts with ``{count}`` in them.
    """
    return (one if count == 1 else many).format(count=grouped(count))


def percent(share: float) -> str:
    """A share as per cent with one decimal: ``97.5 %``; 1 is ``100 %``."""
    return "100 %" if share >= 1.0 else f"{100 * share:.1f} %"


def loss(value: float) -> str:
    """A loss in about five characters.

    >>> loss(0.0994), loss(12.34), loss(0.00000014)
    ('0.099', '12.3', '1e-7')
    """
    if not math.isfinite(value):
        return str(value)
    if value >= 1000:
        return f"{value:.3g}"
    if value >= 10:
        return f"{value:.1f}"
    if value < 0.001 and value > 0:
        return f"{value:.0e}".replace("e-0", "e-")
    return f"{value:.3f}"
