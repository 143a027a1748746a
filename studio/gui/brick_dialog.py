"""The one question before a brick is kept: what it is called."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QPushButton, QVBoxLayout, QWidget

from studio.core.brick import LONGEST_NAME, Brick
from studio.gui.brick_shelf import BrickShelf
from studio.gui.widgets import numbers
from studio.gui.widgets.label import Label


class BrickDialog(QDialog):
    """Asks for a name, and warns before another brick is replaced.

    Parameters
    ----------
    brick : Brick
        What is to be kept, with the name that is proposed.
    shelf : BrickShelf
        Where it would go.
    """

    def __init__(self, brick: Brick, shelf: BrickShelf, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("brick-dialog")
        self.setWindowTitle(self.tr("Save as brick"))
        self._shelf = shelf
        #: Whether a person wants it in a file of their choice.
        self.elsewhere = False
        self.field = QLineEdit(brick.name)
        self.field.setMaxLength(LONGEST_NAME)
        self.field.setAccessibleName(self.tr("Name of the brick"))
        self.field.selectAll()
        self.warning = Label("", "body", "warning", wrap=True)
        names = [n.name for n in brick.graph.nodes]
        listed = ", ".join(names[:4]) + (self.tr(" and {count} more").format(count=len(names) - 4) if len(names) > 4 else "")
        what = self.tr("{names}: {count} learned numbers.").format(names=listed, count=numbers.grouped(brick.parameters))
        use = self.tr("It appears in the palette under My bricks. Put into a graph, it starts from what it has learned.")
        kinds = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(kinds.Cancel)
        self.save = QPushButton(self.tr("Save"))
        self.save.setProperty("kind", "primary")
        self.file = QPushButton(self.tr("Save in a file…"))
        self.file.setToolTip(self.tr("Keep it in a folder of your choice, for instance to give it to somebody."))
        buttons.addButton(self.save, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.file, QDialogButtonBox.ButtonRole.ActionRole)
        self.save.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.file.clicked.connect(self._choose_file)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(Label(what, "body", "text", wrap=True))
        label = Label(self.tr("Name"), "body", "text-2")
        label.setBuddy(self.field)
        column.addWidget(label)
        column.addWidget(self.field)
        column.addWidget(self.warning)
        column.addWidget(Label(use, "small", "text-3", wrap=True))
        column.addWidget(buttons)
        self.setMinimumWidth(400)
        self.field.textChanged.connect(self._check)
        self.field.setFocus()
        self._check()

    @property
    def name(self) -> str:
        """What was written."""
        return self.field.text().strip()

    def _check(self) -> None:
        there = self._shelf.named(self.name) if self.name else None
        words = ""
        if there is not None:
            words = self.tr("There is a brick called {name} already: saving replaces it.").format(name=there.name)
        self.warning.show_text(words)
        self.warning.setVisible(bool(words))
        self.save.setText(self.tr("Replace") if there is not None else self.tr("Save"))
        for button in (self.save, self.file):
            button.setEnabled(bool(self.name))

    def _choose_file(self) -> None:
        self.elsewhere = True
        self.accept()
