"""How much of a card's memory a network takes, told before any of it is taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from studio.core.amounts import memory_words
from studio.core.dataset import Samples
from studio.cuda.card import Card, CardProblem
from studio.engine.arena import SharedSpace, aligned
from studio.engine.cuda_device import KEPT_BYTES
from studio.engine.observed import PROBE, SCATTER_SAMPLES
from studio.engine.plan import CALL_HEADER, Plan
from studio.kernels import state

#: Memory is given in pieces of so many bytes.
_PIECE = 512


@dataclass(frozen=True)
class CardMemory:
    """Bytes of a card that a network takes.

    Parameters
    ----------
    network : int
        Weights, optimizer state, gradients and calls, and what looking at the network takes.
    batch : int
        What the layers give for a minibatch, and the slopes of that.
    samples : int
        The data, their order, and those that the window shows.
    """

    network: int
    batch: int
    samples: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.network + self.batch + self.samples

    @property
    def remedy(self) -> str:
        """What makes the largest part smaller, as a part of a sentence."""
        remedies = {
            self.network: "make the network smaller",
            self.samples: "use fewer samples",
            self.batch: "choose a smaller batch size",
        }
        return remedies[max(remedies)]


def card_memory(space: SharedSpace, plans: Sequence[Plan], parts: Sequence[Sequence[Samples]]) -> CardMemory:
    """What a `studio.engine.cuda_device.CudaDevice` takes of its card while a network trains and is evaluated.

    The samples that the window shows are counted too, but not the map over the plane, which takes a few megabytes.

    Parameters
    ----------
    space : SharedSpace
        Complete: all plans that share it are built.
    plans : sequence of Plan
        For training, for the probe batch and for many samples.
    parts : sequence of sequence of numpy.ndarray
        The arrays of the training, the validation and the test part, in the order in which plans read them.
    """
    train, _, _ = plans
    batch = 4 * (aligned(train.private_floats) - space.trainable_floats)
    arena = _pieces(4 * (aligned(space.size) + sum(aligned(plan.private_floats) for plan in plans)))
    return CardMemory(arena - batch + sum(map(_calls, plans)), batch, _samples(parts))


def refuse_what_does_not_fit(card: Card, space: SharedSpace, plans: Sequence[Plan], parts: Sequence[Sequence[Samples]]) -> None:
    """Compare what a network takes with what is free on a card; nothing is taken yet.

    Parameters
    ----------
    card : Card
    space, plans, parts
        See `card_memory`.

    Raises
    ------
    CardProblem
        When there is not enough, or the card fails.
    """
    needed, free = card_memory(space, plans, parts), card.free_bytes()
    if needed.total > free:
        raise CardProblem(
            f"The network needs {memory_words(needed.total, up=True)} of the card's memory, "
            f"of which {memory_words(free)} is free: {needed.remedy}, or train on the processor."
        )


def _pieces(*counts: int) -> int:
    """Bytes that blocks of so many bytes take; an empty one takes a piece too."""
    return sum(-(-max(count, 1) // _PIECE) * _PIECE for count in counts)


def _calls(plan: Plan) -> int:
    """Record, table, and the state with its sums and the number of the step that failed."""
    record = 1 + sum(CALL_HEADER + len(call.arguments) for call in plan.calls)
    return _pieces(8 * record, 8 * len(plan.table), 8 * (state.STATE_LENGTH + state.SUMS_LENGTH + 1))


def _samples(parts: Sequence[Sequence[Samples]]) -> int:
    """The parts' arrays, the probe batch, and the orders of all three plans."""
    counts = [max((len(array) for array in part), default=0) for part in parts]
    shown = counts[1] or counts[0]
    probe, scatter = (min(most, shown) for most in (PROBE, SCATTER_SAMPLES))

    def copies(samples: int) -> int:
        return sum(_pieces(4 * samples * (array.size // max(1, len(array)))) for array in parts[0])

    orders = _pieces(8 * counts[0], 8 * probe, 8 * max(counts))
    train, *others = (_bytes(part) for part in parts)
    together = _bytes(array for part in parts for array in part)
    # More than is kept is only there while it is looked at.
    at_once = train + copies(probe) + max(*others, copies(scatter))
    return orders + min(together + copies(probe) + copies(scatter), max(KEPT_BYTES, at_once))


def _bytes(arrays: Iterable[Samples]) -> int:
    """Of arrays as they lie on a card: float32, and each but once."""
    return sum(_pieces(4 * array.size) for array in {id(a): a for a in arrays}.values())
