"""Where weights, optimizer state and live numbers lie in the arena's shared space."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from studio.core.layer import Weight
from studio.core.lowering import Ref, WeightRef
from studio.core.shapes import Shape

#: Start of every block, in floats: a cache line, and the widest vector.
ALIGNMENT = 16


def aligned(floats: int) -> int:
    """`floats` rounded up to whole cache lines."""
    return -(-floats // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True)
class Placed:
    """A weight in its place.

    Parameters
    ----------
    node, name : str
        Whose, and which.
    weight : Weight
        As the layer declared it.
    offset : int
        From the start of the shared space, in floats.
    rows, columns, stride : int
        Rows are all axes but the last; rows are `stride` floats apart.
    """

    node: str
    weight: Weight
    offset: int
    rows: int
    columns: int
    stride: int

    @property
    def floats(self) -> int:
        """Room it takes."""
        return aligned(self.rows * self.stride)

    def read(self, floats: np.ndarray) -> np.ndarray:
        """A copy, in the layer's shape, out of an array laid out like the shared space."""
        block = floats[self.offset : self.offset + self.rows * self.stride]
        return block.reshape(self.rows, self.stride)[:, : self.columns].reshape(self.weight.shape).copy()

    def write(self, floats: Any, values: np.ndarray, start: int = 0) -> None:
        """Put values of the layer's shape into such an array, or the part of an arena that begins at `start`."""
        begin = start + self.offset
        place = slice(begin, begin + self.rows * self.stride)
        block = np.array(floats[place]).reshape(self.rows, self.stride)
        block[:, : self.columns] = values.reshape(self.rows, self.columns)
        floats[place] = block.reshape(-1)


def _row_stride(columns: int, lanes: int) -> int:
    """Whole vectors, and not a multiple of a large power of two, which would crowd the cache."""
    stride = -(-columns // lanes) * lanes
    return stride + lanes if stride >= 128 and stride % 128 == 0 else stride


@dataclass
class SharedSpace:
    """What all threads and all plans of a program share.

    First come the trainable weights (their gradients mirror this part in each thread's
    private space), then the others, then the optimizer's slots, then live numbers.
    """

    lanes: int
    #: Whether it lies on a graphics card.
    on_card: bool = False
    placed: dict[tuple[str, str], Placed] = field(default_factory=dict)
    trainable_floats: int = 0
    size: int = 0
    slots: dict[str, int] = field(default_factory=dict)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    #: Where the ring of upcoming learning rates is; negative if the plan reads none.
    ring: int = -1
    lists: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    _zeros: tuple[int, int] = (0, 0)

    def place(self, weights: dict[str, tuple[Weight, ...]]) -> None:
        """Give all weights their places; called once, before anything else is placed."""
        for trainable in (True, False):
            for node, declared in weights.items():
                for weight in declared:
                    if weight.trainable == trainable:
                        self._place_one(node, weight)
            if trainable:
                self.trainable_floats = self.size

    def _place_one(self, node: str, weight: Weight) -> None:
        columns = weight.shape[-1] if weight.shape else 1
        rows = math.prod(weight.shape[:-1])
        stride = _row_stride(columns, self.lanes) if len(weight.shape) > 1 else columns
        placed = Placed(node, weight, self.size, rows, columns, stride)
        self.placed[node, weight.name] = placed
        self.size += placed.floats

    def take(self, floats: int) -> int:
        """Reserve room; returns its offset."""
        offset = self.size
        self.size += aligned(floats)
        return offset

    def add_slot(self, name: str) -> int:
        """Room for one number of optimizer state a trainable weight."""
        self.slots[name] = self.take(self.trainable_floats)
        return self.slots[name]

    def number(self, owner: str, name: str) -> Ref:
        """A float that the program sets from a live parameter."""
        key = (owner, name)
        if key not in self.numbers:
            self.numbers[key] = self.take(1)
        return Ref("shared", self.numbers[key])

    def rate_ring(self, floats: int) -> Ref:
        """The ring of upcoming learning rates."""
        if self.ring < 0:
            self.ring = self.take(floats)
        return Ref("shared", self.ring)

    def numbers_of(self, owner: str, name: str, count: int) -> Ref:
        """As many floats in a row, which the program sets too (see `lists`: offset and count)."""
        key = (owner, name)
        if key not in self.lists:
            self.lists[key] = self.take(count), count
        return Ref("shared", self.lists[key][0])

    def zeros(self, floats: int) -> Ref:
        """Floats that are always zero."""
        if self._zeros[1] < floats:
            self._zeros = (self.take(max(floats, 1024)), max(floats, 1024))
        return Ref("shared", self._zeros[0])

    def weight(self, node: str, name: str) -> WeightRef:
        """The place of a weight and of its gradient."""
        placed = self.placed[node, name]
        shape: Shape = placed.weight.shape
        return WeightRef(
            shape, Ref("shared", placed.offset), Ref("private", placed.offset), placed.stride, placed.weight.trainable
        )
