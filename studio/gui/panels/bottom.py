"""What is below the canvas: curves at the left, what the network sees at the right."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QWidget

from studio.core.language import Language
from studio.engine.commands import Watch
from studio.engine.messages import Snapshot
from studio.gui.live import Live
from studio.gui.panels.confusion_panel import ConfusionPanel
from studio.gui.panels.draw_panel import DrawPanel
from studio.gui.panels.loss_panel import LossPanel
from studio.gui.panels.problems_panel import ProblemsPanel
from studio.gui.panels.representation import RepresentationPanel
from studio.gui.panels.sample_choice import SampleChoice
from studio.gui.panels.samples_panel import SamplesPanel
from studio.gui.panels.speed import SpeedPanel
from studio.gui.panels.tab_group import TabGroup
from studio.gui.panels.text_panel import TextPanel
from studio.gui.session import Session
from studio.gui.theme import Theme


class BottomTabs(QWidget):
    """Two groups of tabs side by side, the border between them movable.

    Parameters
    ----------
    session : Session
        The document and what is selected.
    live : Live
        Where snapshots come from; each panel registers what it wants to watch.
    """

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        #: The validation sample that strip, maps and canvas look at.
        self.samples = SampleChoice(self)
        self._session = session
        #: What is seen in place of the text, if that was seen when the network stopped being one that writes.
        self._stand_in: QWidget | None = None
        self.loss = LossPanel(session, live)
        self.confusion = ConfusionPanel(session, live)
        self.representation = RepresentationPanel(session, live, self.samples)
        self.samples_panel = SamplesPanel(session, live, self.samples)
        self.draw = DrawPanel(session, live, self.samples)
        self.text = TextPanel(session, live)
        self.problems = ProblemsPanel(session, live)
        self.speed = SpeedPanel(session, live)
        self.left = TabGroup()
        self.left.add(self.loss, self.tr("Loss && metrics").replace("&&", "&"), self.loss.scale)
        self.left.add(self.confusion, self.tr("Confusion matrix"))
        self.left.tabs.setAccessibleName(self.tr("Curves"))
        self.right = TabGroup()
        self.right.add(self.representation, self.tr("Representation"))
        self.right.add(self.samples_panel, self.tr("Samples"))
        self.right.add(self.text, self.tr("Text"))
        self.right.add(self.draw, self.tr("Draw"))
        self.right.add(self.speed, self.tr("Speed"))
        self._problems_tab = self.right.add(self.problems, self.tr("Problems"))
        self.right.tabs.setAccessibleName(self.tr("What the network sees"))
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.left)
        self.splitter.addWidget(self.right)
        self.splitter.setStretchFactor(0, 53)
        self.splitter.setStretchFactor(1, 47)
        self.left.setMinimumWidth(260)
        self.right.setMinimumWidth(320)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.splitter)
        self.confusion.predicts_numbers.connect(self._name_comparison)
        self.confusion.fit.picked.connect(self.samples.pick)
        self.samples.chosen.connect(self._mark_chosen)
        self.problems.counted.connect(self._count)
        self._count(len(self.problems.problems))
        self.text.offered.connect(self._offer_text)
        self._offer_text(isinstance(self.text.language, Language))
        self.draw.offered.connect(lambda suits: self.right.set_panel_visible(self.draw, suits))
        self.right.set_panel_visible(self.draw, False)
        session.opened.connect(self._show_what_suits)
        live.snapshot_taken.connect(self._follow)
        live.add_wish(self._picked_sample)
        Theme.instance().changed.connect(self.update)

    def show_problems(self) -> None:
        """Bring the list of problems to the front, such as for a click on the status bar."""
        self.right.show_panel(self.problems)

    def _offer_text(self, writes: bool) -> None:
        """The tab is there for networks that write; after a repair it comes back as it was seen before."""
        seen = self.right.current is self.text
        self.right.set_panel_visible(self.text, writes)
        if writes and self._stand_in is self.right.current:
            self.right.show_panel(self.text)
        self._stand_in = self.right.current if seen and not writes else None

    def _show_what_suits(self) -> None:
        """Another document: text comes first where there is some, else what the layers make of the data."""
        if isinstance(self.text.language, Language):
            self.right.show_panel(self.text)
        elif self.right.current is self.text:
            self.right.show_panel(self.representation)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), Theme.instance().color("dock"))

    def _count(self, problems: int) -> None:
        self.right.tabs.set_count(self._problems_tab, problems)

    def _follow(self, snapshot: Snapshot) -> None:
        self.samples.follow(snapshot, self._session.document.graph)
        self.confusion.look_at_task(snapshot)

    def _name_comparison(self, numbers: bool) -> None:
        self.left.set_title(self.confusion, self.tr("Predictions") if numbers else self.tr("Confusion matrix"))

    def _mark_chosen(self, number: int) -> None:
        self.confusion.chosen = number
        self.confusion.refresh()

    def _picked_sample(self) -> Watch | None:
        """The picked sample goes to the canvas too, whatever panel is seen."""
        own = self.samples.watched()
        return Watch(sample=self.samples.index, plane=1, interval=0.1, own=own) if self.samples.index or own else None
