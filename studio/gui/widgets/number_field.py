"""A field for a number that accepts any typing and says in a sentence what is wrong with it."""

from __future__ import annotations

import math

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QValidator
from PySide6.QtWidgets import QAbstractSpinBox, QWidget

from studio.core.fields import Field, FieldError
from studio.gui.widgets import numbers


class NumberField(QAbstractSpinBox):
    """Shows the value of an ``integer`` or ``real`` field; arrows step it.

    Unlike Qt's own fields it never changes silently what a person typed: a number out of
    range stays there, with `refused` saying why, until it is mended or Escape takes it back.

    Parameters
    ----------
    field : Field
        Range and kind.
    name : str
        What error sentences call it.
    """

    #: A new legal value.
    value_changed = Signal(object)
    #: One sentence; empty once the input is legal again.
    refused = Signal(str)

    def __init__(self, field: Field, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._field, self._name = field, name
        self._value: float = field.default
        self._problem = ""
        self.setKeyboardTracking(False)
        # A stylesheet's padding does not reach the line edit of a spin box.
        self.lineEdit().setTextMargins(7, 0, 0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.editingFinished.connect(self._take_text)
        self._show()

    @property
    def value(self) -> float:
        """The last legal value."""
        return self._value

    def set_value(self, value: float) -> None:
        """Show a value without telling anybody."""
        changed = value != self._value
        self._value = value
        if changed or not self._problem:
            self._complain("")
            if not (self.lineEdit().hasFocus() and self.lineEdit().isModified()):
                self._show()

    def sizeHint(self) -> QSize:
        return QSize(76, 28)

    def minimumSizeHint(self) -> QSize:
        return QSize(48, 28)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:  # type: ignore[override]
        return QValidator.State.Acceptable, text, position

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        flags = QAbstractSpinBox.StepEnabledFlag.StepNone
        if self._field.maximum is None or self._value < self._field.maximum:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepUpEnabled
        if self._field.minimum is None or self._value > self._field.minimum:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepDownEnabled
        return flags

    def stepBy(self, steps: int) -> None:
        self._take_text()
        self._offer(self._stepped(steps))
        self.selectAll()

    def keyPressEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Escape and (self._problem or self.lineEdit().isModified()):
            self._complain("")
            self._show()
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.selectAll()

    def wheelEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        # Scrolling a form must not change what is in it.
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.selectAll()

    def _stepped(self, steps: int) -> float:
        if self._field.kind == "integer":
            return self._value + steps
        if self._field.logarithmic:
            if self._value <= 0:
                return 1e-5 if steps > 0 else 0.0
            # To the next of 1, 2, 5, 10, ...
            ladder = [m * 10.0**e for e in range(-12, 4) for m in (1, 2, 5)]
            above = [v for v in ladder if v > self._value * 1.0001]
            below = [v for v in ladder if v < self._value * 0.9999]
            return float(f"{(above[0] if steps > 0 else below[-1]):.6g}") if (above if steps > 0 else below) else 0.0
        span = (self._field.maximum or 1.0) - (self._field.minimum or 0.0)
        size = 10.0 ** math.floor(math.log10(span / 10)) if span > 0 else 0.1
        return round(self._value + steps * size, 10)

    def _offer(self, value: float) -> None:
        low, high = self._field.minimum, self._field.maximum
        value = max(value, low) if low is not None else value
        value = min(value, high) if high is not None else value
        if value != self._value:
            self._value = self._field.check(self._name, value)
            self._complain("")
            self._show()
            self.value_changed.emit(self._value)

    def _take_text(self) -> None:
        text = self.lineEdit().text().strip().replace("−", "-")
        if self._field.unit:
            text = text.removesuffix(self._field.unit).strip()
        if text == self._text():
            self._complain("")
            return
        try:
            value = self._field.check(self._name, _number(text, self._name))
        except FieldError as error:
            self._complain(str(error))
            return
        changed = value != self._value
        self._value = value
        self._complain("")
        self._show()
        if changed:
            self.value_changed.emit(value)

    def _text(self) -> str:
        return str(int(self._value)) if self._field.kind == "integer" else numbers.plain(self._value)

    def _show(self) -> None:
        self.lineEdit().setText(f"{self._text()} {self._field.unit}".rstrip())
        self.lineEdit().setModified(False)

    def _complain(self, sentence: str) -> None:
        if sentence == self._problem:
            return
        self._problem = sentence
        self.setProperty("wrong", bool(sentence))
        self.style().unpolish(self)
        self.style().polish(self)
        self.refused.emit(sentence)


def _number(text: str, name: str) -> float:
    if not text:
        raise FieldError(f"{name} is empty: type a number.")
    # A comma is how half of Europe writes the decimal point.
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise FieldError(f"{name} must be a number, not {text[:40]!r}.") from None
