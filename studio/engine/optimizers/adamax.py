"""Adamax: Adam that divides by the largest gradient of late."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import real
from studio.core.optimizer import Optimizer, rate, safe_division
from studio.kernels.jit import Kernel, kernel
from studio.kernels.maths import absolute, maximum
from studio.kernels.numba_names import float32, float64
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, store
from studio.kernels.slices import gradient_sum, slice_of, summands
from studio.kernels.state import STEP


@kernel
def adamax(arena: Any, record: Any, table: Any, state: Any) -> None:
    """m = running mean of g; u = max(beta_2 u, |g|); w -= rate corrected m / (u + epsilon)."""
    start, end = slice_of(record[2], state)
    weights, gradients, stride = at(arena, record[3]), at(arena, record[4]), record[5]
    mean, largest = at(arena, record[6]), at(arena, record[7])
    rate, beta_1, beta_2, epsilon, decay = (
        arena[record[8]],
        arena[record[9]],
        arena[record[10]],
        arena[record[11]],
        arena[record[12]],
    )
    threads, shrink = summands(stride, state), rate * decay
    size = float32(float64(rate) / (1.0 - math.pow(float64(beta_1), float64(state[STEP] + 1))))
    for i in each(start, end, LANES):
        g = gradient_sum(gradients, stride, threads, i)
        m = load(at(mean, i)) * beta_1 + g * (float32(1.0) - beta_1)
        u = maximum(load(at(largest, i)) * beta_2, absolute(g))
        store(at(mean, i), m)
        store(at(largest, i), u)
        w = load(at(weights, i))
        store(at(weights, i), w - w * shrink - m * size / (u + epsilon))


@dataclass(frozen=True)
class Adamax(Optimizer):
    """Adam with the maximum norm in place of the spread."""

    slots: ClassVar[tuple[str, ...]] = ("m", "u")
    help: ClassVar[str] = (
        "Like Adam, but divides each weight's step by the largest gradient it had lately. "
        "Calmer when gradients are rare or jump."
    )
    formula: ClassVar[str] = "u ← max(β₂ u, |g|);  w ← w − rate · m / (u + ε)"
    source: ClassVar[str] = "D. Kingma and J. Ba, Adam, section 7.1, ICLR 2015; Keras: Adamax"

    learning_rate: float = rate(0.001)
    beta_1: float = real(0.9, 0.0, 0.99999, help="How long the mean of the gradient remembers.", live=True)
    beta_2: float = real(0.999, 0.0, 0.999999, help="How slowly the largest gradient fades.", live=True)
    epsilon: float = safe_division()

    def kernel(self) -> Kernel:
        return adamax

    def reference(
        self, weight: np.ndarray, gradient: np.ndarray, slots: Mapping[str, np.ndarray], step: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        m = self.beta_1 * slots["m"] + (1 - self.beta_1) * gradient
        u = np.maximum(self.beta_2 * slots["u"], np.abs(gradient))
        size = self.learning_rate / (1 - self.beta_1 ** (step + 1))
        return weight - size * m / (u + self.epsilon), {"m": m, "u": u}
