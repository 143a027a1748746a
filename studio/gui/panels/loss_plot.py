"""The plot of the curves: pyqtgraph below, labels and the pointer's plate above."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from studio.gui.panels.curve import Curve
from studio.gui.panels.ticks import linear_ticks, log_ticks, number_text, tick_text
from studio.gui.theme import Theme

_LEFT, _BOTTOM, _RIGHT, _TOP = 46, 24, 88, 10
#: Above this many drawn points lines are a pixel wide and not smoothed, which is far cheaper.
_FINE_POINTS = 1500


@dataclass(frozen=True)
class CurveStyle:
    """How one curve looks and what it is called."""

    name: str
    words: str
    token: str
    dashed: bool = False


class _Axis(pg.AxisItem):  # type: ignore[misc]
    """Ticks at round numbers, faint words, and no line along the axis."""

    def __init__(self, orientation: str, plot: LossPlot) -> None:
        super().__init__(orientation)
        self._plot = plot
        self.enableAutoSIPrefix(False)

    def tickValues(self, low: float, high: float, size: float):  # type: ignore[no-untyped-def]
        if self.orientation == "bottom":
            ticks = linear_ticks(max(0.0, low), min(high, self._plot.last_epoch * 1.0001), max(2, int(size / 64)))
            return [(1.0, ticks)]
        most = max(2, int(size / 34))
        # A tick at the very top would have no room for its number.
        high -= (high - low) * 7 / max(size, 20)
        if self._plot.log:
            ticks = [math.log10(t) for t in log_ticks(10.0**low, 10.0**high, most)]
            if len(ticks) < 2:
                ticks = [math.log10(t) for t in linear_ticks(10.0**low, 10.0**high, min(6, most)) if t > 0]
            return [(1.0, ticks)]
        return [(1.0, linear_ticks(low, high, most))]

    def tickStrings(self, values, scale, spacing):  # type: ignore[no-untyped-def]
        if self.orientation == "bottom":
            return [tick_text(v) for v in values]
        if self._plot.percent:
            return [f"{100 * v:.4g} %" for v in values]
        return [tick_text(float(f"{10.0**v:.6g}")) if self._plot.log else tick_text(float(f"{v:.6g}")) for v in values]


class LossPlot(pg.PlotWidget):  # type: ignore[misc]
    """Train and validation curves over epochs.

    The wheel and dragging zoom and move along the epochs; a double click shows all of them.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        self.log = True
        self.percent = False
        self.last_epoch = 1.0
        self.hover_epoch: float | None = None
        self.following = True
        self._limit = 0.0
        axes = {"left": _Axis("left", self), "bottom": _Axis("bottom", self)}
        super().__init__(parent, axisItems=axes, enableMenu=False)
        self.theme = Theme.instance()
        self._shown: list[tuple[CurveStyle, Curve]] = []
        self._lines: list[tuple[pg.PlotCurveItem, pg.PlotCurveItem]] = []
        item = self.getPlotItem()
        item.hideButtons()
        # pyqtgraph leaves its menu without a parent, so that it would outlive the plot.
        item.ctrlMenu.setParent(self, item.ctrlMenu.windowFlags())
        item.setContentsMargins(0, _TOP, 0, 0)
        item.vb.setMouseEnabled(x=True, y=False)
        item.vb.disableAutoRange()
        item.vb.sigRangeChangedManually.connect(self._moved_by_hand)
        item.vb.sigXRangeChanged.connect(lambda *_: self._draw())
        item.getAxis("left").setWidth(_LEFT)
        item.getAxis("bottom").setHeight(_BOTTOM)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._over = _Overlay(self)
        for _ in range(2):
            pair = (pg.PlotCurveItem(), pg.PlotCurveItem())
            for line in pair:
                # Pieces of a line each begin their own dash.
                line.setSegmentedLineMode("off")
                item.addItem(line)
            self._lines.append(pair)
        self._drawing = False
        self.restyle()

    # What is shown ----------------------------------------------------------------------

    def show_curves(self, curves: list[tuple[CurveStyle, Curve]], log: bool, percent: bool) -> None:
        """Draw these curves (at most two); `percent` writes values as shares of 100."""
        if (log, percent) != (self.log, self.percent):
            self.getPlotItem().getAxis("left").picture = None
        self.log, self.percent = log and not percent, percent
        self._shown = curves
        ends = [float(c.epochs[-1]) for _, c in curves if len(c)]
        self.last_epoch = max([*ends, 1e-9])
        if self.following:
            self._fit()
        self._draw()

    def show_all(self) -> None:
        """Show all epochs, and go on doing so as they grow."""
        self.following = True
        self._fit()
        self._draw()

    def _fit(self) -> None:
        width = max(1.0, self.width() - _LEFT)
        room = self.last_epoch / max(0.2, 1.0 - _RIGHT / width)
        self._set_x_range(0.0, room)

    def _set_x_range(self, low: float, high: float) -> None:
        self._drawing = True
        if not high <= self._limit <= 2 * high:
            # Setting limits is slow, so they keep ahead of the growing curve.
            self._limit = 1.5 * high
            self.getPlotItem().vb.setLimits(xMin=0.0, xMax=self._limit, minXRange=self._limit / 1e4)
        self.setXRange(low, high, padding=0)
        self._drawing = False

    def _moved_by_hand(self, *_: object) -> None:
        self.following = False

    def _draw(self) -> None:
        if self._drawing:
            return
        low, high = self.getPlotItem().vb.viewRange()[0]
        extremes: list[np.ndarray] = []
        for index, (raw_line, line) in enumerate(self._lines):
            style, curve = self._shown[index] if index < len(self._shown) else (None, None)
            if style is None or curve is None:
                raw_line.setData([], [])
                line.setData([], [])
                continue
            epochs, values = curve.visible(low, high, smooth=True)
            smooth = curve.weight > 0
            line.setPen(self._pen(style, 255, len(values) <= _FINE_POINTS))
            self._set(line, epochs, values, extremes)
            if smooth:
                raw_epochs, raw_values = curve.visible(low, high)
                raw_line.setPen(self._pen(style, 90, False, solid=True))
                self._set(raw_line, raw_epochs, raw_values, extremes)
            else:
                raw_line.setData([], [])
        self._set_y_range(extremes)
        # Otherwise the view would notice the new range only while it paints, and paint again.
        self.getPlotItem().vb.updateMatrix()
        self._over.update()

    def _set(self, line: pg.PlotCurveItem, x: np.ndarray, y: np.ndarray, extremes: list[np.ndarray]) -> None:
        shown = np.asarray(y, np.float64)
        if self.log:
            shown = np.log10(np.where(shown > 0, shown, np.nan))
        finite = np.isfinite(shown)
        if finite.any():
            extremes.append(np.array([shown[finite].min(), shown[finite].max()]))
        line.setData(x, shown, connect="all" if finite.all() else "finite", antialias=len(x) <= _FINE_POINTS)

    def _pen(self, style: CurveStyle, alpha: int, fine: bool, solid: bool = False) -> QPen:
        colour = QColor(self.theme.color(style.token))
        colour.setAlpha(alpha)
        width = 1.7 if fine else 1.0
        pen = QPen(colour, width)
        pen.setCosmetic(True)
        if style.dashed and not solid:
            pen.setDashPattern([6 / width, 3 / width])
        return pen

    def _set_y_range(self, extremes: list[np.ndarray]) -> None:
        if not extremes:
            low, high = (-2.0, 0.0) if self.log else (0.0, 1.0)
        else:
            low, high = float(min(e[0] for e in extremes)), float(max(e[1] for e in extremes))
            low, high = self._rounded(low, high)
        if [low, high] != self.getPlotItem().vb.viewRange()[1]:
            self.setYRange(low, high, padding=0)

    def _rounded(self, low: float, high: float) -> tuple[float, float]:
        """Ends that change rarely while a curve grows, with a little air above."""
        if self.percent:
            bottom = max(0.0, math.floor(low * 10 - 1e-9) / 10)
            return bottom - 0.02 * (1 - bottom), 1.02
        if self.log:
            ends = log_ticks(10.0 ** (low - 1.01), 10.0**high, 10_000)
            below = max((t for t in ends if math.log10(t) <= low + 1e-9), default=10.0**low)
            bottom = math.log10(below)
            return bottom - 0.02, max(high, bottom + 0.3) + 0.06 * max(0.5, high - bottom)
        if 0 <= low <= 0.6 * high:
            low = 0.0
        span = max(high - low, abs(high) * 1e-3, 1e-9)
        return low - 0.02 * span, high + 0.08 * span

    # Looks --------------------------------------------------------------------------------

    def restyle(self) -> None:
        """Take colours and fonts from the theme again."""
        self.setBackground(self.theme.color("dock"))
        item = self.getPlotItem()
        for name in ("left", "bottom"):
            axis = item.getAxis(name)
            axis.setStyle(tickFont=self.theme.font("small"), tickTextOffset=6, hideOverlappingLabels=False, tickLength=0 if name == "left" else -4)
            axis.setTextPen(self.theme.color("text-3"))
            axis.setTickPen(self.theme.color("border" if name == "left" else "border-strong"))
            axis.setPen(QPen(Qt.PenStyle.NoPen))
        item.getAxis("left").setGrid(255)
        for name in ("left", "bottom"):
            item.getAxis(name).setZValue(-200)  # gridlines below the curves
        self._draw()

    # Mouse --------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        where = self.getPlotItem().vb.mapSceneToView(QPointF(event.position()))
        inside = self._plot_rect().contains(event.position())
        self._set_hover(float(where.x()) if inside else None)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._set_hover(None)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        self.show_all()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "_over"):
            self._over.resize(self.size())
            if self.following:
                self._fit()
            self._draw()

    def _set_hover(self, epoch: float | None) -> None:
        if epoch != self.hover_epoch:
            self.hover_epoch = epoch
            self._over.update()

    def _plot_rect(self) -> QRectF:
        return QRectF(self.getPlotItem().vb.sceneBoundingRect())

    # For the overlay ------------------------------------------------------------------------

    def place(self, epoch: float, value: float) -> QPointF:
        """Where a point of a curve is, in the widget's pixels."""
        height = math.log10(value) if self.log and value > 0 else value
        return QPointF(self.getPlotItem().vb.mapViewToScene(QPointF(epoch, height)))

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

    def words(self, value: float) -> str:
        """A value as the labels write it."""
        return f"{100 * value:.1f} %" if self.percent else number_text(value)


