"""Scores become probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.axes import feature_axis
from studio.core.fields import integer
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape
from studio.kernels.jit import kernel
from studio.kernels.maths import exp, maximum
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, load, splat, store


@kernel
def softmax_forward(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y[g, n] = exp(x[g, n]) / sum over n of exp(x[g, n]), for groups of n rows of `length` numbers."""
    groups, count, length = record[2], record[3], record[4]
    whole = count - count % 4
    for group in outer(groups):
        for b in inner(groups, 0, length, LANES):
            x = at(arena, record[5] + group * count * length + b)
            y = at(arena, record[6] + group * count * length + b)
            # Four at a time, so that none has to wait for the one before.
            m0 = load(x)
            m1, m2, m3 = m0, m0, m0
            for n in range(0, whole, 4):
                place = at(x, n * length)
                m0, m1 = maximum(m0, load(place)), maximum(m1, load(at(place, length)))
                m2, m3 = maximum(m2, load(at(place, 2 * length))), maximum(m3, load(at(place, 3 * length)))
            for n in range(whole, count):
                m0 = maximum(m0, load(at(x, n * length)))
            largest = maximum(maximum(m0, m1), maximum(m2, m3))
            s0, s1 = splat(0.0), splat(0.0)
            for n in range(0, count - 1, 2):
                e0 = exp(load(at(x, n * length)) - largest)
                e1 = exp(load(at(x, (n + 1) * length)) - largest)
                s0, s1 = s0 + e0, s1 + e1
                store(at(y, n * length), e0)
                store(at(y, (n + 1) * length), e1)
            if count % 2 != 0:
                e0 = exp(load(at(x, (count - 1) * length)) - largest)
                s0 = s0 + e0
                store(at(y, (count - 1) * length), e0)
            scale = 1.0 / (s0 + s1)
            for n in range(count):
                store(at(y, n * length), load(at(y, n * length)) * scale)


@kernel
def softmax_backward(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dx[n] = y[n] (dy[n] - sum over m of dy[m] y[m])"""
    groups, count, length = record[2], record[3], record[4]
    whole = count - count % 4
    for group in outer(groups):
        for b in inner(groups, 0, length, LANES):
            first = group * count * length + b
            y, dy, dx = at(arena, record[5] + first), at(arena, record[6] + first), at(arena, record[7] + first)
            s0, s1, s2, s3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
            for n in range(0, whole, 4):
                p, g = at(y, n * length), at(dy, n * length)
                s0 = s0 + load(p) * load(g)
                s1 = s1 + load(at(p, length)) * load(at(g, length))
                s2 = s2 + load(at(p, 2 * length)) * load(at(g, 2 * length))
                s3 = s3 + load(at(p, 3 * length)) * load(at(g, 3 * length))
            for n in range(whole, count):
                s0 = s0 + load(at(y, n * length)) * load(at(dy, n * length))
            total = (s0 + s1) + (s2 + s3)
            for n in range(count):
                store(at(dx, n * length), load(at(y, n * length)) * (load(at(dy, n * length)) - total))


@dataclass(frozen=True)
class Softmax(Layer):
    """Turns scores into probabilities over one axis."""

    family: ClassVar[str] = "Activation"
    activation: ClassVar[str] = "softmax"
    icon: ClassVar[str] = "activation"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("probabilities", "classes")
    help: ClassVar[str] = (
        "Turns the scores of the classes into probabilities: all positive, and 1 in total. "
        "The largest score gets the largest share."
    )
    formula: ClassVar[str] = "yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ)"
    source: ClassVar[str] = "J. Bridle, Probabilistic interpretation of feedforward network outputs, 1990"
    keras: ClassVar[str] = "Softmax"
    torch: ClassVar[str] = "Softmax"
    onnx: ClassVar[str] = "Softmax"

    axis: int = integer(-1, -8, 8, help="Along which axis numbers add up to 1: -1 is the last (classes, maps or features), 1 the first. Axis 0 counts samples and cannot be used.")

    def summary(self) -> str:
        return "softmax" if self.axis == -1 else f"softmax · axis {self.axis}"

    def output_shape(self, *shapes: Shape) -> Shape:
        if not shapes[0]:
            raise ShapeProblem("needs several scores a sample, but gets one number: wire a Dense layer to it.")
        feature_axis(self.axis, shapes[0])
        return shapes[0]

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        axis = feature_axis(self.axis, x.shape)
        flat = lowering.contiguous(x)
        # Over the last axis a loss may take it in; if whoever comes next wants a halo, it is laid out below.
        last = axis == len(x.shape) - 1
        y = lowering.output(x.shape) if last else lowering.tensor(x.shape)
        if not y.contiguous:
            y, last = lowering.tensor(x.shape), False
        # What lies behind the axis is as the batch is: each number has an answer of its own.
        sizes = (math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :]) * lowering.batch)

        def forward() -> None:
            lowering.emit(softmax_forward, *sizes, flat.base, y.base)

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(flat)
            if dx is not None:
                lowering.emit(softmax_backward, *sizes, y.base, dy.base, dx.base)

        lowering.backward(y, backward)
        if last:
            lowering.defer("softmax", flat, y, forward)
            return y
        forward()
        return lowering.view(y, x.shape)  # whoever comes next may want a halo

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x = inputs[0]
        axis = feature_axis(self.axis, x.shape[1:]) + 1
        e = np.exp(x - x.max(axis, keepdims=True))
        return np.asarray(e / e.sum(axis, keepdims=True))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(), ((3, 2, 5),)),
            (cls(axis=1), ((6, 3),)),
            (cls(axis=-2), ((2, 5, 3),)),
        )
