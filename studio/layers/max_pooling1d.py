"""The largest number of each few steps of a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.pooling import Pooling1D
from studio.core.shapes import Shape
from studio.kernels.pooling import pool_largest


@dataclass(frozen=True)
class MaxPooling1D(Pooling1D):
    """``y = max over the window of x``, for each channel by itself."""

    keywords: ClassVar[tuple[str, ...]] = ("max pool", "maximum", "downsample", "subsample", "shrink", "sequence", "time series")
    help: ClassVar[str] = (
        "Keeps only the largest number of each few steps, so the sequence gets shorter. "
        "What matters is whether a pattern is there; when exactly matters less."
    )
    formula: ClassVar[str] = "y = max over the window of x"
    source: ClassVar[str] = "K. Yamaguchi et al., A neural network for speaker-independent isolated word recognition, ICSLP 1990; Keras: MaxPooling1D"
    keras: ClassVar[str] = "MaxPooling1D"
    torch: ClassVar[str] = "MaxPool1d"
    onnx: ClassVar[str] = "MaxPool"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(self.output_shape(x.shape))
        pool_largest(lowering, self.window(x.shape), x, y)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x, step = inputs[0], self.strides or self.pool_size
        window = self.window(x.shape[1:])
        windows = [np.arange(i * step, i * step + self.pool_size) - window.before[1] for i in range(window.output[1])]
        inside = [seen[(seen >= 0) & (seen < x.shape[1])] for seen in windows]
        return np.stack([x[:, seen].max(1) for seen in inside], 1)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7, 3),)),
            (cls(padding="same"), ((7, 2),)),
            (cls(pool_size=3, strides=2, padding="same"), ((6, 5),)),
            (cls(pool_size=3, strides=1), ((5, 1),)),
            (cls(strides=4), ((9, 2),)),
        )
