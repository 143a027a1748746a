"""Nadam: Adam that looks ahead along its momentum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import real
from studio.core.optimizer import Optimizer, rate, safe_division
from studio.kernels.jit import Kernel, kernel
from studio.kernels.maths import sqrt
from studio.kernels.numba_names import float32, float64
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, store
from studio.kernels.slices import gradient_sum, slice_of, summands
from studio.kernels.state import STEP

#: Products of the first factors ``1 - 0.96**i / 2``, which soon stay the same. With them the
#: momentum of all steps so far follows from the step's number and need not be kept.
_PRODUCTS = np.cumprod(1.0 - 0.5 * 0.96 ** np.arange(0.0, 1024.0)) * 2.0


@kernel
def nadam(arena: Any, record: Any, table: Any, state: Any) -> None:
    """As Adam, with the next step's momentum in place of this one's; the momentum grows at first."""
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
    step = state[STEP] + 1
    steps = float64(step)
    now = float64(beta_1) * (1.0 - 0.5 * math.pow(0.96, steps))
    after = float64(beta_1) * (1.0 - 0.5 * math.pow(0.96, steps + 1.0))
    product = math.pow(float64(beta_1), steps) * _PRODUCTS[min(step, 1023)]
    of_mean = float32(float64(rate) * after / (1.0 - product * after))
    of_gradient = float32(float64(rate) * (1.0 - now) / (1.0 - product))
    correction = float32(1.0 / (1.0 - math.pow(float64(beta_2), steps)))
    for i in each(start, end, LANES):
        g = gradient_sum(gradients, stride, threads, i)
        m = load(at(mean, i)) * beta_1 + g * (float32(1.0) - beta_1)
        v = load(at(spread, i)) * beta_2 + g * g * (float32(1.0) - beta_2)
        store(at(mean, i), m)
        store(at(spread, i), v)
        w = load(at(weights, i))
        ahead = m * of_mean + g * of_gradient
        store(at(weights, i), w - w * shrink - ahead / (sqrt(v * correction) + epsilon))


@dataclass(frozen=True)
class Nadam(Optimizer):
    """Adam with Nesterov momentum."""

    slots: ClassVar[tuple[str, ...]] = ("m", "v")
    help: ClassVar[str] = (
        "Adam that corrects from where its momentum is about to take it. "
        "Often a little faster than Adam at the start."
    )
    formula: ClassVar[str] = "w ← w − rate · (μ m + (1 − μ) g) / (√v + ε)"
    source: ClassVar[str] = "T. Dozat, Incorporating Nesterov momentum into Adam, 2016; Keras: Nadam"

    learning_rate: float = rate(0.001)
    beta_1: float = real(0.9, 0.0, 0.99999, help="How long the mean of the gradient remembers.", live=True)
    beta_2: float = real(0.999, 0.0, 0.999999, help="How long its spread remembers.", live=True)
    epsilon: float = safe_division()

    def kernel(self) -> Kernel:
        return nadam

    def reference(
        self, weight: np.ndarray, gradient: np.ndarray, slots: Mapping[str, np.ndarray], step: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        def momentum(t: int) -> float:
            return self.beta_1 * (1 - 0.5 * 0.96**t)

        t = step + 1
        product = math.prod(momentum(i) for i in range(1, t + 1))
        m = self.beta_1 * slots["m"] + (1 - self.beta_1) * gradient
        v = self.beta_2 * slots["v"] + (1 - self.beta_2) * gradient**2
        ahead = momentum(t + 1) * m / (1 - product * momentum(t + 1))
        ahead = ahead + (1 - momentum(t)) * gradient / (1 - product)
        spread = v / (1 - self.beta_2**t)
        return weight - self.learning_rate * ahead / (np.sqrt(spread) + self.epsilon), {"m": m, "v": v}
