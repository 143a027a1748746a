"""The bar above the canvas: run, pause, step, reset; how training goes; its main settings."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSettings, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from studio.core.component import Component
from studio.core.document import Document, Training
from studio.engine.messages import Evaluation, Snapshot
from studio.gui.device_button import DeviceButton
from studio.gui.gesture import Gesture
from studio.gui.live import Live
from studio.gui.menus import Actions
from studio.gui.session import Session
from studio.gui.theme import Theme
from studio.gui.training_link import TrainingLink, optimizer_of
from studio.gui.widgets import numbers
from studio.gui.widgets.choice_field import NumberChoice
from studio.gui.widgets.fixed import fix
from studio.gui.widgets.label import Label, Rule
from studio.gui.widgets.number_field import NumberField
from studio.gui.widgets.preparing_note import preparing_words
from studio.gui.widgets.readout import Readout
from studio.gui.widgets.split_button import SplitButton
from studio.gui.widgets.value_slider import ValueSlider, slider_range

_HEIGHT = 52
#: Seconds between two changes of the numbers: they are read, not watched.
_INTERVAL = 0.25
_BATCHES = (1, 8, 16, 20, 32, 64, 128, 256, 512)


class RunBar(QWidget):
    """See the module.

    Parameters
    ----------
    session, live, link
        The document, the snapshots and the way to the trainer.
    actions : Actions
        The window's actions, of which the buttons are another face.
    settings : QSettings
        Remembers which graphics card was chosen.
    """

    def __init__(
        self,
        session: Session,
        live: Live,
        link: TrainingLink,
        actions: Actions,
        settings: QSettings,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._live, self._link, self._settings = session, live, link, settings
        self._shown_at = 0.0
        self._gesture = Gesture()
        fix(self, height=_HEIGHT)
        self.setAccessibleName(self.tr("Training"))
        self._build_buttons(actions)
        self._build_readouts()
        self._build_settings()
        self._has_result = False
        self._lay_out()
        session.document_changed.connect(self._document_changed)
        session.opened.connect(self._show_numbers)
        link.state_changed.connect(self._show_state)
        live.snapshot_taken.connect(self._take)
        Theme.instance().changed.connect(self._restyle)
        self._restyle()
        self._document_changed(session.document, session.document)

    # Building --------------------------------------------------------------------------

    def _build_buttons(self, actions: Actions) -> None:
        self.run_button = QPushButton(self)
        self.run_button.setProperty("kind", "primary")
        fix(self.run_button, 96, 32)
        self.run_button.clicked.connect(self._link.toggle)
        step_menu = QMenu(self)
        step_menu.addAction(actions["one_step"])
        step_menu.addAction(actions["one_epoch"])
        self.step_button = SplitButton(self.tr("Step"), "step", step_menu, self)
        self.step_button.clicked.connect(actions["one_step"].trigger)
        self.step_button.setToolTip(self.tr("Train on one minibatch (F10). The arrow offers a whole epoch."))
        reset_menu = QMenu(self)
        reset_menu.addAction(actions["reset_same"])
        reset_menu.addAction(actions["reset_fresh"])
        self.reset_button = SplitButton(self.tr("Reset"), "reset", reset_menu, self)
        self.reset_button.clicked.connect(actions["reset_same"].trigger)
        self.reset_button.setToolTip(
            self.tr("Forget what was learned and start again. The arrow offers other initial weights.")
        )

    def _build_readouts(self) -> None:
        self.epoch = Readout(self.tr("Epoch"), (("00000", True), ("/ 00000", False)), bar=True, parent=self)
        self.speed = Readout(self.tr("Samples/s"), (("0 000 000", True),), parent=self)
        self.speed.setToolTip(
            self.tr("Samples trained in a second. The menu Train, Speed says how fast training may go.")
        )
        widest = (("0.0000", True), (self.tr("loss"), False), ("00.0 %", True), (self.tr("acc"), False))
        self.train = Readout(self.tr("Train"), widest, key="train", parent=self)
        self.train.setToolTip(self.tr("Loss and share of right answers on the samples the network learns from."))
        self.validation = Readout(self.tr("Validation"), widest, key="validation", parent=self)
        self.validation.setToolTip(
            self.tr("Loss and share of right answers on samples that are kept aside: what the network really knows.")
        )
        self.test = Readout(self.tr("Test"), (("00.0 %", True), (self.tr("right"), False)), parent=self)
        self.test.setToolTip(
            self.tr("The result: measured once training has finished, on samples that nothing was chosen by.")
        )
        self.test.hide()

    def _build_settings(self) -> None:
        optimizer = optimizer_of(self._session.document.training)
        rate = optimizer.parameters()["learning_rate"]
        span = slider_range(rate)
        assert span is not None
        self.rate_label = Label(self.tr("Learning rate"), "label", "text-3", parent=self)
        self.rate_slider = ValueSlider(rate, span, self)
        fix(self.rate_slider, 104)
        self.rate_field = NumberField(rate, self.tr("The learning rate"), self)
        fix(self.rate_field, 74, 28)
        self.rate_field.setProperty("plain", True)  # the slider beside it steps
        for widget in (self.rate_slider, self.rate_field):
            widget.setAccessibleName(self.tr("Learning rate"))
            widget.setToolTip(rate.help)
        self.rate_slider.value_moved.connect(lambda value: self._set_rate(value))
        self.rate_field.value_changed.connect(lambda value: self._set_rate(value))
        self.rate_field.refused.connect(self._refused)
        batch = Training.parameters()["batch_size"]
        self.batch_label = Label(self.tr("Batch size"), "body", "text-2", parent=self)
        self.batch_field = NumberChoice(batch, self.tr("The batch size"), _BATCHES, self)
        fix(self.batch_field, 72)
        self.batch_field.setAccessibleName(self.tr("Batch size"))
        self.batch_field.setToolTip(batch.help)
        self.batch_field.value_changed.connect(self._set_batch)
        self.batch_field.refused.connect(self._refused)
        self.device_button = DeviceButton(self._session, self._live, self._link, self._settings, self)
        self.device_button.widened.connect(self._make_room)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 1)
        row.setSpacing(8)
        for button in (self.run_button, self.step_button, self.reset_button):
            row.addWidget(button)
        row.addSpacing(8)
        row.addWidget(self._upright())
        row.addSpacing(8)
        row.addWidget(self.epoch)
        row.addSpacing(12)
        row.addWidget(self.speed)
        row.addWidget(self._upright())
        row.addSpacing(4)
        row.addWidget(self.train)
        row.addSpacing(12)
        row.addWidget(self.validation)
        row.addSpacing(12)
        row.addWidget(self.test)
        row.addStretch(1)
        rate = self._rate_column = QVBoxLayout()
        rate.setSpacing(0)
        rate.addStretch(1)
        rate.addWidget(self.rate_label)
        rate.addWidget(self.rate_slider)
        rate.addStretch(1)
        row.addLayout(rate)
        row.addWidget(self.rate_field)
        row.addSpacing(8)
        row.addWidget(self.batch_label)
        row.addWidget(self.batch_field)
        row.addSpacing(4)
        row.addWidget(self._upright())
        row.addSpacing(4)
        row.addWidget(self.device_button)

    def _upright(self) -> Rule:
        rule = Rule(upright=True, parent=self)
        fix(rule, height=32)
        return rule

    def minimumSizeHint(self) -> QSize:
        return QSize(640, _HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Drop the least needed things, one after the other, where the bar is narrow."""
        row = self.layout()
        assert row is not None
        optional = (
            self.rate_slider, self.batch_label, self.speed, self.rate_label, self.batch_field, self.train,
        )  # fmt: skip
        shortened = (self.epoch, self.train, self.validation, self.step_button, self.reset_button)
        for widget in optional:
            # Nothing is trained when there is a result: it takes the speed's place.
            widget.setVisible(widget is not self.speed or not self._has_result)
        for part in shortened:
            part.set_brief(False)
        steps: list[Callable[[], object]] = [partial(w.setVisible, False) for w in optional[:2]]
        steps += [partial(readout.set_brief, True) for readout in shortened[:3]]
        steps.append(partial(self.speed.setVisible, False))
        steps += [partial(button.set_brief, True) for button in shortened[3:]]
        steps += [partial(w.setVisible, False) for w in optional[3:]]
        for step in steps:
            # What is hidden and shown before the window is tells no layout of it.
            self._rate_column.invalidate()
            row.invalidate()
            if row.sizeHint().width() <= self.width():
                break
            step()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.fillRect(self.rect(), theme.color("dock"))
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme.color("border"))

    def _restyle(self) -> None:
        self._show_state()
        self._make_room()
        self.update()

    # Settings --------------------------------------------------------------------------

    def _set_rate(self, value: float) -> None:
        optimizer = optimizer_of(self._session.document.training)
        self._set_training(self.tr("change learning rate"), "learning_rate", optimizer=_with_rate(optimizer, value))

    def _set_batch(self, value: int) -> None:
        self._set_training(self.tr("change batch size"), "batch_size", batch_size=value)

    def _set_training(self, text: str, key: str, **changes: object) -> None:
        document = self._session.document
        self._session.edit(document.with_training(**changes), text, self._gesture.key(f"training.{key}"))

    def _refused(self, sentence: str) -> None:
        if sentence:
            self._session.say(sentence, True)

    # Showing ---------------------------------------------------------------------------

    def _document_changed(self, before: Document, after: Document) -> None:
        training = after.training
        rate = getattr(optimizer_of(training), "learning_rate", 0.0)
        self.rate_slider.show_value(rate)
        self.rate_field.set_value(rate)
        self.batch_field.set_value(training.batch_size)
        if before.training.epochs != training.epochs or before is after:
            self._show_numbers()
        self.device_button.show_device()

    def _show_state(self) -> None:
        theme, running = Theme.instance(), self._link.running
        self.run_button.setText(self.tr("Pause") if running else self.tr("Run"))
        self.run_button.setIcon(theme.icon("pause" if running else "play", "on-accent"))
        self.run_button.setToolTip(
            self.tr("Stop training for now (F5)") if running else self.tr("Train the network (F5)")
        )
        self._show_numbers()

    def _take(self, snapshot: Snapshot) -> None:
        if time.monotonic() - self._shown_at >= _INTERVAL or snapshot.status != "running":
            self._show_numbers()

    def _show_numbers(self) -> None:
        if not self.isVisible():
            return
        self._shown_at = time.monotonic()
        snapshot = self._live.latest
        self._show_epoch(snapshot)
        self._show_result(snapshot)
        speed = snapshot.samples_per_second if snapshot.status == "running" else 0.0
        self.speed.show_value((numbers.grouped(round(speed)) if speed else "–", True))
        self._show_evaluation(self.train, snapshot.train)
        self._show_evaluation(self.validation, snapshot.validation)
        self.device_button.show_device()

    def _show_epoch(self, snapshot: Snapshot) -> None:
        words, count = preparing_words(snapshot)
        if words:  # in the epoch's place, how far that is
            self._label_epoch(words)
            self.epoch.show_value((count, True), share=snapshot.progress)
            tip = self.tr("What the network is computed with is made ready for this machine. That is done once, and kept.")
            self.epoch.setToolTip(tip)
            return
        epochs = self._session.document.training.epochs
        epoch = math.floor(snapshot.epoch + 1e-9)
        # Training on past the settings' epochs is a new round of as many; while it runs it is a new one at once.
        begun = epoch + (self._link.running and epoch == snapshot.epoch)
        rounds = max(1, math.ceil(begun / epochs))
        goal = rounds * epochs
        words = f"/ {goal}" if rounds == 1 else f"/ {goal - epochs} + {epochs}"
        self.epoch.show_value((str(epoch), True), (words, False), share=snapshot.epoch / max(goal, 1))
        tip = self.tr("How often training went through all training samples.")
        if rounds > 1:
            tip = self.tr("{0} Run was pressed again after {1}: {2} more follow.").format(tip, goal - epochs, epochs)
        turns = snapshot.turns
        if turns is None:
            self._label_epoch(self.tr("Epoch"))
        else:
            self._label_epoch(self.tr("Epoch, layer {0} of {1}").format(turns.number + 1, len(turns.names)))
            now = self.tr("Training goes layer by layer: now {0} learns, with a temporary last layer.")
            tip = f"{now.format(turns.names[turns.number])} {tip}"
        if tip != self.epoch.toolTip():
            self.epoch.setToolTip(tip)

    def _label_epoch(self, words: str) -> None:
        """Change the words above the epoch; longer ones take the room of what is needed least."""
        if words != self.epoch.label:
            self.epoch.set_label(words)
            self._make_room()

    def _show_result(self, snapshot: Snapshot) -> None:
        """How good the network is on the test part, once training has finished."""
        result = snapshot.test if snapshot.status == "finished" else None
        if result is not None:
            if result.accuracy is not None:
                self.test.show_value((numbers.percent(result.accuracy), True), (self.tr("right"), False))
            else:
                self.test.show_value((numbers.loss(result.loss), True), (self.tr("loss"), False))
        if (result is not None) != self._has_result:
            self._has_result = result is not None
            self.test.setVisible(self._has_result)
            self._make_room()

    def _show_evaluation(self, readout: Readout, evaluation: Evaluation | None) -> None:
        if evaluation is None:
            readout.show_value(("–", True))
            return
        pieces = [(numbers.loss(evaluation.loss), True), (self.tr("loss"), False)]
        if evaluation.accuracy is not None:
            pieces += [(numbers.percent(evaluation.accuracy), True), (self.tr("acc"), False)]
        readout.show_value(*pieces)

    def showEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        super().showEvent(event)
        self._make_room()
        self._show_numbers()

    def changeEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        super().changeEvent(event)
        if event.type() == event.Type.EnabledChange:
            self.update()

    def keyPressEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Escape:
            self.clearFocus()
        super().keyPressEvent(event)


def _with_rate(optimizer: Component, rate: float) -> Component:
    return optimizer.replace(learning_rate=rate)
