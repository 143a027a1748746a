"""Step time and memory against the size of a network: ours beside PyTorch's, point by point.

All sides have their turns one after the other, as for the workloads; the fastest turn of each
counts, which other work on the machine disturbs least.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from studio.bench.chain import task_of
from studio.bench.comparison import LOSS_TOLERANCE, Side, largest_difference
from studio.bench.ours import Ours
from studio.bench.peer_process import PeerFailure, PeerProcess
from studio.bench.scale_memory import MemoryProcess
from studio.bench.scale_points import AXES, Axis
from studio.bench.workloads import SEED
from studio.engine.shuffling import epoch_order

#: So many times PyTorch's step time is no longer "as fast".
SLOWER = 1.1
#: Growth of the process may differ from the estimate by so much: a share, and bytes for what is no array.
MEMORY_SHARE, MEMORY_BYTES = 0.1, 1 << 20


@dataclass(frozen=True)
class Point:
    """One size of one axis.

    Parameters
    ----------
    size : int
    ours : dict of int to float
        Microseconds a step by number of threads.
    torch : dict of str to float
        The same by variant; empty where PyTorch is not there.
    loss_difference : float
        Largest relative difference between PyTorch's first losses and ours.
    estimate, growth : int
        Bytes that `studio inspect` says training takes, and by how much the process grew.
    """

    size: int
    ours: dict[int, float]
    torch: dict[str, float]
    loss_difference: float
    estimate: int
    growth: int

    @property
    def best(self) -> float:
        """Our step time with the number of threads that suits."""
        return min(self.ours.values())

    @property
    def ratio(self) -> float | None:
        """How many times longer PyTorch takes; None without it."""
        return min(self.torch.values()) / self.best if self.torch else None

    @property
    def is_slower(self) -> bool:
        """Whether we are slower than PyTorch by more than a tenth."""
        return self.ratio is not None and self.ratio * SLOWER < 1.0

    @property
    def memory_fits(self) -> bool:
        """Whether the process grew by about what was estimated, or by less."""
        return self.growth <= self.estimate * (1.0 + MEMORY_SHARE) + MEMORY_BYTES

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "size": self.size,
            "step_us": {str(n): round(t, 3) for n, t in self.ours.items()},
            "torch_us": {name: round(t, 3) for name, t in self.torch.items()},
            "ratio": None if self.ratio is None else round(self.ratio, 3),
            "slower": self.is_slower,
            "losses_agree": self.loss_difference <= LOSS_TOLERANCE if self.torch else None,
            "memory_estimate": self.estimate,
            "memory_growth": self.growth,
        }


def measure(
    axes: Sequence[str],
    with_torch: bool,
    threads: int,
    rounds: int,
    seconds: float,
    tell: Callable[[str], None] = lambda sentence: None,
) -> tuple[dict[str, list[Point]], list[str], dict[str, str]]:
    """Measure all sizes of some axes.

    Parameters
    ----------
    axes : sequence of str
        Keys of `AXES`.
    with_torch : bool
    threads : int
        Cores: PyTorch takes all of them, we are measured with one and with all.
    rounds, seconds
        How often each side has its turn, and about how long that is.
    tell : callable
        Told what is going on.

    Returns
    -------
    tuple
        Points by axis, sentences on what could not be measured, versions of the peer.
    """
    found: dict[str, list[Point]] = {}
    notes: list[str] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="studio-bench-")))
        memory = stack.enter_context(MemoryProcess())
        peer: PeerProcess | None = None
        for axis in (AXES[key] for key in axes):
            found[axis.key] = []
            for size in axis.sizes:
                tell(f"{axis.key}: {size}")
                with _Contest(axis, size, threads) as contest:
                    if with_torch:
                        contest.task.save(folder)
                        try:
                            if peer is None:
                                peer = stack.enter_context(PeerProcess("torch", folder, threads))
                            else:
                                peer.open(folder)
                            contest.add(peer)
                        except PeerFailure as failure:
                            notes.append(f"{axis.key} {size}: {failure}")
                    found[axis.key].append(contest.run(rounds, seconds, memory.growth(axis.key, size)))
        versions = {} if peer is None else peer.versions
    return found, notes, versions


class _Contest:
    """One size: our networks and PyTorch's, until the point is measured."""

    def __init__(self, axis: Axis, size: int, threads: int) -> None:
        self._size = size
        workload = axis.workload(size)
        most = min(threads, workload.batch_size)
        self._networks = {count: Ours(workload, count) for count in sorted({1, most})}
        first = self._networks[1]
        order = epoch_order(len(first.dataset.train), SEED, 0)
        self.task = task_of(first.document, np.asarray(first.dataset.train.x), first.dataset.train.y, order, first.weights())
        self._compared = workload.compared_steps
        self._losses = first.losses(self._compared)
        self._difference = 0.0
        self._ours = {count: Side(lambda steps, n=network: (steps, n.train(steps))) for count, network in self._networks.items()}  # type: ignore[misc]
        self._torch: dict[str, Side] = {}

    def __enter__(self) -> _Contest:
        return self

    def __exit__(self, *_: object) -> None:
        for network in self._networks.values():
            network.close()

    def add(self, peer: PeerProcess) -> None:
        """Let PyTorch take part."""
        for variant in peer.variants:
            theirs = peer.losses(variant, self._compared)
            self._difference = max(self._difference, largest_difference(self._losses, theirs))
            self._torch[variant] = Side(lambda steps, v=variant: peer.train(v, steps))  # type: ignore[misc]

    def run(self, rounds: int, seconds: float, memory: tuple[int, int]) -> Point:
        """Let all have their turns."""
        sides = [*self._ours.values(), *self._torch.values()]
        for side in sides:
            side.warm_up(seconds)
        for _ in range(rounds):
            for side in sides:
                side.measure()
        ours = {count: min(side.rounds) for count, side in self._ours.items()}
        torch = {name: min(side.rounds) for name, side in self._torch.items()}
        return Point(self._size, ours, torch, self._difference, *memory)

