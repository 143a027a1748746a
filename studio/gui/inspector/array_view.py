"""One array as picture, histogram, statistics and, if wanted, its numbers."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QPushButton, QTableView, QVBoxLayout, QWidget

from studio.core.shapes import describe
from studio.core.vocabulary import shown_word
from studio.gui.inspector.facts import Facts
from studio.gui.theme import Theme
from studio.gui.widgets import numbers
from studio.gui.widgets.heatmap import Heatmap, Legend
from studio.gui.widgets.histogram import Histogram
from studio.gui.widgets.label import Label
from studio.gui.widgets.tiles import Tiles, statistics

#: A table with more rows or columns would be read by nobody.
_MOST_ROWS, _MOST_COLUMNS = 1000, 256


class _Numbers(QAbstractTableModel):
    """A matrix; other arrays are cut into one, the last axis across."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._values = np.zeros((0, 0), np.float32)
        self._words: tuple[str, ...] = ()

    def show(self, values: np.ndarray, words: tuple[str, ...] = ()) -> None:
        self._words = words
        matrix = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values.reshape(1, -1)
        matrix = matrix[:_MOST_ROWS, :_MOST_COLUMNS]
        if matrix.shape == self._values.shape:
            self._values = matrix
            rows, columns = matrix.shape
            if rows and columns:
                self.dataChanged.emit(self.index(0, 0), self.index(rows - 1, columns - 1))
        else:
            self.beginResetModel()
            self._values = matrix
            self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else self._values.shape[0]

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else self._values.shape[1]

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole and index.isValid():
            value = float(self._values[index.row(), index.column()])
            known = self._words and 0 <= value < len(self._words)
            return shown_word(self._words[int(value)]) if known else numbers.short(value, 2)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None


class ArrayView(QWidget):
    """See the module."""

    #: Emitted with the column of the matrix that was clicked.
    column_picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.caption = Label("", "small", "text-3", wrap=True)
        self.picture = Heatmap(260)
        self.picture.setAccessibleName(self.tr("Picture of the numbers"))
        self.picture.column_picked.connect(self.column_picked)
        self.legend = Legend(self.picture)
        self.histogram = Histogram()
        self.histogram.setAccessibleName(self.tr("How often which numbers occur"))
        self.facts = Facts()
        self.toggle = QPushButton(self.tr("Show the numbers"))
        self.toggle.setProperty("kind", "compact")
        self.toggle.setCheckable(True)
        self.toggle.toggled.connect(self._show_numbers)
        self._model = _Numbers(self)
        self.table = QTableView()
        self.table.setModel(self._model)
        self.table.setAccessibleName(self.tr("Numbers"))
        self.table.setFixedHeight(220)
        self.table.horizontalHeader().setDefaultSectionSize(66)
        self.table.horizontalHeader().setMinimumSectionSize(30)
        self.table.verticalHeader().setDefaultSectionSize(22)
        self.table.hide()
        self._values: np.ndarray | None = None
        self._words: tuple[str, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for widget in (self.caption, self.picture, self.legend, self.histogram, self.facts):
            column.addWidget(widget)
        column.addWidget(self.toggle, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.table)
        Theme.instance().changed.connect(self._restyle)
        self._restyle()

    def show_array(self, values: np.ndarray, tiles: Tiles, words: tuple[str, ...] = ()) -> None:
        """Show an array.

        Parameters
        ----------
        values : numpy.ndarray
            All of it, for histogram, statistics and numbers.
        tiles : Tiles
            What of it is painted.
        words : tuple of str
            What the numbers stand for, if they stand for words.
        """
        self._values, self._words = values, words
        self._name_toggle(self.toggle.isChecked())
        caption = tiles.caption
        if tiles.left_out:
            caption += " " + self.tr("{count} more are not shown.").format(count=numbers.grouped(tiles.left_out))
        behind = tiles.reduced[0] * tiles.reduced[1]
        if behind > 1:
            caption += " " + self.tr("Each cell is the strongest of {count}.").format(count=behind)
        self.caption.show_text(caption)
        self.picture.show_tiles(tiles)
        self.legend.follow()
        self.histogram.show_values(values)
        found = statistics(values)
        rows = [
            (self.tr("Shape"), describe(values.shape)),
            (self.tr("Mean"), numbers.short(found.mean)),
            (self.tr("Spread"), numbers.short(found.deviation)),
            (self.tr("Smallest, largest"), f"{numbers.short(found.low)}, {numbers.short(found.high)}"),
            (self.tr("Length"), numbers.short(found.norm)),
            (self.tr("Exactly 0"), numbers.percent(found.zeros)),
        ]
        if found.broken:
            rows.append((self.tr("Not a number"), numbers.grouped(found.broken)))
        self.facts.show_rows(*rows)
        if self.table.isVisible():
            self._model.show(values, words)

    def _show_numbers(self, shown: bool) -> None:
        self._name_toggle(shown)
        if shown and self._values is not None:
            self._model.show(self._values, self._words)
        self.table.setVisible(shown)

    def _name_toggle(self, shown: bool) -> None:
        if self._words:
            name = self.tr("Hide the words") if shown else self.tr("Show the words")
        else:
            name = self.tr("Hide the numbers") if shown else self.tr("Show the numbers")
        if name != self.toggle.text():
            self.toggle.setText(name)

    def _restyle(self) -> None:
        self.table.setFont(Theme.instance().font("small"))
