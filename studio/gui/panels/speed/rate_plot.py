"""Samples a second over the last minutes."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.gui.panels.speed.axes import area_of, paint_axes, paint_plate
from studio.gui.panels.ticks import linear_ticks
from studio.gui.theme import Theme
from studio.gui.widgets import numbers

#: Seconds that the plot spans at the least.
_LEAST = 30.0


class RatePlot(QWidget):
    """A curve that ends now; it is interrupted where training paused."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self._seconds, self._rates = np.empty(0), np.empty(0)
        self._span, self._top = _LEAST, 1.0
        self._hovered: float | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Samples a second over time"))
        self.setToolTip(self.tr("How many samples a second training has learned from, while it ran, over the last minutes."))

    def sizeHint(self) -> QSize:
        return QSize(360, 240)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 90)

    def show_rates(self, seconds: np.ndarray, rates: np.ndarray, now: float) -> None:
        """Draw a curve.

        Parameters
        ----------
        seconds, rates : numpy.ndarray
            float64 ``(points,)`` each; NaN interrupts the curve.
        now : float
            Seconds at the right edge.
        """
        self._seconds, self._rates = seconds - now, rates
        first = -float(self._seconds[0]) if len(seconds) else 0.0
        self._span = next((s for s in (_LEAST, 60.0, 120.0, 300.0, 600.0) if s >= first), 600.0)
        finite = rates[np.isfinite(rates)]
        self._top = 1.15 * float(finite.max()) if len(finite) else 1.0
        self.update()

    def _place(self, second: float, rate: float) -> QPointF:
        area = area_of(self.width(), self.height())
        x = area.right() + second / self._span * area.width()
        return QPointF(x, area.bottom() - rate / self._top * area.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self.theme, QPainter(self)
        area = area_of(self.width(), self.height())
        painter.fillRect(self.rect(), theme.color("dock"))
        across = linear_ticks(-self._span, 0.0, max(2, int(area.width() / 70)))
        up = [t for t in linear_ticks(0.0, self._top, max(2, int(area.height() / 34))) if self._place(0, t).y() > area.top() + 14]
        paint_axes(
            painter,
            area,
            [(self._place(t, 0).x(), self.tr("now") if t == 0 else _ago(-t)) for t in across],
            [(self._place(0, t).y(), _round(t)) for t in up],
            (self.tr("time ago"), self.tr("samples a second")),
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(area.adjusted(-1, -2, 2, 2))
        painter.setPen(QPen(theme.color("train"), 1.5))
        for curve in self._curves():
            painter.drawPolyline(curve) if curve.size() > 1 else painter.drawPoint(curve.at(0))
        painter.setClipping(False)
        nearest = self._nearest()
        if nearest is not None:
            second, rate = nearest
            place = self._place(second, rate)
            painter.setPen(QPen(theme.color("dock"), 1.5))
            painter.setBrush(theme.color("train"))
            painter.drawEllipse(place, 4, 4)
            words = self.tr("{0} samples a second").format(numbers.amount(rate))
            paint_plate(painter, place, [(theme.color("text"), words), (theme.color("text-2"), self.tr("{0} ago").format(_ago(-second)))], area)

    def _curves(self) -> list[QPolygonF]:
        curves, points = [], []
        for second, rate in zip(self._seconds.tolist(), self._rates.tolist(), strict=True):
            if rate == rate:
                points.append(self._place(second, rate))
            elif points:
                curves.append(QPolygonF(points))
                points = []
        return [*curves, QPolygonF(points)] if points else curves

    def _nearest(self) -> tuple[float, float] | None:
        finite = np.flatnonzero(np.isfinite(self._rates))
        if self._hovered is None or not len(finite):
            return None
        area = area_of(self.width(), self.height())
        second = (self._hovered - area.right()) / area.width() * self._span
        best = finite[np.abs(self._seconds[finite] - second).argmin()]
        return float(self._seconds[best]), float(self._rates[best])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        inside = area_of(self.width(), self.height()).contains(event.position())
        self._hovered = event.position().x() if inside else None
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hovered = None
        self.update()


def _round(rate: float) -> str:
    """A round number on the axis: ``500``, ``20 k``, ``1.5 M``."""
    letter, power = ("M", 1e6) if rate >= 1e6 else ("k", 1e3) if rate >= 1e3 else ("", 1.0)
    return f"{rate / power:g} {letter}".rstrip()


def _ago(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 and seconds % 60 == 0 else f"{seconds:.0f} s"
