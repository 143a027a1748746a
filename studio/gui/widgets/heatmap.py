"""Tiles of numbers as colours, with the number under the pointer."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from studio.gui.theme import Theme
from studio.gui.widgets import numbers
from studio.gui.widgets.tiles import Tiles, color_indices

_GAP = 3.0
#: More tiles than this are painted as one sheet, with a cell between them: a stall otherwise.
_FEW = 16
#: A cell's side, in pixels, that one can still make out.
_SEEN = 10.0
_LARGEST_CELL = 20.0


class Heatmap(QWidget):
    """Paints `Tiles`; signed numbers in the diverging colours, others in the sequential.

    Parameters
    ----------
    tallest : int
        Most height in pixels it asks for.
    """

    #: Emitted with the column of the cell that was clicked.
    column_picked = Signal(int)

    def __init__(self, tallest: int = 240, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tallest = tallest
        self._tiles: Tiles | None = None
        self._images: list[QImage] = []
        self._signed, self._largest = True, 1.0
        self._column = -1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        Theme.instance().changed.connect(self._recolor)

    @property
    def tiles(self) -> Tiles | None:
        """What is painted."""
        return self._tiles

    @property
    def range(self) -> tuple[float, float]:
        """Numbers at the two ends of the colours."""
        return (-self._largest if self._signed else 0.0), self._largest

    @property
    def signed(self) -> bool:
        """Whether the diverging colours are in use."""
        return self._signed

    def show_tiles(self, tiles: Tiles | None) -> None:
        """Paint other numbers."""
        before = self._tiles.values.shape if self._tiles is not None else None
        self._tiles = tiles
        self._recolor()
        if tiles is None or tiles.values.shape != before:
            self.updateGeometry()

    def mark_column(self, column: int) -> None:
        """Frame a column of the only tile; -1 for none."""
        if column != self._column:
            self._column = column
            self.update()

    def _recolor(self) -> None:
        self._images = []
        tiles = self._tiles
        if tiles is not None and tiles.values.size:
            low, high = float(tiles.values.min()), float(tiles.values.max())
            if not math.isfinite(high - low):
                finite = np.nan_to_num(tiles.values, nan=0.0, posinf=0.0, neginf=0.0)
                low, high = float(finite.min()), float(finite.max())
            self._signed = low < 0
            self._largest = max(-low, high) or 1.0
            # The last place of the colour table is left for what lies between the tiles.
            indices = np.minimum(color_indices(tiles.values, self._largest, self._signed), 254)
            table = Theme.instance().packed_lut("diverging" if self._signed else "sequential").copy()
            table[255] = 0
            if self._is_sheet:
                self._images = [_image(table[_sheet(indices, tiles.empty)])]
            else:
                self._images = [_image(table[tile]) for tile in indices.reshape(-1, *indices.shape[2:])]
        self.update()

    @property
    def _is_sheet(self) -> bool:
        return self._tiles is not None and self._tiles.values.shape[0] * self._tiles.values.shape[1] > _FEW

    def _cell(self, width: float) -> tuple[float, float]:
        """Width and height of a cell."""
        assert self._tiles is not None
        rows, columns, height, wide = self._tiles.values.shape
        if self._is_sheet:
            cells_across, cells_down, across, down = columns * (wide + 1) - 1, rows * (height + 1) - 1, 0.0, 0.0
        else:
            cells_across, cells_down = columns * wide, rows * height
            across, down = (columns - 1) * _GAP, (rows - 1) * _GAP
        widest = float(max(0.2, min((width - across) / cells_across, _LARGEST_CELL)))
        tallest = float(max(0.2, min((self._tallest - down) / cells_down, _LARGEST_CELL)))
        if self._tiles.square or max(widest, tallest) < _SEEN:
            return min(widest, tallest), min(widest, tallest)
        # A long matrix would be a thread with square cells.
        return min(widest, max(tallest, _SEEN)), min(tallest, max(widest, _SEEN))

    def heightForWidth(self, width: int) -> int:
        if self._tiles is None:
            return 20
        rows, _, height, _ = self._tiles.values.shape
        cell = self._cell(width)[1]
        gap = cell if self._is_sheet else _GAP
        return int(max(8, round(rows * height * cell + (rows - 1) * gap) + 2))

    def hasHeightForWidth(self) -> bool:
        return True

    def sizeHint(self) -> QSize:
        return QSize(220, self.heightForWidth(max(60, self.width())))

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self.heightForWidth(max(60, self.width())))

    def resizeEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        super().resizeEvent(event)
        self.setFixedHeight(self.heightForWidth(self.width()))

    def updateGeometry(self) -> None:
        self.setFixedHeight(self.heightForWidth(self.width()))
        super().updateGeometry()

    def _tile_rect(self, index: int) -> QRectF:
        assert self._tiles is not None
        _, columns, height, width = self._tiles.values.shape
        wide, high = self._cell(self.width())
        across, down = (wide, high) if self._is_sheet else (_GAP, _GAP)
        row, column = divmod(index, columns)
        return QRectF(column * (width * wide + across), row * (height * high + down), width * wide, height * high)

    def _places(self) -> int:
        assert self._tiles is not None
        return int(self._tiles.values.shape[0] * self._tiles.values.shape[1])

    def _count(self) -> int:
        """How many tiles there are; the last places of the grid may be empty."""
        return self._places() - self._tiles.empty if self._tiles is not None else 0

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._tiles is None:
            return
        theme, painter = Theme.instance(), QPainter(self)
        count = self._count()
        if self._is_sheet and self._images:
            painter.drawImage(self._tile_rect(0).united(self._tile_rect(self._places() - 1)), self._images[0])
        for index, image in enumerate(self._images[:count] if not self._is_sheet else ()):
            rect = self._tile_rect(index)
            painter.drawImage(rect, image)
            if count > 1:
                painter.setPen(QPen(theme.color("border"), 0))
                painter.drawRect(rect)
        if count == 1 and 0 <= self._column < self._tiles.values.shape[3]:
            cell, rect = self._cell(self.width())[0], self._tile_rect(0)
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawRect(QRectF(self._column * cell, 1, cell, rect.height() - 2))

    def number_at(self, place: QPointF) -> tuple[int, int, int, float] | None:
        """Tile, row, column and number under a point; None beside the tiles."""
        if self._tiles is None:
            return None
        wide, high = self._cell(self.width())
        for index in range(self._count()):
            rect = self._tile_rect(index)
            if rect.contains(place):
                height, width = self._tiles.values.shape[2:]
                row = min(height - 1, int((place.y() - rect.top()) / high))
                column = min(width - 1, int((place.x() - rect.left()) / wide))
                flat = self._tiles.values.reshape(-1, height, width)
                return index, row, column, float(flat[index, row, column])
        return None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.number_at(event.position())
        if found is None:
            QToolTip.hideText()
            return
        assert self._tiles is not None
        index, row, column, value = found
        (down, across), columns = self._tiles.reduced, self._tiles.values.shape[1]
        words = self.tr("row {row}, column {column}").format(row=row * down + 1, column=column * across + 1)
        if self._count() > 1:
            tile = self.tr("picture {row}, {column}").format(row=index // columns + 1, column=index % columns + 1)
            words = f"{tile}: {words}"
        if down * across > 1:
            words += " " + self.tr("(strongest of {count})").format(count=down * across)
        QToolTip.showText(event.globalPosition().toPoint(), f"{words}\n{numbers.short(value, 4)}", self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.number_at(event.position())
        if found is not None and event.button() == Qt.MouseButton.LeftButton and self._tiles is not None:
            self.column_picked.emit(found[2] * self._tiles.reduced[1])


def _sheet(tiles: np.ndarray, empty: int) -> np.ndarray:
    """Tiles ``(rows, columns, height, width)`` side by side with a clear cell in between."""
    rows, columns, height, width = tiles.shape
    sheet = np.full((rows, columns, height + 1, width + 1), 255, np.uint8)
    sheet[:, :, :height, :width] = tiles
    sheet.reshape(rows * columns, height + 1, width + 1)[rows * columns - empty :] = 255
    return sheet.transpose(0, 2, 1, 3).reshape(rows * (height + 1), columns * (width + 1))[:-1, :-1]


def _image(pixels: np.ndarray) -> QImage:
    height, width = pixels.shape
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied).copy()


class Legend(QWidget):
    """The colour map with the numbers at its ends."""

    def __init__(self, heatmap: Heatmap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._heatmap = heatmap
        self._range, self._signed = (-1.0, 1.0), True
        self.setFixedHeight(24)
        Theme.instance().changed.connect(self.update)

    def follow(self) -> None:
        """Show the heat map's range as it is now."""
        now = self._heatmap.range, self._heatmap.signed
        if now != (self._range, self._signed):
            self._range, self._signed = now
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        width = min(140, self.width())
        table = theme.lut("diverging" if self._signed else "sequential")
        line = QImage(np.ascontiguousarray(table).data, 256, 1, 768, QImage.Format.Format_RGB888).copy()
        painter.drawImage(QRectF(0, 1, width, 6), line)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text-3"))
        low, high = self._range
        box = QRectF(0, 8, width, 15)
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft, numbers.short(low, 2))
        painter.drawText(box, Qt.AlignmentFlag.AlignRight, ("+" if self._signed else "") + numbers.short(high, 2))
        if self._signed:
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, "0")
