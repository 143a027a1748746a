"""Arrays as pictures, through the theme's colour maps."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from studio.gui.theme import Theme


def colour_image(colours: np.ndarray) -> QImage:
    """A picture from uint8 ``(height, width, 3)``; row 0 is at the top."""
    height, width = colours.shape[:2]
    # 32 bits a pixel: rows need no padding, and Qt draws this format fastest.
    pixels = np.full((height, width), 0xFF000000, np.uint32)
    pixels |= colours[..., 0].astype(np.uint32) << 16
    pixels |= colours[..., 1].astype(np.uint32) << 8
    pixels |= colours[..., 2]
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()


def packed_image(pixels: np.ndarray) -> QImage:
    """A picture from uint32 ``(height, width)``, each 0xffRRGGBB; row 0 is at the top."""
    height, width = pixels.shape
    pixels = np.ascontiguousarray(pixels)
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()


def colour_places(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Places in a colour map of 256, uint8: `low` is 0, `high` 255; what is not finite counts as 0."""
    scale = 255.0 / (high - low) if high > low else 255.0
    places = (np.asarray(values, np.float32) - np.float32(low)) * np.float32(scale)
    if not np.isfinite(places.sum(dtype=np.float64)):
        places = np.nan_to_num(places)
    return np.asarray(np.clip(places + np.float32(0.5), 0, 255), np.uint8)


def mapped(values: np.ndarray, low: float, high: float, lut: np.ndarray) -> np.ndarray:
    """Colours of values: uint8 ``(..., 3)``; `low` takes the first colour, `high` the last."""
    return np.asarray(lut[colour_places(values, low, high)])


def value_range(values: np.ndarray) -> tuple[float, float, str]:
    """Range and colour map that suit values: from 0 up, or symmetric about 0.

    Returns
    -------
    low, high : float
    name : str
        ``sequential`` or ``diverging``.
    """
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if not math.isfinite(high - low):
        finite = values[np.isfinite(values)]
        if not len(finite):
            return 0.0, 1.0, "sequential"
        low, high = float(finite.min()), float(finite.max())
    # Undoing a standardisation leaves a trace of rounding below 0.
    if low >= -1e-5 * max(high, 0.0):
        return 0.0, high or 1.0, "sequential"
    most = max(-low, high)
    return -most, most, "diverging"


def map_image(values: np.ndarray, low: float, high: float, name: str, theme: Theme) -> QImage:
    """A feature map as a picture, a pixel a number; row 0 is at the top."""
    return colour_image(mapped(values, low, high, theme.lut(name)))


def draw_legend(painter: QPainter, rect: QRectF, low: str, high: str, name: str, theme: Theme) -> None:
    """A bar of the colour map with the numbers of its ends beside it."""
    painter.setFont(theme.font("small"))
    metrics = painter.fontMetrics()
    left, right = metrics.horizontalAdvance(low) + 6, metrics.horizontalAdvance(high) + 6
    bar = QRectF(rect.left() + left, rect.center().y() - 4, max(20.0, rect.width() - left - right), 8)
    lut = np.broadcast_to(theme.lut(name)[None], (1, 256, 3))
    painter.drawImage(bar, colour_image(lut))
    painter.setPen(QPen(theme.color("border"), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(bar)
    painter.setPen(theme.color("text-3"))
    flags = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(QRectF(rect.left(), rect.top(), left, rect.height()), flags, low)
    painter.drawText(QRectF(bar.right() + 6, rect.top(), right, rect.height()), flags, high)


def readable_on(colour: QColor, theme: Theme) -> QColor:
    """Black or white, whichever stands out more on a colour."""
    r, g, b = (_linear(c) for c in (colour.redF(), colour.greenF(), colour.blueF()))
    return QColor("#FFFFFF") if 0.2126 * r + 0.7152 * g + 0.0722 * b < 0.19 else QColor("#0F1216")


def _linear(c: float) -> float:
    return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
