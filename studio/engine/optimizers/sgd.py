"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import flag, real
from studio.core.optimizer import Optimizer
from studio.kernels.jit import Kernel, kernel
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, store
from studio.kernels.slices import gradient_sum, slice_of, summands


@kernel
def sgd(arena: Any, record: Any, table: Any, state: Any) -> None:
    """w -= rate g"""
    start, end = slice_of(record[2], state)
    weights, gradients, stride = at(arena, record[3]), at(arena, record[4]), record[5]
    rate, decay = arena[record[6]], arena[record[9]]
    threads, shrink = summands(stride, state), rate * decay
    for i in each(start, end, LANES):
        g = gradient_sum(gradients, stride, threads, i)
        w = load(at(weights, i))
        store(at(weights, i), w - w * shrink - g * rate)


@kernel
def sgd_momentum(arena: Any, record: Any, table: Any, state: Any) -> None:
    """m = momentum m - rate g; w += m, or with a look ahead w += momentum m - rate g."""
    start, end = slice_of(record[2], state)
    weights, gradients, stride = at(arena, record[3]), at(arena, record[4]), record[5]
    momentum_slot = at(arena, record[6])
    rate, momentum, nesterov, decay = arena[record[7]], arena[record[8]], arena[record[9]], arena[record[10]]
    threads, shrink = summands(stride, state), rate * decay
    for i in each(start, end, LANES):
        step = gradient_sum(gradients, stride, threads, i) * rate
        m = load(at(momentum_slot, i)) * momentum - step
        store(at(momentum_slot, i), m)
        if nesterov != 0.0:
            m = m * momentum - step
        w = load(at(weights, i))
        store(at(weights, i), w - w * shrink + m)


@dataclass(frozen=True)
class SGD(Optimizer):
    """A small step against the gradient, with optional momentum."""

    slots: ClassVar[tuple[str, ...]] = ("momentum",)
    help: ClassVar[str] = (
        "Takes a small step downhill after each batch. With momentum it keeps some of its speed, "
        "like a ball rolling down."
    )
    formula: ClassVar[str] = "w ← w − rate · g"
    source: ClassVar[str] = "H. Robbins and S. Monro (1951); I. Sutskever et al., ICML 2013; Keras: SGD"

    momentum: float = real(0.0, 0.0, 0.9999, help="How much of the last step is kept; 0 is none.", live=True)
    nesterov: bool = flag(False, help="Look ahead along the momentum before correcting.", live=True)

    def kept(self) -> tuple[str, ...]:
        return self.slots if self.momentum else ()

    def kernel(self) -> Kernel:
        return sgd_momentum if self.momentum else sgd

    def reference(
        self, weight: np.ndarray, gradient: np.ndarray, slots: Mapping[str, np.ndarray], step: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        if not self.momentum:
            return weight - self.learning_rate * gradient, {}
        m = self.momentum * slots["momentum"] - self.learning_rate * gradient
        ahead = self.momentum * m - self.learning_rate * gradient if self.nesterov else m
        return weight + ahead, {"momentum": m}
