"""The contract of a learning-rate schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.component import Component


@dataclass(frozen=True)
class Schedule(Component):
    """Says how big the learning rate is as training goes on.

    A schedule starts from the optimizer's learning rate, Keras's ``initial_learning_rate``.
    Either it gives a rate for each step, or it looks at a monitor after each epoch and
    remembers a few numbers, which are part of the state of training.
    """

    #: Whether the rate follows from the step; else it changes between epochs at most.
    stepwise: ClassVar[bool] = True

    def reference(self, initial: float, step: int, total: int) -> float:
        """The rate of a step, in plain Python.

        Parameters
        ----------
        initial : float
            The optimizer's learning rate.
        step : int
            Steps taken before.
        total : int
            Steps of the whole run, at least 1.
        """
        return initial

    def rates(self, initial: float, first: int, count: int, total: int) -> np.ndarray:
        """Rates of so many steps from the step `first` on; float64 ``(count,)``.

        Worth an override with arrays where `reference` would be slow beside a small network.
        """
        return np.array([self.reference(initial, step, total) for step in range(first, first + count)])

    def watched(self) -> str:
        """The monitor that `after_epoch` wants; empty for none."""
        return ""

    def after_epoch(self, initial: float, memory: Mapping[str, float], value: float) -> dict[str, float]:
        """What to remember after an epoch that had this value of the monitor."""
        return dict(memory)

    def current(self, initial: float, memory: Mapping[str, float]) -> float:
        """The rate until the next epoch ends, where it does not follow from the step."""
        return initial


def steps_of(first: int, count: int) -> np.ndarray:
    """The steps' numbers as float64 ``(count,)``."""
    return np.arange(first, first + count, dtype=np.float64)
