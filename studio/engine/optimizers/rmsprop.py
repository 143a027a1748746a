"""RMSprop: steps divided by the recent size of the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import flag, real
from studio.core.optimizer import Optimizer, rate, safe_division
from studio.kernels.jit import Kernel, kernel
from studio.kernels.maths import maximum, sqrt
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, store
from studio.kernels.slices import gradient_sum, slice_of, summands


@kernel
def rmsprop(arena: Any, record: Any, table: Any, state: Any) -> None:
    """v = running mean of g**2; the step is rate g / sqrt(v + epsilon)."""
    start, end = slice_of(record[2], state)
    weights, gradients, stride = at(arena, record[3]), at(arena, record[4]), record[5]
    spread = at(arena, record[6])
    rate, rho, epsilon, decay = arena[record[7]], arena[record[8]], arena[record[10]], arena[record[11]]
    threads, shrink = summands(stride, state), rate * decay
    for i in each(start, end, LANES):
        g = gradient_sum(gradients, stride, threads, i)
        v = load(at(spread, i)) * rho + g * g * (1.0 - rho)
        store(at(spread, i), v)
        w = load(at(weights, i))
        store(at(weights, i), w - w * shrink - g * rate / sqrt(v + epsilon))


@kernel
def rmsprop_momentum(arena: Any, record: Any, table: Any, state: Any) -> None:
    """As `rmsprop`; each step keeps some of the last."""
    start, end = slice_of(record[2], state)
    weights, gradients, stride = at(arena, record[3]), at(arena, record[4]), record[5]
    spread, momentum_slot = at(arena, record[6]), at(arena, record[7])
    rate, rho, momentum, epsilon, decay = (
        arena[record[8]],
        arena[record[9]],
        arena[record[10]],
        arena[record[11]],
        arena[record[12]],
    )
    threads, shrink = summands(stride, state), rate * decay
    for i in each(start, end, LANES):
        g = gradient_sum(gradients, stride, threads, i)
        v = load(at(spread, i)) * rho + g * g * (1.0 - rho)
        store(at(spread, i), v)
        step = load(at(momentum_slot, i)) * momentum + g * rate / sqrt(v + epsilon)
        store(at(momentum_slot, i), step)
        w = load(at(weights, i))
        store(at(weights, i), w - w * shrink - step)


@kernel
def rmsprop_centered(arena: Any, record: Any, table: Any, state: Any) -> None:
    """As `rmsprop_momentum`, divided by the gradient's deviation: v less the square of its mean."""
    start, end = slice_of(record[2], state)
    weights, gradients, stride = at(arena, record[3]), at(arena, record[4]), record[5]
    spread, mean, momentum_slot = at(arena, record[6]), at(arena, record[7]), at(arena, record[8])
    rate, rho, momentum, epsilon, decay = (
        arena[record[9]],
        arena[record[10]],
        arena[record[11]],
        arena[record[12]],
        arena[record[13]],
    )
    threads, shrink = summands(stride, state), rate * decay
    for i in each(start, end, LANES):
        g = gradient_sum(gradients, stride, threads, i)
        v = load(at(spread, i)) * rho + g * g * (1.0 - rho)
        a = load(at(mean, i)) * rho + g * (1.0 - rho)
        store(at(spread, i), v)
        store(at(mean, i), a)
        # Rounding must not make the difference negative.
        step = load(at(momentum_slot, i)) * momentum + g * rate / sqrt(maximum(v - a * a, 0.0) + epsilon)
        store(at(momentum_slot, i), step)
        w = load(at(weights, i))
        store(at(weights, i), w - w * shrink - step)


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Root mean square propagation."""

    slots: ClassVar[tuple[str, ...]] = ("v", "mean", "momentum")
    help: ClassVar[str] = (
        "Divides each weight's step by how large its gradients were lately, "
        "so that steep and flat directions move alike."
    )
    formula: ClassVar[str] = "w ← w − rate · g / √(v + ε)"
    source: ClassVar[str] = "G. Hinton, Neural networks for machine learning, lecture 6e (2012); Keras: RMSprop"

    learning_rate: float = rate(0.001)
    rho: float = real(0.9, 0.0, 0.99999, help="How long the size of the gradient is remembered.", live=True)
    momentum: float = real(0.0, 0.0, 0.9999, help="How much of the last step is kept; 0 is none.", live=True)
    epsilon: float = safe_division()
    centered: bool = flag(False, help="Divide by how much the gradient varies, not by how large it is.")

    def kept(self) -> tuple[str, ...]:
        if self.centered:
            return self.slots
        return ("v", "momentum") if self.momentum else ("v",)

    def kernel(self) -> Kernel:
        if self.centered:
            return rmsprop_centered
        return rmsprop_momentum if self.momentum else rmsprop

    def reference(
        self, weight: np.ndarray, gradient: np.ndarray, slots: Mapping[str, np.ndarray], step: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        v = self.rho * slots["v"] + (1 - self.rho) * gradient**2
        new = {"v": v}
        if self.centered:
            new["mean"] = self.rho * slots["mean"] + (1 - self.rho) * gradient
            v = v - new["mean"] ** 2
        change = self.learning_rate * gradient / np.sqrt(v + self.epsilon)
        if "momentum" in slots:
            change = change + self.momentum * slots["momentum"]
            new["momentum"] = change
        return weight - change, new
