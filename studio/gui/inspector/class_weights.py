"""How much each class counts in a loss: one number a class, beside the class's name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from studio.core.dataset import Dataset, DatasetInfo
from studio.core.fields import Field
from studio.core.graph import Graph, Node
from studio.core.inference import Inference
from studio.core.loss import ClassLoss
from studio.data import class_balance
from studio.gui.inspector.editors import Editor, RealsEditor
from studio.gui.widgets.label import ElidedLabel
from studio.gui.widgets.number_field import NumberField

#: More classes than this get one line with all numbers.
MOST_ROWS = 20
_ROW, _GAP, _NUMBER = 28, 4, 96


class ClassWeightsEditor(Editor):
    """A row for each class: its name and how much it counts; one line where there are many."""

    def __init__(self, field: Field, title: str, parent: QWidget | None = None) -> None:
        super().__init__(field, title, parent)
        self._classes: tuple[str, ...] = ()
        self._value: tuple[float, ...] = ()
        self._one = dataclasses.replace(field, kind="real", default=1.0)
        self.numbers: list[NumberField] = []
        self.line = RealsEditor(field, title, self)
        self.line.edited.connect(self.edited)
        self.line.refused.connect(self.refused)
        self._rows = QWidget(self)
        self._grid = QGridLayout(self._rows)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_GAP)
        self._grid.setColumnStretch(0, 1)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(self.line)
        column.addWidget(self._rows)
        self._row.addLayout(column, 1)
        self._fit()

    def show_value(self, value: Any) -> None:
        self._value = tuple(value)
        self.line.show_value(value)
        for number, one in zip(self.numbers, self._padded(), strict=True):
            number.set_value(one)

    def show_classes(self, classes: tuple[str, ...], given: bool) -> None:
        """Say which classes there are.

        Parameters
        ----------
        given : bool
            Whether a person gives the numbers; else they can only be looked at.
        """
        if classes != self._classes:
            self._classes = classes
            self._build()
            self._fit()
            self.show_value(self._value)
        for number in self.numbers:
            number.setReadOnly(not given)
            number.setFocusPolicy(Qt.FocusPolicy.StrongFocus if given else Qt.FocusPolicy.NoFocus)
        self.line.line.setReadOnly(not given)

    def _build(self) -> None:
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.setParent(None)
                widget.deleteLater()
        self.numbers = []
        for row, name in enumerate(self._classes if len(self._classes) <= MOST_ROWS else ()):
            label = ElidedLabel(name, "body", "text-2")
            label.setToolTip(name)
            number = NumberField(self._one, name, self)
            number.setFixedSize(_NUMBER, _ROW)
            number.setAccessibleName(self.tr("Weight of {name}").format(name=name))
            number.value_changed.connect(self._changed)
            number.refused.connect(self.refused)
            label.setBuddy(number)
            self._grid.addWidget(label, row, 0)
            self._grid.addWidget(number, row, 1)
            self.numbers.append(number)

    def _fit(self) -> None:
        self._rows.setVisible(bool(self.numbers))
        self.line.setVisible(not self.numbers)
        self.setFixedHeight(len(self.numbers) * (_ROW + _GAP) - _GAP if self.numbers else _ROW)

    def _padded(self) -> tuple[float, ...]:
        return (*self._value, *[1.0] * len(self.numbers))[: len(self.numbers)]

    def _changed(self) -> None:
        self.edited.emit(tuple(float(number.value) for number in self.numbers))


def classes_of(node: Node, graph: Graph, inference: Inference, datasets: Mapping[str, DatasetInfo | str]) -> tuple[str, ...]:
    """Names of the classes that a loss tells apart; empty while it is not known how many there are."""
    loss = node.layer
    shapes = inference.input_shapes.get(node.id) or _known_shapes(node, graph, inference)
    if not isinstance(loss, ClassLoss) or not shapes or not shapes[0]:
        return ()
    count = 2 if loss.class_kind == "binary" else shapes[0][-1]
    source = _target(node, graph)
    info = datasets.get(source[0])
    names = info.names_of(source[1]) if isinstance(info, DatasetInfo) else ()
    return names if len(names) == count else tuple(f"class {i}" for i in range(count))


def _known_shapes(node: Node, graph: Graph, inference: Inference) -> tuple[Any, ...]:
    """What goes into a loss that has a problem, such as weights for another number of classes."""
    wires = [w for w in graph.feeds(node.id) if w is not None]
    return tuple(inference.shapes[w.source][w.source_port] for w in wires if w.source in inference.shapes)


def balanced_factors(
    node: Node, graph: Graph, classes: int, datasets: Mapping[str, Dataset]
) -> tuple[float, ...]:
    """How much each class counts if all shall count alike in the training part; empty while it is not loaded."""
    loss = node.layer
    source, port = _target(node, graph)
    dataset = datasets.get(source)
    if not isinstance(loss, ClassLoss) or dataset is None or port != 1 or len(dataset.info.classes) != classes:
        return ()
    counts = np.array(list(class_balance(dataset)["train"].values()), np.float64)
    ignored = getattr(loss, "ignore_class", -1)
    if 0 <= ignored < classes:
        counts[ignored] = 0.0
    return tuple(round(float(f), 4) for f in loss.replace(class_weight="balanced").class_factors(counts))


def _target(node: Node, graph: Graph) -> tuple[str, int]:
    """Node and port that a loss's target comes from; an empty node if it has none."""
    wire = next((w for w in graph.incoming(node.id) if w.target_port == 1), None)
    return (wire.source, wire.source_port) if wire is not None else ("", 0)
