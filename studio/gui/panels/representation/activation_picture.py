"""One sample's activations at one layer as tiles of a picture, bars or numbers (no widgets)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPen

from studio.gui.panels.images import colour_image, mapped, value_range
from studio.gui.panels.ticks import number_text
from studio.gui.theme import Theme

#: Vectors up to this long are drawn as bars; longer ones as a block of cells.
MOST_BARS = 16


@dataclass(frozen=True, eq=False)
class ActivationPicture:
    """What one layer holds for one sample, ready to paint.

    Parameters
    ----------
    values : numpy.ndarray
        float32 in the layer's shape.
    maps : tuple of QImage
        A tile a map; empty for short vectors.
    low, high, lut : float, float, str
        Range and colour map of the tiles.
    """

    values: np.ndarray
    maps: tuple[QImage, ...]
    low: float
    high: float
    lut: str


def picture_of(values: np.ndarray, theme: Theme, most_maps: int = 4096) -> ActivationPicture:
    """Colour a layer's activations for one sample.

    Parameters
    ----------
    values : numpy.ndarray
        ``(height, width, channels)``, ``(length, channels)`` or ``(features,)``.
    most_maps : int
        Tiles beyond this are left out; the range is that of all.
    """
    values = np.asarray(values, np.float32)
    low, high, name = value_range(values)
    tiles: np.ndarray | None = None
    if values.ndim == 3:
        tiles = np.moveaxis(values, -1, 0)[:most_maps]
    elif values.ndim == 2:
        tiles = values.T[None]
    elif values.ndim == 1 and len(values) > MOST_BARS:
        tiles = as_block(values)[None]
    images: tuple[QImage, ...] = ()
    if tiles is not None:
        images = tuple(colour_image(tile) for tile in mapped(tiles, low, high, theme.lut(name)))
    return ActivationPicture(values, images, low, high, name)


def as_block(values: np.ndarray) -> np.ndarray:
    """A vector in rows of a nearly square block; what is left over is not a number."""
    columns = max(1, math.ceil(math.sqrt(len(values))))
    rows = -(-len(values) // columns)
    block = np.full(rows * columns, np.nan, np.float32)
    block[: len(values)] = values
    return block.reshape(rows, columns)


def tile_rects(count: int, area: QRectF, columns: int, gap: float, aspect: float = 1.0) -> list[QRectF]:
    """Places of `count` tiles in rows, as large as fits, in the middle of the area.

    Parameters
    ----------
    aspect : float
        Width by height of a tile.
    """
    rows = -(-count // columns)
    width = (area.width() - (columns - 1) * gap) / columns
    height = (area.height() - (rows - 1) * gap) / rows
    width = max(2.0, min(width, height * aspect))
    height = width / aspect
    left = area.center().x() - (columns * width + (columns - 1) * gap) / 2
    top = area.center().y() - (rows * height + (rows - 1) * gap) / 2
    return [
        QRectF(
            left + (i % columns) * (width + gap), top + (i // columns) * (height + gap), width, height
        )
        for i in range(count)
    ]


def best_columns(count: int, area: QRectF, gap: float, aspect: float = 1.0) -> int:
    """How many columns make tiles largest."""
    return max(
        range(1, count + 1),
        key=lambda c: (min(area.width() / c, aspect * area.height() / -(-count // c)), -c),
    ) if count > 0 else 1


def paint_tile(painter: QPainter, image: QImage, rect: QRectF, theme: Theme) -> None:
    """A map with sharp pixels and a thin frame."""
    painter.drawImage(rect, image)
    painter.setPen(QPen(theme.color("border"), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect)


def paint_bars(
    painter: QPainter, values: np.ndarray, names: tuple[str, ...], area: QRectF, theme: Theme, strong: int = -1
) -> None:
    """A short vector as bars left and right of 0; `strong` is a row to stress."""
    count = len(values)
    step = min(20.0, area.height() / max(1, count))
    top = area.center().y() - step * count / 2
    painter.setFont(theme.font("small"))
    metrics = painter.fontMetrics()
    widest = max((metrics.horizontalAdvance(n) for n in names), default=0)
    label = min(widest + 6.0, 0.45 * area.width()) if step >= 11 else 0.0
    low, high, _ = value_range(values)
    lut = theme.lut("diverging")
    blue, orange = (_ink(lut[i], theme) for i in (0, 255))
    left, right = area.left() + label, area.right()
    zero = left if low >= 0 else (left + right) / 2
    reach = (right - zero) / (high or 1.0)
    for i, value in enumerate(np.nan_to_num(values).tolist()):
        y = top + i * step
        if label:
            painter.setPen(theme.color("text" if i == strong else "text-3"))
            words = metrics.elidedText(names[i], Qt.TextElideMode.ElideRight, int(label))
            painter.drawText(QRectF(area.left(), y, label - 5, step), _RIGHT, words)
        bar = min(10.0, step * 0.6)
        size = value * reach
        rect = QRectF(zero + min(0.0, size), y + (step - bar) / 2, max(0.5, abs(size)), bar)
        painter.fillRect(rect, blue if value < 0 else orange if low < 0 else theme.color("accent"))
    painter.setPen(QPen(theme.color("border-strong"), 1))
    painter.drawLine(QPointF(zero, top), QPointF(zero, top + step * count))


def paint_number(painter: QPainter, value: float, area: QRectF, theme: Theme) -> None:
    """A single number in the middle."""
    painter.setFont(theme.font("section"))
    painter.setPen(theme.color("text"))
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, number_text(value))


_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def _ink(colour: np.ndarray, theme: Theme):  # type: ignore[no-untyped-def]
    from PySide6.QtGui import QColor

    return QColor(*colour.tolist())
