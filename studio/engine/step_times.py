"""What the calls of a training step take, as the window sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.kernels.jit import Kernel


@dataclass(frozen=True)
class CallTime:
    """What the calls of one kernel take for one node in one phase of a training step.

    Parameters
    ----------
    node : str
        Id of the node; empty for what belongs to none, such as the optimizer's work.
    phase : str
        ``forward``, ``backward`` or ``update``; empty for waiting at barriers.
    kernel : str
        Name of the kernel.
    calls : int
        How often it is called in a step.
    microseconds : float
        All these calls, a step.
    operations : float
        Additions and multiplications that they take together, those of all threads.
    traffic : float
        Bytes of the numbers that they read and write, those of all threads.
    program : Kernel or None
        The kernel itself, whose text can be shown.
    """

    node: str
    phase: str
    kernel: str
    calls: int
    microseconds: float
    operations: float = 0.0
    traffic: float = 0.0
    program: Kernel | None = field(default=None, compare=False, repr=False)

    @property
    def is_waiting(self) -> bool:
        """Whether this is time in which threads wait for each other."""
        return not self.phase


@dataclass(frozen=True, eq=False)
class StepTimes:
    """Where the time of a training step goes.

    Parameters
    ----------
    calls : tuple of CallTime
        In the order in which a step first calls them.
    steps : int
        Minibatches that were timed so far; while there are none, times are 0.
    threads : int
        Threads that train; times are means over them.
    peak_gflops, peak_gigabytes : float
        What the device can do at best with so many threads: 10**9 operations a second, and 10**9
        bytes a second for as much data as a step goes through; 0 while it is not known.
    device : str
        Which kind the calls run on, as in `studio.core.document.Training.device`.
    """

    calls: tuple[CallTime, ...]
    steps: int
    threads: int = 1
    peak_gflops: float = 0.0
    peak_gigabytes: float = 0.0
    device: str = "cpu"

    @property
    def microseconds(self) -> float:
        """A whole step."""
        return sum(call.microseconds for call in self.calls)
