"""The largest number of each small patch of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.pooling import Pooling2D
from studio.core.shapes import Shape
from studio.kernels.pooling import pool_largest


@dataclass(frozen=True)
class MaxPooling2D(Pooling2D):
    """``y = max over the window of x``, for each channel by itself."""

    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("max pool", "maximum", "downsample", "subsample", "shrink", "cnn")
    help: ClassVar[str] = (
        "Keeps only the largest number of each small patch, so the picture shrinks. "
        "What matters is whether a pattern is there; where exactly matters less."
    )
    formula: ClassVar[str] = "y = max over the window of x"
    source: ClassVar[str] = "K. Yamaguchi et al., A neural network for speaker-independent isolated word recognition, ICSLP 1990; Keras: MaxPooling2D"
    keras: ClassVar[str] = "MaxPooling2D"
    torch: ClassVar[str] = "MaxPool2d"
    onnx: ClassVar[str] = "MaxPool"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(self.output_shape(x.shape))
        pool_largest(lowering, self.window(x.shape), x, y)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x = inputs[0]
        return np.asarray(self.window(x.shape[1:]).patches(x, outside=-np.inf).max((-2, -1)))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((5, 7, 3),)),
            (cls(padding="same"), ((5, 7, 2),)),
            (cls(pool_size=(3, 3), strides=(2, 2), padding="same"), ((6, 5, 2),)),
            (cls(pool_size=(1, 3), strides=(1, 1)), ((4, 5, 1),)),
            (cls(strides=(3, 4)), ((7, 9, 2),)),
        )
