"""Small patterns that slide over a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core import registry
from studio.core.fields import choice, flag, integer, pair, real
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Ref, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.core.windows import Window
from studio.kernels.products import (
    correlate_kernel,
    gather_numbers,
    multiply_kernel,
    split_evenly,
    sum_channels,
    vectors_for,
)
from studio.kernels.tiles import SHAPE


@dataclass(frozen=True)
class Conv2D(Layer):
    """``y = activation(K * x + b)``: each filter looks for one small pattern everywhere."""

    family: ClassVar[str] = "Convolution"
    icon: ClassVar[str] = "convolution"
    keywords: ClassVar[tuple[str, ...]] = ("convolution", "filter", "feature map", "image", "cnn")
    help: ClassVar[str] = (
        "Slides small patterns over the picture. Each output map lights up where its pattern matches. "
        "Fewer weights than Dense, since every place shares them."
    )
    formula: ClassVar[str] = "y = activation(K ∗ x + b)"
    source: ClassVar[str] = "Y. LeCun et al., Backpropagation applied to handwritten zip code recognition, 1989; Keras: Conv2D"
    keras: ClassVar[str] = "Conv2D"
    torch: ClassVar[str] = "Conv2d"
    onnx: ClassVar[str] = "Conv"

    filters: int = integer(8, 1, 4096, help="How many patterns, and so output maps, the layer has.")
    kernel_size: tuple[int, int] = pair(3, 1, 64, help="Height and width of each pattern.", unit="px")
    strides: tuple[int, int] = pair(1, 1, 64, help="How far the pattern moves each time; 2 halves the picture.", unit="px")
    padding: str = choice("valid", ("valid", "same"), help="valid: only where the pattern fits. same: zeros around, so the size stays.")
    dilation_rate: tuple[int, int] = pair(1, 1, 64, help="Gaps between the pattern's pixels; 1 is none.", unit="px")
    activation: str = choice("linear", registry.activation_names, help="The curve each sum goes through; linear is none.")
    use_bias: bool = flag(True, help="Whether each map adds a number of its own.")
    kernel_initializer: str = choice("glorot_uniform", registry.initializer_names, help="How the patterns are drawn before training.")
    bias_initializer: str = choice("zeros", registry.initializer_names, help="What the biases are before training.")
    l1: float = real(0.0, 0.0, 10.0, help="Penalty on the size of weights; pushes useless ones to exactly 0.", live=True, logarithmic=True)
    l2: float = real(0.0, 0.0, 10.0, help="Penalty on the square of weights; keeps all of them small.", live=True, logarithmic=True)

    def summary(self) -> str:
        return f"{self.kernel_size[0]} × {self.kernel_size[1]} · {self.activation}"

    def window(self, shape: Shape) -> Window:
        """Where the patterns lie on a picture of this shape."""
        return Window((shape[0], shape[1]), self.kernel_size, self.strides, self.padding, self.dilation_rate)

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if len(shape) != 3:
            remedy = None
            if len(shape) == 2:
                remedy = Remedy("insert", "Add Reshape before it", type="Reshape", values=(("target_shape", (*shape, 1)),))
            raise ShapeProblem(f"gets {describe(shape)}, needs a picture (height x width x channels).", remedy)
        window = self.window(shape)
        if min(window.output) < 1:
            raise ShapeProblem(
                f"has a pattern larger than its {describe(shape)} picture: make kernel_size smaller or padding same.",
                Remedy("set", "Use padding same", values=(("padding", "same"),)),
            )
        return (*window.output, self.filters)

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        shape = (*self.kernel_size, shapes[0][2], self.filters)
        kernel = Weight("kernel", shape, self.kernel_initializer, penalized=True)
        return (kernel, Weight("bias", (self.filters,), self.bias_initializer)) if self.use_bias else (kernel,)

    def halo(self, *shapes: Shape) -> int:
        return self.window(shapes[0]).halo

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        channels = x.shape[2]
        window = self.window(x.shape)
        kernel = lowering.weight("kernel")
        bias = lowering.weight("bias") if self.use_bias else None
        batch = lowering.batch
        depth = window.size * channels
        height, width = window.output
        y = lowering.output((height, width, self.filters), gradient_halo=window.gradient_halo)
        start = x.base + -(window.before[0] * x.row_stride + window.before[1] * channels * batch)
        x_pixels = lowering.table(window.pixel_offsets(x.row_stride, channels * batch))
        offsets = lowering.table(window.tap_offsets(x.row_stride, channels * batch, channels, batch))
        places = lowering.table(_grid(height, width, y.row_stride, self.filters * batch))
        packed = lowering.scratch(depth * self.filters)
        index = np.arange(depth)[None, :] * kernel.stride + np.arange(self.filters)[:, None]
        lowering.emit(gather_numbers, depth * self.filters, kernel.value, lowering.table(index), packed)
        for first, block, blocks in split_evenly(self.filters, SHAPE.outputs):
            lowering.emit(
                multiply_kernel(block, vectors_for(batch)),
                *(blocks, block * depth, height * width, depth, batch),
                *(start, x_pixels, offsets),
                *(packed + first * depth, 1, depth),
                *((bias.value + first, 1) if bias else (lowering.zeros(block), 0)),
                *(y.base + first * batch, places, batch),
            )

        def backward(dy: Tensor) -> None:
            dy_pixels = lowering.table(_grid(height, width, dy.row_stride, self.filters * batch))
            if bias is not None:
                lowering.emit(sum_channels, self.filters, height * width, batch, dy.base, dy_pixels, bias.gradient)
            sums = lowering.scratch(depth * SHAPE.correlated_outputs * lowering.lanes)
            for first, block, blocks in split_evenly(self.filters, SHAPE.correlated_outputs):
                lowering.emit(
                    correlate_kernel(block),
                    *(blocks, height * width, depth, batch),
                    *(start, x_pixels, offsets),
                    *(dy.base + first * batch, dy_pixels, batch),
                    *(kernel.gradient + first, kernel.stride, sums),
                )
            dx = lowering.gradient(x)
            if dx is not None:
                _input_gradient(lowering, window, channels, self.filters, kernel.value, kernel.stride, dy, dx)

        lowering.backward(y, backward)
        return lowering.activation(self.activation, y)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x = inputs[0]
        window = self.window(x.shape[1:])
        (top, bottom), (left, right) = zip(window.before, window.after, strict=True)
        x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
        y = np.zeros((len(x), *window.output, self.filters))
        for i in range(self.kernel_size[0]):
            for j in range(self.kernel_size[1]):
                rows = i * self.dilation_rate[0] + np.arange(window.output[0]) * self.strides[0]
                columns = j * self.dilation_rate[1] + np.arange(window.output[1]) * self.strides[1]
                y += x[:, rows][:, :, columns] @ weights["kernel"][i, j]
        if self.use_bias:
            y = y + weights["bias"]
        return registry.activate(self.activation, y)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(filters=5), ((6, 7, 3),)),
            (cls(filters=9, kernel_size=(2, 3), padding="same", activation="relu"), ((5, 4, 2),)),
            (cls(filters=3, strides=(2, 2), padding="same", use_bias=False), ((7, 6, 4),)),
            (cls(filters=2, kernel_size=(1, 2), strides=(3, 2)), ((8, 5, 1),)),
            (cls(filters=4, kernel_size=(2, 2), dilation_rate=(2, 2), activation="gelu"), ((5, 6, 2),)),
        )


def _grid(height: int, width: int, row: int, pixel: int) -> np.ndarray:
    """Offsets of all pixels of a picture, row by row."""
    return np.arange(height)[:, None] * row + np.arange(width)[None, :] * pixel


def _input_gradient(
    lowering: Lowering,
    window: Window,
    channels: int,
    filters: int,
    kernel: Ref,
    stride: int,
    dy: Tensor,
    dx: Tensor,
) -> None:
    """dx: each input pixel collects from the outputs it fed.

    With strides, pixels fall into phases; all pixels of a phase meet the same taps of the
    pattern, at the same distances, so that each phase is one product.
    """
    batch = lowering.batch
    for phase in window.phases():
        pixels = lowering.table([r * dx.row_stride + c * channels * batch for r, c in phase.pixels])
        sources = lowering.table([r * dy.row_stride + c * filters * batch for r, c in phase.sources])
        depth = len(phase.taps) * filters
        if depth:
            taps = np.array([i * window.kernel[1] + j for i, j in phase.taps])
            # packed[channel][tap][filter]
            index = (
                (taps[None, :, None] * channels + np.arange(channels)[:, None, None]) * stride
                + np.arange(filters)[None, None, :]
            )
            packed = lowering.scratch(index.size)
            lowering.emit(gather_numbers, index.size, kernel, lowering.table(index), packed)
            moves = np.array([[r * dy.row_stride + c * filters * batch] for r, c in phase.moves])
            offsets = lowering.table(moves + np.arange(filters)[None, :] * batch)
        else:
            # No output saw these pixels: one tap of weight zero.
            depth, packed, offsets = 1, lowering.zeros(channels), lowering.table([0])
        for first, block, blocks in split_evenly(channels, SHAPE.outputs):
            lowering.emit(
                multiply_kernel(block, vectors_for(batch)),
                *(blocks, block * depth, len(phase.pixels), depth, batch),
                *(dy.base, sources, offsets),
                *(packed + first * depth if phase.taps else packed, 1, depth if phase.taps else 0),
                *(lowering.zeros(block), 0),
                *(dx.base + first * batch, pixels, batch),
            )
