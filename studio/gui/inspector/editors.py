"""One editor for each kind of parameter field."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QMenu, QPushButton, QWidget

from studio.core.fields import Field, FieldError
from studio.core.shapes import describe
from studio.gui.inspector.choice_help import help_of
from studio.gui.widgets.fixed import fix
from studio.gui.widgets.label import Label
from studio.gui.widgets.number_field import NumberField
from studio.gui.widgets.still_combo_box import StillComboBox
from studio.gui.widgets.value_slider import ValueSlider, slider_range


class Editor(QWidget):
    """Shows one value and reports legal changes.

    Parameters
    ----------
    field : Field
        Kind, range and choices.
    title : str
        What people and error sentences call it.
    """

    #: A new legal value the person gave.
    edited = Signal(object)
    #: One sentence that says why the input cannot be; empty once it can.
    refused = Signal(str)

    def __init__(self, field: Field, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field, self.title = field, title
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        fix(self, height=28)

    def show_value(self, value: Any) -> None:
        """Show a value without reporting it."""
        raise TypeError(f"{type(self).__name__} shows nothing.")

    def _add(self, widget: QWidget, stretch: int = 0) -> None:
        widget.setAccessibleName(self.title)
        widget.setAccessibleDescription(self.field.help)
        self._row.addWidget(widget, stretch)
        if self.focusProxy() is None:
            self.setFocusProxy(widget)


class NumberEditor(Editor):
    """A number field, and a slider where the range is one to slide over."""

    def __init__(self, field: Field, title: str, parent: QWidget | None = None) -> None:
        super().__init__(field, title, parent)
        self.number = NumberField(field, title, self)
        span = slider_range(field)
        self.slider: ValueSlider | None = None
        if span is None:
            self._add(self.number, 1)
        else:
            fix(self.number, 78)
            self._add(self.number)
            self.slider = ValueSlider(field, span, self)
            self._add(self.slider, 1)
            self.slider.value_moved.connect(self._slid)
        self.number.value_changed.connect(self._typed)
        self.number.refused.connect(self.refused)

    def show_value(self, value: Any) -> None:
        self.number.set_value(value)
        if self.slider is not None:
            self.slider.show_value(value)

    def _typed(self, value: Any) -> None:
        if self.slider is not None:
            self.slider.show_value(value)
        self.edited.emit(value)

    def _slid(self, value: Any) -> None:
        if value != self.number.value:
            self.number.set_value(value)
            self.edited.emit(value)


class ChoiceEditor(Editor):
    """A list of names."""

    def __init__(self, field: Field, title: str, parent: QWidget | None = None) -> None:
        super().__init__(field, title, parent)
        self.list = StillComboBox(self)
        for name in field.options():
            self.list.addItem(name)
            self.list.setItemData(self.list.count() - 1, help_of(field, name), Qt.ItemDataRole.ToolTipRole)
        self._add(self.list, 1)
        self.list.activated.connect(lambda _index: self.edited.emit(self.list.currentText()))

    def show_value(self, value: Any) -> None:
        self.list.setCurrentText(str(value))
        self.list.setToolTip(help_of(self.field, str(value)))


class FlagEditor(Editor):
    """A yes or no."""

    def __init__(self, field: Field, title: str, parent: QWidget | None = None) -> None:
        super().__init__(field, title, parent)
        self.box = QCheckBox(self)
        self._add(self.box, 1)
        self.box.clicked.connect(lambda checked: self.edited.emit(bool(checked)))

    def show_value(self, value: Any) -> None:
        self.box.setChecked(bool(value))


class TextEditor(Editor):
    """A line of text."""

    def __init__(self, field: Field, title: str, parent: QWidget | None = None) -> None:
        super().__init__(field, title, parent)
        self.line = QLineEdit(self)
        self._add(self.line, 1)
        self.line.editingFinished.connect(self._take)
        self._value: Any = None

    def show_value(self, value: Any) -> None:
        self._value = value
        if not (self.line.hasFocus() and self.line.isModified()):
            self.line.setText(self._written(value))
            self.line.setModified(False)

    def keyPressEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Escape and self.line.isModified():
            self.line.setModified(False)
            self.show_value(self._value)
            self.refused.emit("")
        else:
            super().keyPressEvent(event)

    def _take(self) -> None:
        if not self.line.isModified():
            return
        try:
            value = self.field.check(self.title, self._read(self.line.text()))
        except FieldError as error:
            self.refused.emit(str(error))
            return
        self.refused.emit("")
        self.line.setModified(False)
        if value != self._value:
            self._value = value
            self.edited.emit(value)
        self.line.setText(self._written(value))

    def _written(self, value: Any) -> str:
        return str(value)

    def _read(self, text: str) -> Any:
        return text.strip()


class ShapeEditor(TextEditor):
    """Whole numbers with an x between them, such as ``8 x 8 x 16``."""

    def _written(self, value: Any) -> str:
        return describe(tuple(value))

    def _read(self, text: str) -> Any:
        pieces = [piece for piece in re.split(r"[\sx×,;()]+", text.strip()) if piece]
        try:
            return tuple(int(piece) for piece in pieces)
        except ValueError:
            raise FieldError(f"{self.title} must be whole numbers such as 8 x 8 x 16, not {text[:40]!r}.") from None


class RealsEditor(TextEditor):
    """Numbers with commas between them, such as ``0.1, 0.01``."""

    def _written(self, value: Any) -> str:
        return ", ".join(f"{number:.12g}" for number in value)

    def _read(self, text: str) -> Any:
        pieces = [piece for piece in re.split(r"[\s,;()]+", text.strip()) if piece]
        try:
            return tuple(float(piece) for piece in pieces)
        except ValueError:
            raise FieldError(f"{self.title} must be numbers such as 0.1, 0.01, not {text[:40]!r}.") from None


class NamesEditor(Editor):
    """A button with a list of names to tick; none ticked is the automatic choice."""

    def __init__(self, field: Field, title: str, parent: QWidget | None = None) -> None:
        super().__init__(field, title, parent)
        self.button = QPushButton(self)
        self.menu = QMenu(self.button)
        for name in field.options():
            action = self.menu.addAction(name.replace("_", " "))
            action.setData(name)
            action.setCheckable(True)
            action.setToolTip(help_of(field, name))
        self.menu.setToolTipsVisible(True)
        self.menu.triggered.connect(self._ticked)
        self.button.setMenu(self.menu)
        self.button.setProperty("kind", "compact")
        self._add(self.button, 1)

    def show_value(self, value: Any) -> None:
        for action in self.menu.actions():
            action.setChecked(action.data() in value)
        few = ", ".join(name.replace("_", " ") for name in value)
        self.button.setText(self.tr("automatic") if not value else few if len(value) < 3 else self.tr("{0} chosen").format(len(value)))

    def _ticked(self) -> None:
        value = tuple(action.data() for action in self.menu.actions() if action.isChecked())
        self.show_value(value)
        self.edited.emit(value)


class PairEditor(Editor):
    """Two whole numbers, such as the height and width of a window."""

    separator = "×"

    def __init__(self, field: Field, title: str, parent: QWidget | None = None) -> None:
        super().__init__(field, title, parent)
        self.numbers: list[NumberField] = []
        for default, which in zip(field.default, self._names(), strict=True):
            if self.numbers and self.separator:
                self._row.addWidget(Label(self.separator, "body", "text-3"))
            number = NumberField(dataclasses.replace(field, kind="integer", default=default), title, self)
            self._add(number, 1)
            number.setAccessibleName(f"{title}, {which}")
            number.setToolTip(which)
            number.value_changed.connect(self._changed)
            number.refused.connect(self.refused)
            self.numbers.append(number)

    def show_value(self, value: Any) -> None:
        for number, one in zip(self.numbers, value, strict=True):
            number.set_value(one)

    def _names(self) -> tuple[str, ...]:
        return self.tr("height"), self.tr("width")

    def _changed(self) -> None:
        self.edited.emit(tuple(int(number.value) for number in self.numbers))


class SidesEditor(PairEditor):
    """Four whole numbers, such as the zeros at each side of a picture."""

    separator = ""

    def __init__(self, field: Field, title: str, parent: QWidget | None = None) -> None:
        # Four fields share the room of two: without their unit, which would hide the number.
        super().__init__(dataclasses.replace(field, unit=""), title, parent)
        self._row.setSpacing(4)

    def _names(self) -> tuple[str, ...]:
        return self.tr("top"), self.tr("bottom"), self.tr("left"), self.tr("right")


_EDITORS: dict[str, type[Editor]] = {
    "integer": NumberEditor,
    "real": NumberEditor,
    "choice": ChoiceEditor,
    "flag": FlagEditor,
    "text": TextEditor,
    "pair": PairEditor,
    "sides": SidesEditor,
    "shape": ShapeEditor,
    "reals": RealsEditor,
    "names": NamesEditor,
}


def make_editor(field: Field, title: str, parent: QWidget | None = None) -> Editor:
    """The editor for a field's kind."""
    return _EDITORS[field.kind](field, title, parent)


_TITLES = {"l1": "L1 penalty", "l2": "L2 penalty", "beta_1": "Beta 1", "beta_2": "Beta 2", "use_bias": "Bias",
           "clipnorm": "Clip norm", "clipvalue": "Clip value", "global_clipnorm": "Global clip norm",
           "learning_rate_multiplier": "Rate multiplier", "pct_start": "Share of rise", "min_lr": "Lowest rate", "keep_best_weights": "Keep best",
           "restore_best_weights": "Restore best", "start_from_epoch": "From epoch",
           "Training.mode": "Layers learn", "ReduceLROnPlateau.mode": "Better is", "EarlyStopping.mode": "Better is",
           "t_mul": "Length factor", "m_mul": "Height factor"}  # fmt: skip


def title_of(name: str, owner: str = "") -> str:
    """A parameter's name in words: ``kernel_size`` is ``Kernel size``.

    Parameters
    ----------
    name : str
    owner : str
        Name of the component's type, which tells parameters of the same name apart.
    """
    return _TITLES.get(f"{owner}.{name}", _TITLES.get(name, name.replace("_", " ").capitalize()))
