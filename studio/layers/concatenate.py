"""Several inputs become one, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.axes import feature_axis
from studio.core.fields import integer
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.copies import copy_features


@dataclass(frozen=True)
class Concatenate(Layer):
    """``y = [a, b, ...]`` along one axis."""

    family: ClassVar[str] = "Merge"
    inputs: ClassVar[tuple[str, ...]] = ("inputs...",)
    icon: ClassVar[str] = "concatenate"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("join", "stack", "append", "skip", "merge", "u-net", "densenet")
    help: ClassVar[str] = (
        "Puts its inputs side by side, so that the next layer sees all of them. "
        "Pictures of one size get each other's maps."
    )
    formula: ClassVar[str] = "y = [a, b, …]"
    source: ClassVar[str] = "G. Huang et al., Densely connected convolutional networks, CVPR 2017; Keras: Concatenate"
    keras: ClassVar[str] = "Concatenate"
    torch: ClassVar[str] = "cat"
    onnx: ClassVar[str] = "Concat"

    axis: int = integer(-1, -8, 8, help="Along which axis: -1 is the last (features or maps), 1 the first. Axis 0 counts samples and cannot be used.")

    def summary(self) -> str:
        return "side by side" if self.axis == -1 else f"axis {self.axis}"

    def output_shape(self, *shapes: Shape) -> Shape:
        first = shapes[0]
        axis = feature_axis(self.axis, first)
        for other in shapes[1:]:
            if len(other) != len(first):
                raise ShapeProblem(
                    f"gets {describe(first)} and {describe(other)}, needs inputs with as many axes: "
                    "add Flatten before the one with more.",
                    _flatten_larger(shapes),
                )
            if any(a != b for i, (a, b) in enumerate(zip(first, other, strict=True)) if i != axis):
                where = "the last axis" if axis == len(first) - 1 else f"axis {axis + 1}"
                raise ShapeProblem(
                    f"gets {describe(first)} and {describe(other)}, needs inputs that differ only in {where}: "
                    "give the layers before it the same size or padding."
                )
        return (*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :])

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        axis = feature_axis(self.axis, inputs[0].shape)
        y = lowering.output(self.output_shape(*(x.shape for x in inputs)))
        ends = np.cumsum([0, *(x.shape[axis] for x in inputs)])

        def part(whole: Tensor, number: int) -> np.ndarray:
            """Offsets of an input's features in the result."""
            index = (slice(None),) * axis + (slice(ends[number], ends[number + 1]),)
            return whole.offsets()[index]

        for number, x in enumerate(inputs):
            copy_features(lowering, y, part(y, number), x, x.offsets())

        def backward(dy: Tensor) -> None:
            for number, x in enumerate(inputs):
                dx = lowering.gradient(x)
                if dx is not None:
                    copy_features(lowering, dx, dx.offsets(), dy, part(dy, number))

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.concatenate(list(inputs), axis=feature_axis(self.axis, inputs[0].shape[1:]) + 1)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,), (5,))),
            (cls(), ((5, 7, 3), (5, 7, 1), (5, 7, 2))),
            (cls(axis=1), ((2, 3, 2), (5, 3, 2))),
            (cls(axis=2), ((3, 2, 2), (3, 5, 2))),
            (cls(axis=-2), ((3, 5), (2, 5))),
        )


def _flatten_larger(shapes: Sequence[Shape]) -> Remedy | None:
    """Flatten the first input with more axes, if the others are lists."""
    port = next(i for i, s in enumerate(shapes) if len(s) == max(map(len, shapes)))
    if min(map(len, shapes)) != 1:
        return None
    return Remedy("insert", "Add Flatten before it", type="Flatten", port=port)
