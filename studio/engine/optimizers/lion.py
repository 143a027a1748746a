"""Lion: steps of one size, in the direction of the momentum's sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import real
from studio.core.optimizer import Optimizer, rate
from studio.kernels.jit import Kernel, kernel
from studio.kernels.maths import where
from studio.kernels.numba_names import float32
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, store
from studio.kernels.slices import gradient_sum, slice_of, summands


@kernel
def lion(arena: Any, record: Any, table: Any, state: Any) -> None:
    """w -= rate sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g."""
    start, end = slice_of(record[2], state)
    weights, gradients, stride = at(arena, record[3]), at(arena, record[4]), record[5]
    mean = at(arena, record[6])
    rate, beta_1, beta_2, decay = arena[record[7]], arena[record[8]], arena[record[9]], arena[record[10]]
    threads, shrink = summands(stride, state), rate * decay
    for i in each(start, end, LANES):
        g = gradient_sum(gradients, stride, threads, i)
        m = load(at(mean, i))
        direction = m * beta_1 + g * (float32(1.0) - beta_1)
        step = where(direction > 0.0, rate, where(direction < 0.0, -rate, direction))
        store(at(mean, i), m * beta_2 + g * (float32(1.0) - beta_2))
        w = load(at(weights, i))
        store(at(weights, i), w - w * shrink - step)


@dataclass(frozen=True)
class Lion(Optimizer):
    """Evolved sign momentum."""

    slots: ClassVar[tuple[str, ...]] = ("m",)
    help: ClassVar[str] = (
        "Moves every weight by the same amount, up or down as its gradients mostly said. "
        "It wants a learning rate three to ten times smaller than Adam."
    )
    formula: ClassVar[str] = "w ← w − rate · sign(β₁ m + (1 − β₁) g)"
    source: ClassVar[str] = "X. Chen et al., Symbolic discovery of optimization algorithms, 2023; Keras: Lion"

    learning_rate: float = rate(0.001)
    beta_1: float = real(0.9, 0.0, 0.99999, help="How much the momentum counts beside the gradient.", live=True)
    beta_2: float = real(0.99, 0.0, 0.999999, help="How long the momentum remembers.", live=True)

    def kernel(self) -> Kernel:
        return lion

    def reference(
        self, weight: np.ndarray, gradient: np.ndarray, slots: Mapping[str, np.ndarray], step: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        direction = self.beta_1 * slots["m"] + (1 - self.beta_1) * gradient
        m = self.beta_2 * slots["m"] + (1 - self.beta_2) * gradient
        return weight - self.learning_rate * np.sign(direction), {"m": m}
