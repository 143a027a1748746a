"""Times on the nodes: what each takes in a training step, while the person wants to see it."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from studio.engine.commands import Watch
from studio.engine.messages import Snapshot
from studio.engine.step_times import StepTimes
from studio.gui.canvas.bodies import tr
from studio.gui.canvas.scene import GraphScene
from studio.gui.live import Live
from studio.gui.widgets.numbers import microseconds, share

#: Seconds between two changes of the numbers: faster, nobody can read them.
_INTERVAL = 0.5


class NodeTimes(QObject):
    """Writes times onto the items of a scene; asks for nothing while they are switched off.

    Parameters
    ----------
    scene : GraphScene
    live : Live
    canvas : QWidget
        Shows the scene; hidden, it asks for nothing either.
    """

    def __init__(self, scene: GraphScene, live: Live, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._scene, self._live, self._canvas = scene, live, canvas
        self.shown = False
        self._times: StepTimes | None = None
        self._changed_at = float("-inf")
        live.add_wish(self._wish)
        live.snapshot_taken.connect(self._follow)

    def show(self, shown: bool) -> None:
        """Switch the times on or off."""
        self.shown = shown
        self._live.renew()
        if not shown:
            self._put(None)
        else:
            self._changed_at = float("-inf")
            self._follow(self._live.latest)

    def _wish(self) -> Watch | None:
        return Watch(speed=True, plane=1, interval=0.1 * self._live.stretch) if self.shown and self._canvas.isVisible() else None

    def _follow(self, snapshot: Snapshot) -> None:
        if not self.shown or not self._canvas.isVisible():
            return
        now = time.monotonic()
        soon = now - self._changed_at < _INTERVAL * self._live.stretch and snapshot.status == "running"
        if snapshot.speed is self._times or (soon and snapshot.speed is not None):
            return
        self._changed_at = now
        self._put(snapshot.speed)

    def _put(self, times: StepTimes | None) -> None:
        if times is not None and not times.steps:
            times = None
        self._times = times
        taken: dict[str, float] = {}
        for call in times.calls if times is not None else ():
            taken[call.node] = taken.get(call.node, 0.0) + call.microseconds
        total = times.microseconds if times is not None else 0.0
        for node, item in self._scene.nodes.items():
            if times is None:
                item.show_time("", 0.0, "")
            elif node in taken:
                part = taken[node] / total if total else 0.0
                sentence = tr("{time} in each training step, {share} of it")
                words = sentence.format(time=microseconds(taken[node]), share=share(part))
                item.show_time(microseconds(taken[node], short=True), part, words)
            else:
                item.show_time("0 µs", 0.0, tr("no time of its own: it only looks at the same numbers in another way"))
