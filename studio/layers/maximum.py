"""Several inputs become one: the largest, number by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from studio.core.lowering import Lowering, Tensor
from studio.core.merging import Merging
from studio.kernels.maths import maximum, where
from studio.kernels.merging import lower_merging


@dataclass(frozen=True)
class Maximum(Merging):
    """``y = max(a, b, ...)``."""

    keywords: ClassVar[tuple[str, ...]] = ("largest", "max", "maxout", "or", "merge")
    help: ClassVar[str] = (
        "Gives the largest of its inputs, number by number. "
        "A pattern counts as found if any of the inputs found it."
    )
    formula: ClassVar[str] = "y = max(a, b, …)"
    source: ClassVar[str] = "I. Goodfellow et al., Maxout networks, ICML 2013; Keras: Maximum"
    keras: ClassVar[str] = "Maximum"
    torch: ClassVar[str] = "maximum"
    onnx: ClassVar[str] = "Max"

    @staticmethod
    def function(a: Any, b: Any, k: Any) -> Any:
        # A NaN of either input wins, so that failures are seen.
        return where(b != b, b, maximum(a, b))

    # Equal inputs share the gradient.

    @staticmethod
    def slope_a(a: Any, b: Any, k: Any) -> Any:
        return where(a > b, 1.0, where(a == b, 0.5, 0.0))

    @staticmethod
    def slope_b(a: Any, b: Any, k: Any) -> Any:
        return where(b > a, 1.0, where(b == a, 0.5, 0.0))

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_merging(lowering, self, inputs)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(reduce(np.maximum, self.aligned(inputs)))
