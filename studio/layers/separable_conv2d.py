"""Patterns on single maps, and then mixtures of the maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core import parameters, registry
from studio.core.convolution import picture_window
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.shapes import Shape
from studio.core.windows import Window
from studio.kernels.convolution import convolution, depthwise_convolution


@dataclass(frozen=True)
class SeparableConv2D(Layer):
    """``y = activation(P * (D * x) + b)``: D has a pattern for each channel, P mixes them."""

    family: ClassVar[str] = "Convolution"
    icon: ClassVar[str] = "convolution"
    keywords: ClassVar[tuple[str, ...]] = ("convolution", "separable", "depthwise", "pointwise", "xception", "mobilenet", "filter", "cnn")
    help: ClassVar[str] = (
        "Does in two steps what Conv2D does in one: small patterns look at each map by itself, then each output mixes the maps. "
        "It needs far fewer weights and is often nearly as good."
    )
    formula: ClassVar[str] = "y = activation(P · (D ∗ x) + b)"
    source: ClassVar[str] = "F. Chollet, Xception: deep learning with depthwise separable convolutions, CVPR 2017; Keras: SeparableConv2D"
    keras: ClassVar[str] = "SeparableConv2D"

    filters: int = parameters.filters()
    kernel_size: tuple[int, int] = parameters.kernel_size()
    strides: tuple[int, int] = parameters.strides()
    padding: str = parameters.padding()
    dilation_rate: tuple[int, int] = parameters.dilation_rate()
    depth_multiplier: int = parameters.depth_multiplier()
    activation: str = parameters.activation()
    use_bias: bool = parameters.use_bias("map")
    depthwise_initializer: str = parameters.weight_initializer("patterns")
    pointwise_initializer: str = parameters.weight_initializer("mixtures")
    bias_initializer: str = parameters.bias_initializer()
    l1: float = parameters.l1()
    l2: float = parameters.l2()

    def summary(self) -> str:
        return f"{self.kernel_size[0]} × {self.kernel_size[1]} · {self.activation}"

    def window(self, shape: Shape) -> Window:
        """Where the patterns lie on a picture of this shape."""
        return picture_window(shape, self.kernel_size, self.strides, self.padding, self.dilation_rate)

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*self.window(shapes[0]).output, self.filters)

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        channels = shapes[0][2]
        patterns = (*self.kernel_size, channels, self.depth_multiplier)
        mixtures = (1, 1, channels * self.depth_multiplier, self.filters)
        found = (
            Weight("depthwise_kernel", patterns, self.depthwise_initializer, penalized=True),
            Weight("pointwise_kernel", mixtures, self.pointwise_initializer, penalized=True),
        )
        return (*found, Weight("bias", (self.filters,), self.bias_initializer)) if self.use_bias else found

    def halo(self, *shapes: Shape) -> int:
        return self.window(shapes[0]).halo

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        patterns = depthwise_convolution(self.window(x.shape), lowering.weight("depthwise_kernel"))
        shape = (*patterns.window.output, x.shape[2] * self.depth_multiplier)
        z = lowering.tensor(shape, gradient_halo=patterns.window.gradient_halo)
        patterns.collect(lowering, x, z)

        def backward(dz: Tensor) -> None:
            if not lowering.frozen:
                patterns.gradient(lowering, x, dz)
            dx = lowering.gradient(x)
            if dx is not None:
                patterns.spread(lowering, dz, dx)

        lowering.backward(z, backward)
        pixels = Window((shape[0], shape[1]), (1, 1), (1, 1), "valid")
        mixtures = convolution(pixels, lowering.weight("pointwise_kernel"))
        bias = lowering.weight("bias") if self.use_bias else None
        y = lowering.output((*patterns.window.output, self.filters))
        mixtures.collect(lowering, z, y, bias)

        def backward_of_mixtures(dy: Tensor) -> None:
            if not lowering.frozen:
                mixtures.gradient(lowering, z, dy, bias)
            dz = lowering.gradient(z)
            if dz is not None:
                mixtures.spread(lowering, dy, dz)

        lowering.backward(y, backward_of_mixtures)
        return lowering.activation(self.activation, y)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        patches = self.window(inputs[0].shape[1:]).patches(inputs[0])
        z = np.einsum("brcdij,ijdm->brcdm", patches, weights["depthwise_kernel"], optimize=True)
        y = z.reshape(*z.shape[:3], -1) @ weights["pointwise_kernel"][0, 0]
        return registry.activate(self.activation, y + weights["bias"] if self.use_bias else y)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(filters=5), ((6, 7, 3),)),
            (cls(filters=9, kernel_size=(2, 3), padding="same", activation="relu", depth_multiplier=2), ((5, 4, 3),)),
            (cls(filters=3, strides=(2, 2), padding="same", use_bias=False), ((7, 6, 5),)),
            (cls(filters=1, kernel_size=(1, 2), strides=(3, 2), l1=0.01, l2=0.02), ((8, 5, 2),)),
            (cls(filters=4, kernel_size=(2, 2), dilation_rate=(2, 2), activation="gelu"), ((5, 6, 1),)),
        )