class _Overlay(QWidget):
    """Labels at the ends of the curves; line, dots and plate at the pointer."""

    def __init__(self, plot: LossPlot) -> None:
        super().__init__(plot)
        self._plot = plot
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ends(painter)
        hovered = self._plot.hovered()
        if hovered is not None:
            self._paint_pointer(painter, *hovered)

    def _paint_ends(self, painter: QPainter) -> None:
        plot, theme = self._plot, self._plot.theme
        area = plot._plot_rect()
        labels: list[tuple[float, float, CurveStyle, str]] = []
        for style, epoch, value in plot.ends():
            at = plot.place(epoch, value)
            if not (area.left() <= at.x() <= area.right() and math.isfinite(at.y())):
                continue
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(style.token))
            painter.drawEllipse(at, 3, 3)
            labels.append((at.y(), at.x(), style, f"{style.words} {plot.words(value)}"))
        labels.sort(key=lambda label: label[0])
        if len(labels) == 2 and labels[1][0] - labels[0][0] < 16:
            middle = (labels[0][0] + labels[1][0]) / 2
            labels = [(middle - 8, *labels[0][1:]), (middle + 8, *labels[1][1:])]
        font = _label_font(theme)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        for y, x, style, words in labels:
            left = min(x + 9, self.width() - metrics.horizontalAdvance(words) - 4)
            y = min(max(y, area.top() + 6), area.bottom() - 6)
            painter.setPen(theme.color(style.token))
            painter.drawText(QPointF(left, y + metrics.ascent() / 2 - 1), words)

    def _paint_pointer(
        self, painter: QPainter, epoch: float, values: list[tuple[CurveStyle, float, float]]
    ) -> None:
        plot, theme = self._plot, self._plot.theme
        area = plot._plot_rect()
        x = plot.place(epoch, 1.0).x()
        painter.setPen(QPen(theme.color("accent"), 1.4))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        font = _label_font(theme)
        metrics = QFontMetricsF(font)
        rows = [(theme.color("text-2"), self.tr("epoch {0}").format(f"{epoch:.4g}" if epoch < 1e4 else f"{epoch:.0f}"))]
        for style, at, value in values:
            spot = plot.place(at, value)
            if area.contains(spot):
                painter.setPen(QPen(theme.color("dock"), 1.5))
                painter.setBrush(theme.color(style.token))
                painter.drawEllipse(spot, 4, 4)
            rows.append((theme.color(style.token), f"{style.words} {plot.words(value)}"))
        width = max(metrics.horizontalAdvance(words) for _, words in rows) + 20
        height = 17.0 * len(rows) + 9
        left = x + 10 if x + 10 + width < self.width() else x - 10 - width
        plate = QRectF(left, area.top() + 4, width, height)
        painter.setPen(QPen(theme.color("node-outline"), 1))
        painter.setBrush(theme.color("node"))
        painter.drawRoundedRect(plate.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.setFont(font)
        for row, (colour, words) in enumerate(rows):
            painter.setPen(colour)
            line = QRectF(plate.left() + 10, plate.top() + 5 + 17 * row, width - 20, 17)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, words)


def _label_font(theme: Theme) -> QFont:
    font = theme.font("small")
    font.setWeight(QFont.Weight.DemiBold)
    return font
