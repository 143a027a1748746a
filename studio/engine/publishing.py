"""Snapshots of training: when one is due, and what is in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from studio.core.dataset import Dataset
from studio.core.graph import Graph
from studio.core.problems import Problem
from studio.engine.commands import Watch
from studio.engine.history import History
from studio.engine.messages import Snapshot, Status, TrainingState, Written
from studio.engine.race_messages import RaceView
from studio.engine.run import TrainingRun
from studio.engine.views import take_views
from studio.kernels import cache

#: Largest share of the time that goes into copies for the views: where training leaves the window a core, and
#: where it uses all of them, so that the window's own work costs it several times as much already.
VIEW_SHARE, CROWDED_SHARE = 0.04, 0.025
#: Seconds between two looks at a race.
_RACE_INTERVAL = 0.1
#: How much of what is said of that share comes from the latest snapshot.
_SHARE_WEIGHT = 0.1


@dataclass
class Standing:
    """Where training stands; see the fields of the same names of `studio.engine.messages.Snapshot`."""

    status: Status = "empty"
    message: str = ""
    problem: Problem | None = None
    graph: Graph | None = None
    running: bool = False
    race: RaceView = field(default_factory=RaceView)


class Publisher:
    """Replaces one `Snapshot`, at most every so often and only after the last was taken."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.watch = Watch()
        #: Whether anything changed, so that a snapshot is due although nothing is trained.
        self.stale = True
        self.taken = threading.Event()
        self.taken.set()
        self._last = 0.0
        #: How long the last views and those before them took to make.
        self._seconds = (0.0, 0.0)
        #: Share of the time that goes into copies for the views.
        self._share = 0.0

    def take(self) -> Snapshot:
        """The latest snapshot, for any thread; the next one may be made."""
        snapshot = self.snapshot
        self.taken.set()
        return snapshot

    def watch_nothing(self) -> None:
        """Views could not be made: ask for none until somebody wishes again."""
        self.watch = replace(Watch(), interval=self.watch.interval)

    def tell(self, standing: Standing, progress: float) -> None:
        """Publish a snapshot that only says what is being prepared."""
        self.snapshot = replace(
            self.snapshot,
            serial=self.snapshot.serial + 1,
            status=standing.status,
            message=standing.message,
            progress=progress,
            notice=cache.problem(),
            graph=standing.graph,
            problem=None,
            race=standing.race,
        )

    def show_race(self, standing: Standing, message: str) -> None:
        """Replace the snapshot by one that shows how a race goes, if one is due; views stay as they were.

        Copies for the views would disturb the race, and show nothing new.
        """
        if not self.taken.is_set() or time.perf_counter() - self._last < _RACE_INTERVAL:
            return
        self.taken.clear()
        self.snapshot = replace(
            self.snapshot,
            serial=self.snapshot.serial + 1,
            status=standing.status,
            message=message,
            progress=1.0,
            graph=standing.graph,
            problem=standing.problem,
            samples_per_second=0.0,
            race=standing.race,
        )
        self._last = time.perf_counter()

    def is_due(self, running: bool, crowded: bool = False) -> bool:
        """Whether the next snapshot is wanted now, while training runs or not, and uses all cores or not."""
        # Views that once took long, since other programs were at work, do not hold up the next ones;
        # and without training there is none that they could hold up.
        pause = min(self._seconds) / (CROWDED_SHARE if crowded else VIEW_SHARE) if running else 0.0
        waited = time.perf_counter() - self._last >= max(self.watch.interval, pause)
        return (running or self.stale) and waited and self.taken.is_set()

    def publish(
        self,
        standing: Standing,
        run: TrainingRun | None,
        datasets: Mapping[str, Dataset],
        history: History,
        weights: TrainingState | None,
        written: Written | None,
    ) -> None:
        """Replace the snapshot.

        Parameters
        ----------
        history, weights
            What there is of them without a run.
        """
        begin = time.perf_counter()
        took = self._seconds[0]
        self._share += _SHARE_WEIGHT * (took / max(begin - self._last + took, 1e-6) - self._share)
        serial = self.snapshot.serial + 1
        self.taken.clear()
        if run is None:
            self.snapshot = Snapshot(
                serial=serial,
                status=standing.status,
                notice=cache.problem(),
                graph=standing.graph,
                step=weights.step if weights is not None else 0,
                epoch=weights.epoch if weights is not None else 0.0,
                history=history,
                problem=standing.problem,
                datasets=dict(datasets),
                race=standing.race,
            )
        else:
            self.snapshot = self._snapshot_of(serial, standing, run, datasets, written)
        self._last = time.perf_counter()
        self._seconds = (self._last - begin, self._seconds[0])
        self.stale = False

    def _snapshot_of(
        self, serial: int, standing: Standing, run: TrainingRun, datasets: Mapping[str, Dataset], written: Written | None
    ) -> Snapshot:
        views = take_views(run.network, self.watch)
        return Snapshot(
            serial=serial,
            status=standing.status,
            message=standing.message,
            progress=1.0,
            notice=run.card_problem or cache.problem(),
            graph=standing.graph,
            step=run.network.step,
            epoch=run.network.epoch,
            learning_rate=run.network.learning_rate,
            samples_per_second=run.samples_per_second if standing.running else 0.0,
            history=run.history,
            train=run.train_evaluation,
            validation=run.validation_evaluation,
            test=run.test_evaluation,
            turns=run.turns,
            nodes=views.nodes,
            probe_x=views.probe_x,
            probe_y=views.probe_y,
            own=views.own,
            plane_extent=views.plane_extent,
            scatter=views.scatter,
            answers=views.answers,
            datasets=dict(datasets),
            problem=standing.problem,
            threads=run.threads,
            device=run.network.device.name,
            memory=run.network.device.bytes,
            written=written,
            speed=run.times if self.watch.speed else None,
            view_share=self._share if standing.running else 0.0,
            race=standing.race,
        )
