"""What a network asks of the device that its plans run on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from studio.core.dataset import Samples
from studio.engine.plan import Plan
from studio.engine.windows import Windows

#: Runs a plan: addresses of arena, record, table and state.
Runner = Callable[[int, int, int, int], None]


@dataclass(eq=False)
class BoundPlan:
    """A plan with numbers for all places, for a number of threads.

    Parameters
    ----------
    plan : Plan
    threads : int
    records : list of numpy.ndarray
        The calls, for each thread.
    table : numpy.ndarray
    states : list of numpy.ndarray
        See `studio.kernels.state`; one a thread.
    sums : numpy.ndarray
        float64 ``(threads, studio.kernels.state.SUMS_LENGTH)``.
    order : list of numpy.ndarray
        Of the samples; one a thread.
    windows : Windows or None
        Where samples are on the disk, those that are asked for next.
    keep : list of numpy.ndarray
        What the states point at.
    bases : list of int
        Where each thread's private floats begin.
    """

    plan: Plan
    threads: int
    records: list[np.ndarray]
    table: np.ndarray
    states: list[np.ndarray]
    sums: np.ndarray
    order: list[np.ndarray] = field(default_factory=list)
    windows: Windows | None = None
    keep: list[np.ndarray] = field(default_factory=list)
    bases: list[int] = field(default_factory=list)


class Device(Protocol):
    """Memory for plans, and what runs them."""

    #: Which kind it is, as in `studio.core.document.Training.device`.
    name: str
    #: The floats of all plans. Slices can be read, which may give a copy, and assigned to.
    arena: Any
    #: Bytes of the arena.
    bytes: int
    plans: list[BoundPlan]

    def feed(self, bound: BoundPlan, arrays: Sequence[Samples], samples: int, shuffle: bool, seed: int) -> None:
        """Say which samples a plan runs over.

        Parameters
        ----------
        arrays : sequence of numpy.ndarray or StoredArray
            float32, C-contiguous: X and Y of each Data node in turn.
        samples : int
            How many there are.
        shuffle : bool
            Whether each pass has an order of its own.
        """

    def run(self, bound: BoundPlan, steps: int, runner: Runner | None = None) -> int:
        """Run minibatches; returns how many were run (fewer when a loss was not finite).

        `runner` is another one than that of ordinary runs, such as one with a clock.
        """

    @property
    def failed(self) -> bool:
        """Whether the last run met a loss that is not finite."""

    def close(self) -> None:
        """Give back what it holds."""
