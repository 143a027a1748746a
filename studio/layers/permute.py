"""Axes change places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import shape as axes_field
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.copies import copy_features


@dataclass(frozen=True)
class Permute(Layer):
    """``y[.., j, i] = x[.., i, j]``: the same numbers, with the axes in another order."""

    family: ClassVar[str] = "Core"
    icon: ClassVar[str] = "reshape"
    keywords: ClassVar[tuple[str, ...]] = ("transpose", "swap", "axes", "order", "reorder")
    help: ClassVar[str] = (
        "Puts the axes in another order; the numbers stay the same. "
        "With (2, 1) a table's rows become its columns."
    )
    formula: ClassVar[str] = "y = x with axis dims[i] of x as axis i"
    source: ClassVar[str] = "Keras: Permute"
    keras: ClassVar[str] = "Permute"
    torch: ClassVar[str] = "permute"
    onnx: ClassVar[str] = "Transpose"

    dims: tuple[int, ...] = axes_field((2, 1), help="The input's axes in their new order, counted from 1.")

    def summary(self) -> str:
        return ", ".join(map(str, self.dims))

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if len(shape) < 2:
            raise ShapeProblem(f"gets {describe(shape)}, needs at least two axes to put in another order: wire a sequence or picture to it.")
        if sorted(self.dims) != list(range(1, len(shape) + 1)):
            order = (*range(2, len(shape) + 1), 1)
            raise ShapeProblem(
                f"has the order {', '.join(map(str, self.dims))}, but its input, {describe(shape)}, has the axes 1 to {len(shape)}: "
                f"name each once, such as {', '.join(map(str, order))}.",
                Remedy("set", f"Use the order {', '.join(map(str, order))}", values=(("dims", order),)),
            )
        return tuple(shape[d - 1] for d in self.dims)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(self.output_shape(x.shape))
        order = [d - 1 for d in self.dims]
        copy_features(lowering, y, y.offsets(), x, x.offsets().transpose(order))

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(x)
            if dx is not None:
                copy_features(lowering, dx, dx.offsets().transpose(order), dy, dy.offsets())

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.transpose(inputs[0], (0, *self.dims))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((3, 5),)),
            (cls(dims=(3, 1, 2)), ((5, 7, 3),)),
            (cls(dims=(2, 1, 3)), ((4, 3, 2),)),
            (cls(dims=(1, 3, 2, 4)), ((2, 3, 4, 5),)),
        )
