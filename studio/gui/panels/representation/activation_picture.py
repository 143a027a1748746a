"""One sample's activations at one layer as tiles of a picture, bars or numbers (no widgets)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPen

from studio.gui.panels.images import colour_places, packed_image, value_range
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
    sheet : QImage
        All tiles, one below the other; empty for short vectors.
    maps : int
        How many tiles there are.
    low, high, lut : float, float, str
        Range and colour map of the tiles.
    """

    values: np.ndarray
    sheet: QImage
    maps: int
    low: float
    high: float
    lut: str

    @property
    def aspect(self) -> float:
        """Width by height of a tile."""
        return self.sheet.width() / (self.sheet.height() / self.maps) if self.maps else 1.0

    def source(self, index: int) -> QRectF:
        """Where a tile is on the sheet."""
        height = self.sheet.height() // self.maps
        return QRectF(0, index * height, self.sheet.width(), height)


def picture_of(values: np.ndarray, theme: Theme, most_maps: int = 4096) -> ActivationPicture:
    """Colour a layer's activations for one sample.

    Parameters
    ----------
    values : numpy.ndarray
        ``(height, width, channels)``, ``(length, channels)`` or ``(features,)``; pictures of several
        steps, ``(steps, height, width, channels)``, come one after the other.
    most_maps : int
        Tiles beyond this are left out; the range is that of all.
    """
    values = np.asarray(values, np.float32)
    low, high, name = value_range(values)
    tiles: np.ndarray | None = None
    if values.ndim == 4:
        tiles = np.moveaxis(values, -1, 1).reshape(-1, *values.shape[1:3])[:most_maps]
    elif values.ndim == 3:
        tiles = np.moveaxis(values, -1, 0)[:most_maps]
    elif values.ndim == 2:
        tiles = values.T[None]
    elif values.ndim == 1 and len(values) > MOST_BARS:
        tiles = as_block(values)[None]
    if tiles is None or not tiles.size:
        return ActivationPicture(values, QImage(), 0, low, high, name)
    pixels = theme.packed_lut(name)[colour_places(tiles, low, high)]
    sheet = packed_image(pixels.reshape(-1, tiles.shape[2]))
    return ActivationPicture(values, sheet, len(tiles), low, high, name)


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


def paint_tiles(
    painter: QPainter, picture: ActivationPicture, places: dict[int, QRectF], theme: Theme
) -> None:
    """Maps with sharp pixels and thin frames, each at its place."""
    for index, place in places.items():
        painter.drawImage(place, picture.sheet, picture.source(index))
    painter.setPen(QPen(theme.color("border"), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRects(list(places.values()))


@dataclass(frozen=True)
class BarRows:
    """Where the rows of a short vector are.

    Parameters
    ----------
    left, top, step : float
        Of the first row, and from one to the next.
    label, right : float
        Room for the names at the left, and where the bars end.
    """

    left: float
    top: float
    step: float
    label: float
    right: float


def bar_rows(names: tuple[str, ...], area: QRectF, theme: Theme) -> BarRows:
    """Rows for bars with these names, in the middle of the area."""
    step = min(20.0, area.height() / max(1, len(names)))
    metrics = QFontMetrics(theme.font("small"))
    widest = max((metrics.horizontalAdvance(n) for n in names), default=0)
    label = min(widest + 6.0, 0.45 * area.width()) if step >= 11 else 0.0
    return BarRows(area.left(), area.center().y() - step * len(names) / 2, step, label, area.right())


def paint_bar_names(painter: QPainter, names: tuple[str, ...], rows: BarRows, theme: Theme, strong: int = -1) -> None:
    """What the bars of a short vector stand for; `strong` is a row to stress."""
    if not rows.label:
        return
    painter.setFont(theme.font("small"))
    metrics = painter.fontMetrics()
    for i, name in enumerate(names):
        painter.setPen(theme.color("text" if i == strong else "text-3"))
        words = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(rows.label))
        painter.drawText(QRectF(rows.left, rows.top + i * rows.step, rows.label - 5, rows.step), _RIGHT, words)


def paint_bars(painter: QPainter, values: np.ndarray, rows: BarRows, theme: Theme) -> None:
    """A short vector as bars left and right of 0."""
    low, high, _ = value_range(values)
    lut = theme.lut("diverging")
    blue, orange = (QColor(*lut[i].tolist()) for i in (0, 255))
    plain = theme.color("accent")
    left, right = rows.left + rows.label, rows.right
    zero = left if low >= 0 else (left + right) / 2
    reach = (right - zero) / (high or 1.0)
    bar = min(10.0, rows.step * 0.6)
    for i, value in enumerate(np.nan_to_num(values).tolist()):
        size = value * reach
        y = rows.top + i * rows.step + (rows.step - bar) / 2
        rect = QRectF(zero + min(0.0, size), y, max(0.5, abs(size)), bar)
        painter.fillRect(rect, blue if value < 0 else orange if low < 0 else plain)
    painter.setPen(QPen(theme.color("border-strong"), 1))
    painter.drawLine(QPointF(zero, rows.top), QPointF(zero, rows.top + rows.step * len(values)))


def paint_number(painter: QPainter, value: float, area: QRectF, theme: Theme) -> None:
    """A single number in the middle."""
    painter.setFont(theme.font("section"))
    painter.setPen(theme.color("text"))
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, number_text(value))


_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

