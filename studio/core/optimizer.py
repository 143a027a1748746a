"""The contract of an optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.component import Component
from studio.core.fields import real


@dataclass(frozen=True)
class Optimizer(Component):
    """Turns gradients into new weights.

    An optimizer is one kernel that goes over a thread's part of the weights once. Its
    arguments are the number of floats, the weights, the first thread's gradients and the
    distance to the next thread's, then the slots, then the live numbers.
    """

    #: Names of the numbers kept for each weight.
    slots: ClassVar[tuple[str, ...]] = ()

    learning_rate: float = real(
        0.01,
        0.0,
        100.0,
        help="How big each correction of the weights is. Too small learns slowly; too big overshoots.",
        live=True,
        logarithmic=True,
    )

    def numbers(self) -> dict[str, float]:
        """Live numbers the kernel reads, in its order."""
        values = {n: getattr(self, n) for n, f in self.parameters().items() if f.kind in ("real", "flag")}
        return {name: float(value) for name, value in values.items()}

    def kernel(self) -> Any:
        """The kernel that updates the weights."""
        raise TypeError(f"{self.type_name()} has no kernel.")

    def reference(
        self, weight: np.ndarray, gradient: np.ndarray, slots: Mapping[str, np.ndarray], step: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """One update in float64 NumPy: the new weight and the new slots.

        Parameters
        ----------
        step : int
            How many updates were made before.
        """
        raise TypeError(f"{self.type_name()} has no formula.")
