"""Race: processor and card train copies of the open network in turns, and the page says which is faster."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from studio.engine.race_messages import RaceView
from studio.gui.panels.speed.race_bars import RaceBars
from studio.gui.widgets.label import ElidedLabel, Label


class RacePage(QWidget):
    """See the module; it is told everything, and says what the person wants."""

    #: Emitted with the number of a race that is wanted now.
    race_wanted = Signal(int)
    #: Emitted when the race is to stop.
    stop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        #: Of the race that was asked for last, and whether it has been called off since.
        self._number = 0
        self._called_off = False
        self._view = RaceView()
        self.button = QPushButton(self)
        self.button.setProperty("kind", "compact")
        self.state = ElidedLabel("", "small", "text-2", parent=self)
        self.bars = RaceBars(self)
        self.sentence = Label("", "body", "text", True, self)
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(self.button)
        top.addWidget(self.state, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 12, 4)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.bars)
        column.addWidget(self.sentence)
        column.addStretch(1)
        self.button.clicked.connect(self._press)

    @property
    def is_on(self) -> bool:
        """Whether a race is under way, or was asked for a moment ago."""
        # A snapshot of before the click does not know the race yet.
        return not self._called_off and (self._view.number < self._number or self._view.is_on)

    def show_race(self, view: RaceView, reason: str, message: str) -> None:
        """Show how the race goes, or what came of the last one.

        Parameters
        ----------
        view : RaceView
        reason : str
            Why there can be no race now, in a sentence; empty if there can.
        message : str
            What is being prepared.
        """
        self._view = view
        on = self.is_on
        self.button.setText(self.tr("Stop the race") if on else self.tr("Race: CPU against CUDA"))
        self.button.setEnabled(on or not reason)
        self.button.setToolTip(
            self.tr("End the race now; training goes on as it was.")
            if on
            else reason
            or self.tr("Processor and card train copies of this network in turns, and you see which is faster. Your training waits meanwhile.")
        )
        self.bars.show_race(view if view.number == self._number else RaceView())
        # Before both copies are made nobody knows who races.
        self.bars.setVisible(bool(self.bars.view.card.title) and view.stage != "failed")
        self.state.show_text(self._state(message))
        self.sentence.show_text(self._words(reason))
        self.sentence.set_tone("error" if view.stage == "failed" else "text" if view.stage == "done" else "text-2")

    def _press(self) -> None:
        if self.is_on:
            self._called_off = True
            self.stop_wanted.emit()
        else:
            self._number, self._called_off = self._number + 1, False
            self.race_wanted.emit(self._number)
        self.show_race(self._view, "", "")

    def _state(self, message: str) -> str:
        """How far it is."""
        view = self._view
        if not self.is_on:
            return ""
        if view.number < self._number or view.stage == "preparing":
            return message or self.tr("Getting ready…")
        if view.turn == 0:
            return self.tr("Warming up")
        who = self.tr("the card trains") if view.on_turn == "cuda" else self.tr("the processor trains")
        return self.tr("Turn {0} of {1}: {2}").format(view.turn, view.turns, who)

    def _words(self, reason: str) -> str:
        """What came of it, or what there is to know before."""
        view = self._view
        if self.is_on:
            return self.tr("Your training waits, and goes on where it was when the race is over.")
        if view.stage == "failed":
            return view.problem
        if view.stage == "stopped":
            return self.tr("The race was stopped before its end.")
        if view.stage != "done":
            return reason or self.tr(
                "Is your graphics card faster than the processor for this network? "
                "Let both train copies of it, in turns, for about four seconds. Your network stays as it is."
            )
        if view.faster == "cuda":
            return self.tr("The card is {0} times as fast on this graph.").format(view.factor_words)
        if view.faster == "cpu":
            return self.tr("The processor is {0} times as fast on this graph, which gives the card too little to do at once.").format(
                view.factor_words
            )
        return self.tr("Both are about as fast on this graph.")
