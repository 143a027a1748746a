"""Several inputs become one: their product, number by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from studio.core.lowering import Lowering, Tensor
from studio.core.merging import Merging
from studio.kernels.merging import lower_merging


@dataclass(frozen=True)
class Multiply(Merging):
    """``y = a * b * ...``, number by number: one input opens and closes the other."""

    keywords: ClassVar[tuple[str, ...]] = ("product", "times", "gate", "squeeze and excitation", "scale", "merge")
    help: ClassVar[str] = (
        "Multiplies its inputs, number by number. An input between 0 and 1 works as a gate: "
        "it lets the other through or holds it back. One number a map gates the whole map."
    )
    formula: ClassVar[str] = "y = a · b · …"
    source: ClassVar[str] = "J. Hu, L. Shen and G. Sun, Squeeze-and-excitation networks, CVPR 2018; Keras: Multiply"
    keras: ClassVar[str] = "Multiply"
    torch: ClassVar[str] = "mul"
    onnx: ClassVar[str] = "Mul"

    @staticmethod
    def function(a: Any, b: Any, k: Any) -> Any:
        return a * b

    @staticmethod
    def slope_a(a: Any, b: Any, k: Any) -> Any:
        return b

    @staticmethod
    def slope_b(a: Any, b: Any, k: Any) -> Any:
        return a

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_merging(lowering, self, inputs)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(reduce(np.multiply, self.aligned(inputs)))
