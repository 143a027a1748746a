"""A pad to draw a sample of one's own, and what the network says to it while it learns."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from studio.core.dataset import Dataset
from studio.data.drawing import Likeness, likeness, native_side, sample_of
from studio.engine.commands import Watch
from studio.engine.messages import OwnSample, Snapshot
from studio.gui.live import Live
from studio.gui.panels.answer_bars import AnswerBars
from studio.gui.panels.class_scores import class_names, class_scores, data_node, one_class_each, output_node
from studio.gui.panels.labels import style_label
from studio.gui.panels.panel import Panel
from studio.gui.panels.sample_choice import SampleChoice
from studio.gui.panels.ticks import number_text
from studio.gui.session import Session
from studio.gui.widgets.draw_pad import DrawPad
from studio.gui.widgets.segments import SegmentedButtons


class DrawPanel(Panel):
    """Draw with the mouse: the drawing becomes the sample that strip, maps and canvas look at."""

    interval = 0.1
    #: Emitted with whether the network takes pictures that a person can draw.
    offered = Signal(bool)

    def __init__(self, session: Session, live: Live, samples: SampleChoice, parent: QWidget | None = None) -> None:
        super().__init__(session, live, parent)
        self.choice = samples
        self._dataset: Dataset | None = None
        self._like: Likeness | None = None
        self._native = 0
        self.pad = DrawPad(self)
        self.pad.setAccessibleName(self.tr("Pad to draw on"))
        self.tools = SegmentedButtons((self.tr("Pen"), self.tr("Eraser")), parent=self)
        self.tools.setAccessibleName(self.tr("Draw or erase"))
        self.tools.setToolTip(self.tr("The right mouse button erases too."))
        self.undo, self.clear = QToolButton(self), QToolButton(self)
        for button, name, words in (
            (self.undo, self.tr("Undo"), self.tr("Take the last line away (Ctrl+Z on the pad).")),
            (self.clear, self.tr("Clear"), self.tr("Take the whole drawing away (Delete on the pad).")),
        ):
            button.setAccessibleName(name)
            button.setToolTip(words)
            button.setFixedSize(26, 26)
        self.answer = AnswerBars(self)
        self.answer.setAccessibleName(self.tr("The network's answer"))
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self._lay_out()
        self.pad.changed.connect(self._drawn)
        self.tools.chosen.connect(self._take_tool)
        self.undo.clicked.connect(self.pad.undo)
        self.clear.clicked.connect(self.pad.clear)
        samples.loaded.connect(self._look_at_data)
        samples.chosen.connect(lambda _number: self.refresh())
        self._tell_tools()
        self.restyle()

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(6)
        tools.addWidget(self.tools)
        tools.addStretch(1)
        tools.addWidget(self.undo)
        tools.addWidget(self.clear)
        left, right, row = QVBoxLayout(), QVBoxLayout(), QHBoxLayout(self)
        left.setSpacing(8)
        left.addWidget(self.pad, 1)
        left.addLayout(tools)
        right.setSpacing(6)
        right.addWidget(self.answer, 1)
        right.addWidget(self.note)
        row.setContentsMargins(12, 10, 12, 8)
        row.setSpacing(16)
        row.addLayout(left, 1)
        row.addLayout(right, 1)

    # The data -------------------------------------------------------------------------------------

    @property
    def suits(self) -> bool:
        """Whether the network takes pictures that a person can draw."""
        return self._like is not None

    def _look_at_data(self) -> None:
        """Other data: see whether they are drawings, and make the person's one like them."""
        dataset = self.choice.dataset
        if dataset is self._dataset:
            return
        self._dataset = dataset
        self._like = None if dataset is None else likeness(dataset)
        node = data_node(self.session.document.graph)
        if self._like is not None and dataset is not None and node is not None:
            self._native = native_side(node.layer, dataset)  # type: ignore[arg-type]
            # The pad's line is as wide as the data's would be at their size.
            self.pad.ink.pen = min(0.13, max(0.05, 0.75 * self._like.line))
            digits = dataset.info.classes == tuple("0123456789")
            self.pad.hint = self.tr("Draw a digit here") if digits else self.tr("Draw here")
            self.pad.update()
            if self.choice.own is not None or (self.isVisible() and not self.pad.is_empty):
                self._drawn()
        self.offered.emit(self.suits)

    # Drawing --------------------------------------------------------------------------------------

    def _take_tool(self, index: int) -> None:
        self.pad.erasing = index == 1
        self.pad.update()

    def _tell_tools(self) -> None:
        for button in (self.undo, self.clear):
            button.setEnabled(not self.pad.is_empty)

    def _drawn(self) -> None:
        """The drawing changed: it is what everybody looks at from now on."""
        self._tell_tools()
        self.choice.show_own(self._sample(), self.tr("Your drawing"))
        self.live.renew()

    def _sample(self) -> OwnSample | None:
        node, like, dataset = data_node(self.session.document.graph), self._like, self._dataset
        if node is None or like is None or dataset is None or self.pad.is_empty:
            return None
        drawn = self.pad.ink.arranged(like.size, like.line, like.centre, self._native)
        return None if drawn is None else OwnSample(node.id, sample_of(drawn, like, dataset, self._native))

    def showEvent(self, event: QShowEvent) -> None:
        # Whoever comes back to the pad wants to see what the network says to what is on it.
        if not self.pad.is_empty and self.suits and not self.choice.is_own:
            self._drawn()
        super().showEvent(event)

    # What is shown --------------------------------------------------------------------------------

    def wish(self) -> Watch | None:
        """The network's answer; the sample itself is asked for by whoever offers the choice."""
        output = output_node(self.session.document.graph)
        return Watch(nodes=frozenset({output.id}), sample=self.choice.index) if output is not None else None

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the answer to the drawing."""
        self.choice.follow(snapshot, self.session.document.graph)
        output = output_node(self.session.document.graph)
        view = snapshot.nodes.get(output.id) if output is not None else None
        looked_at = snapshot.own is not None and self.choice.is_own
        if self._dataset is None or view is None or view.activations is None or not looked_at:
            self.answer.show_nothing()
            # A drawing on its way to the network needs no words for the blink of an eye.
            self._say(self.tr("The network's answer stands here as soon as you draw.") if self.pad.is_empty else "")
            return
        assert snapshot.probe_x is not None
        seen = (snapshot.probe_x[0] * self._dataset.x_scale + self._dataset.x_mean)[..., 0]
        self._answer(view.activations[0], seen)
        if snapshot.step == 0:
            self._say(self.tr("It has not learned yet, so this is chance: press Run and watch."))
        else:
            self._say(self.tr("It must choose one of its answers, whatever you draw."))

    def _answer(self, values: np.ndarray, seen: np.ndarray) -> None:
        assert self._dataset is not None
        info = self._dataset.info
        names, values = class_names(info), values.reshape(-1)
        if one_class_each(info) and values.size in (len(names), 1) and len(names) > 1:
            shares = class_scores(values, len(names))
            colours = [self.theme.class_color(i, len(names)) for i in range(len(names))]
            self.answer.show_shares(names, shares, colours, seen)
        else:
            scaled = values * self._dataset.y_scale + self._dataset.y_mean if info.target == "values" else values
            words = ", ".join(number_text(float(v)) for v in np.ravel(scaled)[:4])
            self.answer.show_words(words, seen)

    def _say(self, words: str) -> None:
        self.note.setText(words)
        self.note.setVisible(bool(words))

    def restyle(self) -> None:
        """Take colours and fonts from the theme again."""
        self.undo.setIcon(self.theme.icon("undo"))
        self.clear.setIcon(self.theme.icon("trash"))
        style_label(self.note, "small", "text-3")
        self.note.setAlignment(Qt.AlignmentFlag.AlignTop)
