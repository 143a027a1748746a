"""The largest number of each map of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.lowering import Lowering, Tensor
from studio.core.pooling import GlobalPooling2D
from studio.kernels.pooling import pool_largest_of_all


@dataclass(frozen=True)
class GlobalMaxPooling2D(GlobalPooling2D):
    """``y = max over all pixels of x``, for each channel by itself."""

    keywords: ClassVar[tuple[str, ...]] = ("global max", "maximum", "max over time", "squeeze", "flatten", "cnn")
    help: ClassVar[str] = (
        "Turns each map into one number, its largest: whether the pattern is anywhere in the picture. "
        "It often stands where Flatten would, and saves many weights."
    )
    formula: ClassVar[str] = "y = max over all pixels of x"
    source: ClassVar[str] = "M. Oquab et al., Is object localization for free?, CVPR 2015; Keras: GlobalMaxPooling2D"
    keras: ClassVar[str] = "GlobalMaxPooling2D"
    torch: ClassVar[str] = "AdaptiveMaxPool2d"
    onnx: ClassVar[str] = "GlobalMaxPool"

    def summary(self) -> str:
        return "largest of each map"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(self.output_shape(x.shape))
        pool_largest_of_all(lowering, x, y)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(inputs[0].max((1, 2), keepdims=self.keepdims))
