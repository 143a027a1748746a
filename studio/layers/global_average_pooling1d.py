"""The mean of each channel of a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.lowering import Lowering, Tensor
from studio.core.pooling import GlobalPooling1D
from studio.kernels.pooling import pool_mean_of_all


@dataclass(frozen=True)
class GlobalAveragePooling1D(GlobalPooling1D):
    """``y = mean over all steps of x``, for each channel by itself."""

    keywords: ClassVar[tuple[str, ...]] = ("global average", "gap", "mean", "squeeze", "flatten", "sequence")
    help: ClassVar[str] = (
        "Turns each channel into one number, its mean over all steps: how much of the pattern the whole sequence has. "
        "It often stands where Flatten would, and saves many weights."
    )
    formula: ClassVar[str] = "y = mean over all steps of x"
    source: ClassVar[str] = "M. Lin, Q. Chen and S. Yan, Network in network, ICLR 2014; Keras: GlobalAveragePooling1D"
    keras: ClassVar[str] = "GlobalAveragePooling1D"
    torch: ClassVar[str] = "AdaptiveAvgPool1d"
    onnx: ClassVar[str] = "GlobalAveragePool"

    def summary(self) -> str:
        return "mean of each channel"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(self.output_shape(x.shape))
        pool_mean_of_all(lowering, x, y)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(inputs[0].mean(1, keepdims=self.keepdims))
