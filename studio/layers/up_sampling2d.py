"""A picture with more pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import choice, pair
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.pictures import require_picture
from studio.core.resize import enlargement
from studio.core.shapes import Shape
from studio.kernels.pictures import mix


@dataclass(frozen=True)
class UpSampling2D(Layer):
    """Each pixel becomes a block of pixels, equal ones or with soft transitions."""

    family: ClassVar[str] = "Convolution"
    icon: ClassVar[str] = "convolution"
    keywords: ClassVar[tuple[str, ...]] = ("upsample", "enlarge", "resize", "unpool", "decoder", "u-net", "interpolation")
    help: ClassVar[str] = (
        "Makes the picture larger: each pixel becomes a block of pixels. "
        "nearest repeats the pixel; bilinear goes over smoothly from one to the next. Nothing is learned here."
    )
    formula: ClassVar[str] = "y[i, j] = x[⌊i / h⌋, ⌊j / w⌋], or linear between pixels"
    source: ClassVar[str] = "Keras: UpSampling2D"
    keras: ClassVar[str] = "UpSampling2D"
    torch: ClassVar[str] = "Upsample"
    onnx: ClassVar[str] = "Resize"

    size: tuple[int, int] = pair(2, 1, 64, help="How many times as high and as wide the picture gets.")
    interpolation: str = choice("nearest", ("nearest", "bilinear"), help="nearest: pixels are repeated. bilinear: smooth transitions.")

    def summary(self) -> str:
        return f"{self.size[0]} × {self.size[1]} · {self.interpolation}"

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        require_picture(shape)
        return (shape[0] * self.size[0], shape[1] * self.size[1], shape[2])

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(self.output_shape(x.shape))
        mixture = enlargement((x.shape[0], x.shape[1]), self.size, self.interpolation == "bilinear")
        mix(lowering, mixture, x, y)

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(x)
            if dx is not None:
                mix(lowering, mixture.transposed(x.shape[0] * x.shape[1]), dy, dx)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        y = inputs[0]
        for axis, size in ((1, self.size[0]), (2, self.size[1])):
            if self.interpolation == "nearest":
                y = np.repeat(y, size, axis)
                continue
            middles = (np.arange(y.shape[axis] * size) + 0.5) / size - 0.5
            middles = np.clip(middles, 0.0, y.shape[axis] - 1.0)
            low = np.floor(middles).astype(int)
            high = np.minimum(low + 1, y.shape[axis] - 1)
            share = (middles - low).reshape(-1, *(1 for _ in range(3 - axis)))
            y = np.take(y, low, axis) * (1.0 - share) + np.take(y, high, axis) * share
        return y

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((3, 5, 3),)),
            (cls(size=(3, 1)), ((2, 4, 2),)),
            (cls(interpolation="bilinear"), ((3, 5, 2),)),
            (cls(size=(3, 4), interpolation="bilinear"), ((3, 2, 1),)),
            (cls(size=(1, 2), interpolation="bilinear"), ((2, 1, 5),)),
        )
