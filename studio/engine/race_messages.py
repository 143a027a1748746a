"""A race of processor and card: what the window sees of it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Literal

#: Differences in speed below this share are those of one turn and the next.
EVEN = 1.05


@dataclass(frozen=True)
class Racer:
    """How fast one side was.

    Parameters
    ----------
    title : str
        The card's, for people; empty for the processor.
    threads : int
        Threads that train; 1 on a card.
    rates : tuple of float
        Samples a second of each turn that counts, so far.
    """

    title: str = ""
    threads: int = 1
    rates: tuple[float, ...] = ()

    @property
    def samples_per_second(self) -> float:
        """The middle of its turns; 0 before the first that counts."""
        return statistics.median(self.rates) if self.rates else 0.0


#: ``preparing`` (copies are made, kernels compiled), ``racing``, ``done``, ``stopped`` (by a person),
#: ``failed`` (see `RaceView.problem`), or ``none``: there was no race since the network was made.
Stage = Literal["none", "preparing", "racing", "done", "stopped", "failed"]


@dataclass(frozen=True)
class RaceView:
    """What a race looks like now.

    Parameters
    ----------
    number : int
        Of the latest `StartRace` that the trainer has heard of; 0 before the first.
    stage : Stage
    progress : float
        Share of all turns that is over, 0 to 1.
    turn, turns : int
        Which turn it is, from 0 on, and how many count; turn 0 does not.
    on_turn : str
        Who trains now: ``cpu`` or ``cuda``.
    processor, card : Racer
    problem : str
        Why there is no result, in one sentence.
    """

    number: int = 0
    stage: Stage = "none"
    progress: float = 0.0
    turn: int = 0
    turns: int = 0
    on_turn: str = "cpu"
    processor: Racer = field(default_factory=Racer)
    card: Racer = field(default_factory=Racer)
    problem: str = ""

    @property
    def is_on(self) -> bool:
        """Whether it is under way."""
        return self.stage in ("preparing", "racing")

    @property
    def faster(self) -> str:
        """Who won: ``cpu`` or ``cuda``; empty where both are about as fast, or nobody knows."""
        here, there = self.processor.samples_per_second, self.card.samples_per_second
        if not here or not there or self.factor < EVEN:
            return ""
        return "cuda" if there > here else "cpu"

    @property
    def factor(self) -> float:
        """How many times as fast the faster side is, from 1 on; 1 while nobody knows."""
        rates = self.processor.samples_per_second, self.card.samples_per_second
        return max(rates) / min(rates) if min(rates) > 0 else 1.0

    @property
    def factor_words(self) -> str:
        """`factor` as people say it, such as ``7.1`` or ``24``."""
        return f"{self.factor:.1f}" if self.factor < 9.95 else f"{self.factor:.0f}"
