"""A form for any component, made from its declared fields."""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from studio.core.component import Component
from studio.core.fields import Field
from studio.gui.inspector.editors import Editor, make_editor, title_of
from studio.gui.widgets.fixed import fix
from studio.gui.widgets.label import ElidedLabel, Label

_LABELS = 104


class Form(QWidget):
    """Shows a component's parameters and reports what a person changes.

    Parameters
    ----------
    without : collection of str
        Names of parameters that are edited elsewhere.
    only : collection of str, optional
        Names of the parameters that are edited here; all but those of `without` if it is not given.
    headings : mapping of str to str
        What stands above the row of a parameter, by its name.
    """

    #: Emitted with name and legal value.
    edited = Signal(str, object)

    def __init__(
        self,
        without: Collection[str] = (),
        only: Collection[str] | None = None,
        headings: Mapping[str, str] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._without = frozenset(without)
        self._only = None if only is None else frozenset(only)
        self._headings = dict(headings or {})
        self._type: type[Component] | None = None
        self.editors: dict[str, Editor] = {}
        self._errors: dict[str, QLabel] = {}
        self._labels: dict[str, QLabel] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(7)
        self._grid.setColumnStretch(1, 1)

    def show_component(self, component: Component, special: Mapping[str, Editor] | None = None) -> None:
        """Show a component's values; rows are made anew only for another type.

        Parameters
        ----------
        component : Component
        special : mapping of str to Editor
            Editors to use in place of the usual ones; they go to the form.
        """
        if type(component) is not self._type:
            self._build(type(component), dict(special or {}))
        for name, editor in self.editors.items():
            editor.show_value(getattr(component, name))

    def needs_building(self, component: Component) -> bool:
        """Whether `show_component` would make the rows anew."""
        return type(component) is not self._type

    def hide_rows(self, names: Collection[str]) -> None:
        """Hide the parameters that mean nothing as the others are; show all others."""
        for name, editor in self.editors.items():
            for widget in (editor, self._labels[name]):
                widget.setVisible(name not in names)

    def is_hidden(self, name: str) -> bool:
        """Whether a parameter's row is hidden."""
        return self.editors[name].isHidden()

    def refuse(self, name: str, sentence: str) -> None:
        """Show below a parameter what is wrong; an empty sentence takes it back."""
        error = self._errors[name]
        error.setText(sentence)
        error.setVisible(bool(sentence))

    def error(self, name: str) -> str:
        """What is shown to be wrong with a parameter."""
        return self._errors[name].text()

    def _build(self, component: type[Component], special: dict[str, Editor]) -> None:
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.setParent(None)
                widget.deleteLater()
        self._type = component
        self.editors, self._errors, self._labels = {}, {}, {}
        row = 0
        for name, field in component.parameters().items():
            if name in self._without or (self._only is not None and name not in self._only):
                continue
            if name in self._headings:
                self._grid.addWidget(Label(self._headings[name], "tab", "text-2"), 3 * row, 0, 1, 2)
            self._add_row(3 * row + 1, name, field, special.get(name))
            row += 1

    def _add_row(self, row: int, name: str, field: Field, editor: Editor | None) -> None:
        title = title_of(name, self._type.__name__ if self._type is not None else "")
        editor = editor or make_editor(field, title, self)
        label = ElidedLabel(title, "body", "text-2")
        fix(label, _LABELS)
        label.setBuddy(editor)
        note = self.tr("Can be changed while training runs.") if field.live else ""
        tip = f"<p>{html.escape(field.help)}</p>" + (f"<p><i>{note}</i></p>" if note else "")
        for widget in (label, editor):
            widget.setToolTip(tip)
        error = Label("", "small", "error", wrap=True)
        error.hide()
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(editor, row, 1)
        # A row without words takes no space: hidden widgets are left out, spacing and all.
        self._grid.addWidget(error, row + 1, 0, 1, 2)
        self.editors[name], self._errors[name], self._labels[name] = editor, error, label
        editor.edited.connect(lambda value, n=name: self.edited.emit(n, value))
        editor.refused.connect(lambda sentence, n=name: self.refuse(n, sentence))
