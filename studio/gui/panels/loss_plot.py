"""The plot of the curves: axes drawn once a range, then curves and labels in each frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.gui.panels.curve import Curve
from studio.gui.panels.plot_frame import LEFT, PlotFrame, axes_picture, rounded_range
from studio.gui.panels.plot_labels import paint_ends, paint_pointer
from studio.gui.theme import Theme
from studio.gui.widgets import numbers

#: Room right of the curves for the labels at their ends.
_RIGHT = 88
#: Above this many drawn points lines are a pixel wide.
_FINE_POINTS = 1500
#: The epochs on show grow this much ahead of the curves, and shrink when there is this much too much:
#: as long as they stay the axes stay too.
_AHEAD, _TOO_MUCH = 1.09, 1.25
#: A line of 1.7 pixels is two of one pixel this far apart. Qt smooths those for next to nothing, while
#: a wider one of a jagged curve takes it up to 200 ms.
_APART = 0.25, -0.36
_WHEEL = 1.02 ** (-1 / 8)


@dataclass(frozen=True)
class CurveStyle:
    """How one curve looks and what it is called."""

    name: str
    words: str
    token: str
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class _Line:
    """Points of one line as they are drawn; heights are logarithms on a log scale."""

    style: CurveStyle
    epochs: np.ndarray
    heights: np.ndarray
    faint: bool


class LossPlot(QWidget):
    """Train and validation curves over epochs.

    The wheel and dragging zoom and move along the epochs; a double click shows all of them.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self.last_epoch = 1.0
        self.hover_epoch: float | None = None
        self.following = True
        self.frame = PlotFrame(self.width(), self.height(), (0.0, 1.0), (-2.0, 0.0), True, False)
        self._shown: list[tuple[CurveStyle, Curve]] = []
        self._lines: list[_Line] = []
        self._axes: tuple[object, QPixmap] | None = None
        self._dragged_from: float | None = None
        #: Where another layer's turn begins, as epoch and name, where training goes layer by layer.
        self.turns: tuple[tuple[float, str], ...] = ()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(256, 192)

    def minimumSizeHint(self) -> QSize:
        return QSize(70, 70)

    @property
    def log(self) -> bool:
        """Whether the scale of the values is logarithmic."""
        return self.frame.log

    @property
    def percent(self) -> bool:
        """Whether values are written as shares of 100."""
        return self.frame.percent

    # What is shown ----------------------------------------------------------------------

    def show_curves(self, curves: list[tuple[CurveStyle, Curve]], log: bool, percent: bool) -> None:
        """Draw these curves (at most two); `percent` writes values as shares of 100."""
        self.frame = replace(self.frame, log=log and not percent, percent=percent)
        self._shown = curves
        ends = [float(c.epochs[-1]) for _, c in curves if len(c)]
        self.last_epoch = max([*ends, 1e-9])
        self._draw()

    def show_all(self) -> None:
        """Show all epochs, and go on doing so as they grow."""
        self.following = True
        self._draw()

    def _draw(self) -> None:
        """Find the ranges and the points to draw."""
        if self.following:
            self.frame = replace(self.frame, x=(0.0, self._reach()))
        self._lines, extremes = [], []
        for style, curve in self._shown:
            faint = curve.weight > 0
            for smooth in (False, True) if faint else (True,):
                epochs, values = curve.visible(*self.frame.x, smooth=smooth)
                heights = np.asarray(values, np.float64)
                if self.log:
                    heights = np.log10(np.where(heights > 0, heights, np.nan))
                finite = heights[np.isfinite(heights)]
                if len(finite):
                    extremes += [float(finite.min()), float(finite.max())]
                self._lines.append(_Line(style, epochs, heights, not smooth))
        y = (-2.0, 0.0) if self.log else (0.0, 1.0)
        if extremes:
            y = rounded_range(min(extremes), max(extremes), self.log, self.percent)
        self.frame = replace(self.frame, y=y)
        self.update()

    def _reach(self) -> float:
        """Up to which epoch the plot shows, with room for the labels; in steps, not in every frame."""
        width = max(1.0, float(self.width() - LEFT))
        needed = self.last_epoch / max(0.2, 1.0 - _RIGHT / width)
        low, now = self.frame.x
        return now if low == 0.0 and needed <= now <= _TOO_MUCH * needed else _AHEAD * needed

    # Painting ---------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._axes_now())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(self.frame.area.adjusted(0, -2, 0, 2))
        self._paint_turns(painter)
        for line in sorted(self._lines, key=lambda line: not line.faint):
            self._paint_line(painter, line)
        painter.setClipping(False)
        paint_ends(painter, self)
        hovered = self.hovered()
        if hovered is not None:
            paint_pointer(painter, self, *hovered)

    def _axes_now(self) -> QPixmap:
        """The ground with the axes, painted again only where they are others."""
        ticks = self.frame.epoch_ticks(self.last_epoch)
        ratio = self.devicePixelRatioF()
        wanted = (self.frame, tuple(ticks), self.theme.dark, self.theme.scale, ratio)
        if self._axes is None or self._axes[0] != wanted:
            self._axes = wanted, axes_picture(self.frame, ticks, self.theme, ratio)
        return self._axes[1]

    def _paint_turns(self, painter: QPainter) -> None:
        """A line where a turn begins, with the name of the layer that learns from there on."""
        if not self.turns:
            return
        area = self.frame.area
        ends = [self.frame.place(epoch, 0.0).x() for epoch, _ in self.turns[1:]] + [area.right()]
        painter.setFont(self.theme.font("small"))
        metrics = painter.fontMetrics()
        for (epoch, name), end in zip(self.turns, ends, strict=True):
            x = self.frame.place(epoch, 0.0).x()
            if epoch > self.last_epoch + 1e-9:
                break
            painter.setPen(QPen(self.theme.color("border-strong"), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.setPen(self.theme.color("text-3"))
            words = metrics.elidedText(name, Qt.TextElideMode.ElideRight, max(0, int(end - x) - 6))
            painter.drawText(QPointF(x + 4, area.bottom() - 5), words)

    def _paint_line(self, painter: QPainter, line: _Line) -> None:
        colour = self.theme.color(line.style.token)
        colour.setAlpha(90 if line.faint else 255)
        fine = not line.faint and len(line.epochs) <= _FINE_POINTS
        painter.setPen(_pen(colour, line.style.dashed and not line.faint))
        for polygon in self.frame.lines(line.epochs, line.heights):
            if polygon.size() == 1:
                continue  # the dot at the end of the curve says it all
            if fine:
                x, y = _APART
                painter.translate(x, y)
                painter.drawPolyline(polygon)
                painter.translate(-2 * x, -2 * y)
                painter.drawPolyline(polygon)
                painter.translate(x, y)
            else:
                painter.drawPolyline(polygon)

    def restyle(self) -> None:
        """Take colours and fonts from the theme again."""
        self._axes = None
        self.update()

    # Mouse --------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._dragged_from = self.frame.epoch_at(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        epoch = self.frame.epoch_at(event.position().x())
        if self._dragged_from is not None and event.buttons():
            self._look_at(self.frame.x[0] + self._dragged_from - epoch, self.frame.x[1] - self.frame.x[0])
            return
        self._set_hover(epoch if self.frame.area.contains(event.position()) else None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragged_from = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.show_all()

    def wheelEvent(self, event: QWheelEvent) -> None:
        low, high = self.frame.x
        factor = _WHEEL ** event.angleDelta().y()
        fixed = min(max(self.frame.epoch_at(event.position().x()), low), high)
        self._look_at(fixed - (fixed - low) * factor, (high - low) * factor)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._set_hover(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.frame = replace(self.frame, width=self.width(), height=self.height())
        self._draw()

    def _look_at(self, low: float, span: float) -> None:
        """Show other epochs, as far as there are any, until a double click shows all of them."""
        most = 1.5 * self.last_epoch / max(0.2, 1.0 - _RIGHT / max(1.0, float(self.width() - LEFT)))
        span = min(max(span, most / 1e4), most)
        low = min(max(low, 0.0), most - span)
        if (low, low + span) != self.frame.x:
            self.following = False
            self.frame = replace(self.frame, x=(low, low + span))
            self._draw()

    def _set_hover(self, epoch: float | None) -> None:
        if epoch != self.hover_epoch:
            self.hover_epoch = epoch
            self.update()

    # For the labels -------------------------------------------------------------------------

    def place(self, epoch: float, value: float) -> QPointF:
        """Where a point of a curve is, in the widget's pixels."""
        return self.frame.place(epoch, math.log10(value) if self.log and value > 0 else value)

    def hovered(self) -> tuple[float, list[tuple[CurveStyle, float, float]]] | None:
        """What is under the pointer: the epoch, and for each curve its style, epoch and value."""
        if self.hover_epoch is None:
            return None
        found = []
        for style, curve in self._shown:
            point = curve.at(self.hover_epoch)
            if point is not None:
                found.append((style, point[0], point[2]))
        if not found:
            return None
        nearest = min(found, key=lambda f: abs(f[1] - self.hover_epoch))[1]  # type: ignore[operator]
        return nearest, found

    def ends(self) -> list[tuple[CurveStyle, float, float]]:
        """The last point of each curve, smoothed as drawn."""
        return [(s, float(c.epochs[-1]), float(c.smoothed[-1])) for s, c in self._shown if len(c)]

    def points_drawn(self) -> int:
        """How many points all lines have together."""
        return sum(len(line.epochs) for line in self._lines)

    def words(self, value: float) -> str:
        """A value as the labels write it."""
        return f"{100 * value:.1f} %" if self.percent else numbers.loss(value)


def _pen(colour: QColor, dashed: bool) -> QPen:
    pen = QPen(colour, 1.0)
    pen.setCosmetic(True)
    if dashed:
        pen.setDashPattern([6, 3])
    return pen
