"""Several inputs become one, number by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.control import copy_rows
from studio.kernels.jit import kernel
from studio.kernels.simd import LANES, at, load, store


@kernel
def add_rows(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y = a + b, row by row."""
    rows, length = record[2], record[3]
    for row in range(rows):
        y = at(arena, record[4] + row * record[5])
        a, b = at(arena, record[6] + row * record[7]), at(arena, record[8] + row * record[9])
        for i in range(0, length, LANES):
            store(at(y, i), load(at(a, i)) + load(at(b, i)))


@dataclass(frozen=True)
class Add(Layer):
    """``y = a + b + ...``, the end of a skip connection."""

    family: ClassVar[str] = "Merge"
    inputs: ClassVar[tuple[str, ...]] = ("inputs...",)
    icon: ClassVar[str] = "add"
    keywords: ClassVar[tuple[str, ...]] = ("sum", "plus", "skip", "shortcut", "residual", "resnet", "merge")
    help: ClassVar[str] = (
        "Adds its inputs, number by number. A wire that jumps over some layers and is added again "
        "is a skip connection: it lets deep networks learn."
    )
    formula: ClassVar[str] = "y = a + b + …"
    source: ClassVar[str] = "K. He et al., Deep residual learning for image recognition, CVPR 2016; Keras: Add"
    keras: ClassVar[str] = "Add"
    torch: ClassVar[str] = "add"
    onnx: ClassVar[str] = "Add"

    def output_shape(self, *shapes: Shape) -> Shape:
        for other in shapes[1:]:
            if other != shapes[0]:
                raise ShapeProblem(
                    f"gets {describe(shapes[0])} and {describe(other)}, needs inputs of the same shape: "
                    "give the layers before it the same number of neurons or filters, and the same padding."
                )
        return shapes[0]

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        # Rows of pictures lie apart in the same way; anything else must have no gaps.
        parts = [x if len(x.shape) == 3 else lowering.contiguous(x) for x in inputs]
        y = lowering.output(inputs[0].shape)
        lengths = (y.rows, y.row_length * lowering.batch)
        target = (y.base, y.row_stride)
        before = parts[0]
        for x in parts[1:]:
            lowering.emit(add_rows, *lengths, *target, before.base, before.row_stride, x.base, x.row_stride)
            before = y

        def backward(dy: Tensor) -> None:
            for x in parts:
                dx = lowering.gradient(x)
                if dx is not None:
                    lowering.emit(copy_rows, *lengths, dx.base, dx.row_stride, dy.base, dy.row_stride)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(np.sum(np.stack(list(inputs)), axis=0))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,), (7,))),
            (cls(), ((5, 7, 3), (5, 7, 3), (5, 7, 3))),
            (cls(), ((3, 5), (3, 5))),
        )
