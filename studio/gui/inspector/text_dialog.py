"""Asks how a text is to be read: by its characters or by its words, and how many of them a sample has."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from studio import data
from studio.data.text_file import LARGEST_WINDOW, SMALLEST_WINDOW, WINDOWS
from studio.gui.widgets.label import Label
from studio.gui.widgets.segments import SegmentedButtons

_LEVELS = tuple(WINDOWS)


class TextDialog(QDialog):
    """Asks how a text is to be read.

    Parameters
    ----------
    path : str
    source : str
        How it is read now; empty for a file that is new.
    """

    def __init__(self, path: str, source: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path = path
        old = data.parse_source(source) if source else None
        level = (old.option("level") if old is not None else None) or _LEVELS[0]
        window = old.whole("window", SMALLEST_WINDOW, LARGEST_WINDOW) if old is not None else None
        self.setWindowTitle(self.tr("How to read {name}").format(name=Path(path).name))
        self.level = SegmentedButtons((self.tr("Characters"), self.tr("Words")), parent=self)
        self.level.setAccessibleName(self.tr("Read its"))
        self.hint = Label("", "small", "text-2", wrap=True)
        self.window_size = QSpinBox(self)
        self.window_size.setRange(SMALLEST_WINDOW, LARGEST_WINDOW)
        # A stylesheet's padding does not reach the line edit of a spin box.
        self.window_size.lineEdit().setTextMargins(7, 0, 0, 0)
        self.window_size.setToolTip(self.tr("How many follow each other in a sample: so far back the network can look."))
        self.window_size.setAccessibleName(self.tr("In each sample"))
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self.level.chosen.connect(self.choose_level)
        self._arrange()
        self.level.set_current(_LEVELS.index(level))
        self.window_size.setValue(window or WINDOWS[level])
        self._explain()

    def _arrange(self) -> None:
        label = Label(self.window_size.accessibleName(), "body", "text-2")
        label.setBuddy(self.window_size)
        label.setToolTip(self.window_size.toolTip())
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(label)
        row.addWidget(self.window_size, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(12)
        column.addWidget(Label(self.tr("How should {name} be read?").format(name=Path(self._path).name), "heading", wrap=True))
        column.addWidget(self.level)
        column.addWidget(self.hint)
        column.addLayout(row)
        column.addStretch(1)
        column.addWidget(self._buttons)
        self.setMinimumWidth(420)

    @property
    def _chosen(self) -> str:
        return _LEVELS[self.level.current]

    def choose_level(self, index: int) -> None:
        """Take characters (0) or words (1), and as many of them as is usual where nothing else was said."""
        self.level.set_current(index)
        if self.window_size.value() == WINDOWS[_LEVELS[1 - index]]:
            self.window_size.setValue(WINDOWS[self._chosen])
        self._explain()

    def _explain(self) -> None:
        self.hint.show_text(
            (
                self.tr("Each character becomes a number: the network learns to spell, too. Good for short texts."),
                self.tr("Each word and each mark becomes a number: the network never misspells, but needs a long text."),
            )[self.level.current]
        )

    @property
    def source(self) -> str:
        """What is chosen, as a source."""
        level, window = self._chosen, self.window_size.value()
        options: dict[str, str] = {} if level == _LEVELS[0] else {"level": level}
        if window != WINDOWS[level]:
            options["window"] = str(window)
        return data.source_for(self._path, "text", **options)


def ask_about_text(path: str, parent: QWidget | None, source: str = "") -> str:
    """Ask how a text is to be read; returns the source, empty if cancelled.

    Parameters
    ----------
    path : str
    parent : QWidget
    source : str
        How it is read now, if it is.

    Raises
    ------
    DataError
        When there is no such file.
    """
    data.source_for(path, "text")
    dialog = TextDialog(path, source, parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    chosen = dialog.source
    dialog.deleteLater()
    return chosen if accepted else ""
