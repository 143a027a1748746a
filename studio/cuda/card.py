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
        Groups of threads that share the kernel's loops; each is a vector wide, or a whole block where
        the kernel has a text for blocks.
    arguments : tuple of int
        Addresses of arena, record, table and state in the card's memory.
    shares : bool
        Whether the kernel has loops that groups share; if not, one group must run it alone.
    vectors : int
        Vectors of numbers that it goes through, about.
    """

    kernel: Kernel
    groups: int
    arguments: tuple[int, int, int, int]
    shares: bool = False
    vectors: int = 1


class Card(Protocol):
    """Memory, and kernels that work on it one after the other."""

    #: For people.
    title: str
    #: Which card it is, and with which driver: what is known of it holds for cards of the same identity.
    identity: str
    #: Groups of threads that it can have at once.
    most_groups: int

    def free_bytes(self) -> int:
        """Memory that can be allocated now.

        Raises
        ------
        CardProblem
            When the card fails.
        """

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

    def is_settled(self, prepared: Any) -> bool:
        """Whether it is known how what `prepare` gave runs fastest; as long as it is not, `run` tries that out."""

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

    def close(self) -> None:
        """Leave the card, with all that lies on it: it cannot be asked for anything from then on."""


#: The card that is open, by its number.
_opened: dict[int, Card] = {}
#: What stands for this machine's cards, in tests.
_instead: list[Card] = []
#: The number that was chosen; empty for none.
_choice: list[int] = []


def choose(number: int) -> bool:
    """Say which card `open_card` opens from now on, if this machine has it.

    Parameters
    ----------
    number : int
        As the driver counts them, from 0 on.

    Returns
    -------
    bool
        Whether another card is open now.
    """
    _choice[:] = [number]
    return bool(_opened) and chosen() not in _opened


def chosen() -> int:
    """Number of the card that `open_card` opens: the one that was chosen, or the first that can be used."""
    from studio.cuda import probe

    wanted = _choice[0] if _choice else None
    if _instead:
        return wanted if wanted is not None and wanted < len(_instead) else 0
    return probe.cards().pick(wanted)


def open_card() -> Card:
    """The card that was chosen, opened when it is first asked for; another one that was open is left.

    Raises
    ------
    CardProblem
        When there is none, or it cannot be used.
    """
    number = chosen()
    if number not in _opened:
        # A context takes some hundred megabytes of a card even if nothing is done there.
        while _opened:
            _opened.popitem()[1].close()
        if _instead:
            _opened[number] = _instead[number]
        else:
            from studio.cuda.driver import DriverCard

            _opened[number] = DriverCard(number=number)
    return _opened[number]


def use(*cards: Card | None) -> None:
    """Take other cards for this machine's from now on, such as simulated ones; None to look for its own again.

    What was chosen is forgotten.
    """
    _opened.clear()
    _choice.clear()
    _instead[:] = [card for card in cards if card is not None]
