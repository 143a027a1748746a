"""A race of processor and card on one network: both train copies of it, in turns.

In turns, so that what else the machine does disturbs both alike. The network that the copies are made
of is only read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from studio.core.problems import Problem
from studio.cuda.card import CardProblem, open_card
from studio.engine.failure import EngineProblem
from studio.engine.network import Network
from studio.engine.race_messages import Racer, RaceView
from studio.engine.run import CHUNK_SECONDS, TrainingRun
from studio.engine.threads import network_with_best_threads
from studio.kernels.ahead import Wanted

#: Seconds of a turn, and how many turns of each side count.
TURN_SECONDS, TURNS = 0.3, 5
#: How many times as many minibatches as the last chunk had the next one may have.
_GROWTH = 4

ON_DISK = "The samples stay on the disk, from which a card cannot read: there is nothing to race with."
NOT_FINITE = (
    "The loss is not finite right after the start, so there is no training to time: "
    "choose a smaller learning rate, or Reset."
)


@dataclass(eq=False)
class _Side:
    """One of the two.

    Parameters
    ----------
    network : Network
    title : str
        See `Racer`.
    """

    network: Network
    title: str = ""
    rates: list[float] = field(default_factory=list)
    #: Minibatches of the next chunk.
    steps: int = 1
    #: Whether its first chunk is over, in which kernels are still loaded.
    warm: bool = False
    #: Of this turn so far.
    seconds: float = 0.0
    samples: int = 0

    @property
    def racer(self) -> Racer:
        """What people see of it."""
        return Racer(self.title, self.network.threads, tuple(self.rates))

    def train(self) -> int:
        """Train one chunk, of about as long as those of training are; how many minibatches there were.

        Raises
        ------
        CardProblem
            When the card fails.
        """
        network = self.network
        samples = len(next(iter(network.datasets.values())).train)
        before, begin = network.epoch, time.perf_counter()
        done = network.train(self.steps)
        taken = time.perf_counter() - begin
        if self.warm:
            self.seconds += taken
            self.samples += round((network.epoch - before) * samples)
        self.warm = True
        fitting = int(CHUNK_SECONDS * max(done, 1) / max(taken, 1e-9))
        self.steps = max(1, min(fitting, _GROWTH * self.steps))
        return done

    def end_turn(self, counts: bool) -> None:
        """Take note of the rate, if it counts."""
        if counts:
            self.rates.append(self.samples / self.seconds)
        self.seconds, self.samples = 0.0, 0


class Race:
    """Copies of a run's network, on the processor and on the card that was chosen; they train bit by bit.

    Parameters
    ----------
    run : TrainingRun
        It must not train meanwhile, and stays as it is: its weights, place and settings are copied. Layer by
        layer, the race is that of the layers whose turn it is.
    compile_kernels : callable
        Called with the kernels that are needed, before they are used.
    seconds : float
        About how long a turn takes.
    turns : int
        How many of each side count; there is one more before them.

    Raises
    ------
    CardProblem
        When there is no card that can be used, it fails, or has no room for a copy of the network.
    EngineProblem
        When the samples stay on the disk, or there is not enough memory for a copy.
    """

    def __init__(
        self,
        run: TrainingRun,
        compile_kernels: Callable[[Iterable[Wanted]], None] = lambda kernels: None,
        seconds: float = TURN_SECONDS,
        turns: int = TURNS,
    ) -> None:
        # First, since a card that fails at this is left, and the network is another one then.
        self._state = run.state()
        original = run.network
        if any(dataset.info.on_disk for dataset in original.datasets.values()):
            raise EngineProblem(Problem("", ON_DISK))
        self._seconds, self._turns = seconds, turns
        self._turn = 0
        self._sides: list[_Side] = []
        graph, training, data = original.graph, original.training, original.datasets
        try:
            # First the one that may find no room, before time goes into the other.
            card = open_card()
            there = Network(graph, training, data, 1, compile_kernels, card=card)
            self._sides.append(_Side(there, card.title))
            if original.device.name == "cpu":
                here = Network(graph, training, data, original.threads, compile_kernels)
            else:
                here = network_with_best_threads(graph, training, data, compile_kernels)
            self._sides.insert(0, _Side(here))
            for side in self._sides:
                side.network.last_epoch = original.last_epoch
                side.network.restore(self._state)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give back the memory of both copies, and end their threads."""
        while self._sides:
            self._sides.pop().network.close()

    def advance(self) -> bool:
        """Train a little, on the side whose turn it is.

        Returns
        -------
        bool
            Whether the race goes on.

        Raises
        ------
        CardProblem
            When the card fails.
        EngineProblem
            When the loss is not finite so soon that there is nothing to time.
        """
        if self._turn >= 2 * (1 + self._turns):
            return False
        side = self._sides[self._turn % 2]
        done = side.train()
        if side.network.failed:
            # How fast it is does not depend on how well it learns: it begins again from the same weights.
            if done < 2:
                raise EngineProblem(Problem("", NOT_FINITE))
            side.network.restore(self._state)
        if side.seconds >= self._seconds and side.samples:
            side.end_turn(counts=self._turn >= 2)
            self._turn += 1
        return self._turn < 2 * (1 + self._turns)

    def view(self, number: int = 0) -> RaceView:
        """What it looks like now; `number` is that of the `StartRace`."""
        here, there = self._sides
        whole = 2 * (1 + self._turns)
        over = self._turn >= whole
        side = self._sides[self._turn % 2]
        share = 0.0 if over else min(1.0, side.seconds / self._seconds)
        return RaceView(
            number,
            "done" if over else "racing",
            (self._turn + share) / whole,
            min(self._turn // 2, self._turns),
            self._turns,
            side.network.device.name,
            here.racer,
            there.racer,
        )


def failed(view: RaceView, error: Exception) -> RaceView:
    """The view of a race that an error ended."""
    known = isinstance(error, CardProblem | EngineProblem)
    words = str(error) if known else f"The race ended because of an internal error: {error!r}."
    return replace(view, stage="failed", problem=words)
