"""Choosing where data come from: a built-in set, or the person's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QToolButton, QWidget

from studio import data
from studio.core.fields import Field
from studio.data import DataError
from studio.gui.in_clicks import how_button, in_clicks
from studio.gui.inspector.csv_dialog import ask_how_to_read
from studio.gui.inspector.editors import Editor
from studio.gui.inspector.text_dialog import ask_about_text
from studio.gui.widgets.still_combo_box import StillComboBox

_CSV, _PICTURES, _TEXT, _NPZ, _IDX = "csv", "images", "text", "npz", "idx"
#: How a person is asked, by kinds of files that can be read in several ways.
ASKED = {_CSV: ask_how_to_read, _TEXT: ask_about_text}


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
            (_PICTURES, self.tr("From a folder of pictures…")),
            (_TEXT, self.tr("From a text file…")),
            (_NPZ, self.tr("From an .npz or .npy file…")),
            (_IDX, self.tr("From a folder of IDX files (MNIST)…")),
        ):
            self.list.addItem(words, f"?{kind}")
        self._files = self.list.count()
        self._source = ""
        self.how = QToolButton(self)
        self.how.setText(how_button())
        self.how.setToolTip(self.tr("Choose how the file is read."))
        self.how.setAccessibleName(self.tr("How the file is read"))
        self.how.setVisible(False)
        self.how.clicked.connect(self._ask_how)
        self._add(self.list, 1)
        self._row.addWidget(self.how)
        self.list.activated.connect(self._chosen)

    def show_value(self, value: Any) -> None:
        self._source = str(value)
        self.how.setVisible(_parsed_kind(self._source) in ASKED)
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
        folders = {_IDX: self.tr("Choose a folder of IDX files"), _PICTURES: self.tr("Choose a folder of pictures")}
        if kind in folders:
            path = QFileDialog.getExistingDirectory(self, folders[kind])
        else:
            words = {
                _CSV: self.tr("CSV tables (*.csv *.tsv *.txt)"),
                _TEXT: self.tr("Plain text (*.txt *.md);;All files (*)"),
                _NPZ: self.tr("NumPy arrays (*.npz *.npy)"),
            }[kind]
            path = QFileDialog.getOpenFileName(self, self.tr("Choose a data file"), "", words)[0]
        if not path:
            return ""
        try:
            return ASKED[kind](path, self) if kind in ASKED else data.source_for(path, "" if kind == _NPZ else kind)
        except DataError as error:
            self.refused.emit(in_clicks(str(error)))
            return ""

    def _ask_how(self) -> None:
        """Let the person choose anew how the file is read."""
        self.refused.emit("")
        try:
            parsed = data.parse_source(self._source)
            source = ASKED[parsed.kind](parsed.name, self, self._source)
        except DataError as error:
            self.refused.emit(in_clicks(str(error)))
            return
        if source and source != self._source:
            self.show_value(source)
            self.edited.emit(source)


def _parsed_kind(source: str) -> str:
    return source.partition(":")[0].strip().lower() if ":" in source else ""


def _short(source: str) -> str:
    kind, colon, rest = source.partition(":")
    if not colon:
        return source
    name = Path(rest.partition("?")[0]).name
    return name if name.lower().endswith(f".{kind}") else f"{name} ({kind})"
