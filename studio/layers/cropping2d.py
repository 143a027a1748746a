"""The inside of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import sides
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.pictures import require_picture
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.pictures import cut, frame


@dataclass(frozen=True)
class Cropping2D(Layer):
    """A picture without some of its outer rows and columns."""

    family: ClassVar[str] = "Convolution"
    icon: ClassVar[str] = "reshape"
    keywords: ClassVar[tuple[str, ...]] = ("crop", "cut", "trim", "border", "margin")
    help: ClassVar[str] = (
        "Cuts rows and columns off the edges of the picture. "
        "It makes a larger picture fit a smaller one, so that the two can be joined."
    )
    formula: ClassVar[str] = "y = the inside of x"
    source: ClassVar[str] = "Keras: Cropping2D"
    keras: ClassVar[str] = "Cropping2D"
    torch: ClassVar[str] = ""
    onnx: ClassVar[str] = "Slice"

    cropping: tuple[int, int, int, int] = sides(0, 0, 1024, help="Rows and columns to cut off: top, bottom, left, right.", unit="px")

    def summary(self) -> str:
        return " ".join(str(n) for n in self.cropping)

    def keras_arguments(self, *shapes: Shape) -> Mapping[str, Any]:
        top, bottom, left, right = self.cropping
        return {"cropping": ((top, bottom), (left, right))}

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        require_picture(shape)
        top, bottom, left, right = self.cropping
        size = (shape[0] - top - bottom, shape[1] - left - right)
        if min(size) < 1:
            raise ShapeProblem(
                f"cuts all of its {describe(shape)} picture away: make cropping smaller.",
                Remedy("set", "Cut nothing", values=(("cropping", (0, 0, 0, 0)),)),
            )
        return (*size, shape[2])

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(self.output_shape(x.shape))
        cut(lowering, x, y, self.cropping)

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(x)
            if dx is not None:
                frame(lowering, dy, dx, self.cropping)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x = inputs[0]
        top, bottom, left, right = self.cropping
        return x[:, top : x.shape[1] - bottom, left : x.shape[2] - right]

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((3, 5, 3),)),
            (cls(cropping=(1, 1, 1, 1)), ((5, 4, 2),)),
            (cls(cropping=(1, 0, 0, 2)), ((3, 4, 3),)),
            (cls(cropping=(0, 2, 3, 0)), ((4, 5, 1),)),
        )
