"""Several inputs become one: their sum, number by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.lowering import Lowering, Tensor
from studio.core.merging import Merging
from studio.kernels.merging import lower_merging


@dataclass(frozen=True)
class Add(Merging):
    """``y = a + b + ...``, the end of a skip connection."""

    icon: ClassVar[str] = "add"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("sum", "plus", "skip", "shortcut", "residual", "resnet", "merge")
    help: ClassVar[str] = (
        "Adds its inputs, number by number. A wire that jumps over some layers and is added again "
        "is a skip connection: it lets deep networks learn."
    )
    formula: ClassVar[str] = "y = a + b + …"
    source: ClassVar[str] = "K. He et al., Deep residual learning for image recognition, CVPR 2016; Keras: Add"
    keras: ClassVar[str] = "Add"
    torch: ClassVar[str] = "add"
    onnx: ClassVar[str] = "Add"
    passes: ClassVar[tuple[bool, bool]] = (True, True)

    @staticmethod
    def function(a: Any, b: Any, k: Any) -> Any:
        return a + b

    @staticmethod
    def slope_a(a: Any, b: Any, k: Any) -> Any:
        return 1.0

    @staticmethod
    def slope_b(a: Any, b: Any, k: Any) -> Any:
        return 1.0

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_merging(lowering, self, inputs)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(sum(self.aligned(inputs)))
