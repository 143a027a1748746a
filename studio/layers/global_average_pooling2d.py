"""The mean of each map of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.lowering import Lowering, Tensor
from studio.core.pooling import GlobalPooling2D
from studio.kernels.pooling import pool_mean_of_all


@dataclass(frozen=True)
class GlobalAveragePooling2D(GlobalPooling2D):
    """``y = mean over all pixels of x``, for each channel by itself."""

    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("global average", "gap", "mean", "squeeze", "flatten", "cnn")
    help: ClassVar[str] = (
        "Turns each map into one number, its mean: how much of the pattern the whole picture has. "
        "It often stands where Flatten would, and saves many weights."
    )
    formula: ClassVar[str] = "y = mean over all pixels of x"
    source: ClassVar[str] = "M. Lin, Q. Chen and S. Yan, Network in network, ICLR 2014; Keras: GlobalAveragePooling2D"
    keras: ClassVar[str] = "GlobalAveragePooling2D"
    torch: ClassVar[str] = "AdaptiveAvgPool2d"
    onnx: ClassVar[str] = "GlobalAveragePool"

    def summary(self) -> str:
        return "mean of each map"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(self.output_shape(x.shape))
        pool_mean_of_all(lowering, x, y)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(inputs[0].mean((1, 2), keepdims=self.keepdims))
