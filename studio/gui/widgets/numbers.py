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
    """A loss in about six characters, wherever in the window it stands.

    >>> loss(0.0994), loss(0.00213), loss(12.34), loss(0.00000014), loss(123456.0)
    ('0.099', '0.0021', '12.3', '1.4e-7', '1.2e5')
    """
    if not math.isfinite(value):
        return "not finite"
    size = abs(value)
    if size >= 1e4 or 0 < size < 0.001:
        return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:.4f}" if 0 < size < 0.01 else f"{value:.3f}" if size < 10 else f"{value:.1f}" if size < 1000 else f"{value:.0f}"


def microseconds(value: float, short: bool = False) -> str:
    """A time of so many microseconds with about three figures, or two, and its unit.

    >>> microseconds(0.214), microseconds(12.44), microseconds(1352.0), microseconds(2.5e6)
    ('0.21 µs', '12.4 µs', '1.35 ms', '2.50 s')
    >>> microseconds(0.214, True), microseconds(12.44, True), microseconds(352.0, True), microseconds(0.0)
    ('0.2 µs', '12 µs', '352 µs', '0 µs')
    """
    if value <= 0:
        return "0 µs"
    places = 0 if short else 1
    for unit, size in (("s", 1e6), ("ms", 1e3), ("µs", 1.0)):
        number = value / size
        if number >= 0.9995 or unit == "µs":
            digits = places + 1 if number < 9.995 else places if number < 99.95 else 0
            return f"{number:.{digits}f} {unit}"
    return ""


def share(part: float | None) -> str:
    """A share in whole per cent; ``–`` where it is not known.

    >>> share(0.387), share(0.001), share(0.0), share(None)
    ('39 %', '< 1 %', '0 %', '–')
    """
    return "–" if part is None else "< 1 %" if 0 < part < 0.005 else f"{100 * part:.0f} %"


def amount(value: float, unit: str = "") -> str:
    """An amount with about three figures and a power of 1000 in a letter; ``–`` for nothing.

    >>> amount(12_440), amount(3.1e6, "B"), amount(512.0, "B"), amount(0.0)
    ('12.4 k', '3.10 MB', '512 B', '–')
    """
    if value <= 0:
        return "–"
    for letter, power in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 0.9995 * power:
            return f"{three(value / power)} {letter}{unit}"
    return f"{value:.0f} {unit}".rstrip()


def three(value: float) -> str:
    """Three figures of a number from 0 on; ``–`` for nothing.

    >>> three(0.0), three(0.123), three(4.5), three(45.678), three(456.7)
    ('–', '0.12', '4.50', '45.7', '457')
    """
    if value <= 0:
        return "–"
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
