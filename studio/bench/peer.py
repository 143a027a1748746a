"""What a peer library's side of the benchmark offers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np


class Peer(Protocol):
    """A library that trains the same task; one module `peers_<name>` each."""

    #: Ways of using the library, such as ``eager`` and ``compile``.
    variants: tuple[str, ...]
    #: Sentences on ways that are left out for this task; may be absent.
    notes: tuple[str, ...]

    def start(self, variant: str) -> None:
        """Build the network from the task's initial weights."""
        ...

    def losses(self, steps: int) -> list[float]:
        """Loss of each of the first `steps` minibatches, in the task's order, after `start`."""
        ...

    def train(self, steps: int) -> int:
        """Train at least so many minibatches; returns how many, when all of them are done."""
        ...

    def versions(self) -> dict[str, str]:
        """Versions of what it is built on."""
        ...


def minibatches(order: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Indices of minibatch after minibatch: the given order first, then new ones, for ever."""
    random = np.random.default_rng(0)
    while True:
        for first in range(0, len(order) - batch_size + 1, batch_size):
            yield order[first : first + batch_size]
        order = random.permutation(order)
