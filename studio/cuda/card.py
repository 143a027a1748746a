"""What the engine asks of a graphics card, and opening the one of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from studio.kernels.ahead import Wanted
from studio.kernels.jit import Kernel


class CardProblem(RuntimeError):
    """A card cannot be used, or not any more; one plain sentence with the remedy."""


@dataclass(frozen=True)
class Launch:
    """One call of a kernel.

    Parameters
    ----------
    kernel : Kernel
    groups : int
        Groups of threads that share the kernel's loops; each is a vector wide.
    arguments : tuple of int
        Addresses of arena, record, table and state in the card's memory.
    """

    kernel: Kernel
    groups: int
    arguments: tuple[int, int, int, int]


class Card(Protocol):
    """Memory, and kernels that work on it one after the other."""

    #: For people.
    title: str
    #: Groups of threads that it can have at once.
    most_groups: int

    def free_bytes(self) -> int:
        """Memory that is free now."""

    def allocate(self, count: int) -> int:
        """So many bytes, all 0: their address.

        Raises
        ------
        CardProblem
            When the card has no room for them.
        """

    def release(self, address: int) -> None:
        """Give memory back."""

    def put(self, address: int, numbers: np.ndarray) -> None:
        """Copy a contiguous array to the card."""

    def get(self, address: int, numbers: np.ndarray) -> None:
        """Copy from the card into a contiguous array, when all that was launched is done."""

    def kernels(self, kernels: Sequence[Kernel]) -> list[Wanted]:
        """What has to be compiled before these kernels can be launched."""

    def prepare(self, launches: Sequence[Launch]) -> Any:
        """Make launches ready to be run again and again, in their order."""

    def run(self, prepared: Any, times: int) -> None:
        """Run what `prepare` gave so many times; does not wait for the end."""

    def time(self, prepared: Any) -> np.ndarray:
        """Run what `prepare` gave once more, as `run` does, but with a clock after each launch; waits for the end.

        Returns
        -------
        numpy.ndarray
            Microseconds of each launch, float64 ``(launches,)``, in their order.

        Raises
        ------
        CardProblem
            When the card fails.
        """

    def forget(self, prepared: Any) -> None:
        """Give back what `prepare` gave."""


_opened: list[Card] = []


def open_card() -> Card:
    """This machine's card, opened when it is first asked for.

    Raises
    ------
    CardProblem
        When there is none, or it cannot be used.
    """
    if not _opened:
        from studio.cuda.driver import DriverCard

        _opened.append(DriverCard())
    return _opened[0]


def use(card: Card | None) -> None:
    """Take another card from now on, such as a simulated one; None to look for one again."""
    _opened[:] = [] if card is None else [card]
