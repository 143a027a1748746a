"""A learning rate that changes at given steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import FieldError, reals, shape
from studio.core.schedule import Schedule, steps_of


@dataclass(frozen=True)
class PiecewiseConstantDecay(Schedule):
    """One learning rate up to the first boundary, another up to the second, and so on."""

    help: ClassVar[str] = (
        "Uses one learning rate up to a step you give, then another, and so on. "
        "The optimizer's own learning rate is not used."
    )
    formula: ClassVar[str] = "rate(t) = valuesᵢ  for  boundariesᵢ₋₁ < t ≤ boundariesᵢ"
    source: ClassVar[str] = "Keras: optimizers.schedules.PiecewiseConstantDecay"

    boundaries: tuple[int, ...] = shape(
        (1000, 2000), help="Steps after which the rate changes, in rising order.", live=True
    )
    values: tuple[float, ...] = reals(
        (0.01, 0.003, 0.001), 0.0, 100.0, help="The rates: one more than there are boundaries.", live=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(b <= a for a, b in zip(self.boundaries, self.boundaries[1:], strict=False)):
            raise FieldError("boundaries must rise from each to the next.")

    def _value(self, index: int) -> float:
        # While a person edits one of the two lists, the other may be too short.
        return self.values[min(index, len(self.values) - 1)]

    def reference(self, initial: float, step: int, total: int) -> float:
        return self._value(sum(step > boundary for boundary in self.boundaries))

    def rates(self, initial: float, first: int, count: int, total: int) -> np.ndarray:
        values = np.array([self._value(i) for i in range(len(self.boundaries) + 1)])
        return values[np.searchsorted(self.boundaries, steps_of(first, count), side="left")]
