"""Adagrad: steps divided by all the gradient there ever was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import real
from studio.core.optimizer import Optimizer, rate, safe_division
from studio.kernels.jit import Kernel, kernel
from studio.kernels.maths import sqrt
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, store
from studio.kernels.slices import gradient_sum, slice_of, summands


@kernel
def adagrad(arena: Any, record: Any, table: Any, state: Any) -> None:
    """a += g**2; w -= rate g / sqrt(a + epsilon)."""
    start, end = slice_of(record[2], state)
    weights, gradients, stride = at(arena, record[3]), at(arena, record[4]), record[5]
    accumulator = at(arena, record[6])
    rate, epsilon, decay = arena[record[7]], arena[record[8]], arena[record[9]]
    threads, shrink = summands(stride, state), rate * decay
    for i in each(start, end, LANES):
        g = gradient_sum(gradients, stride, threads, i)
        a = load(at(accumulator, i)) + g * g
        store(at(accumulator, i), a)
        w = load(at(weights, i))
        store(at(weights, i), w - w * shrink - g * rate / sqrt(a + epsilon))


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Adaptive subgradients."""

    slots: ClassVar[tuple[str, ...]] = ("accumulator",)
    help: ClassVar[str] = (
        "The more a weight has been corrected so far, the smaller its next corrections. "
        "Good where some inputs are rare; in long runs it slows down."
    )
    formula: ClassVar[str] = "a ← a + g²;  w ← w − rate · g / √(a + ε)"
    source: ClassVar[str] = "J. Duchi, E. Hazan and Y. Singer, JMLR 12, 2011; Keras: Adagrad"

    learning_rate: float = rate(0.001)
    initial_accumulator_value: float = real(
        0.1, 0.0, 1e6, help="What the sum of squares starts from; more makes the first steps smaller."
    )
    epsilon: float = safe_division()

    def initial(self, slot: str) -> float:
        return self.initial_accumulator_value

    def kernel(self) -> Kernel:
        return adagrad

    def reference(
        self, weight: np.ndarray, gradient: np.ndarray, slots: Mapping[str, np.ndarray], step: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        a = slots["accumulator"] + gradient**2
        return weight - self.learning_rate * gradient / np.sqrt(a + self.epsilon), {"accumulator": a}
