"""Measures a workload: our engine and the peers in turn, never two at once."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from studio.bench.chain import task_of
from studio.bench.ours import Ours
from studio.bench.peer_process import PeerFailure, PeerProcess
from studio.bench.workloads import SEED, Workload
from studio.cuda.card import Card
from studio.engine.shuffling import epoch_order

#: Largest relative difference of losses that counts as agreement.
LOSS_TOLERANCE = 1e-3
#: A median so many times above the fastest round shows that the machine had other things to do.
BUSY = 1.4
#: Seconds of silence before each measurement, so that the other side's waiting threads are asleep.
SILENCE = 0.05


@dataclass(frozen=True)
class Timing:
    """Microseconds a step, one number a round."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return float(np.median(self.rounds))

    @property
    def is_steady(self) -> bool:
        """Whether the middle round is near the fastest, as it is on a machine with nothing else to do."""
        return self.median <= BUSY * min(self.rounds)


@dataclass(frozen=True)
class PeerTiming:
    """How one way of using a peer did.

    Parameters
    ----------
    peer, variant : str
    timing : Timing
    loss_difference : float
        Largest relative difference between its losses and ours.
    """

    peer: str
    variant: str
    timing: Timing
    loss_difference: float

    @property
    def losses_agree(self) -> bool:
        """Whether it trained the same."""
        return self.loss_difference <= LOSS_TOLERANCE


@dataclass(frozen=True)
class Measurement:
    """All that was measured of one workload.

    Parameters
    ----------
    workload : Workload
    ours : dict of int to Timing
        By number of threads.
    peers : tuple of PeerTiming
    notes : tuple of str
        Sentences on peers that could not take part.
    versions : dict of str to str
        Of the peers' libraries.
    card : str
        Name of the graphics card that all sides trained on; empty for the processor.
    """

    workload: Workload
    ours: dict[int, Timing]
    peers: tuple[PeerTiming, ...] = ()
    notes: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    card: str = ""

    @property
    def best_threads(self) -> int:
        """The number of threads we are fastest with."""
        return min(self.ours, key=lambda threads: self.ours[threads].median)

    @property
    def step_us(self) -> float:
        """Microseconds a step with `best_threads`."""
        return self.ours[self.best_threads].median

    @property
    def samples_per_second(self) -> float:
        """Samples trained in a second with `best_threads`."""
        return self.workload.batch_size / self.step_us * 1e6

    def ratio(self, peer: PeerTiming) -> float:
        """How many times longer the peer takes: the ratio of the medians."""
        return peer.timing.median / self.step_us

    def ratio_of_fastest(self, peer: PeerTiming) -> float:
        """The same of the fastest rounds, which other work on the machine disturbs least."""
        return min(peer.timing.rounds) / min(self.ours[self.best_threads].rounds)

    def ratio_spread(self, peer: PeerTiming) -> tuple[float, float]:
        """Smallest and largest ratio of a single round."""
        pairs = zip(peer.timing.rounds, self.ours[self.best_threads].rounds, strict=True)
        ratios = [theirs / ours for theirs, ours in pairs]
        return min(ratios), max(ratios)

    @property
    def is_steady(self) -> bool:
        """Whether the rounds are near enough to each other for the ratios to mean something."""
        return all(timing.is_steady for timing in (*self.ours.values(), *(p.timing for p in self.peers)))

    def fastest(self, peer: str = "") -> PeerTiming | None:
        """The fastest variant of a peer, or of all of them; None if there is none."""
        chosen = [p for p in self.peers if p.peer == peer or not peer]
        return min(chosen, key=lambda p: p.timing.median, default=None)


