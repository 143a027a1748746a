"""Patterns that look at one map each."""

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
from studio.kernels.convolution import depthwise_convolution


@dataclass(frozen=True)
class DepthwiseConv2D(Layer):
    """``y = activation(K * x + b)``, with each pattern on one channel only."""

    family: ClassVar[str] = "Convolution"
    icon: ClassVar[str] = "convolution"
    keywords: ClassVar[tuple[str, ...]] = ("convolution", "depthwise", "channelwise", "mobilenet", "xception", "filter", "cnn")
    help: ClassVar[str] = (
        "Slides a small pattern over each map by itself: maps are not mixed. "
        "It needs far fewer weights than Conv2D. A Conv2D of size 1 after it mixes the maps."
    )
    formula: ClassVar[str] = "y[c] = activation(K[c] ∗ x[c] + b[c])"
    source: ClassVar[str] = "A. G. Howard et al., MobileNets, 2017; Keras: DepthwiseConv2D"
    keras: ClassVar[str] = "DepthwiseConv2D"
    torch: ClassVar[str] = "Conv2d"
    onnx: ClassVar[str] = "Conv"

    kernel_size: tuple[int, int] = parameters.kernel_size()
    strides: tuple[int, int] = parameters.strides()
    padding: str = parameters.padding()
    depth_multiplier: int = parameters.depth_multiplier()
    dilation_rate: tuple[int, int] = parameters.dilation_rate()
    activation: str = parameters.activation()
    use_bias: bool = parameters.use_bias("map")
    depthwise_initializer: str = parameters.weight_initializer("patterns")
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
        return (*self.window(shape).output, shape[2] * self.depth_multiplier)

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        channels = shapes[0][2]
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        kernel = Weight("kernel", shape, self.depthwise_initializer, penalized=True)
        bias = Weight("bias", (channels * self.depth_multiplier,), self.bias_initializer)
        return (kernel, bias) if self.use_bias else (kernel,)

    def halo(self, *shapes: Shape) -> int:
        return self.window(shapes[0]).halo

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        patterns = depthwise_convolution(self.window(x.shape), lowering.weight("kernel"))
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
        y = np.einsum("brcdij,ijdm->brcdm", patches, weights["kernel"], optimize=True)
        y = y.reshape(*y.shape[:3], -1)
        return registry.activate(self.activation, y + weights["bias"] if self.use_bias else y)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((6, 7, 3),)),
            (cls(kernel_size=(2, 3), padding="same", activation="relu", depth_multiplier=2), ((5, 4, 3),)),
            (cls(strides=(2, 2), padding="same", use_bias=False), ((7, 6, 5),)),
            (cls(kernel_size=(1, 2), strides=(3, 2), depth_multiplier=3, l1=0.01, l2=0.02), ((8, 5, 2),)),
            (cls(kernel_size=(2, 2), dilation_rate=(2, 3), activation="gelu"), ((5, 6, 17),)),
            (cls(kernel_size=(5, 6), padding="same"), ((4, 9, 1),)),
            (cls(), ((3, 6, 2),)),
        )
