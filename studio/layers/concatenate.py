"""Several inputs become one, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import integer
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.jit import kernel
from studio.kernels.simd import LANES, at, load, store


@kernel
def copy_runs(arena: Any, record: Any, table: Any, state: Any) -> None:
    """target = source, in runs of equal length at places of their own."""
    runs, length = record[2], record[3]
    target, target_places = at(arena, record[4]), at(table, record[5])
    source, source_places = at(arena, record[6]), at(table, record[7])
    for run in range(runs):
        to, come = at(target, target_places[run]), at(source, source_places[run])
        for i in range(0, length, LANES):
            store(at(to, i), load(at(come, i)))


@dataclass(frozen=True)
class Concatenate(Layer):
    """``y = [a, b, ...]`` along one axis."""

    family: ClassVar[str] = "Merge"
    inputs: ClassVar[tuple[str, ...]] = ("inputs...",)
    icon: ClassVar[str] = "concatenate"
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

    def _axis(self, shape: Shape) -> int:
        """The axis without counting the batch, from 0.

        Raises
        ------
        ShapeProblem
            When inputs of this shape have no such axis.
        """
        last = Remedy("set", "Use the last axis", values=(("axis", -1),))
        if not shape:
            raise ShapeProblem("gets one number a sample, needs lists or pictures: wire a Dense layer's output to it.")
        if self.axis == 0:
            raise ShapeProblem("cannot join along axis 0, which counts the samples: use -1, the last axis.", last)
        if not -len(shape) <= self.axis <= len(shape):
            raise ShapeProblem(f"has axis {self.axis}, but its inputs are {describe(shape)}: use -1, the last axis.", last)
        return self.axis - 1 if self.axis > 0 else len(shape) + self.axis

    def output_shape(self, *shapes: Shape) -> Shape:
        first = shapes[0]
        axis = self._axis(first)
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
        axis = self._axis(inputs[0].shape)
        y = lowering.output(self.output_shape(*(x.shape for x in inputs)))
        ends = np.cumsum([0, *(x.shape[axis] for x in inputs)])

        def part(whole: Tensor, number: int) -> np.ndarray:
            """Offsets of an input's features in the result."""
            index = (slice(None),) * axis + (slice(ends[number], ends[number + 1]),)
            return whole.offsets()[index].ravel()

        def copy(target: Tensor, to: np.ndarray, source: Tensor, come: np.ndarray) -> None:
            length = _common_run(lowering.batch, to, come)
            places = (target.base, lowering.table(to[::length])), (source.base, lowering.table(come[::length]))
            lowering.emit(copy_runs, len(to) // length, length * lowering.batch, *places[0], *places[1])

        for number, x in enumerate(inputs):
            copy(y, part(y, number), x, x.offsets().ravel())

        def backward(dy: Tensor) -> None:
            for number, x in enumerate(inputs):
                dx = lowering.gradient(x)
                if dx is not None:
                    copy(dx, dx.offsets().ravel(), dy, part(dy, number))

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.concatenate(list(inputs), axis=self._axis(inputs[0].shape[1:]) + 1)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,), (5,))),
            (cls(), ((5, 7, 3), (5, 7, 1), (5, 7, 2))),
            (cls(axis=1), ((2, 3, 2), (5, 3, 2))),
            (cls(axis=2), ((3, 2, 2), (3, 5, 2))),
            (cls(axis=-2), ((3, 5), (2, 5))),
        )


def _common_run(batch: int, *offsets: np.ndarray) -> int:
    """Most features that lie next to each other in all tensors, in runs of one length."""
    ends = [np.flatnonzero(np.diff(places) != batch) + 1 for places in offsets]
    return int(np.gcd.reduce(np.concatenate([[len(offsets[0])], *ends])))


def _flatten_larger(shapes: Sequence[Shape]) -> Remedy | None:
    """Flatten the first input with more axes, if the others are lists."""
    port = next(i for i, s in enumerate(shapes) if len(s) == max(map(len, shapes)))
    if min(map(len, shapes)) != 1:
        return None
    return Remedy("insert", "Add Flatten before it", type="Flatten", port=port)
