"""One rise and one fall of the learning rate over the whole run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from studio.core.fields import choice, flag, integer, real
from studio.core.schedule import Schedule, steps_of


@dataclass(frozen=True)
class OneCycle(Schedule):
    """PyTorch's OneCycleLR, whose ``max_lr`` is the optimizer's learning rate.

    As Smith and Topin's, but for the momentum, which stays as it is.
    """

    help: ClassVar[str] = (
        "Starts with a small learning rate, rises to the optimizer's, and falls to almost nothing. "
        "It often allows a higher rate and a shorter run."
    )
    formula: ClassVar[str] = "rate / div  ↗  rate  ↘  rate / (div · final)"
    source: ClassVar[str] = "L. Smith and N. Topin, Super-convergence, 2018; PyTorch: OneCycleLR"

    total_steps: int = integer(
        0, 0, 1_000_000_000, help="Steps of the cycle; 0 takes all steps of the run.", live=True
    )
    pct_start: float = real(0.3, 0.0, 1.0, help="Share of the steps in which the rate rises.", live=True)
    anneal_strategy: str = choice(
        "cos", ("cos", "linear"), help="Rise and fall along a cosine wave, or along straight lines.", live=True
    )
    div_factor: float = real(
        25.0, 1.0, 1e9, help="How many times smaller the first rate is than the highest.", live=True, logarithmic=True
    )
    final_div_factor: float = real(
        1e4, 1.0, 1e12, help="How many times smaller the last rate is than the first.", live=True, logarithmic=True
    )
    three_phase: bool = flag(False, help="Fall back as fast as it rose, then fade out.", live=True)

    def _phases(self, initial: float, total: int) -> list[tuple[float, float]]:
        """Where each phase ends: its last step and the rate there; the first entry is the start."""
        steps = self.total_steps or total
        start, last = initial / self.div_factor, initial / self.div_factor / self.final_div_factor
        phases = [(0.0, start), (self.pct_start * steps - 1, initial)]
        if self.three_phase:
            phases.append((2 * self.pct_start * steps - 2, start))
        return [*phases, (steps - 1.0, last)]

    def reference(self, initial: float, step: int, total: int) -> float:
        phases = self._phases(initial, total)
        for (begin, before), (end, after) in pairwise(phases):
            if step <= end or end == phases[-1][0]:
                share = min(1.0, max(0.0, (step - begin) / (end - begin))) if end > begin else 1.0
                if self.anneal_strategy == "linear":
                    return before + (after - before) * share
                return after + (before - after) * (1 + math.cos(math.pi * share)) / 2
        return phases[-1][1]

    def rates(self, initial: float, first: int, count: int, total: int) -> np.ndarray:
        phases = self._phases(initial, total)
        steps, found = steps_of(first, count), np.full(count, phases[-1][1])
        # The last phase goes first, so that an earlier one has the say where both end later.
        for (begin, before), (end, after) in reversed(list(pairwise(phases))):
            shares = np.clip((steps - begin) / (end - begin), 0.0, 1.0) if end > begin else np.ones(count)
            if self.anneal_strategy == "linear":
                rates = before + (after - before) * shares
            else:
                rates = after + (before - after) * (1 + np.cos(np.pi * shares)) / 2
            found = np.where(steps <= end, rates, found)
        return found
