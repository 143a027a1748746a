"""What the ways of looking at a layer have in common."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QLabel, QWidget

from studio.engine.commands import Watch
from studio.engine.messages import Snapshot
from studio.gui.panels.sample_choice import SampleChoice
from studio.gui.session import Session
from studio.gui.theme import Theme


class View(QWidget):
    """One way of looking at a layer.

    Parameters
    ----------
    session : Session
    samples : SampleChoice
        Which sample is sent through the network.
    """

    #: Seconds between two drawings at the least.
    interval = 0.16

    def __init__(self, session: Session, samples: SampleChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.samples = samples
        self.theme = Theme.instance()
        self.theme.changed.connect(self.update)
        #: What stands beside the view: legends, values at the pointer, choices.
        self.side: QWidget = QWidget()
        #: Small words of `side` that follow the theme.
        self.labels: list[QLabel] = []
        #: Called when the view wants to be drawn again, such as after a choice in `side`.
        self.again: Callable[[], None] = self.update

    def wish(self, layer: str) -> Watch:
        """What to watch to draw this layer."""
        return Watch(nodes=frozenset({layer}), sample=self.samples.index)

    def show_layer(self, snapshot: Snapshot, layer: str) -> str:
        """Draw a layer; returns one sentence when there is nothing to draw yet, else nothing."""
        return ""
