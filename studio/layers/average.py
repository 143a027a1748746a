"""Several inputs become one: their mean, number by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.lowering import Lowering, Tensor
from studio.core.merging import Merging
from studio.kernels.merging import lower_merging


@dataclass(frozen=True)
class Average(Merging):
    """``y = (a + b + ...) / n``."""

    keywords: ClassVar[tuple[str, ...]] = ("mean", "ensemble", "committee", "vote", "merge")
    help: ClassVar[str] = (
        "Gives the mean of its inputs, number by number. "
        "The mean of several networks' answers, a committee, is often better than each of them."
    )
    formula: ClassVar[str] = "y = (a + b + …) / n"
    source: ClassVar[str] = "L. Hansen and P. Salamon, Neural network ensembles, IEEE PAMI 12 (1990); Keras: Average"
    keras: ClassVar[str] = "Average"
    torch: ClassVar[str] = "mean"
    onnx: ClassVar[str] = "Mean"

    # A mean that each further input moves a little towards itself.

    @staticmethod
    def function(a: Any, b: Any, k: Any) -> Any:
        return a + (b - a) * (1.0 / k)

    @staticmethod
    def slope_a(a: Any, b: Any, k: Any) -> Any:
        return 1.0 - 1.0 / k

    @staticmethod
    def slope_b(a: Any, b: Any, k: Any) -> Any:
        return 1.0 / k

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_merging(lowering, self, inputs)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(sum(self.aligned(inputs)) / len(inputs))
