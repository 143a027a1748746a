"""Which validation sample the strip, the maps and the canvas look at."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QSpinBox, QWidget

from studio.core.dataset import Dataset
from studio.core.graph import Graph
from studio.core.vocabulary import text_of
from studio.engine.messages import OwnSample, Snapshot
from studio.gui.panels.class_scores import class_names, class_numbers, data_node, one_class_each, step_classes

#: Characters of a right answer that is a text.
_LONGEST = 32
#: In place of a number: the sample that the person made.
OWN = -1


class SampleChoice(QObject):
    """The sample a person picked, by its number in the validation part, or one of the person's own."""

    #: Emitted with the number, or `OWN`, after another sample was picked.
    chosen = Signal(int)
    #: Emitted after other samples were loaded.
    loaded = Signal()
    #: Emitted after the person's own sample came or went.
    offered = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._index = 0
        self._dataset: Dataset | None = None
        self._words: tuple[str, ...] = ()
        self._own: OwnSample | None = None
        self._own_words = ""
        self._is_own = False

    @property
    def index(self) -> int:
        """Number of the picked validation sample, from 0; of the last one while the person's own is looked at."""
        return self._index

    @property
    def own(self) -> OwnSample | None:
        """The person's own sample, if there is one."""
        return self._own

    @property
    def is_own(self) -> bool:
        """Whether the person's own sample is looked at, whose right answer nobody knows."""
        return self._is_own

    @property
    def shown(self) -> int:
        """Number of the sample that is looked at, or `OWN`."""
        return OWN if self._is_own else self._index

    def watched(self) -> OwnSample | None:
        """What `Watch.own` is to be."""
        return self._own if self._is_own else None

    def show_own(self, own: OwnSample | None, words: str = "") -> None:
        """Look at the person's own sample; with None go back to the validation samples.

        Parameters
        ----------
        words : str
            What people call it, such as ``Your drawing``.
        """
        offered = (self._own is None, self._own_words)
        if own is None and self._own is None:
            return
        self._own, self._own_words, self._is_own = own, words, own is not None
        if offered != (own is None, words):
            self.offered.emit()
        self.chosen.emit(self.shown)

    @property
    def dataset(self) -> Dataset | None:
        """The data set the samples come from, once it is loaded."""
        return self._dataset

    @property
    def count(self) -> int:
        """How many validation samples there are."""
        return 0 if self._dataset is None else len(self._dataset.validation)

    def pick(self, index: int) -> None:
        """Pick a sample; numbers beyond the ends give the last and the first, `OWN` the person's own."""
        is_own = index == OWN and self._own is not None
        index = max(0, min(self._index if is_own else index, self.count - 1))
        if (index, is_own) != (self._index, self._is_own):
            self._index, self._is_own = index, is_own
            self.chosen.emit(self.shown)

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
        if self._own is not None and (source is None or dataset is None or self._own.x.shape != dataset.info.x_shape):
            self.show_own(None)
        self.loaded.emit()
        self.pick(self.shown)

    def label(self, index: int) -> str:
        """The right answer of a sample, as people read it; of the person's own its name; empty for an unknown one."""
        if index == OWN:
            return self._own_words
        return self._words[index] if 0 <= index < len(self._words) else ""


def _label_words(dataset: Dataset) -> tuple[str, ...]:
    info, y = dataset.info, dataset.validation.y
    if info.target == "values":
        rows = (y * dataset.y_scale + dataset.y_mean).reshape(len(y), -1)
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
        choice.offered.connect(self._renew)
        self._renew()

    def _renew(self) -> None:
        # Another range may leave another number in the box, which nobody picked.
        blocked = self.blockSignals(True)
        self.setRange(OWN if self._choice.own is not None else 0, max(0, self._choice.count - 1))
        self.setEnabled(self._choice.count > 0)
        self.setValue(self._choice.shown)
        self.blockSignals(blocked)
        self.lineEdit().setText(self.textFromValue(self.value()))

    def textFromValue(self, value: int) -> str:
        words = self._choice.label(value)
        if value == OWN:
            return words
        if not words:
            return f"#{value}"
        return self.tr("#{0}, label {1}").format(value, words)

    def valueFromText(self, text: str) -> int:
        digits = text.partition(",")[0].strip().lstrip("#").strip()
        return int(digits) if digits.isdigit() else self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        digits = text.partition(",")[0].strip().lstrip("#").strip()
        own = self._choice.own is not None and text == self._choice.label(OWN)
        fits = own or (digits.isdigit() and int(digits) <= self.maximum())
        state = QValidator.State.Acceptable if fits else QValidator.State.Intermediate
        return (state, text, position)
