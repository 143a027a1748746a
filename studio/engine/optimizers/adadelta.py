"""Adadelta: steps in the units of the weights, without much need of a rate."""

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
def adadelta(arena: Any, record: Any, table: Any, state: Any) -> None:
    """v, u = running means of g**2, d**2; d = g sqrt(u + epsilon) / sqrt(v + epsilon); w -= rate d."""
    start, end = slice_of(record[2], state)
    weights, gradients, stride = at(arena, record[3]), at(arena, record[4]), record[5]
    spread, moved = at(arena, record[6]), at(arena, record[7])
    rate, rho, epsilon, decay = arena[record[8]], arena[record[9]], arena[record[10]], arena[record[11]]
    threads, shrink = summands(stride, state), rate * decay
    for i in each(start, end, LANES):
        g = gradient_sum(gradients, stride, threads, i)
        v = load(at(spread, i)) * rho + g * g * (1.0 - rho)
        u = load(at(moved, i))
        d = g * sqrt((u + epsilon) / (v + epsilon))
        store(at(spread, i), v)
        store(at(moved, i), u * rho + d * d * (1.0 - rho))
        w = load(at(weights, i))
        store(at(weights, i), w - w * shrink - d * rate)


@dataclass(frozen=True)
class Adadelta(Optimizer):
    """Adagrad with a memory that fades, and steps as large as the last ones were."""

    slots: ClassVar[tuple[str, ...]] = ("v", "u")
    help: ClassVar[str] = (
        "Looks at how large gradients and corrections were lately and makes the next one alike. "
        "It starts slowly; a rate of 1 is what its authors used."
    )
    formula: ClassVar[str] = "w ← w − rate · g · √(u + ε) / √(v + ε)"
    source: ClassVar[str] = "M. Zeiler, ADADELTA, arXiv:1212.5701, 2012; Keras: Adadelta"

    learning_rate: float = rate(0.001)
    rho: float = real(0.95, 0.0, 0.99999, help="How long gradients and corrections are remembered.", live=True)
    epsilon: float = safe_division()

    def kernel(self) -> Kernel:
        return adadelta

    def reference(
        self, weight: np.ndarray, gradient: np.ndarray, slots: Mapping[str, np.ndarray], step: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        v = self.rho * slots["v"] + (1 - self.rho) * gradient**2
        d = gradient * np.sqrt(slots["u"] + self.epsilon) / np.sqrt(v + self.epsilon)
        u = self.rho * slots["u"] + (1 - self.rho) * d**2
        return weight - self.learning_rate * d, {"v": v, "u": u}
