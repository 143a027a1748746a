"""A learning rate that shrinks by the same factor again and again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import flag, integer, real
from studio.core.schedule import Schedule, steps_of


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """Falls by a factor every so many steps, smoothly or in stairs."""

    help: ClassVar[str] = (
        "Multiplies the learning rate by the same factor every so many steps: "
        "large corrections first, finer and finer ones later."
    )
    formula: ClassVar[str] = "rate(t) = rate · decay^(t / steps)"
    source: ClassVar[str] = "Keras: optimizers.schedules.ExponentialDecay"

    decay_steps: int = integer(
        1000, 1, 1_000_000_000, help="After so many steps the rate is multiplied by the decay rate.", live=True
    )
    decay_rate: float = real(0.96, 0.0, 1.0, help="What the rate is multiplied by.", live=True)
    staircase: bool = flag(False, help="Fall in stairs, all at once, rather than a little each step.", live=True)

    def reference(self, initial: float, step: int, total: int) -> float:
        power = step / self.decay_steps
        return initial * self.decay_rate ** (math.floor(power) if self.staircase else power)

    def rates(self, initial: float, first: int, count: int, total: int) -> np.ndarray:
        powers = steps_of(first, count) / self.decay_steps
        return initial * self.decay_rate ** (np.floor(powers) if self.staircase else powers)
