"""Small line plots with logarithmic axes, written as SVG: no Qt is needed to draw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 560, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 18, 54, 52
_FONT = "font-family='Inter, Helvetica, Arial, sans-serif'"
_INK, _FAINT, _PAPER = "#1f2430", "#d9dde5", "#ffffff"


@dataclass(frozen=True)
class Line:
    """One line of a plot.

    Parameters
    ----------
    name : str
        For the legend.
    points : sequence of (float, float)
        In rising order of the first; all above 0.
    color : str
    dashed : bool
    """

    name: str
    points: Sequence[tuple[float, float]]
    color: str
    dashed: bool = False


@dataclass(frozen=True)
class Plot:
    """One plot.

    Parameters
    ----------
    title : str
    across, up : str
        What the axes show.
    lines : sequence of Line
    marks : sequence of (float, float, str)
        Places to point at, with a word.
    """

    title: str
    across: str
    up: str
    lines: Sequence[Line]
    marks: Sequence[tuple[float, float, str]] = field(default=())


def svg(plots: Sequence[Plot]) -> str:
    """Plots beside each other as the text of an SVG file."""
    width = _WIDTH * len(plots)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{_HEIGHT}' viewBox='0 0 {width} {_HEIGHT}'>",
        f"<rect width='{width}' height='{_HEIGHT}' fill='{_PAPER}'/>",
    ]
    for number, plot in enumerate(plots):
        parts += [f"<g transform='translate({number * _WIDTH} 0)'>", *_plot(plot), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _plot(plot: Plot) -> list[str]:
    points = [p for line in plot.lines for p in line.points]
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(y for _, y in points), max(y for _, y in points)
    low, high = low / 1.3, high * 1.3
    if right == left:
        left, right = left / 2, right * 2

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + (_WIDTH - _LEFT - _RIGHT) * math.log(x / left) / math.log(right / left)
        up = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * math.log(y / low) / math.log(high / low)
        return round(across, 1), round(up, 1)

    parts = [_text(_LEFT, 22, plot.title, size=14, weight=600)]
    bottom, end = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for value in _ticks(low, high):
        _, y = place(left, value)
        parts.append(f"<line x1='{_LEFT}' y1='{y}' x2='{end}' y2='{y}' stroke='{_FAINT}'/>")
        parts.append(_text(_LEFT - 8, y + 4, _short(value), anchor="end"))
    shown = -math.inf
    for value in sorted({x for x, _ in points}):
        x, _ = place(value, low)
        parts.append(f"<line x1='{x}' y1='{bottom}' x2='{x}' y2='{bottom + 4}' stroke='{_INK}'/>")
        if x - shown >= 24:
            parts.append(_text(x, bottom + 17, f"{value:g}", anchor="middle"))
            shown = x
    parts.append(f"<line x1='{_LEFT}' y1='{bottom}' x2='{end}' y2='{bottom}' stroke='{_INK}'/>")
    parts.append(_text((_LEFT + end) / 2, _HEIGHT - 12, plot.across, anchor="middle"))
    middle = (_TOP + bottom) / 2
    parts.append(
        f"<text x='18' y='{middle}' transform='rotate(-90 18 {middle})' text-anchor='middle' {_FONT} "
        f"font-size='11' fill='{_INK}'>{escape(plot.up)}</text>"
    )
    across = float(_LEFT)
    for line in plot.lines:
        dash = " stroke-dasharray='5 4'" if line.dashed else ""
        spots = [place(*p) for p in line.points]
        path = " ".join(f"{x},{y}" for x, y in spots)
        parts.append(f"<polyline points='{path}' fill='none' stroke='{line.color}' stroke-width='2'{dash}/>")
        parts += [f"<circle cx='{x}' cy='{y}' r='2.6' fill='{line.color}'/>" for x, y in spots]
        parts.append(f"<line x1='{across}' y1='38' x2='{across + 20}' y2='38' stroke='{line.color}' stroke-width='2'{dash}/>")
        parts.append(_text(across + 26, 42, line.name))
        across += 44 + 6.3 * len(line.name)
    for mark_x, mark_y, word in plot.marks:
        x, y = place(mark_x, mark_y)
        parts.append(f"<circle cx='{x}' cy='{y}' r='7' fill='none' stroke='#c62828' stroke-width='2'/>")
        parts.append(_text(x, y - 11, word, anchor="middle", color="#c62828"))
    return parts


def _text(x: float, y: float, words: str, size: int = 11, weight: int = 400, anchor: str = "start", color: str = _INK) -> str:
    return (
        f"<text x='{x}' y='{y}' {_FONT} font-size='{size}' font-weight='{weight}' text-anchor='{anchor}' "
        f"fill='{color}'>{escape(words)}</text>"
    )


def _ticks(low: float, high: float) -> list[float]:
    """Powers of ten; with 2 and 5 between them where there is room."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1.0,) if last - first > 3 else (1.0, 2.0, 5.0)
    values = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    return [v for v in values if low <= v <= high]


def _short(value: float) -> str:
    for factor, unit in ((1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:g}{unit}"
    return f"{value:g}"
