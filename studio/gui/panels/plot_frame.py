"""Where the points of the plot are, and its axes: drawn once for each range, not for each frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen, QPixmap, QPolygonF
from shiboken6 import VoidPtr

from studio.gui.panels.ticks import linear_ticks, log_ticks, tick_text
from studio.gui.theme import Theme

#: Room for the numbers left and below, and above the curves.
LEFT, BOTTOM, TOP = 46, 24, 10
#: A tick's length below the plot, and how far its number is away.
_TICK, _AWAY = 4, 6


@dataclass(frozen=True)
class PlotFrame:
    """What part of the curves a widget of some size shows.

    Parameters
    ----------
    width, height : int
        Of the widget, in pixels.
    x : (float, float)
        First and last epoch.
    y : (float, float)
        Lowest and highest value; logarithms to base 10 on a log scale.
    log, percent : bool
        Whether the scale is logarithmic; whether values are shares of 100.
    """

    width: int
    height: int
    x: tuple[float, float]
    y: tuple[float, float]
    log: bool
    percent: bool

    @property
    def area(self) -> QRectF:
        """Where curves are drawn, in the widget's pixels."""
        return QRectF(LEFT, TOP, max(1, self.width - LEFT), max(1, self.height - TOP - BOTTOM))

    def _scales(self) -> tuple[float, float]:
        """Pixels an epoch and pixels a unit of the value."""
        area = self.area
        return area.width() / (self.x[1] - self.x[0]), area.height() / (self.y[1] - self.y[0])

    def place(self, epoch: float, height: float) -> QPointF:
        """Where an epoch and a height on the scale are, in the widget's pixels."""
        across, up = self._scales()
        area = self.area
        return QPointF(area.left() + (epoch - self.x[0]) * across, area.bottom() - (height - self.y[0]) * up)

    def epoch_at(self, x: float) -> float:
        """The epoch at a pixel."""
        return self.x[0] + (x - LEFT) / self._scales()[0]

    def lines(self, epochs: np.ndarray, heights: np.ndarray) -> list[QPolygonF]:
        """The curve through points in pixels; it is interrupted where a height is not a number."""
        across, up = self._scales()
        area = self.area
        points = np.empty((len(epochs), 2))
        np.multiply(np.subtract(epochs, self.x[0]), across, out=points[:, 0])
        points[:, 0] += area.left()
        np.multiply(np.subtract(heights, self.y[0]), -up, out=points[:, 1])
        points[:, 1] += area.bottom()
        finite = np.isfinite(heights)
        if finite.all():
            return [_polygon(points)] if len(points) else []
        edges = np.flatnonzero(np.diff(np.concatenate([[False], finite, [False]])))
        return [_polygon(points[a:b]) for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)]

    def epoch_ticks(self, last: float) -> list[float]:
        """Round epochs along the bottom, up to the last one that there is."""
        most = max(2, int(self.area.width() / 64))
        return linear_ticks(max(0.0, self.x[0]), min(self.x[1], last * 1.0001), most)

    def value_ticks(self) -> list[float]:
        """Heights of round values along the left."""
        (low, high), size = self.y, self.area.height()
        most = max(2, int(size / 34))
        # A tick at the very top would have no room for its number.
        high -= (high - low) * 7 / max(size, 20)
        if not self.log:
            return linear_ticks(low, high, most)
        ticks = log_ticks(10.0**low, 10.0**high, most)
        if len(ticks) < 2:
            ticks = [t for t in linear_ticks(10.0**low, 10.0**high, min(6, most)) if t > 0]
        return [math.log10(t) for t in ticks]

    def value_text(self, height: float) -> str:
        """How a tick on the left is written."""
        if self.percent:
            return f"{100 * height:.4g} %"
        return tick_text(float(f"{10.0**height if self.log else height:.6g}"))


def _polygon(points: np.ndarray) -> QPolygonF:
    polygon = QPolygonF()
    polygon.resize(len(points))
    # One copy of all numbers, instead of a Python object for every point.
    memory: Any = VoidPtr(polygon.data(), 16 * len(points), True)  # type: ignore[arg-type, call-arg]
    np.frombuffer(memory, np.float64).reshape(-1, 2)[:] = points
    return polygon


def axes_picture(frame: PlotFrame, ticks: list[float], theme: Theme, ratio: float) -> QPixmap:
    """The ground of the plot with gridlines and numbers.

    Parameters
    ----------
    ticks : list of float
        Epochs that are marked.
    ratio : float
        Pixels of the screen a pixel of the widget.
    """
    picture = QPixmap(max(1, round(frame.width * ratio)), max(1, round(frame.height * ratio)))
    picture.setDevicePixelRatio(ratio)
    picture.fill(theme.color("dock"))
    painter = QPainter(picture)
    font, area = theme.font("small"), frame.area
    height = QFontMetricsF(font).height()
    painter.setFont(font)
    heights = frame.value_ticks()
    grid = theme.color("border")
    # Where lines are close they are fainter.
    grid.setAlphaF(min(1.0, 0.05 * area.height() / (len(heights) + 1)))
    for value in heights:
        y = frame.place(0.0, value).y()
        painter.setPen(QPen(grid, 1))
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setPen(theme.color("text-3"))
        room = QRectF(0, y - height / 2, area.left() - _AWAY, height)
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, frame.value_text(value))
    for epoch in ticks:
        x = frame.place(epoch, 0.0).x()
        painter.setPen(QPen(theme.color("border-strong"), 1))
        painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + _TICK))
        painter.setPen(theme.color("text-3"))
        room = QRectF(x - 60, area.bottom() + _AWAY, 120, height)
        painter.drawText(room, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, tick_text(epoch))
    painter.end()
    return picture


def rounded_range(low: float, high: float, log: bool, percent: bool) -> tuple[float, float]:
    """Ends that change rarely while a curve grows, with a little air above."""
    if percent:
        bottom = max(0.0, math.floor(low * 10 - 1e-9) / 10)
        return bottom - 0.02 * (1 - bottom), 1.02
    if log:
        ends = log_ticks(10.0 ** (low - 1.01), 10.0**high, 10_000)
        below = max((t for t in ends if math.log10(t) <= low + 1e-9), default=10.0**low)
        bottom = math.log10(below)
        return bottom - 0.02, max(high, bottom + 0.3) + 0.06 * max(0.5, high - bottom)
    if 0 <= low <= 0.6 * high:
        low = 0.0
    span = max(high - low, abs(high) * 1e-3, 1e-9)
    return low - 0.02 * span, high + 0.08 * span
