"""Predicted against true numbers: the nearer a point is to the diagonal, the better."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from studio.gui.panels.ticks import linear_ticks, number_text, tick_text
from studio.gui.theme import Theme

_TOP, _BELOW, _NEAR = 26.0, 34.0, 12.0


class FitPlot(QWidget):
    """A point for each number that was predicted; the mouse and the arrow keys choose one."""

    #: Emitted with the number of the sample whose point was clicked.
    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self.true = self.predicted = np.empty(0)
        #: Sample that each point belongs to.
        self.samples = np.empty(0, int)
        #: The point under the pointer; -1 for none.
        self.hovered = -1
        self._chosen = -1
        self._title = ""
        self._range = (0.0, 1.0)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(180, 150)
        self.theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(320, 280)

    def show_numbers(self, true: np.ndarray, predicted: np.ndarray, samples: np.ndarray, chosen: int, title: str) -> None:
        """Show other numbers.

        Parameters
        ----------
        true, predicted : numpy.ndarray
            float ``(points,)``, in the units of the data; `true` is finite.
        samples : numpy.ndarray
            int ``(points,)``: the sample of each point.
        chosen : int
            The picked sample, ringed.
        title : str
            When and on what this was measured.
        """
        self.true, self.samples = np.asarray(true, np.float64), samples
        self.predicted = np.nan_to_num(np.asarray(predicted, np.float64))
        self._chosen, self._title = chosen, title
        low, high = float(self.true.min()), float(self.true.max())
        span = (high - low) or max(1.0, abs(high))
        # What is far beyond all that can be right is drawn at the edge, so that the rest can be seen.
        low = max(min(low, float(self.predicted.min())), low - span / 2) - 0.04 * span
        high = min(max(high, float(self.predicted.max())), high + span / 2) + 0.04 * span
        self._range = low, high
        if self.hovered >= len(self.true):
            self.hovered = -1
        self.update()

    # What the numbers say ---------------------------------------------------------------------

    def sentence(self) -> str:
        """What the point under the pointer says, or how good all are together."""
        if self.hovered >= 0:
            true, predicted = float(self.true[self.hovered]), float(self.predicted[self.hovered])
            return self.tr("#{0}: true {1}, predicted {2}, {3} off").format(
                int(self.samples[self.hovered]), _number(true), _number(predicted), _signed(predicted - true)
            )
        off = _number(float(np.abs(self.predicted - self.true).mean()))
        return self.tr("{0} off on average, R² {1}").format(off, _number(self.explained()))

    def explained(self) -> float:
        """R²: the share of the numbers' spread that is predicted; 1 is perfect, 0 no better than their mean."""
        spread = float(np.square(self.true - self.true.mean()).sum())
        return 1 - float(np.square(self.predicted - self.true).sum()) / spread if spread > 0 else float("nan")

    # Geometry -----------------------------------------------------------------------------------

    def frame(self) -> QRectF:
        """The square of the points, in the widget's pixels."""
        metrics = QFontMetricsF(self.theme.font("small"))
        left = 22 + max(metrics.horizontalAdvance(tick_text(t)) for t in (*self._ticks(), 0.0)) + 8
        side = max(60.0, min(self.width() - left - 14, self.height() - _TOP - _BELOW))
        return QRectF(left, _TOP, side, side)

    def _ticks(self) -> list[float]:
        return linear_ticks(*self._range, 6)

    def places(self) -> np.ndarray:
        """Where the points are, in the widget's pixels, float64 ``(points, 2)``."""
        low, high = self._range
        area, span = self.frame(), high - low
        x = area.left() + np.clip((self.true - low) / span, 0, 1) * area.width()
        y = area.bottom() - np.clip((self.predicted - low) / span, 0, 1) * area.height()
        return np.stack([x, y], -1)

    # Painting -------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if not len(self.true):
            return
        theme, painter, area = self.theme, QPainter(self), self.frame()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_words(painter, area)
        painter.setPen(QPen(theme.color("border"), 1))
        painter.setBrush(theme.color("field"))
        painter.drawRect(area)
        self._paint_ticks(painter, area)
        painter.setPen(QPen(theme.color("text-3"), 1.2, Qt.PenStyle.DashLine))
        painter.drawLine(QLineF(area.bottomLeft(), area.topRight()))
        places = self.places()
        color = theme.color("validation")
        color.setAlphaF(0.75 if len(places) <= 400 else 0.5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        radius = 3.2 if len(places) <= 400 else 2.4
        for x, y in places.tolist():
            painter.drawEllipse(QPointF(x, y), radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("text"), 1.6))
        for index in np.flatnonzero(self.samples == self._chosen).tolist()[:1]:
            painter.drawEllipse(QPointF(*places[index].tolist()), 6, 6)
        if self.hovered >= 0:
            self._paint_residual(painter, area, QPointF(*places[self.hovered].tolist()))
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(area)

    def _paint_words(self, painter: QPainter, area: QRectF) -> None:
        theme = self.theme
        bold = theme.font("tab")
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        painter.setPen(theme.color("text"))
        line = QRectF(14, 2, self.width() - 24, 20)
        sentence = self.sentence()
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, sentence)
        if self.hovered < 0 and self._title:
            used = painter.fontMetrics().horizontalAdvance(sentence) + 10
            painter.setFont(theme.font("small"))
            painter.setPen(theme.color("text-3"))
            painter.drawText(line.adjusted(used, 1, 0, 1), Qt.AlignmentFlag.AlignVCenter, self._title)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text-3"))
        below = QRectF(area.left(), area.bottom() + 17, area.width(), 16)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self.tr("true"))
        painter.save()
        painter.translate(6, area.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-60, 0, 120, 16), Qt.AlignmentFlag.AlignCenter, self.tr("predicted"))
        painter.restore()

    def _paint_ticks(self, painter: QPainter, area: QRectF) -> None:
        theme = self.theme
        low, high = self._range
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for tick in self._ticks():
            share = (tick - low) / (high - low)
            x, y = area.left() + share * area.width(), area.bottom() - share * area.height()
            painter.setPen(QPen(theme.color("border"), 1))
            painter.drawLine(QLineF(x, area.top(), x, area.bottom()))
            painter.drawLine(QLineF(area.left(), y, area.right(), y))
            painter.setPen(theme.color("text-3"))
            painter.drawText(QRectF(x - 40, area.bottom() + 2, 80, 15), Qt.AlignmentFlag.AlignCenter, tick_text(tick))
            painter.drawText(QRectF(area.left() - 86, y - 8, 80, 16), right, tick_text(tick))

    def _paint_residual(self, painter: QPainter, area: QRectF, at: QPointF) -> None:
        """The way from the point to where it should be."""
        theme = self.theme
        right = area.bottom() - (at.x() - area.left())
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.drawLine(at, QPointF(at.x(), right))
        painter.drawEllipse(at, 5, 5)
        words = _signed(float(self.predicted[self.hovered] - self.true[self.hovered]))
        painter.setFont(theme.font("small"))
        width = painter.fontMetrics().horizontalAdvance(words) + 12
        left = at.x() + 8 if at.x() + 8 + width < area.right() else at.x() - 8 - width
        plate = QRectF(left, (at.y() + right) / 2 - 10, width, 20)
        painter.setPen(QPen(theme.color("node-outline"), 1))
        painter.setBrush(theme.color("node"))
        painter.drawRoundedRect(plate, 5, 5)
        painter.setPen(theme.color("text"))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, words)

    # Mouse and keys -------------------------------------------------------------------------------

    def _nearest(self, where: QPointF) -> int:
        if not len(self.true):
            return -1
        distance = np.hypot(*(self.places() - [where.x(), where.y()]).T)
        nearest = int(distance.argmin())
        return nearest if distance[nearest] <= _NEAR else -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._nearest(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        nearest = self._nearest(event.position())
        if event.button() == Qt.MouseButton.LeftButton and nearest >= 0:
            self.picked.emit(int(self.samples[nearest]))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(-1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is not None and len(self.true):
            order = np.argsort(self.true, kind="stable")
            at = int(np.flatnonzero(order == self.hovered)[0]) + step if self.hovered >= 0 else 0
            self._hover(int(order[max(0, min(len(order) - 1, at))]))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.hovered >= 0:
            self.picked.emit(int(self.samples[self.hovered]))
        else:
            super().keyPressEvent(event)

    def _hover(self, index: int) -> None:
        if index != self.hovered:
            self.hovered = index
            self.setAccessibleDescription(self.sentence())
            self.update()


def _number(value: float) -> str:
    return number_text(value).replace("-", "−", 1) if value < 0 else number_text(value)


def _signed(value: float) -> str:
    return f"+{number_text(value)}" if value > 0 else _number(value)
