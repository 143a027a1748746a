"""A learning rate that falls along half a cosine wave, after a warm-up if wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import integer, real
from studio.core.schedule import Schedule, steps_of


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """Rises to a target if wanted, then falls along half a cosine wave."""

    help: ClassVar[str] = (
        "Lets the learning rate fall slowly at first, then faster, and gently at the end. "
        "With a warm-up it first rises from the optimizer's rate to a target."
    )
    formula: ClassVar[str] = "rate(t) = rate · ((1 − α) (1 + cos(π t / steps)) / 2 + α)"
    source: ClassVar[str] = "I. Loshchilov and F. Hutter, SGDR, ICLR 2017; Keras: optimizers.schedules.CosineDecay"

    decay_steps: int = integer(
        0, 0, 1_000_000_000, help="Steps until the end of the fall; 0 takes all steps of the run.", live=True
    )
    alpha: float = real(0.0, 0.0, 1.0, help="What is left at the end, as a share of the rate it fell from.", live=True)
    warmup_target: float = real(
        0.0, 0.0, 100.0, help="The rate to rise to before the fall; 0 is no warm-up.", live=True, logarithmic=True
    )
    warmup_steps: int = integer(0, 0, 1_000_000_000, help="Steps that the rise takes.", live=True)

    def _lengths(self, total: int) -> tuple[int, int]:
        """Steps of the rise and of the fall."""
        rise = self.warmup_steps if self.warmup_target else 0
        return rise, self.decay_steps or max(1, total - rise)

    def reference(self, initial: float, step: int, total: int) -> float:
        rise, fall = self._lengths(total)
        top = self.warmup_target or initial
        if step < rise:
            return initial + (top - initial) * step / rise
        share = min(step - rise, fall) / fall
        return top * ((1 - self.alpha) * 0.5 * (1 + math.cos(math.pi * share)) + self.alpha)

    def rates(self, initial: float, first: int, count: int, total: int) -> np.ndarray:
        rise, fall = self._lengths(total)
        top = self.warmup_target or initial
        steps = steps_of(first, count)
        shares = np.clip((steps - rise) / fall, 0.0, 1.0)
        falling = top * ((1 - self.alpha) * 0.5 * (1 + np.cos(np.pi * shares)) + self.alpha)
        return np.where(steps < rise, initial + (top - initial) * steps / max(rise, 1), falling)
