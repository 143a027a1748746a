"""Small patterns that are painted into a larger picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core import parameters, registry
from studio.core.fields import pair
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.pictures import require_picture
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.core.windows import Window, Zeros
from studio.kernels.convolution import convolution, sum_over_pixels


@dataclass(frozen=True)
class Conv2DTranspose(Layer):
    """``y = activation(K' * x + b)``: each pixel paints its patterns into the output."""

    family: ClassVar[str] = "Convolution"
    icon: ClassVar[str] = "convolution"
    keywords: ClassVar[tuple[str, ...]] = ("deconvolution", "transposed", "upsample", "enlarge", "decoder", "u-net", "generator", "cnn")
    help: ClassVar[str] = (
        "The way back of Conv2D: each pixel paints small patterns into a larger picture, as strongly as it is lit; where they overlap they add up. "
        "Strides of 2 double the picture. It learns how to enlarge."
    )
    formula: ClassVar[str] = "y = activation(Kᵀ ∗ x + b)"
    source: ClassVar[str] = "M. D. Zeiler et al., Deconvolutional networks, CVPR 2010; Keras: Conv2DTranspose"
    keras: ClassVar[str] = "Conv2DTranspose"
    torch: ClassVar[str] = "ConvTranspose2d"
    onnx: ClassVar[str] = "ConvTranspose"

    filters: int = parameters.filters()
    kernel_size: tuple[int, int] = parameters.kernel_size()
    strides: tuple[int, int] = pair(1, 1, 64, help="How far apart the pixels paint; 2 doubles the picture.", unit="px")
    padding: str = parameters.padding("valid: all that is painted. same: the edges are cut off, so the size is that of the input times strides.")
    output_padding: tuple[int, int] = pair(-1, -1, 63, help="Rows and columns added below and to the right, fewer than strides; -1 chooses them.", unit="px")
    dilation_rate: tuple[int, int] = parameters.dilation_rate()
    activation: str = parameters.activation()
    use_bias: bool = parameters.use_bias("map")
    kernel_initializer: str = parameters.weight_initializer("patterns")
    bias_initializer: str = parameters.bias_initializer()
    l1: float = parameters.l1()
    l2: float = parameters.l2()

    def summary(self) -> str:
        return f"{self.kernel_size[0]} × {self.kernel_size[1]} · {self.activation}"

    def window(self, shape: Shape) -> Window:
        """Where the patterns lie on the output, for an input of this shape.

        The output is the picture that the window slides over, the input has a pixel for each
        of its places.
        """
        sizes, zeros = zip(*(self._axis(axis, shape[axis]) for axis in (0, 1)), strict=True)
        picture, padding = (sizes[0], sizes[1]), (zeros[0], zeros[1])
        return Window(picture, self.kernel_size, self.strides, padding, self.dilation_rate)

    def _axis(self, axis: int, pixels: int) -> tuple[int, Zeros]:
        """Of one axis: the output's size, and what the window covers before and after it."""
        stride, extra = self.strides[axis], self.output_padding[axis]
        reach = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        if self.padding == "valid":
            size = (pixels - 1) * stride + (max(reach, stride) if extra < 0 else reach + extra)
            before = 0
        else:
            size = pixels * stride if extra < 0 else (pixels - 1) * stride + reach % 2 + extra
            # Keras's rule: of what is cut off, the smaller half is before.
            kept = stride + reach - 2 if extra < 0 else reach + reach % 2 - 2 + extra
            before = reach - 1 - min(-(-kept // 2), reach - 1)
        return size, (before, max(0, (pixels - 1) * stride + reach - before - size))

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        require_picture(shape)
        if any(extra >= stride for extra, stride in zip(self.output_padding, self.strides, strict=True)):
            raise ShapeProblem(
                f"has an output_padding of {describe(self.output_padding)}, which must be smaller than its strides of "
                f"{describe(self.strides)}: make it smaller.",
                Remedy("set", "Choose it automatically", values=(("output_padding", (-1, -1)),)),
            )
        size = self.window(shape).picture
        if min(size) < 1:
            raise ShapeProblem(
                f"makes {describe(shape)} a picture of {describe(size)} pixels: make output_padding larger.",
                Remedy("set", "Choose it automatically", values=(("output_padding", (-1, -1)),)),
            )
        return (*size, self.filters)

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        shape = (*self.kernel_size, self.filters, shapes[0][2])
        kernel = Weight("kernel", shape, self.kernel_initializer, penalized=True)
        return (kernel, Weight("bias", (self.filters,), self.bias_initializer)) if self.use_bias else (kernel,)

    def halo(self, *shapes: Shape) -> int:
        return self.window(shapes[0]).gradient_halo

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        patterns = convolution(self.window(x.shape), lowering.weight("kernel"))
        bias = lowering.weight("bias") if self.use_bias else None
        y = lowering.output(self.output_shape(x.shape), gradient_halo=patterns.window.halo)
        patterns.spread(lowering, x, y, bias)

        def backward(dy: Tensor) -> None:
            if not lowering.frozen:
                patterns.gradient(lowering, dy, x)
            if bias is not None and bias.trainable:
                sum_over_pixels(lowering, dy, bias)
            dx = lowering.gradient(x)
            if dx is not None:
                patterns.collect(lowering, dy, dx)

        lowering.backward(y, backward)
        return lowering.activation(self.activation, y)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x = inputs[0]
        window = self.window(x.shape[1:])
        (rows, columns), (top, left) = window.picture, window.before
        # Everything that is painted, and then the part that is kept.
        painted = np.zeros((len(x), top + rows + window.reach[0] * 2, left + columns + window.reach[1] * 2, self.filters))
        for r in range(x.shape[1]):
            for c in range(x.shape[2]):
                patterns = np.einsum("bd,ijfd->bijf", x[:, r, c], weights["kernel"])
                for i in range(self.kernel_size[0]):
                    for j in range(self.kernel_size[1]):
                        row = r * self.strides[0] + i * self.dilation_rate[0]
                        column = c * self.strides[1] + j * self.dilation_rate[1]
                        painted[:, row, column] += patterns[:, i, j]
        y = painted[:, top : top + rows, left : left + columns]
        return registry.activate(self.activation, y + weights["bias"] if self.use_bias else y)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(filters=5), ((4, 3, 3),)),
            (cls(filters=9, strides=(2, 2), padding="same", activation="relu"), ((3, 4, 2),)),
            (cls(filters=1, kernel_size=(2, 4), strides=(3, 2), padding="same", use_bias=False), ((3, 2, 6),)),
            (cls(filters=3, kernel_size=(1, 2), strides=(3, 2), l1=0.01, l2=0.02), ((2, 3, 1),)),
            (cls(filters=4, strides=(3, 2), output_padding=(2, 0), padding="same"), ((3, 3, 2),)),
            (cls(filters=3, kernel_size=(4, 3), strides=(2, 3), output_padding=(1, 2)), ((2, 3, 3),)),
            (cls(filters=2, kernel_size=(2, 3), dilation_rate=(2, 2), padding="same", activation="gelu"), ((4, 5, 3),)),
        )
