"""A choice of component and its form: an optimizer, a schedule, a rule for stopping."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.core.component import Component
from studio.gui.inspector.form import Form
from studio.gui.widgets.fixed import fix
from studio.gui.widgets.label import Label
from studio.gui.widgets.still_combo_box import StillComboBox


class PartForm(QWidget):
    """A list of component types with the chosen one's parameters below it.

    Parameters
    ----------
    title : str
        What is chosen.
    classes : mapping of str to type
        By the names in the list.
    without : str
        The entry for none of them; it comes first.
    """

    #: Emitted with a type's name, empty for none.
    chosen = Signal(str)
    #: Emitted with name and legal value of a parameter.
    edited = Signal(str, object)

    def __init__(
        self, title: str, classes: Mapping[str, type[Component]], without: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._classes = classes
        self.list = StillComboBox()
        self.list.addItem(without, "")
        for name in classes:
            self.list.addItem(name, name)
        self.list.setAccessibleName(title)
        self.list.activated.connect(lambda index: self.chosen.emit(self.list.itemData(index)))
        self.help = Label("", "small", "text-3", wrap=True)
        self.form = Form()
        self.form.edited.connect(self.edited)
        label = Label(title, "body", "text-2")
        fix(label, 104)
        label.setBuddy(self.list)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(label)
        row.addWidget(self.list, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(7)
        column.addLayout(row)
        column.addWidget(self.help)
        column.addWidget(self.form)
        self.show_part(None)

    def show_part(self, part: Component | None) -> None:
        """Show which component is chosen, and its values."""
        index = self.list.findData(part.type_name()) if part is not None else 0
        self.list.setCurrentIndex(max(0, index))
        self.help.show_text(part.help if part is not None else "")
        self.help.setVisible(part is not None)
        self.form.setVisible(part is not None and bool(part.parameters()))
        if part is not None:
            self.form.show_component(part)

    def refuse(self, name: str, sentence: str) -> None:
        """Show below a parameter what is wrong."""
        self.form.refuse(name, sentence)
