"""A sequence one step later, with a start mark before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import real
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.control import copy_rows
from studio.kernels.jit import kernel
from studio.kernels.merging import clear_rows
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, splat, store


@kernel
def fill(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y = a number, for whole vectors."""
    length, target, number = record[2], at(arena, record[3]), arena[record[4]]
    for i in each(0, length, LANES):
        store(at(target, i), splat(number))


@dataclass(frozen=True)
class ShiftRight(Layer):
    """``y[0] = start; y[t] = x[t − 1]``: what a decoder may know when it says step t."""

    family: ClassVar[str] = "Core"
    icon: ClassVar[str] = "step"
    keywords: ClassVar[tuple[str, ...]] = ("teacher forcing", "decoder", "delay", "previous", "translation", "sequence")
    help: ClassVar[str] = (
        "Moves a sequence one step later and puts a start mark in front. Wired to Data's Y, it tells a decoder "
        "the right answers so far, but never the one it has to give next."
    )
    formula: ClassVar[str] = "y[0] = start, y[t] = x[t − 1]"
    source: ClassVar[str] = "R. Williams and D. Zipser, Teacher forcing, Neural Computation 1 (1989); A. Vaswani et al., Attention is all you need, 2017"
    keras_source: ClassVar[str] = '''
class ShiftRight(keras.layers.Layer):
    """Moves a sequence one step later and puts a start mark in front."""

    def __init__(self, start=1.0, **options):
        super().__init__(**options)
        self.start = start

    def call(self, sequence):
        first = keras.ops.full_like(sequence[:, :1], self.start)
        return keras.ops.concatenate([first, sequence[:, :-1]], axis=1)
'''
    torch: ClassVar[str] = "roll"
    onnx: ClassVar[str] = "Concat"

    start: float = real(1.0, -1000.0, 1_000_000.0, help="The number that stands before the first step, such as that of the start mark.", live=True)

    def words_out(self, port: int, words: tuple[str, ...]) -> tuple[str, ...]:
        return words

    def output_shape(self, *shapes: Shape) -> Shape:
        if len(shapes[0]) not in (1, 2):
            raise ShapeProblem(f"gets {describe(shapes[0])}, needs a sequence (steps, or steps x features).")
        return shapes[0]

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        x = lowering.contiguous(inputs[0])
        y = lowering.output(x.shape)
        step = x.features // x.shape[0] * lowering.batch
        rest = (x.shape[0] - 1) * step
        lowering.emit(fill, step, y.base, lowering.number("start"))
        if rest:
            lowering.emit(copy_rows, 1, rest, y.base + step, 0, x.base, 0)

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(x)
            if dx is not None:
                if rest:
                    lowering.emit(copy_rows, 1, rest, dx.base, 0, dy.base + step, 0)
                lowering.emit(clear_rows, 1, step, dx.base + rest, 0)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        (x,) = inputs
        return np.concatenate([np.full_like(x[:, :1], self.start), x[:, :-1]], axis=1)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(start=2.0), ((5, 3),)),
            (cls(start=0.0), ((1,),)),
        )
