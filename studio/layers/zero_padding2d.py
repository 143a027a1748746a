"""A picture with zeros around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import sides
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.pictures import require_picture
from studio.core.shapes import Shape
from studio.kernels.pictures import cut, frame


@dataclass(frozen=True)
class ZeroPadding2D(Layer):
    """Rows and columns of zeros around a picture."""

    family: ClassVar[str] = "Convolution"
    icon: ClassVar[str] = "reshape"
    keywords: ClassVar[tuple[str, ...]] = ("pad", "border", "margin", "frame", "enlarge")
    help: ClassVar[str] = (
        "Puts rows and columns of zeros around the picture. "
        "A convolution after it can then look at the edges too, and sizes can be made to match."
    )
    formula: ClassVar[str] = "y = x inside, 0 around"
    source: ClassVar[str] = "Keras: ZeroPadding2D"
    keras: ClassVar[str] = "ZeroPadding2D"
    torch: ClassVar[str] = "ZeroPad2d"
    onnx: ClassVar[str] = "Pad"

    padding: tuple[int, int, int, int] = sides(1, 0, 1024, help="Rows and columns of zeros to add: top, bottom, left, right.", unit="px")

    def summary(self) -> str:
        return " ".join(str(n) for n in self.padding)

    def keras_arguments(self, *shapes: Shape) -> Mapping[str, Any]:
        top, bottom, left, right = self.padding
        return {"padding": ((top, bottom), (left, right))}

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        require_picture(shape)
        top, bottom, left, right = self.padding
        return (shape[0] + top + bottom, shape[1] + left + right, shape[2])

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(self.output_shape(x.shape))
        frame(lowering, x, y, self.padding)

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(x)
            if dx is not None:
                cut(lowering, dy, dx, self.padding)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        top, bottom, left, right = self.padding
        return np.pad(inputs[0], ((0, 0), (top, bottom), (left, right), (0, 0)))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((3, 5, 3),)),
            (cls(padding=(1, 2, 3, 0)), ((2, 3, 2),)),
            (cls(padding=(0, 0, 0, 1)), ((4, 1, 1),)),
        )
