"""Choosing where data come from: a built-in set, or the person's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFileDialog, QVBoxLayout, QWidget

from studio import data
from studio.core.fields import Field
from studio.data import DataError
from studio.gui.inspector.editors import Editor
from studio.gui.widgets.label import Label
from studio.gui.widgets.still_combo_box import StillComboBox

_CSV, _NPZ, _IDX = "csv", "npz", "idx"


class SourceEditor(Editor):
    """A list of the built-in sets, and of the kinds of files that can be opened."""

    def __init__(self, field: Field, title: str, parent: QWidget | None = None) -> None:
        super().__init__(field, title, parent)
        self.list = StillComboBox(self)
        self.list.setMaxVisibleItems(20)
        self.list.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        for entry in data.catalog():
            self.list.addItem(entry.title, entry.name)
            self.list.setItemData(self.list.count() - 1, entry.description, Qt.ItemDataRole.ToolTipRole)
        self.list.insertSeparator(self.list.count())
        for kind, words in (
            (_CSV, self.tr("From a CSV file…")),
            (_NPZ, self.tr("From an .npz file…")),
            (_IDX, self.tr("From a folder of IDX files (MNIST)…")),
        ):
            self.list.addItem(words, f"?{kind}")
        self._files = self.list.count()
        self._source = ""
        self._add(self.list, 1)
        self.list.activated.connect(self._chosen)

    def show_value(self, value: Any) -> None:
        self._source = str(value)
        index = self._index_of(self._source)
        if index < 0:
            while self.list.count() > self._files:
                self.list.removeItem(self.list.count() - 1)
            self.list.addItem(_short(self._source), self._source)
            self.list.setItemData(self._files, self._source, Qt.ItemDataRole.ToolTipRole)
            index = self._files
        self.list.setCurrentIndex(index)

    def _index_of(self, source: str) -> int:
        wanted = source.strip().lower().replace("_", "-")
        for index in range(self.list.count()):
            entry = self.list.itemData(index)
            if entry == source or (isinstance(entry, str) and entry.replace("_", "-") == wanted):
                return index
        return -1

    def _chosen(self, index: int) -> None:
        choice = self.list.itemData(index)
        if not isinstance(choice, str):
            return
        self.refused.emit("")
        if choice.startswith("?"):
            self.show_value(self._source)  # until a file is chosen, the old source stays
            source = self._ask(choice[1:])
            if not source:
                return
            choice = source
        if choice != self._source:
            self.show_value(choice)
            self.edited.emit(choice)

    def _ask(self, kind: str) -> str:
        """Let the person choose a file; empty if they changed their mind."""
        if kind == _IDX:
            path = QFileDialog.getExistingDirectory(self, self.tr("Choose a folder of IDX files"))
        else:
            words = self.tr("CSV tables (*.csv *.tsv *.txt)") if kind == _CSV else self.tr("NumPy arrays (*.npz)")
            path = QFileDialog.getOpenFileName(self, self.tr("Choose a data file"), "", words)[0]
        if not path:
            return ""
        try:
            if kind == _CSV:
                return ask_for_target(path, self)
            return data.source_for(path)
        except DataError as error:
            self.refused.emit(str(error))
            return ""


def ask_for_target(path: str, parent: QWidget | None) -> str:
    """Ask which column of a CSV file holds the answers; returns the source, empty if cancelled.

    Raises
    ------
    DataError
        When the file cannot be read.
    """
    names = data.columns(path)
    dialog = TargetDialog(path, names, parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    target = dialog.column
    dialog.deleteLater()
    return data.source_for(path, target=target) if accepted else ""


class TargetDialog(QDialog):
    """Asks which column is to be predicted."""

    def __init__(self, path: str, names: tuple[str, ...], parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("What should be predicted?"))
        self._list = QComboBox(self)
        self._list.addItems(names)
        self._list.setCurrentIndex(len(names) - 1)
        self._list.setAccessibleName(self.tr("Column with the answers"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        words = self.tr("Which column of {name} holds the right answers?").format(name=Path(path).name)
        column.addWidget(Label(words, wrap=True))
        column.addWidget(self._list)
        column.addWidget(buttons)
        self.setMinimumWidth(340)

    @property
    def column(self) -> str:
        """The chosen column's name."""
        return self._list.currentText()


def _short(source: str) -> str:
    kind, colon, rest = source.partition(":")
    if not colon:
        return source
    return f"{Path(rest.partition('?')[0]).name} ({kind})"
