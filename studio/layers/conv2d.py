"""Small patterns that slide over a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core import parameters, registry
from studio.core.convolution import check_groups, picture_window
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.shapes import Shape
from studio.core.windows import Window
from studio.kernels.convolution import convolution


@dataclass(frozen=True)
class Conv2D(Layer):
    """``y = activation(K * x + b)``: each filter looks for one small pattern everywhere."""

    family: ClassVar[str] = "Convolution"
    icon: ClassVar[str] = "convolution"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("convolution", "filter", "feature map", "image", "cnn", "grouped")
    help: ClassVar[str] = (
        "Slides small patterns over the picture. Each output map lights up where its pattern matches. "
        "Fewer weights than Dense, since every place shares them."
    )
    formula: ClassVar[str] = "y = activation(K ∗ x + b)"
    source: ClassVar[str] = "Y. LeCun et al., Backpropagation applied to handwritten zip code recognition, 1989; Keras: Conv2D"
    keras: ClassVar[str] = "Conv2D"
    torch: ClassVar[str] = "Conv2d"
    onnx: ClassVar[str] = "Conv"

    filters: int = parameters.filters()
    kernel_size: tuple[int, int] = parameters.kernel_size()
    strides: tuple[int, int] = parameters.strides()
    padding: str = parameters.padding()
    dilation_rate: tuple[int, int] = parameters.dilation_rate()
    groups: int = parameters.groups()
    activation: str = parameters.activation()
    use_bias: bool = parameters.use_bias("map")
    kernel_initializer: str = parameters.weight_initializer("patterns")
    bias_initializer: str = parameters.bias_initializer()
    l1: float = parameters.l1()
    l2: float = parameters.l2()

    def summary(self) -> str:
        return f"{self.kernel_size[0]} × {self.kernel_size[1]} · {self.activation}"

    def window(self, shape: Shape) -> Window:
        """Where the patterns lie on a picture of this shape."""
        return picture_window(shape, self.kernel_size, self.strides, self.padding, self.dilation_rate)

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        window = self.window(shape)
        check_groups(shape[2], self.filters, self.groups)
        return (*window.output, self.filters)

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        shape = (*self.kernel_size, shapes[0][2] // self.groups, self.filters)
        kernel = Weight("kernel", shape, self.kernel_initializer, penalized=True)
        return (kernel, Weight("bias", (self.filters,), self.bias_initializer)) if self.use_bias else (kernel,)

    def halo(self, *shapes: Shape) -> int:
        return self.window(shapes[0]).halo

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        patterns = convolution(self.window(x.shape), lowering.weight("kernel"), self.groups)
        bias = lowering.weight("bias") if self.use_bias else None
        y = lowering.output(self.output_shape(x.shape), gradient_halo=patterns.window.gradient_halo)
        patterns.collect(lowering, x, y, bias)

        def backward(dy: Tensor) -> None:
            if not lowering.frozen:
                patterns.gradient(lowering, x, dy, bias)
            dx = lowering.gradient(x)
            if dx is not None:
                patterns.spread(lowering, dy, dx)

        lowering.backward(y, backward)
        return lowering.activation(self.activation, y)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        patches = self.window(inputs[0].shape[1:]).patches(inputs[0])
        # Each group of maps meets the patterns of its own.
        parts = zip(np.split(patches, self.groups, 3), np.split(weights["kernel"], self.groups, 3), strict=True)
        y = np.concatenate([np.einsum("brcdij,ijdf->brcf", x, k, optimize=True) for x, k in parts], 3)
        return registry.activate(self.activation, y + weights["bias"] if self.use_bias else y)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(filters=5), ((6, 7, 3),)),
            (cls(filters=9, kernel_size=(2, 3), padding="same", activation="relu"), ((5, 4, 2),)),
            (cls(filters=3, strides=(2, 2), padding="same", use_bias=False), ((7, 6, 4),)),
            (cls(filters=2, kernel_size=(1, 2), strides=(3, 2), l1=0.01, l2=0.02), ((8, 5, 1),)),
            (cls(filters=4, kernel_size=(2, 2), dilation_rate=(2, 2), activation="gelu"), ((5, 6, 2),)),
            (cls(filters=10, groups=2, padding="same", strides=(1, 2)), ((4, 5, 6),)),
            (cls(filters=6, groups=3, kernel_size=(2, 1)), ((4, 3, 12),)),
        )
