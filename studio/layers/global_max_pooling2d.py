"""The largest number of each map of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import flag
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.pictures import require_picture
from studio.core.shapes import Shape
from studio.kernels.pooling import pool_largest_of_all


@dataclass(frozen=True)
class GlobalMaxPooling2D(Layer):
    """``y = max over all pixels of x``, for each channel by itself."""

    family: ClassVar[str] = "Pooling"
    icon: ClassVar[str] = "pooling"
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

    keepdims: bool = flag(False, help="Whether the result stays a picture, of one pixel, rather than a list.")

    def summary(self) -> str:
        return "largest of each map"

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        require_picture(shape)
        return (1, 1, shape[2]) if self.keepdims else (shape[2],)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(self.output_shape(x.shape))
        pool_largest_of_all(lowering, x, y)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(inputs[0].max((1, 2), keepdims=self.keepdims))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((5, 7, 3),)),
            (cls(keepdims=True), ((3, 2, 5),)),
            (cls(), ((1, 1, 4),)),
        )
