"""The inspector's page when nothing is selected: how the network is trained, and on what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from studio.core import registry
from studio.core.component import Component
from studio.core.document import Document
from studio.core.fields import FieldError
from studio.gui.gesture import Gesture
from studio.gui.inspector.balance import BalanceView
from studio.gui.inspector.editors import title_of
from studio.gui.inspector.form import Form
from studio.gui.inspector.part_form import PartForm
from studio.gui.live import Live
from studio.gui.session import Session
from studio.gui.training_link import optimizer_of
from studio.gui.widgets.fixed import fix
from studio.gui.widgets.label import Label, Rule
from studio.gui.widgets.still_combo_box import StillComboBox
from studio.layers.data import Data

#: Of an optimizer: what limits steps and weights. Of the run: what has a heading of its own.
_LIMITS = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm")
_STOPPING, _MEASURES = ("keep_best_weights",), ("metrics", "top_k")
#: What a rule starts with where Keras's own default would hardly be what a person wants.
_SUGGESTED: dict[str, dict[str, Any]] = {"EarlyStopping": {"patience": 10, "restore_best_weights": True}}


def _schedules() -> dict[str, type[Component]]:
    """All schedules but the one that is none."""
    return {name: found for name, found in registry.schedules().items() if name != "Constant"}


class TrainingPage(QScrollArea):
    """Optimizer and schedule with their parameters, batch size, epochs, seed, when to stop; then the data."""

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._gesture = Gesture()
        self.setWidgetResizable(True)
        self.setAccessibleName(self.tr("Training settings"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.optimizer = StillComboBox()
        self.optimizer.addItems(list(registry.optimizers()))
        self.optimizer.setAccessibleName(self.tr("Optimizer"))
        self.optimizer.activated.connect(self._choose_optimizer)
        self.optimizer_form = Form(headings={_LIMITS[0]: self.tr("Limits")})
        self.optimizer_form.edited.connect(self._edit_optimizer)
        self.schedule = PartForm(self.tr("Schedule"), _schedules(), self.tr("Constant"))
        self.schedule.chosen.connect(lambda name: self._choose("schedule", registry.schedules(), name))
        self.schedule.edited.connect(lambda name, value: self._edit_part("schedule", name, value))
        self.stopping = PartForm(self.tr("Stop early"), registry.stoppings(), self.tr("Never"))
        self.stopping.chosen.connect(lambda name: self._choose("early_stopping", registry.stoppings(), name))
        self.stopping.edited.connect(lambda name, value: self._edit_part("early_stopping", name, value))
        self.training_form = Form(without=("device", "threads", *_STOPPING, *_MEASURES))
        self.stopping_form, self.measures = Form(only=_STOPPING), Form(only=_MEASURES)
        self._training_forms = (self.training_form, self.stopping_form, self.measures)
        for form in self._training_forms:
            form.edited.connect(self._edit_training)
        self.help = Label("", "small", "text-3", wrap=True)
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
        row = QHBoxLayout()
        row.setSpacing(10)
        label = Label(self.tr("Optimizer"), "body", "text-2")
        fix(label, 104)
        label.setBuddy(self.optimizer)
        row.addWidget(label)
        row.addWidget(self.optimizer, 1)
        self._add_group(column, self.tr("Run"), self.training_form)
        self._add_group(column, self.tr("How weights are corrected"))
        column.addLayout(row)
        for widget in (self.help, self.formula, self.optimizer_form):
            column.addWidget(widget)
        self._add_group(column, self.tr("Learning rate over time"), self.schedule)
        self._add_group(column, self.tr("When to stop"), self.stopping, self.stopping_form)
        self._add_group(column, self.tr("What is measured"), self.measures)
        column.addSpacing(4)
        column.addWidget(Rule())
        column.addWidget(self.balance)
        column.addStretch(1)
        self.setWidget(page)
        session.document_changed.connect(self._document_changed)
        self._document_changed(session.document, session.document)

    @staticmethod
    def _add_group(column: QVBoxLayout, title: str, *widgets: QWidget) -> None:
        """A heading below a line, and what belongs to it."""
        column.addSpacing(4)
        column.addWidget(Rule())
        column.addWidget(Label(title, "heading"))
        for widget in widgets:
            column.addWidget(widget)

    def _document_changed(self, before: Document, after: Document) -> None:
        optimizer = optimizer_of(after.training)
        self.optimizer.setCurrentText(optimizer.type_name())
        self.optimizer_form.show_component(optimizer)
        for name in optimizer.parameters():
            self.optimizer_form.refuse(name, "")
        self.schedule.show_part(after.training.schedule)
        for form in self._training_forms:
            form.show_component(after.training)
        self.stopping.show_part(after.training.early_stopping)
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

    def _choose(self, part: str, classes: Mapping[str, type[Component]], name: str) -> None:
        document = self._session.document
        before: Component | None = getattr(document.training, part)
        if name == (before.type_name() if before is not None else ""):
            return
        chosen = classes[name](**_SUGGESTED.get(name, {})) if name else None
        text = self.tr("change schedule") if part == "schedule" else self.tr("change early stopping")
        self._session.edit(document.with_training(**{part: chosen}), text)

    def _edit_part(self, part: str, name: str, value: object) -> None:
        document = self._session.document
        form = self.schedule if part == "schedule" else self.stopping
        component: Component | None = getattr(document.training, part)
        if component is None:
            return
        form.refuse(name, "")
        try:
            after = document.with_training(**{part: component.replace(**{name: value})})
        except FieldError as error:
            form.refuse(name, str(error))
            return
        self._session.edit(after, self._text(name, component.type_name()), self._gesture.key(f"training.{part}.{name}"))

    def _edit_training(self, name: str, value: object) -> None:
        try:
            after = self._session.document.with_training(**{name: value})
        except FieldError as error:
            next(form for form in self._training_forms if name in form.editors).refuse(name, str(error))
            return
        self._session.edit(after, self._text(name, "Training"), self._gesture.key(f"training.{name}"))

    def _text(self, name: str, owner: str = "") -> str:
        return self.tr("change {parameter}").format(parameter=title_of(name, owner).lower())

