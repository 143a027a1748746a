"""Which validation sample the strip, the maps and the canvas look at."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QSpinBox, QWidget

from studio.core.dataset import Dataset
from studio.core.graph import Graph
from studio.core.vocabulary import text_of
from studio.engine.messages import Snapshot
from studio.gui.panels.class_scores import class_names, class_numbers, data_node, one_class_each, step_classes

#: Characters of a right answer that is a text.
_LONGEST = 32


class SampleChoice(QObject):
    """The sample a person picked, by its number in the validation part."""

    #: Emitted with the number after another sample was picked.
    chosen = Signal(int)
    #: Emitted after other samples were loaded.
    loaded = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._index = 0
        self._dataset: Dataset | None = None
        self._words: tuple[str, ...] = ()

    @property
    def index(self) -> int:
        """Number of the picked sample, from 0."""
        return self._index

    @property
    def dataset(self) -> Dataset | None:
        """The data set the samples come from, once it is loaded."""
        return self._dataset

    @property
    def count(self) -> int:
        """How many validation samples there are."""
        return 0 if self._dataset is None else len(self._dataset.validation)

    def pick(self, index: int) -> None:
        """Pick a sample; numbers beyond the ends give the last and the first."""
        index = max(0, min(index, self.count - 1))
        if index != self._index:
            self._index = index
            self.chosen.emit(index)

    def follow(self, snapshot: Snapshot, graph: Graph) -> None:
        """Take the data set of a snapshot that feeds the graph on the canvas.

        A graph that cannot train yet is not in a snapshot, whose data may be another's.
        """
        source = data_node(graph)
        seen = snapshot.graph
        same = source is not None and seen is not None and source.id in seen and seen.node(source.id).layer == source.layer
        dataset = snapshot.datasets.get(source.id) if source is not None and same else None
        if dataset is self._dataset:
            return
        self._dataset = dataset
        self._words = () if dataset is None else _label_words(dataset)
        self.loaded.emit()
        self.pick(self._index)

    def label(self, index: int) -> str:
        """The right answer of a sample, as people read it; empty for an unknown one."""
        return self._words[index] if 0 <= index < len(self._words) else ""


def _label_words(dataset: Dataset) -> tuple[str, ...]:
    info, y = dataset.info, dataset.validation.y
    if info.target == "values":
        rows = y.reshape(len(y), -1)
        return tuple(", ".join(f"{v:.3g}" for v in row[:4]) for row in rows)
    steps = step_classes(y, info)
    if steps is not None:
        # What comes next is hardly more than the sample itself.
        return () if info.continues else tuple(_shortened(text_of(row, info.classes)) for row in steps)
    if not one_class_each(info):
        return ()
    names = class_names(info)
    numbers = class_numbers(y, len(names) or int(y.max(initial=0)) + 1)
    return tuple(names[n] if n < len(names) else str(n) for n in numbers.tolist())


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


class SamplePicker(QSpinBox):
    """A box with the picked sample: arrows, wheel and keys go to the next and the previous."""

    def __init__(self, choice: SampleChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choice = choice
        self.setAccessibleName(self.tr("Sample"))
        self.setToolTip(self.tr("Which validation sample is sent through the network; up and down take the next."))
        self.setKeyboardTracking(False)
        self.lineEdit().setTextMargins(6, 0, 0, 0)
        self.valueChanged.connect(choice.pick)
        choice.chosen.connect(self.setValue)
        choice.loaded.connect(self._renew)
        self._renew()

    def _renew(self) -> None:
        self.setRange(0, max(0, self._choice.count - 1))
        self.setEnabled(self._choice.count > 0)
        self.setValue(self._choice.index)
        self.lineEdit().setText(self.textFromValue(self.value()))

    def textFromValue(self, value: int) -> str:
        words = self._choice.label(value)
        if not words:
            return f"#{value}"
        return self.tr("#{0}, label {1}").format(value, words)

    def valueFromText(self, text: str) -> int:
        digits = text.partition(",")[0].strip().lstrip("#").strip()
        return int(digits) if digits.isdigit() else self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        digits = text.partition(",")[0].strip().lstrip("#").strip()
        fits = digits.isdigit() and int(digits) <= self.maximum()
        state = QValidator.State.Acceptable if fits else QValidator.State.Intermediate
        return (state, text, position)
