"""What is written over the curves: labels at their ends, and the plate at the pointer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen

from studio.gui.theme import Theme

if TYPE_CHECKING:
    from studio.gui.panels.loss_plot import CurveStyle, LossPlot


def paint_ends(painter: QPainter, plot: LossPlot) -> None:
    """A dot at the end of each curve, and what it says there."""
    theme, area = plot.theme, plot.frame.area
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
    font = label_font(theme)
    painter.setFont(font)
    metrics = QFontMetricsF(font)
    for y, x, style, words in labels:
        left = min(x + 9, plot.width() - metrics.horizontalAdvance(words) - 4)
        y = min(max(y, area.top() + 6), area.bottom() - 6)
        painter.setPen(theme.color(style.token))
        painter.drawText(QPointF(left, y + metrics.ascent() / 2 - 1), words)


def paint_pointer(
    painter: QPainter, plot: LossPlot, epoch: float, values: list[tuple[CurveStyle, float, float]]
) -> None:
    """A line at an epoch, dots on the curves there, and a plate with their values."""
    theme, area = plot.theme, plot.frame.area
    x = plot.place(epoch, 1.0).x()
    painter.setPen(QPen(theme.color("accent"), 1.4))
    painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
    font = label_font(theme)
    metrics = QFontMetricsF(font)
    words = QCoreApplication.translate("LossPlot", "epoch {0}")
    rows = [(theme.color("text-2"), words.format(f"{epoch:.4g}" if epoch < 1e4 else f"{epoch:.0f}"))]
    for style, at, value in values:
        spot = plot.place(at, value)
        if area.contains(spot):
            painter.setPen(QPen(theme.color("dock"), 1.5))
            painter.setBrush(theme.color(style.token))
            painter.drawEllipse(spot, 4, 4)
        rows.append((theme.color(style.token), f"{style.words} {plot.words(value)}"))
    width = max(metrics.horizontalAdvance(words) for _, words in rows) + 20
    height = 17.0 * len(rows) + 9
    left = x + 10 if x + 10 + width < plot.width() else x - 10 - width
    plate = QRectF(left, area.top() + 4, width, height)
    painter.setPen(QPen(theme.color("node-outline"), 1))
    painter.setBrush(theme.color("node"))
    painter.drawRoundedRect(plate.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
    painter.setFont(font)
    for row, (colour, words) in enumerate(rows):
        painter.setPen(colour)
        line = QRectF(plate.left() + 10, plate.top() + 5 + 17 * row, width - 20, 17)
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, words)


def label_font(theme: Theme) -> QFont:
    """The font of what is written over the curves."""
    font = theme.font("small")
    font.setWeight(QFont.Weight.DemiBold)
    return font
