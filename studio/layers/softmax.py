"""Scores become probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape
from studio.kernels.jit import kernel
from studio.kernels.maths import exp, maximum
from studio.kernels.simd import LANES, at, load, splat, store


@kernel
def softmax_forward(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y[g, n] = exp(x[g, n]) / sum over n of exp(x[g, n]), for groups of n features."""
    groups, count, batch = record[2], record[3], record[4]
    for group in range(groups):
        for b in range(0, batch, LANES):
            x = at(arena, record[5] + group * count * batch + b)
            y = at(arena, record[6] + group * count * batch + b)
            largest = load(x)
            for n in range(1, count):
                largest = maximum(largest, load(at(x, n * batch)))
            total = splat(0.0)
            for n in range(count):
                e = exp(load(at(x, n * batch)) - largest)
                total = total + e
                store(at(y, n * batch), e)
            scale = 1.0 / total
            for n in range(count):
                store(at(y, n * batch), load(at(y, n * batch)) * scale)


@kernel
def softmax_backward(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dx[n] = y[n] (dy[n] - sum over m of dy[m] y[m])"""
    groups, count, batch = record[2], record[3], record[4]
    for group in range(groups):
        for b in range(0, batch, LANES):
            first = group * count * batch + b
            y, dy, dx = at(arena, record[5] + first), at(arena, record[6] + first), at(arena, record[7] + first)
            total = splat(0.0)
            for n in range(count):
                total = total + load(at(y, n * batch)) * load(at(dy, n * batch))
            for n in range(count):
                store(at(dx, n * batch), load(at(y, n * batch)) * (load(at(dy, n * batch)) - total))


@dataclass(frozen=True)
class Softmax(Layer):
    """Turns scores into probabilities over the last axis."""

    family: ClassVar[str] = "Activation"
    activation: ClassVar[str] = "softmax"
    icon: ClassVar[str] = "activation"
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

    def output_shape(self, *shapes: Shape) -> Shape:
        if not shapes[0]:
            raise ShapeProblem("needs several scores a sample, but gets one number: wire a Dense layer to it.")
        return shapes[0]

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        count = x.shape[-1]
        flat = lowering.contiguous(x)
        y = lowering.tensor(x.shape)
        sizes = (x.features // count, count, lowering.batch)

        def forward() -> None:
            lowering.emit(softmax_forward, *sizes, flat.base, y.base)

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(flat)
            if dx is not None:
                lowering.emit(softmax_backward, *sizes, y.base, dy.base, dx.base)

        lowering.backward(y, backward)
        if len(x.shape) == 1:
            lowering.defer("softmax", flat, y, forward)
            return y
        forward()
        return lowering.view(y, x.shape)  # whoever comes next may want a halo

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        e = np.exp(inputs[0] - inputs[0].max(-1, keepdims=True))
        return np.asarray(e / e.sum(-1, keepdims=True))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return ((cls(), ((7,),)), (cls(), ((3, 2, 5),)))
