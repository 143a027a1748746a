"""The largest number of each channel of a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.lowering import Lowering, Tensor
from studio.core.pooling import GlobalPooling1D
from studio.kernels.pooling import pool_largest_of_all


@dataclass(frozen=True)
class GlobalMaxPooling1D(GlobalPooling1D):
    """``y = max over all steps of x``, for each channel by itself."""

    keywords: ClassVar[tuple[str, ...]] = ("global max", "maximum", "max over time", "squeeze", "flatten", "sequence")
    help: ClassVar[str] = (
        "Turns each channel into one number, its largest: whether the pattern is anywhere in the sequence. "
        "It often stands where Flatten would, and saves many weights."
    )
    formula: ClassVar[str] = "y = max over all steps of x"
    source: ClassVar[str] = "R. Collobert and J. Weston, A unified architecture for natural language processing, ICML 2008; Keras: GlobalMaxPooling1D"
    keras: ClassVar[str] = "GlobalMaxPooling1D"
    torch: ClassVar[str] = "AdaptiveMaxPool1d"
    onnx: ClassVar[str] = "GlobalMaxPool"

    def summary(self) -> str:
        return "largest of each channel"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(self.output_shape(x.shape))
        pool_largest_of_all(lowering, x, y)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(inputs[0].max(1, keepdims=self.keepdims))