def largest_difference(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Largest difference of two lists of losses, relative to ours."""
    one, other = np.asarray(ours), np.asarray(theirs)
    return float(np.max(np.abs(one - other) / np.maximum(np.abs(one), 1e-12)))


@dataclass
class Side:
    """Somebody who trains when asked: `train` takes steps and returns (steps, seconds)."""

    train: Callable[[int], tuple[int, float]]
    steps: int = 1
    rounds: list[float] = field(default_factory=list)

    def warm_up(self, seconds: float) -> None:
        """Train for a moment, and find how many steps take about so many seconds."""
        # The first call may compile; it says nothing about speed.
        self.train(1)
        spent = 0.0
        while spent < seconds / 2:
            done, taken = self.train(self.steps)
            spent += taken
            each = max(taken / done, 1e-8)
            self.steps = max(1, int(seconds / each)) if taken > seconds / 20 else done * 4

    def measure(self) -> None:
        """Time one round."""
        time.sleep(SILENCE)
        done, taken = self.train(self.steps)
        self.rounds.append(taken / done * 1e6)


def compare(
    workload: Workload,
    peers: Sequence[str],
    threads: int,
    rounds: int = 7,
    seconds: float = 0.3,
    with_compile: bool = False,
    tell: Callable[[str], None] = lambda sentence: None,
    card: Card | None = None,
) -> Measurement:
    """Measure a workload.

    Parameters
    ----------
    workload : Workload
    peers : sequence of str
        Names of installed peers.
    threads : int
        Cores of the machine to use: the peers take all of them, we are measured with one and
        with all.
    rounds : int
        How often each side has its turn.
    seconds : float
        About how long a turn takes.
    with_compile : bool
        Whether peers should compile ahead where that takes long.
    tell : callable
        Told what is going on, for the progress line.
    card : Card or None
        Where we train, and the peers too, each with one thread that launches; None for the processor.
    """
    notes: list[str] = []
    versions: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="studio-bench-")))
        tell(f"{workload.key}: preparing")
        counts = sorted({1, threads}) if card is None else [1]
        networks = {count: Ours(workload, count, card, lambda what: tell(f"{workload.key}: {what}")) for count in counts}
        for network in networks.values():
            stack.callback(network.close)
        first = networks[1]
        order = epoch_order(len(first.dataset.train), SEED, 0)
        task_of(first.document, np.asarray(first.dataset.train.x), first.dataset.train.y, order, first.weights()).save(folder)
        losses = first.losses(workload.compared_steps)
        for network in networks.values():
            network.settle()
        sides = {("ours", str(count)): Side(_trainer(network)) for count, network in networks.items()}
        differences: dict[tuple[str, str], float] = {}
        for name in peers:
            tell(f"{workload.key}: starting {name}")
            try:
                process = stack.enter_context(PeerProcess(name, folder, threads, with_compile, card is not None))
            except PeerFailure as failure:
                notes.append(str(failure))
                continue
            versions.update(process.versions)
            notes.extend(process.notes)
            for variant in process.variants:
                try:
                    theirs = process.losses(variant, workload.compared_steps)
                except PeerFailure as failure:
                    notes.append(str(failure))
                    continue
                differences[name, variant] = largest_difference(losses, theirs)
                sides[name, variant] = Side(_peer_trainer(process, variant))
        take_turns(workload.key, sides, rounds, seconds, tell, notes)
    ours = {int(key[1]): Timing(tuple(side.rounds)) for key, side in sides.items() if key[0] == "ours"}
    peer_timings = tuple(
        PeerTiming(*key, Timing(tuple(side.rounds)), differences[key]) for key, side in sides.items() if key[0] != "ours"
    )
    title = card.title if card is not None else ""
    return Measurement(workload, ours, peer_timings, tuple(dict.fromkeys(notes)), versions, title)


def take_turns(
    key: str,
    sides: dict[tuple[str, str], Side],
    rounds: int,
    seconds: float,
    tell: Callable[[str], None],
    notes: list[str],
) -> None:
    """Let all sides have their turns; one that fails leaves the contest.

    Parameters
    ----------
    key : str
        What is measured, for the progress line.
    sides : dict of (str, str) to Side
        Those that fail are taken out.
    rounds, seconds
        How often each side has its turn, and about how long that is.
    tell : callable
        Told what is going on.
    notes : list of str
        Sentences on those that failed are added to it.
    """

    def turn(name: tuple[str, str], act: Callable[[], None]) -> None:
        try:
            act()
        except PeerFailure as failure:
            notes.append(str(failure))
            del sides[name]

    for name, side in list(sides.items()):
        tell(f"{key}: warming up {' '.join(name)}")
        turn(name, lambda side=side: side.warm_up(seconds))  # type: ignore[misc]
    for number in range(rounds):
        tell(f"{key}: round {number + 1} of {rounds}")
        for name, side in list(sides.items()):
            turn(name, side.measure)


def _trainer(network: Ours) -> Callable[[int], tuple[int, float]]:
    return lambda steps: (steps, network.train(steps))


def _peer_trainer(process: PeerProcess, variant: str) -> Callable[[int], tuple[int, float]]:
    return lambda steps: process.train(variant, steps)
