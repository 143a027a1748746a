"""Asks how a CSV file is to be read: as a table, as text or as a series, and what its columns are for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio import data
from studio.data import Preview
from studio.data.csv_series import MOST_HORIZON, MOST_STEPS, STEPS
from studio.gui.widgets.label import Label
from studio.gui.widgets.segments import SegmentedButtons

_TABLE, _TEXT, _SERIES = range(3)
_LABELS = 120
#: Options of the source that this dialog knows nothing of and leaves as they are.
_KEPT = ("as", "header", "window")


class CsvDialog(QDialog):
    """Asks how a file is to be read.

    Parameters
    ----------
    path : str
    preview : Preview
        Its first lines.
    source : str
        How it is read now; empty for a file that is new.
    """

    def __init__(self, path: str, preview: Preview, source: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path, self._preview = path, preview
        self._old = data.parse_source(source) if source else None
        self.setWindowTitle(self.tr("How to read {name}").format(name=Path(path).name))
        self.target = self._list(preview.names, self.tr("Predict"))
        self.kind = SegmentedButtons((self.tr("Table"), self.tr("Text"), self.tr("Series")), parent=self)
        self.kind.setAccessibleName(self.tr("Read it as"))
        self.text = self._list(preview.names, self.tr("Sentences in"))
        self.level = self._list((self.tr("words"), self.tr("characters")), self.tr("Take its"))
        self.series = ColumnsButton(preview.numbers or preview.names, self.tr("Columns"), self.tr("none yet"), self)
        self.steps = self._number(1, MOST_STEPS, STEPS, self.tr("Lines to look at"))
        self.horizon = self._number(1, MOST_HORIZON, 1, self.tr("Lines ahead"))
        self.drop = ColumnsButton(preview.names, self.tr("Leave out"), self.tr("no column"), self)
        self.missing = self._list(
            (self.tr("are an error"), self.tr("are filled in"), self.tr("leave out their line")), self.tr("Blank cells")
        )
        self.weight = self._list((self.tr("all the same"), *preview.numbers), self.tr("Lines count"))
        self.hint = Label("", "small", "text-2", wrap=True)
        self._rows: list[tuple[QWidget, QWidget, frozenset[int]]] = []
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._arrange()
        self.kind.chosen.connect(self.choose_kind)
        self.series.ticked.connect(self._look)
        self._start()

    def _list(self, words: Sequence[str], name: str) -> QComboBox:
        box = QComboBox(self)
        box.addItems(list(words))
        box.setAccessibleName(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(16)
        return box

    def _number(self, least: int, most: int, value: int, name: str) -> QSpinBox:
        box = QSpinBox(self)
        box.setRange(least, most)
        box.setValue(value)
        box.setAccessibleName(name)
        # A stylesheet's padding does not reach the line edit of a spin box.
        box.lineEdit().setTextMargins(7, 0, 0, 0)
        return box

    def _arrange(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(7)
        grid.setColumnMinimumWidth(0, _LABELS)
        grid.setColumnStretch(1, 1)
        table, text, series = frozenset((_TABLE,)), frozenset((_TEXT,)), frozenset((_SERIES,))
        tips = {
            self.text: self.tr("The column whose words the network reads."),
            self.level: self.tr("Whether each word or each character becomes a number."),
            self.series: self.tr("What the network sees of each line."),
            self.steps: self.tr("How many lines in a row are one sample."),
            self.horizon: self.tr("How many lines after the last of them the answer is."),
            self.target: self.tr("The column with the right answers."),
            self.drop: self.tr("Columns that the network must not see, such as names and numbers of customers."),
            self.missing: self.tr("What happens where a cell is empty."),
            self.weight: self.tr("A column that says how much each line counts; the Loss is told."),
        }
        shown = {
            self.text: text, self.level: text, self.series: series, self.steps: series, self.horizon: series,
            self.target: table | text | series, self.drop: table, self.missing: table | text | series,
            self.weight: table | text | series,
        }  # fmt: skip
        for row, (widget, kinds) in enumerate(shown.items()):
            label = Label(widget.accessibleName(), "body", "text-2")
            label.setBuddy(widget)
            for one in (label, widget):
                one.setToolTip(tips[widget])
            grid.addWidget(label, row, 0)
            grid.addWidget(widget, row, 1)
            self._rows.append((label, widget, kinds))
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(12)
        column.addWidget(Label(self.tr("How should {name} be read?").format(name=Path(self._path).name), "heading", wrap=True))
        column.addWidget(_lines(self._preview, self))
        column.addWidget(self.kind)
        column.addWidget(self.hint)
        column.addLayout(grid)
        column.addStretch(1)
        column.addWidget(self._buttons)
        self.setMinimumWidth(480)

    def _start(self) -> None:
        """Show how the file is read now, or else what is likely."""
        preview, old = self._preview, self._old
        self.target.setCurrentText(preview.target)
        self.text.setCurrentText((preview.texts or preview.names)[0])
        kind = _TABLE
        if old is None:
            # Sentences beside an answer and little else are read as text anyway.
            kind = _TEXT if len(preview.texts) == 1 and len(preview.names) <= 3 else _TABLE
        else:
            kind = _SERIES if old.option("series") else _TEXT if old.option("text") else _TABLE
            for box, option in ((self.target, "target"), (self.text, "text"), (self.weight, "weight")):
                if (name := old.option(option)) is not None:
                    box.setCurrentText(self._named(name))
            self.series.tick([self._named(n) for n in old.values("series")])
            self.drop.tick([self._named(n) for n in old.values("drop")])
            self.level.setCurrentIndex(int(old.option("level") == "characters"))
            self.missing.setCurrentIndex((None, "fill", "skip").index(old.option("missing")))
            self.steps.setValue(old.whole("steps", 1, MOST_STEPS) or STEPS)
            self.horizon.setValue(old.whole("horizon", 1, MOST_HORIZON) or 1)
        self.kind.set_current(kind)
        self.choose_kind(kind)

    def _named(self, name: str) -> str:
        """A column by its name, also where the source has its number."""
        if name not in self._preview.names and name.isdigit() and 1 <= int(name) <= len(self._preview.names):
            return self._preview.names[int(name) - 1]
        return name

    def choose_kind(self, kind: int) -> None:
        """Show what belongs to a table, to text or to a series."""
        self.kind.set_current(kind)
        if kind == _SERIES and not self.series.names and self._preview.numbers:
            self.series.tick([self._preview.numbers[0]])
            if self._old is None:
                self.target.setCurrentText(self._preview.numbers[0])
        for label, widget, kinds in self._rows:
            label.setVisible(kind in kinds)
            widget.setVisible(kind in kinds)
        self.hint.show_text(
            (
                self.tr("Each line is one sample: the network sees its other columns and predicts one."),
                self.tr("Each line is one sample: the network reads the words of one column and predicts another."),
                self.tr("Lines follow each other in time: the network sees some in a row and predicts what comes later."),
            )[kind]
        )
        self._look()

    def _look(self) -> None:
        """OK only where there is something to read."""
        ready = self.kind.current != _SERIES or bool(self.series.names)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)

    @property
    def source(self) -> str:
        """What is chosen, as a source."""
        kind, old = self.kind.current, self._old
        options: dict[str, str | Sequence[str]] = {}
        if kind == _SERIES:
            options |= {"series": self.series.names, "steps": str(self.steps.value()), "horizon": str(self.horizon.value())}
        elif kind == _TEXT:
            options["text"] = self.text.currentText()
            if self.level.currentIndex():
                options["level"] = "characters"
        elif self.drop.names:
            options["drop"] = self.drop.names
        options["target"] = self.target.currentText()
        if self.missing.currentIndex():
            options["missing"] = ("", "fill", "skip")[self.missing.currentIndex()]
        if self.weight.currentIndex() > 0:
            options["weight"] = self.weight.currentText()
        for name in _KEPT if old is not None else ():
            value = old.option(name) if old is not None else None
            if value is not None and not (name == "window" and kind != _TEXT):
                options[name] = value
        return data.source_for(self._path, "csv", **options)  # type: ignore[arg-type]


class ColumnsButton(QPushButton):
    """A button with a list of columns to tick.

    Parameters
    ----------
    names : sequence of str
    title : str
        What it is for.
    nothing : str
        What it says while none is ticked.
    """

    #: Emitted when a column was ticked or unticked.
    ticked = Signal()

    def __init__(self, names: Sequence[str], title: str, nothing: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._nothing = nothing
        self._title = title
        self._menu = QMenu(self)
        self.setProperty("kind", "compact")
        for name in names:
            action = QAction(name, self._menu)
            action.setCheckable(True)
            action.toggled.connect(self._show)
            self._menu.addAction(action)
        self.setMenu(self._menu)
        self._show()

    def accessibleName(self) -> str:
        return self._title

    @property
    def names(self) -> list[str]:
        """The ticked columns, in the file's order."""
        return [action.text() for action in self._menu.actions() if action.isChecked()]

    def tick(self, names: Sequence[str]) -> None:
        """Tick exactly these."""
        for action in self._menu.actions():
            action.setChecked(action.text() in names)

    def _show(self) -> None:
        names = self.names
        few = ", ".join(names)
        many = self.tr("{count} columns").format(count=len(names))
        self.setText((few if len(few) <= 36 else many) if names else self._nothing)
        self.setAccessibleDescription(few)
        self.ticked.emit()


def _lines(preview: Preview, parent: QWidget) -> QTableWidget:
    """The first lines of the file."""
    table = QTableWidget(len(preview.rows), len(preview.names), parent)
    table.setHorizontalHeaderLabels(list(preview.names))
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    table.verticalHeader().hide()
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setMaximumSectionSize(180)
    table.setAccessibleName(table.tr("First lines of the file"))
    for row, cells in enumerate(preview.rows):
        for column, cell in enumerate(cells):
            table.setItem(row, column, QTableWidgetItem(cell))
    height = table.horizontalHeader().sizeHint().height() + sum(table.rowHeight(r) for r in range(len(preview.rows)))
    table.setFixedHeight(height + table.horizontalScrollBar().sizeHint().height() + 4)
    return table


def ask_how_to_read(path: str, parent: QWidget | None, source: str = "") -> str:
    """Ask how a CSV file is to be read; returns the source, empty if cancelled.

    Parameters
    ----------
    path : str
    parent : QWidget
    source : str
        How it is read now, if it is.

    Raises
    ------
    DataError
        When the file cannot be read.
    """
    dialog = CsvDialog(path, data.preview(path), source, parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    chosen = dialog.source
    dialog.deleteLater()
    return chosen if accepted else ""
