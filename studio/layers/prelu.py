"""The rectifier with learned slopes for negative numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core import registry
from studio.core.fields import choice
from studio.core.fields import shape as axes_field
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.jit import kernel
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, load, select, splat, store, sum_lanes


@kernel
def prelu_forward(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y = x where x > 0, else alpha x. A pixel's channels have slopes `step` apart: 1, or 0 if shared."""
    pixels, channels, batch = record[2], record[3], record[4]
    x, x_pixels = at(arena, record[5]), at(table, record[6])
    y, y_pixels = at(arena, record[7]), at(table, record[8])
    slopes, slope_pixels, step = at(arena, record[9]), at(table, record[10]), record[11]
    for p in outer(pixels):
        for c in range(channels):
            source, target = at(x, x_pixels[p] + c * batch), at(y, y_pixels[p] + c * batch)
            slope = splat(slopes[slope_pixels[p] + c * step])
            for b in inner(pixels, 0, batch, LANES):
                number = load(at(source, b))
                store(at(target, b), select(number > 0, number, number * slope))


@kernel
def prelu_backward(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dx = dy where x > 0, else alpha dy; d alpha = the sum of dy x where x < 0.

    Sums of slopes that several numbers share are kept in vectors, `sums`, in the same order as the slopes.
    """
    pixels, channels, batch = record[2], record[3], record[4]
    x, x_pixels = at(arena, record[5]), at(table, record[6])
    dy, dy_pixels = at(arena, record[7]), at(table, record[8])
    slopes, slope_pixels, step = at(arena, record[9]), at(table, record[10]), record[11]
    wanted, dx, dx_pixels = record[12], at(arena, record[13]), at(table, record[14])
    shared, sums, count = record[15], at(arena, record[16]), record[17]
    gradients = at(arena, record[18])
    if shared != 0:
        for i in range(count):
            store(at(sums, i * LANES), splat(0.0))
    for p in range(pixels):
        for c in range(channels):
            source, gradient = at(x, x_pixels[p] + c * batch), at(dy, dy_pixels[p] + c * batch)
            place = slope_pixels[p] + c * step
            slope, total = splat(slopes[place]), splat(0.0)
            for b in range(0, batch, LANES):
                number, g = load(at(source, b)), load(at(gradient, b))
                total = total + select(number > 0, 0.0, number * g)
                if wanted != 0:
                    store(at(dx, dx_pixels[p] + c * batch + b), select(number > 0, g, g * slope))
            if shared != 0:
                store(at(sums, place * LANES), load(at(sums, place * LANES)) + total)
            else:
                gradients[place] = sum_lanes(total)
    if shared != 0:
        for i in range(count):
            gradients[i] = sum_lanes(load(at(sums, i * LANES)))


@dataclass(frozen=True)
class PReLU(Layer):
    """``y = x if x > 0 else alpha x``, with alpha learned."""

    family: ClassVar[str] = "Activation"
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("rectifier", "parametric", "learned", "leaky")
    help: ClassVar[str] = (
        "Like LeakyReLU, but training finds the slope for negative numbers, another one for each neuron. "
        "In pictures, let all pixels of a map share one: set shared_axes to 1, 2."
    )
    formula: ClassVar[str] = "y = x if x > 0 else α x"
    source: ClassVar[str] = "K. He et al., Delving deep into rectifiers, ICCV 2015; Keras: PReLU"
    keras: ClassVar[str] = "PReLU"
    torch: ClassVar[str] = "PReLU"
    onnx: ClassVar[str] = "PRelu"

    alpha_initializer: str = choice("zeros", registry.initializer_names, help="What the slopes are before training.")
    shared_axes: tuple[int, ...] = axes_field((0,), minimum=0, help="Axes along which all numbers share one slope: 1, 2 for all pixels of a map; 0 for none.")

    def __post_init__(self) -> None:
        if self.shared_axes in (None, (), []):  # Keras's words for none
            object.__setattr__(self, "shared_axes", (0,))
        super().__post_init__()

    def summary(self) -> str:
        return "learned slope"

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if not shape:
            raise ShapeProblem("gets one number a sample, needs a list of features or a picture: wire a Dense layer to it.")
        if max(self.shared_axes) > len(shape):
            raise ShapeProblem(
                f"shares slopes along axis {max(self.shared_axes)}, but its input is {describe(shape)}: set shared_axes to 0.",
                Remedy("set", "Share no slopes", values=(("shared_axes", (0,)),)),
            )
        return shape

    def _slopes(self, shape: Shape) -> Shape:
        return tuple(1 if i in self.shared_axes else n for i, n in enumerate(shape, start=1))

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        return (Weight("alpha", self._slopes(shapes[0]), self.alpha_initializer),)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        # Rows of pictures may lie apart; anything else must have no gaps.
        x = inputs[0] if len(inputs[0].shape) == 3 else lowering.contiguous(inputs[0])
        y = lowering.output(x.shape)
        alpha = lowering.weight("alpha")
        rows = math.prod(alpha.shape[:-1])
        places = (np.arange(rows) * alpha.stride).reshape(alpha.shape[:-1])
        pixels = np.broadcast_to(places, x.shape[:-1])
        sizes = (x.features // x.shape[-1], x.shape[-1], lowering.batch)
        source = (x.base, lowering.table(x.pixel_offsets()))
        slopes = (alpha.value, lowering.table(pixels), int(alpha.shape[-1] == x.shape[-1]))
        lowering.emit(prelu_forward, *sizes, *source, y.base, lowering.table(y.pixel_offsets()), *slopes)

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(x)
            target = (1, dx.base, lowering.table(dx.pixel_offsets())) if dx else (0, y.base, source[1])
            shared = alpha.shape != x.shape
            count = rows * alpha.stride
            sums = lowering.scratch(count * lowering.lanes if shared else 1)
            gradient = alpha.gradient if alpha.trainable else lowering.scratch(count)
            gradients = (dy.base, lowering.table(dy.pixel_offsets()))
            lowering.emit(prelu_backward, *sizes, *source, *gradients, *slopes, *target, int(shared), sums, count, gradient)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x = inputs[0]
        return np.where(x > 0, x, weights["alpha"] * x)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(shared_axes=(1, 2)), ((5, 7, 3),)),
            (cls(), ((3, 5),)),
            (cls(shared_axes=(1,), alpha_initializer="all_equal"), ((4, 3),)),
            (cls(shared_axes=(3,)), ((3, 2, 5),)),
        )
