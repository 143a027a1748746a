"""The same numbers in another arrangement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import shape as shape_field
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe, size


@dataclass(frozen=True)
class Reshape(Layer):
    """All numbers of a sample, in order, under another shape."""

    family: ClassVar[str] = "Core"
    icon: ClassVar[str] = "reshape"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("view", "unflatten", "picture", "arrange", "dimensions")
    help: ClassVar[str] = (
        "Lays the same numbers out in another shape: 64 numbers become a picture of 8 x 8 x 1. "
        "Nothing is computed. One axis may be -1: it takes what is left."
    )
    formula: ClassVar[str] = "y = all numbers of x, in order"
    source: ClassVar[str] = "Keras: Reshape"
    keras: ClassVar[str] = "Reshape"
    torch: ClassVar[str] = "Unflatten"
    onnx: ClassVar[str] = "Reshape"

    target_shape: tuple[int, ...] = shape_field((-1,), minimum=-1, help="Size of each axis, such as 8, 8, 1; one may be -1 and takes what is left.")

    def summary(self) -> str:
        return describe(self.target_shape)

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        count, target = size(shape), self.target_shape
        if 0 in target or target.count(-1) > 1:
            wrong = "an axis of size 0" if 0 in target else "more than one axis of size -1"
            raise ShapeProblem(f"has {wrong}: give every axis a size, or let one of them be -1.", _remedy(target, count))
        known = size(tuple(n for n in target if n != -1))
        if -1 in target and count % known == 0:
            return tuple(count // known if n == -1 else n for n in target)
        if known == count:
            return target
        if -1 in target:
            raise ShapeProblem(
                f"gets {describe(shape)}, which is {count} numbers and cannot be cut into {describe(target)}: "
                f"choose sizes that divide {count}.",
                _remedy(target, count),
            )
        raise ShapeProblem(
            f"gets {describe(shape)}, which is {count} numbers, but {describe(target)} holds {known}: "
            "choose sizes whose product is the same.",
            _remedy(target, count),
        )

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lowering.view(inputs[0], self.output_shape(*lowering.shapes))

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return inputs[0].reshape(len(inputs[0]), *self.output_shape(inputs[0].shape[1:]))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((5, 7, 3),)),
            (cls(target_shape=(5, 7, 1)), ((35,),)),
            (cls(target_shape=(-1, 3, 2)), ((5, 6),)),
            (cls(target_shape=(6, -1)), ((3, 4, 5),)),
            (cls(target_shape=(2, 15, 2)), ((3, 4, 5),)),
        )


def _remedy(target: Shape, count: int) -> Remedy:
    """The nearest shape that holds so many numbers: the last axis that can take the rest does."""
    for axis in reversed(range(len(target))):
        others = [n for i, n in enumerate(target) if i != axis]
        if min(others, default=1) > 0 and count % size(tuple(others)) == 0:
            fitting = (*target[:axis], count // size(tuple(others)), *target[axis + 1 :])
            return Remedy("set", f"Use {describe(fitting)}", values=(("target_shape", fitting),))
    return Remedy("set", f"Use a list of {count}", values=(("target_shape", (-1,)),))
