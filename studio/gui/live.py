"""The only polling timer: looks at the trainer's latest snapshot and hands it to panels."""

from __future__ import annotations

import time
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from studio.engine.commands import Command, Watch
from studio.engine.messages import Snapshot, TrainingState
from studio.engine.processor import cores
from studio.gui.governor import Governor

#: Seconds between two snapshots while nothing is watched: numbers still want to be current.
_SLOW = 0.1
#: Seconds after which panels are asked again what they want to watch, if none has said `renew`.
_WISHES = 0.3


class Engine(Protocol):
    """What the window needs of the trainer (see `studio.engine.trainer.Trainer`)."""

    @property
    def snapshot(self) -> Snapshot:
        """The latest snapshot."""
        ...

    def send(self, command: Command) -> None:
        """Put a command into the trainer's queue; never waits."""
        ...

    def take(self) -> Snapshot:
        """The latest snapshot; marks it as taken, so that the next one may be made."""
        ...

    def export_state(self, timeout: float = 10.0) -> TrainingState | None:
        """Weights and optimizer state as they are now; waits, so that it is not for the window's thread."""
        ...


class Live(QObject):
    """Pulls snapshots at display rate and gathers what the visible panels want to watch.

    A panel registers a callable that returns the `Watch` it wants now, or None while it is
    hidden; the union of all goes to the trainer whenever it changes. Panels make their refresh
    intervals `stretch` times as long, so that training keeps its cores.
    """

    #: Emitted on the GUI thread for each new snapshot.
    snapshot_taken = Signal(object)

    def __init__(self, trainer: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.trainer = trainer
        self.latest = Snapshot()
        self._wishes: list[object] = []
        self._sent: Watch | None = None
        self._asked = float("-inf")
        self.governor = Governor()
        self._timer = QTimer(self)
        self._timer.setInterval(50)
        self._timer.timeout.connect(self.look)

    def start(self) -> None:
        """Begin polling."""
        self._timer.start()

    def stop(self) -> None:
        """End polling."""
        self._timer.stop()

    def add_wish(self, wish: object) -> None:
        """Register a callable that returns a `Watch` or None."""
        self._wishes.append(wish)
        self.renew()

    def renew(self) -> None:
        """Ask all panels at the next look what they want to watch: one of them wants something else."""
        self._asked = float("-inf")

    @property
    def stretch(self) -> float:
        """How many times as long refresh intervals are as they would be without training."""
        return self.governor.stretch

    def look(self) -> None:
        """Take the latest snapshot, if there is a new one, and renew what is watched."""
        now = time.monotonic()
        crowded = self.latest.threads >= cores()
        self.governor.look(now, time.thread_time(), self.latest.status == "running", crowded)
        if now - self._asked >= _WISHES:
            self._asked = now
            watch = self._union()
            if watch != self._sent:
                self._sent = watch
                self.trainer.send(watch)
        snapshot = self.trainer.snapshot
        if snapshot.serial != self.latest.serial:
            self.latest = self.trainer.take()
            self.snapshot_taken.emit(self.latest)

    def _union(self) -> Watch:
        wanted = [w for w in (wish() for wish in self._wishes) if w is not None]  # type: ignore[operator]
        return Watch(
            nodes=frozenset().union(*(w.nodes for w in wanted)),
            details=frozenset().union(*(w.details for w in wanted)),
            scatter=next((w.scatter for w in wanted if w.scatter), ""),
            answers=any(w.answers for w in wanted),
            sample=max((w.sample for w in wanted), default=0),
            plane=max((w.plane for w in wanted), default=40),
            # In steps, since every other wish is a command to the trainer.
            interval=round(min((w.interval for w in wanted), default=_SLOW * self.stretch), 2),
            text=next((w.text for w in wanted if w.text is not None), None),
            own=next((w.own for w in wanted if w.own is not None), None),
            speed=any(w.speed for w in wanted),
        )
