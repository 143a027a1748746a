"""One input less another, number by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.lowering import Lowering, Tensor
from studio.core.merging import Merging
from studio.kernels.merging import lower_merging


@dataclass(frozen=True)
class Subtract(Merging):
    """``y = a - b``."""

    inputs: ClassVar[tuple[str, ...]] = ("minuend", "subtrahend")
    keywords: ClassVar[tuple[str, ...]] = ("difference", "minus", "merge", "siamese", "compare")
    help: ClassVar[str] = (
        "Takes its second input away from its first, number by number. "
        "It shows a network how two things differ."
    )
    formula: ClassVar[str] = "y = a − b"
    source: ClassVar[str] = "J. Bromley et al., Signature verification using a siamese time delay neural network, NIPS 1993; Keras: Subtract"
    keras: ClassVar[str] = "Subtract"
    torch: ClassVar[str] = "sub"
    onnx: ClassVar[str] = "Sub"
    passes: ClassVar[tuple[bool, bool]] = (True, False)

    @staticmethod
    def function(a: Any, b: Any, k: Any) -> Any:
        return a - b

    @staticmethod
    def slope_a(a: Any, b: Any, k: Any) -> Any:
        return 1.0

    @staticmethod
    def slope_b(a: Any, b: Any, k: Any) -> Any:
        return -1.0

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_merging(lowering, self, inputs)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        a, b = self.aligned(inputs)
        return np.asarray(a - b)
