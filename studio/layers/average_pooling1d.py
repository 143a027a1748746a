"""The mean of each few steps of a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.pooling import Pooling1D
from studio.core.shapes import Shape
from studio.kernels.pooling import pool_means


@dataclass(frozen=True)
class AveragePooling1D(Pooling1D):
    """``y = mean over the window of x``, for each channel by itself."""

    keywords: ClassVar[tuple[str, ...]] = ("average pool", "mean", "downsample", "subsample", "shrink", "smooth", "sequence", "time series")
    help: ClassVar[str] = (
        "Replaces each few steps by their mean, so the sequence gets shorter and smoother. "
        "Softer than taking the largest number: weak patterns count too."
    )
    formula: ClassVar[str] = "y = mean over the window of x"
    source: ClassVar[str] = "A. Waibel et al., Phoneme recognition using time-delay neural networks, 1989; Keras: AveragePooling1D"
    keras: ClassVar[str] = "AveragePooling1D"
    torch: ClassVar[str] = "AvgPool1d"
    onnx: ClassVar[str] = "AveragePool"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(self.output_shape(x.shape))
        pool_means(lowering, self.window(x.shape), x, y)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x, step = inputs[0], self.strides or self.pool_size
        window = self.window(x.shape[1:])
        windows = [np.arange(i * step, i * step + self.pool_size) - window.before[1] for i in range(window.output[1])]
        inside = [seen[(seen >= 0) & (seen < x.shape[1])] for seen in windows]
        return np.stack([x[:, seen].mean(1) for seen in inside], 1)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7, 3),)),
            (cls(padding="same"), ((7, 2),)),
            (cls(pool_size=3, strides=2, padding="same"), ((6, 5),)),
            (cls(pool_size=3, strides=1), ((5, 1),)),
            (cls(strides=4), ((9, 2),)),
        )
