"""Adam: a step size for each weight, from the gradient's mean and spread."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import flag, real
from studio.core.optimizer import Optimizer, rate, safe_division
from studio.kernels.jit import Kernel, inline, kernel
from studio.kernels.maths import maximum, sqrt
from studio.kernels.numba_names import float32, float64
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, store
from studio.kernels.slices import gradient_sum, slice_of, summands
from studio.kernels.state import STEP


@inline
def _step_size(rate, beta_1, beta_2, state):  # type: ignore[no-untyped-def]
    """The rate, corrected for m and v having started at zero; double precision: 1 - 0.999 is small."""
    steps = float64(state[STEP] + 1)
    correction = math.sqrt(1.0 - math.pow(float64(beta_2), steps)) / (1.0 - math.pow(float64(beta_1), steps))
    return float32(float64(rate) * correction)


@kernel
def adam(arena: Any, record: Any, table: Any, state: Any) -> None:
    """m, v = running means of g, g**2; w -= rate corrected m / (sqrt(v) + epsilon)."""
    start, end = slice_of(record[2], state)
    weights, gradients, stride = at(arena, record[3]), at(arena, record[4]), record[5]
    mean, spread = at(arena, record[6]), at(arena, record[7])
    rate, beta_1, beta_2, epsilon, decay = (
        arena[record[8]],
        arena[record[9]],
        arena[record[10]],
        arena[record[11]],
        arena[record[12]],
    )
    threads, shrink = summands(stride, state), rate * decay
    size = _step_size(rate, beta_1, beta_2, state)
    new_1, new_2 = float32(1.0) - beta_1, float32(1.0) - beta_2
    for i in each(start, end, LANES):
        g = gradient_sum(gradients, stride, threads, i)
        m = load(at(mean, i)) * beta_1 + g * new_1
        v = load(at(spread, i)) * beta_2 + g * g * new_2
        store(at(mean, i), m)
        store(at(spread, i), v)
        w = load(at(weights, i))
        store(at(weights, i), w - w * shrink - m * size / (sqrt(v) + epsilon))


@kernel
def adam_amsgrad(arena: Any, record: Any, table: Any, state: Any) -> None:
    """As `adam`, divided by the largest spread there ever was."""
    start, end = slice_of(record[2], state)
    weights, gradients, stride = at(arena, record[3]), at(arena, record[4]), record[5]
    mean, spread, largest = at(arena, record[6]), at(arena, record[7]), at(arena, record[8])
    rate, beta_1, beta_2, epsilon, decay = (
        arena[record[9]],
        arena[record[10]],
        arena[record[11]],
        arena[record[12]],
        arena[record[13]],
    )
    threads, shrink = summands(stride, state), rate * decay
    size = _step_size(rate, beta_1, beta_2, state)
    new_1, new_2 = float32(1.0) - beta_1, float32(1.0) - beta_2
    for i in each(start, end, LANES):
        g = gradient_sum(gradients, stride, threads, i)
        m = load(at(mean, i)) * beta_1 + g * new_1
        v = load(at(spread, i)) * beta_2 + g * g * new_2
        most = maximum(load(at(largest, i)), v)
        store(at(mean, i), m)
        store(at(spread, i), v)
        store(at(largest, i), most)
        w = load(at(weights, i))
        store(at(weights, i), w - w * shrink - m * size / (sqrt(most) + epsilon))


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adaptive moment estimation."""

    slots: ClassVar[tuple[str, ...]] = ("m", "v", "largest_v")
    help: ClassVar[str] = (
        "Gives each weight a step of its own: larger where the gradient is small and steady, "
        "smaller where it jumps. A good first choice."
    )
    formula: ClassVar[str] = "w ← w − rate · m / (√v + ε)"
    source: ClassVar[str] = "D. Kingma and J. Ba, Adam, ICLR 2015; S. Reddi et al., ICLR 2018; Keras: Adam"

    learning_rate: float = rate(0.001)
    beta_1: float = real(0.9, 0.0, 0.99999, help="How long the mean of the gradient remembers.", live=True)
    beta_2: float = real(0.999, 0.0, 0.999999, help="How long its spread remembers.", live=True)
    epsilon: float = safe_division()
    amsgrad: bool = flag(False, help="Never forget the largest spread, so that steps only get smaller.")

    def kept(self) -> tuple[str, ...]:
        return self.slots if self.amsgrad else self.slots[:2]

    def kernel(self) -> Kernel:
        return adam_amsgrad if self.amsgrad else adam

    def reference(
        self, weight: np.ndarray, gradient: np.ndarray, slots: Mapping[str, np.ndarray], step: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        m = self.beta_1 * slots["m"] + (1 - self.beta_1) * gradient
        v = self.beta_2 * slots["v"] + (1 - self.beta_2) * gradient**2
        new = {"m": m, "v": v}
        if self.amsgrad:
            v = new["largest_v"] = np.maximum(slots["largest_v"], v)
        size = self.learning_rate * np.sqrt(1 - self.beta_2 ** (step + 1)) / (1 - self.beta_1 ** (step + 1))
        return weight - size * m / (np.sqrt(v) + self.epsilon), new
