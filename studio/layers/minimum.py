"""Several inputs become one: the smallest, number by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from studio.core.lowering import Lowering, Tensor
from studio.core.merging import Merging
from studio.kernels.maths import minimum, where
from studio.kernels.merging import lower_merging


@dataclass(frozen=True)
class Minimum(Merging):
    """``y = min(a, b, ...)``."""

    keywords: ClassVar[tuple[str, ...]] = ("smallest", "min", "and", "merge")
    help: ClassVar[str] = (
        "Gives the smallest of its inputs, number by number. "
        "A pattern counts as found only if all inputs found it."
    )
    formula: ClassVar[str] = "y = min(a, b, …)"
    source: ClassVar[str] = "L. Zadeh, Fuzzy sets, Information and Control 8 (1965); Keras: Minimum"
    keras: ClassVar[str] = "Minimum"
    torch: ClassVar[str] = "minimum"
    onnx: ClassVar[str] = "Min"

    @staticmethod
    def function(a: Any, b: Any, k: Any) -> Any:
        # A NaN of either input wins, so that failures are seen.
        return where(b != b, b, minimum(a, b))

    # Equal inputs share the gradient.

    @staticmethod
    def slope_a(a: Any, b: Any, k: Any) -> Any:
        return where(a < b, 1.0, where(a == b, 0.5, 0.0))

    @staticmethod
    def slope_b(a: Any, b: Any, k: Any) -> Any:
        return where(b < a, 1.0, where(b == a, 0.5, 0.0))

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_merging(lowering, self, inputs)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(reduce(np.minimum, self.aligned(inputs)))
