"""The mean of each small patch of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.pooling import Pooling2D
from studio.core.shapes import Shape
from studio.kernels.pooling import pool_means


@dataclass(frozen=True)
class AveragePooling2D(Pooling2D):
    """``y = mean over the window of x``, for each channel by itself."""

    keywords: ClassVar[tuple[str, ...]] = ("average pool", "mean", "downsample", "subsample", "shrink", "blur", "cnn")
    help: ClassVar[str] = (
        "Replaces each small patch by its mean, so the picture shrinks. "
        "Softer than taking the largest number: weak patterns count too."
    )
    formula: ClassVar[str] = "y = mean over the window of x"
    source: ClassVar[str] = "Y. LeCun et al., Gradient-based learning applied to document recognition, 1998; Keras: AveragePooling2D"
    keras: ClassVar[str] = "AveragePooling2D"
    torch: ClassVar[str] = "AvgPool2d"
    onnx: ClassVar[str] = "AveragePool"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(self.output_shape(x.shape))
        pool_means(lowering, self.window(x.shape), x, y)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x = inputs[0]
        window = self.window(x.shape[1:])
        counts = window.patches(np.ones_like(x)).sum((-2, -1))
        return np.asarray(window.patches(x).sum((-2, -1)) / counts)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((5, 7, 3),)),
            (cls(padding="same"), ((5, 7, 2),)),
            (cls(pool_size=(3, 3), strides=(2, 2), padding="same"), ((6, 5, 2),)),
            (cls(pool_size=(3, 2), strides=(1, 1)), ((4, 5, 1),)),
            (cls(strides=(3, 4)), ((7, 9, 2),)),
        )
