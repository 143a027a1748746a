"""The inspector's page when nothing is selected: how the network is trained, and on what."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from studio.core import registry
from studio.core.document import Document
from studio.core.fields import FieldError
from studio.gui.gesture import Gesture
from studio.gui.inspector.balance import BalanceView
from studio.gui.inspector.editors import title_of
from studio.gui.inspector.form import Form
from studio.gui.live import Live
from studio.gui.session import Session
from studio.gui.training_link import optimizer_of
from studio.gui.widgets.label import Label, Rule
from studio.layers.data import Data


class TrainingPage(QScrollArea):
    """Optimizer with its parameters, batch size, epochs and seed; then the data."""

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._gesture = Gesture()
        self.setWidgetResizable(True)
        self.setAccessibleName(self.tr("Training settings"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.optimizer = QComboBox()
        self.optimizer.addItems(list(registry.optimizers()))
        self.optimizer.setAccessibleName(self.tr("Optimizer"))
        self.optimizer.activated.connect(self._choose_optimizer)
        self.optimizer_form = Form()
        self.optimizer_form.edited.connect(self._edit_optimizer)
        self.training_form = Form(without=("device", "threads"))
        self.training_form.edited.connect(self._edit_training)
        self.help = Label("", "body", "text-2", wrap=True)
        self.formula = Label("", "formula", "text", wrap=True)
        self.balance = BalanceView(session, live)
        page = QWidget()
        page.setObjectName("page")
        column = QVBoxLayout(page)
        column.setContentsMargins(12, 14, 12, 16)
        column.setSpacing(8)
        column.addWidget(Label(self.tr("Training"), "inspector-title"))
        hint = self.tr("Select a layer on the canvas to see what is inside it.")
        column.addWidget(Label(hint, "body", "text-3", wrap=True))
        column.addSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(10)
        label = Label(self.tr("Optimizer"), "body", "text-2")
        label.setFixedWidth(104)
        label.setBuddy(self.optimizer)
        row.addWidget(label)
        row.addWidget(self.optimizer, 1)
        column.addLayout(row)
        column.addWidget(self.optimizer_form)
        column.addWidget(self.training_form)
        column.addSpacing(4)
        column.addWidget(Rule())
        column.addWidget(Label(self.tr("What the optimizer does"), "heading"))
        column.addWidget(self.help)
        column.addWidget(self.formula)
        column.addSpacing(4)
        column.addWidget(self.balance)
        column.addStretch(1)
        self.setWidget(page)
        session.document_changed.connect(self._document_changed)
        self._document_changed(session.document, session.document)

    def _document_changed(self, before: Document, after: Document) -> None:
        optimizer = optimizer_of(after.training)
        self.optimizer.setCurrentText(optimizer.type_name())
        self.optimizer_form.show_component(optimizer)
        self.training_form.show_component(after.training)
        self.help.show_text(optimizer.help)
        self.formula.show_text(optimizer.formula)
        source = next((n.id for n in after.graph.nodes if isinstance(n.layer, Data)), "")
        self.balance.setVisible(bool(source))
        self.balance.look_at(source)

    def _choose_optimizer(self, _index: int) -> None:
        chosen = registry.optimizer(self.optimizer.currentText())
        before = optimizer_of(self._session.document.training)
        if isinstance(before, chosen):
            return
        # What both have keeps its value: the learning rate above all.
        kept = {n: getattr(before, n) for n in chosen.parameters() if n in before.parameters()}
        document = self._session.document
        self._session.edit(document.with_training(optimizer=chosen(**kept)), self.tr("change optimizer"))

    def _edit_optimizer(self, name: str, value: object) -> None:
        document = self._session.document
        try:
            after = document.with_training(optimizer=optimizer_of(document.training).replace(**{name: value}))
        except FieldError as error:
            self.optimizer_form.refuse(name, str(error))
            return
        self._session.edit(after, self._text(name), self._gesture.key(f"training.{name}"))

    def _edit_training(self, name: str, value: object) -> None:
        try:
            after = self._session.document.with_training(**{name: value})
        except FieldError as error:
            self.training_form.refuse(name, str(error))
            return
        self._session.edit(after, self._text(name), self._gesture.key(f"training.{name}"))

    def _text(self, name: str) -> str:
        return self.tr("change {parameter}").format(parameter=title_of(name).lower())

