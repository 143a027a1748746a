"""The panel Speed: where the time goes, as a table, below a roofline, and over time; and whether a card is faster."""

from __future__ import annotations

import time

from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from studio.core.graph import Node
from studio.engine.commands import StartRace, StopRace, Watch
from studio.engine.messages import Snapshot
from studio.gui import devices
from studio.gui.live import Live
from studio.gui.panels.empty import EmptyState
from studio.gui.panels.panel import Panel
from studio.gui.panels.speed.gradient_watch import GradientWatch, Question
from studio.gui.panels.speed.kernel_page import KernelPage
from studio.gui.panels.speed.race_page import RacePage
from studio.gui.panels.speed.rate_plot import RatePlot
from studio.gui.panels.speed.rates import RateHistory
from studio.gui.panels.speed.roofline import RooflinePlot
from studio.gui.panels.speed.summary import lines_of, roof_of
from studio.gui.panels.speed.table import SpeedTable
from studio.gui.session import Session
from studio.gui.widgets import numbers
from studio.gui.widgets.label import Label
from studio.gui.widgets.segments import SegmentedButtons

_TABLE, _ROOFLINE, _RATES, _KERNEL, _RACE = range(5)


class SpeedPanel(Panel):
    """What each layer costs, how that compares with what the processor or the card can do, and samples a second.

    While it is seen, the trainer runs a few steps with a clock, four times a second. The first time it
    measures what the device can do, too.
    """

    interval = 0.5
    #: Emitted when the person switches the times on the nodes on or off.
    bars_wanted = Signal(bool)

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(session, live, parent)
        self.rates = RateHistory()
        self.gradients = GradientWatch()
        #: Whether the bottom line has to do with fewer words.
        self._short = False
        content = QWidget()
        self.pages_choice = SegmentedButtons(
            (self.tr("Table"), self.tr("Roofline"), self.tr("History"), self.tr("Kernel"), self.tr("Race")), parent=content
        )
        self.pages_choice.setAccessibleName(self.tr("What to show of the speed"))
        self.pages_choice.setToolTip(
            self.tr(
                "Table: what each layer takes. Roofline: how near each comes to the best that this processor, or card, can do. "
                "History: samples a second. Kernel: the program that computes the selected layer. "
                "Race: whether a graphics card is faster."
            )
        )
        self.bars = QCheckBox(self.tr("Show time on the nodes"), content)
        self.bars.setToolTip(self.tr("Each node on the canvas shows what it takes in one training step."))
        self.bars.toggled.connect(self._switch_bars)
        self.table = SpeedTable(content)
        self.roofline = RooflinePlot(content)
        self.rate_plot = RatePlot(content)
        self.pages = QStackedWidget(content)
        self.empty = EmptyState()
        self.pages.addWidget(self.empty)
        self.kernel = KernelPage(content)
        self.race = RacePage(content)
        for page in (self.table, self.roofline, self.rate_plot, self.kernel, self.race):
            self.pages.addWidget(page)
        self.costs = Label("", "small", "text-3", parent=content)
        self.costs.setMinimumWidth(40)
        self.costs.setAccessibleName(self.tr("What the live views cost"))
        full = self.tr(
            "The card's memory is too full to measure how fast it is: "
            "close what else uses it, or make the network smaller."
        )
        self.limits = Label(full, "small", "text-3", True, content)
        self.limits.setContentsMargins(12, 0, 12, 0)
        self.limits.hide()
        top = QHBoxLayout()
        top.setContentsMargins(12, 8, 12, 0)
        top.setSpacing(8)
        top.addWidget(self.pages_choice)
        top.addStretch(1)
        bottom = QHBoxLayout()
        bottom.setContentsMargins(12, 0, 12, 6)
        bottom.setSpacing(8)
        bottom.addWidget(self.costs, 1)
        bottom.addWidget(self.bars)
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.pages, 1)
        column.addWidget(self.limits)
        column.addLayout(bottom)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(content)
        self.pages_choice.chosen.connect(self._turn_to)
        self.table.node_chosen.connect(self._select)
        self.table.kernel_chosen.connect(self._show_kernel)
        self.roofline.node_chosen.connect(self._select)
        self.race.race_wanted.connect(lambda number: live.trainer.send(StartRace(number)))
        self.race.stop_wanted.connect(lambda: live.trainer.send(StopRace()))
        session.selection_changed.connect(self._show_selection)
        session.opened.connect(self.rates.clear)
        live.snapshot_taken.connect(self._note_rate)
        self.restyle()

    def wish(self) -> Watch:
        return Watch(speed=True, plane=1)

    # What is shown ------------------------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Draw the latest times, or say how to get some."""
        page, times = self.pages_choice.current, snapshot.speed
        sentence = self._why_nothing(snapshot) if page not in (_KERNEL, _RACE) else ""
        full = times is not None and times.device == "cuda" and roof_of(times) is None
        self.limits.setVisible(full and page in (_TABLE, _ROOFLINE) and not sentence)
        self._switch_page(sentence)
        self._ask_about_gradient(snapshot)
        if page == _KERNEL:
            self.kernel.show_node(self._chosen(), times)
            self.kernel.show_check(self.gradients.answer)
        elif page == _RACE:
            preparing = snapshot.message if snapshot.status == "preparing" else ""
            self.race.show_race(snapshot.race, self._why_no_race(snapshot), preparing)
        elif page == _RATES and not sentence:
            self.rate_plot.show_rates(*self.rates.series(), time.monotonic())
        elif times is not None and not sentence:
            lines = lines_of(times, self.session.document.graph)
            (self.table if page == _TABLE else self.roofline).show_lines(lines, roof_of(times))
            self._show_selection(self.session.selection)
        self._say_costs(snapshot)

    def _switch_page(self, sentence: str) -> None:
        if sentence:
            self.empty.say(sentence)
        # The sentence has the first place, before the pages.
        self.pages.setCurrentIndex(0 if sentence else 1 + self.pages_choice.current)

    def _chosen(self) -> Node | None:
        """The selected node, if it is a single one."""
        graph, selection = self.session.document.graph, self.session.selection
        return graph.node(next(iter(selection))) if len(selection) == 1 else None

    def _ask_about_gradient(self, snapshot: Snapshot) -> None:
        """Have the selected layer's gradient checked while its kernels are seen."""
        node, graph = self._chosen(), snapshot.graph
        ready = snapshot.status in ("ready", "running", "paused", "finished")
        seen = self.isVisible() and self.pages_choice.current == _KERNEL
        if not seen or not ready or node is None or graph is None or node.id not in graph or not snapshot.datasets:
            self.gradients.ask(None)
            return
        training = self.session.document.training
        shard = -(-training.batch_size // max(1, snapshot.threads))
        export = self.live.trainer.export_state
        self.gradients.ask(Question(graph, training, dict(snapshot.datasets), node.id, shard, export))

    def end(self) -> None:
        """End what runs in the background."""
        self.gradients.close()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.gradients.ask(None)

    def _why_nothing(self, snapshot: Snapshot) -> str:
        if not self.session.document.graph.nodes:
            return self.tr("What each layer costs in time shows here once there is a network.")
        if snapshot.speed is not None and snapshot.speed.steps:
            return ""
        if snapshot.status in ("invalid", "failed"):
            return self.tr("There is a problem to repair first, see Problems; then press Run to see where the time goes.")
        if snapshot.status == "preparing":
            return self.tr("Getting ready: what each layer takes shows here while the network trains.")
        if snapshot.status == "running":
            return self.tr("Measuring the first steps…")
        return self.tr("Press Run: what each layer takes is measured while the network trains.")

    def _why_no_race(self, snapshot: Snapshot) -> str:
        if reason := devices.why_no_cuda():
            return reason
        if not self.session.document.graph.nodes:
            return self.tr("There is nothing to race with yet: drag Data and layers onto the canvas.")
        if snapshot.status in ("invalid", "failed"):
            return self.tr("There is a problem to repair first, see Problems.")
        if snapshot.status in ("empty", "preparing"):
            return self.tr("Getting ready: the race can begin in a moment.")
        return ""

    def _say_costs(self, snapshot: Snapshot) -> None:
        """One line on the whole step and on what looking at it costs."""
        times = snapshot.speed
        if times is None or not times.steps:
            self.costs.show_text("")
            self.costs.setToolTip("")
            return
        whole = numbers.microseconds(times.microseconds)
        if snapshot.status != "running":
            words = self.tr("{0} a step · live views cost nothing now").format(whole)
            tip = self.tr("While training pauses nothing is measured: these are the last times, {0} a step.").format(whole)
        else:
            views, window = f"{100 * snapshot.view_share:.1f} %", f"{100 * self.live.governor.share:.0f} %"
            words = self._cost_words().format(whole, views, window)
            tip = self.tr(
                "A training step takes {0}. Copying numbers for the live views takes {1} of the training's time; "
                "drawing this window takes {2} of one processor core."
            ).format(whole, views, window)
        self.costs.show_text(words)
        self.costs.setToolTip(tip)

    def _cost_words(self, short: bool | None = None) -> str:
        """How the costs are told, with places for a step, the views and the window; short where the panel is narrow."""
        if self._short if short is None else short:
            return self.tr("{0} a step · views cost {1} · window {2}")
        return self.tr("{0} a step · views cost {1} · window {2} of a core")

    def _note_rate(self, snapshot: Snapshot) -> None:
        self.rates.add(time.monotonic(), snapshot.samples_per_second if snapshot.status == "running" else 0.0)

    # What the person does -----------------------------------------------------------------------

    def _turn_to(self, _page: int) -> None:
        self.refresh()

    def _select(self, node: str) -> None:
        self.session.select(frozenset({node}))

    def show_kernels(self) -> None:
        """Bring the selected layer's programs to the front."""
        self.pages_choice.set_current(_KERNEL)
        self.refresh()

    def _show_kernel(self, node: str, phase: str, kernel: str) -> None:
        """Bring a kernel's text to the front."""
        self._select(node)
        self.show_kernels()
        self.kernel.show_kernel(phase, kernel)

    def _show_selection(self, nodes: frozenset[str]) -> None:
        self.table.show_selection(nodes)
        self.roofline.show_selection(nodes)
        if self.pages_choice.current == _KERNEL:
            self.refresh()

    def _switch_bars(self, on: bool) -> None:
        self.bars_wanted.emit(on)

    # Looks --------------------------------------------------------------------------------------

    def restyle(self) -> None:
        """Take colours and fonts from the theme again."""
        self.table.restyle()
        self.kernel.restyle()
        self.roofline.update()
        self.rate_plot.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        words, costs = self.tr("Show time on the nodes"), self._cost_words(False).format("88.8 µs", "88.8 %", "88 %")
        room = self.bars.fontMetrics().horizontalAdvance(words) + self.costs.fontMetrics().horizontalAdvance(costs) + 70
        self._short = self.width() < room
        self.bars.setText(self.tr("On nodes") if self._short else words)
