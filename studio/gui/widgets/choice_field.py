"""A number field that also offers usual values in a list."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QWidget

from studio.core.fields import Field, FieldError


class NumberChoice(QComboBox):
    """A whole number, chosen or typed.

    Parameters
    ----------
    field : Field
        Range.
    name : str
        What error sentences call it.
    usual : sequence of int
        Offered in the list.
    """

    value_changed = Signal(object)
    #: One sentence; empty once the input is legal again.
    refused = Signal(str)

    def __init__(self, field: Field, name: str, usual: Sequence[int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._field, self._name = field, name
        self._value = int(field.default)
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setCompleter(None)  # type: ignore[arg-type]
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        for value in usual:
            self.addItem(str(value))
        line = self.lineEdit()
        assert line is not None  # an editable box has one
        self._line = line
        line.editingFinished.connect(self._take_text)
        self.activated.connect(lambda _index: self._take_text())
        self.set_value(self._value)

    @property
    def value(self) -> int:
        """The last legal value."""
        return self._value

    def set_value(self, value: int) -> None:
        """Show a value without telling anybody."""
        self._value = value
        if not (self._line.hasFocus() and self._line.isModified()):
            self.setEditText(str(value))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.setEditText(str(self._value))
            self._complain("")
            return
        super().keyPressEvent(event)

    def wheelEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        event.ignore()

    def _take_text(self) -> None:
        text = self.currentText().strip()
        try:
            value = self._field.check(self._name, float(text))
        except FieldError as error:
            self._complain(str(error))
            return
        except ValueError:
            self._complain(self.tr("{name} must be a whole number, not '{text}'.").format(name=self._name, text=text[:40]))
            return
        self._complain("")
        self._line.setModified(False)
        if value != self._value:
            self._value = value
            self.value_changed.emit(value)
        self.setEditText(str(value))

    def _complain(self, sentence: str) -> None:
        self.setProperty("wrong", bool(sentence))
        self.style().unpolish(self)
        self.style().polish(self)
        self.refused.emit(sentence)
