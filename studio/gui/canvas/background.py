"""The ground of the canvas: one colour and a grid of dots."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPixmap, QTransform

from studio.gui.canvas.style import current_style

_PITCH = 24
#: Below this zoom dots would be a grey haze.
_DOTS_FROM = 0.4
#: The dot is drawn this much larger than it shows, for dense screens.
_SHARPNESS = 2


class Background:
    """Paints the ground; the tile with the dot is made once per theme."""

    def __init__(self) -> None:
        self._tile: tuple[str, QBrush] | None = None

    def paint(self, painter: QPainter, rect: QRectF, zoom: float) -> None:
        """Cover a rectangle of the scene."""
        painter.fillRect(rect, current_style().color("canvas"))
        if zoom >= _DOTS_FROM:
            painter.setBrushOrigin(0, 0)
            painter.fillRect(rect, self._dots())

    def _dots(self) -> QBrush:
        color = current_style().color("canvas-dots")
        if self._tile is None or self._tile[0] != color.name():
            tile = QPixmap(_PITCH * _SHARPNESS, _PITCH * _SHARPNESS)
            tile.fill(Qt.GlobalColor.transparent)
            painter = QPainter(tile)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.scale(_SHARPNESS, _SHARPNESS)
            painter.drawEllipse(QPointF(_PITCH / 2, _PITCH / 2), 1, 1)
            painter.end()
            brush = QBrush(tile)
            brush.setTransform(QTransform.fromScale(1 / _SHARPNESS, 1 / _SHARPNESS))
            self._tile = color.name(), brush
        return self._tile[1]
