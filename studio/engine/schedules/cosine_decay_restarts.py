"""A learning rate that falls along half a cosine wave again and again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import integer, real
from studio.core.schedule import Schedule, steps_of


@dataclass(frozen=True)
class CosineDecayRestarts(Schedule):
    """Cosine decay that jumps back up and falls again, each time longer."""

    help: ClassVar[str] = (
        "Lets the learning rate fall along a cosine wave, then jumps back up and falls again. "
        "The jumps can shake the network out of a poor place."
    )
    formula: ClassVar[str] = "rate(t) = rate · mᵏ · ((1 − α) (1 + cos(π t′ / stepsₖ)) / 2 + α)"
    source: ClassVar[str] = (
        "I. Loshchilov and F. Hutter, SGDR, ICLR 2017; Keras: optimizers.schedules.CosineDecayRestarts"
    )

    first_decay_steps: int = integer(1000, 1, 1_000_000_000, help="Steps of the first fall.", live=True)
    t_mul: float = real(2.0, 1.0, 100.0, help="How many times longer each fall is than the one before.", live=True)
    m_mul: float = real(1.0, 0.0, 1.0, help="How high each fall begins, as a share of the one before.", live=True)
    alpha: float = real(0.0, 0.0, 1.0, help="The lowest rate, as a share of the first.", live=True)

    def reference(self, initial: float, step: int, total: int) -> float:
        done = step / self.first_decay_steps
        if self.t_mul == 1.0:
            fall = math.floor(done)
            share = done - fall
        else:
            # The small number keeps rounding from missing the step at which a fall begins.
            fall = math.floor(math.log(1.0 - done * (1.0 - self.t_mul)) / math.log(self.t_mul) + 1e-9)
            begun = (1.0 - self.t_mul**fall) / (1.0 - self.t_mul)
            share = max(0.0, done - begun) / self.t_mul**fall
        wave = 0.5 * self.m_mul**fall * (1.0 + math.cos(math.pi * share))
        return initial * ((1.0 - self.alpha) * wave + self.alpha)

    def rates(self, initial: float, first: int, count: int, total: int) -> np.ndarray:
        done = steps_of(first, count) / self.first_decay_steps
        if self.t_mul == 1.0:
            falls = np.floor(done)
            shares = done - falls
        else:
            falls = np.floor(np.log(1.0 - done * (1.0 - self.t_mul)) / np.log(self.t_mul) + 1e-9)
            begun = (1.0 - self.t_mul**falls) / (1.0 - self.t_mul)
            shares = np.maximum(0.0, done - begun) / self.t_mul**falls
        waves = 0.5 * self.m_mul**falls * (1.0 + np.cos(np.pi * shares))
        return initial * ((1.0 - self.alpha) * waves + self.alpha)
