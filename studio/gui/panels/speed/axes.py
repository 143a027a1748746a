"""Ground, gridlines and numbers of this panel's plots, and the plate at the pointer."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from studio.gui.theme import Theme

#: Room around the plots, times the type's scale: for the numbers, and the axis' name below.
_LEFT, _TOP, _RIGHT, _BOTTOM = 48.0, 12.0, 14.0, 40.0
_TICK, _AWAY = 4, 6

Tick = tuple[float, str]


def area_of(width: int, height: int) -> QRectF:
    """Where curves and dots are, in the widget's pixels."""
    scale = Theme.instance().scale
    left, bottom = _LEFT * scale, _BOTTOM * scale
    return QRectF(left, _TOP, max(1.0, width - left - _RIGHT), max(1.0, height - _TOP - bottom))


def paint_axes(painter: QPainter, area: QRectF, across: Sequence[Tick], up: Sequence[Tick], names: tuple[str, str]) -> None:
    """Gridlines with their numbers, in pixels, and what the two axes are."""
    theme = Theme.instance()
    font = theme.font("small")
    metrics = QFontMetricsF(font)
    height = metrics.height()
    painter.setFont(font)
    vertical = Qt.AlignmentFlag.AlignVCenter
    for y, words in up:
        painter.setPen(QPen(theme.color("border"), 1))
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setPen(theme.color("text-3"))
        painter.drawText(QRectF(0, y - height / 2, area.left() - _AWAY, height), Qt.AlignmentFlag.AlignRight | vertical, words)
    for x, words in across:
        painter.setPen(QPen(theme.color("border-strong"), 1))
        painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + _TICK))
        painter.setPen(theme.color("text-3"))
        half = metrics.horizontalAdvance(words) / 2 + 2
        middle = min(max(x, half), area.right() + _RIGHT - half)
        painter.drawText(QRectF(middle - half, area.bottom() + _AWAY, 2 * half, height), Qt.AlignmentFlag.AlignCenter, words)
    painter.setPen(theme.color("text-2"))
    below = QRectF(area.left(), area.bottom() + _AWAY + height, area.width(), height)
    name = metrics.elidedText(names[0], Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(below, Qt.AlignmentFlag.AlignRight | vertical, name)
    above = QRectF(area.left() + 6, area.top() - 2, area.width(), height)
    painter.drawText(above, Qt.AlignmentFlag.AlignLeft | vertical, names[1])


def plate_font() -> QFont:
    """The font of what is written over a plot."""
    font = Theme.instance().font("small")
    font.setWeight(QFont.Weight.DemiBold)
    return font


def paint_plate(painter: QPainter, at: QPointF, rows: Sequence[tuple[QColor, str]], inside: QRectF) -> None:
    """A plate with rows of words beside a point, within a rectangle."""
    theme = Theme.instance()
    metrics = QFontMetricsF(plate_font())
    line = metrics.height() + 3
    width = max(metrics.horizontalAdvance(words) for _, words in rows) + 20
    height = line * len(rows) + 9
    left = at.x() + 12 if at.x() + 12 + width < inside.right() else at.x() - 12 - width
    top = min(max(inside.top(), at.y() - height / 2), inside.bottom() - height)
    plate = QRectF(max(inside.left(), left), max(inside.top(), top), width, height)
    painter.setPen(QPen(theme.color("node-outline"), 1))
    painter.setBrush(theme.color("node"))
    painter.drawRoundedRect(plate.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
    painter.setFont(plate_font())
    for number, (colour, words) in enumerate(rows):
        painter.setPen(colour)
        where = QRectF(plate.left() + 10, plate.top() + 4.5 + line * number, width - 20, line)
        painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, words)
