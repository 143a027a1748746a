"""How well the vectors of two inputs agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.axes import feature_axis
from studio.core.fields import flag, pair
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Ref, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.sample_products import (
    Matrices,
    lower_product,
    matrices,
    normalize_vectors,
    normalize_vectors_backward,
    packed,
    split_places,
)


@dataclass(frozen=True)
class Dot(Layer):
    """``y[i, j] = sum over k of a[i, k] * b[j, k]``, sample by sample."""

    family: ClassVar[str] = "Merge"
    inputs: ClassVar[tuple[str, ...]] = ("a", "b")
    icon: ClassVar[str] = "merge"
    keywords: ClassVar[tuple[str, ...]] = ("product", "similarity", "cosine", "matrix", "matmul", "scores", "merge")
    help: ClassVar[str] = (
        "Multiplies the vectors of its two inputs with each other and sums up: a large number where they point the same way. "
        "Of two lists of vectors each meets each, as in attention. "
        "With normalize only the direction counts: 1 for the same, −1 for the opposite."
    )
    formula: ClassVar[str] = "y[i, j] = Σₖ a[i, k] · b[j, k]"
    source: ClassVar[str] = "D. Bahdanau, K. Cho and Y. Bengio, Neural machine translation by jointly learning to align and translate, ICLR 2015; Keras: Dot"
    keras: ClassVar[str] = "Dot"
    torch: ClassVar[str] = "bmm"
    onnx: ClassVar[str] = "MatMul"

    axes: tuple[int, int] = pair(-1, -8, 8, help="The axis of each input that is summed over: -1 is the last, 1 the first. Axis 0 counts samples and cannot be used.")
    normalize: bool = flag(False, help="Whether vectors are brought to length 1 first: the result is the cosine of the angle between them.")

    def summary(self) -> str:
        return "cosine similarity" if self.normalize else "dot product"

    def _axes(self, *shapes: Shape) -> tuple[int, int]:
        last = Remedy("set", "Use the last axes", values=(("axes", (-1, -1)),))
        first, second = (feature_axis(a, s, "axes", last) for a, s in zip(self.axes, shapes, strict=True))
        return first, second

    def output_shape(self, *shapes: Shape) -> Shape:
        a, b = shapes
        i, j = self._axes(a, b)
        if a[i] != b[j]:
            raise ShapeProblem(
                f"gets {describe(a)} and {describe(b)}, needs vectors of the same length, not {a[i]} and {b[j]}: "
                "give the layers before it the same number of neurons or filters."
            )
        return (*a[:i], *a[i + 1 :], *b[:j], *b[j + 1 :]) or (1,)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        # Rows of pictures may lie apart; anything else must have no gaps.
        parts = [x if len(x.shape) == 3 else lowering.contiguous(x) for x in inputs]
        axes = self._axes(*(x.shape for x in parts))
        plain = [matrices(x, axis) for x, axis in zip(parts, axes, strict=True)]
        y = lowering.output(self.output_shape(*(x.shape for x in parts)))
        counts = [len(m.rows) for m in plain]
        depth, batch = len(plain[0].columns), lowering.batch
        inverses: list[Ref] = []
        used = plain
        if self.normalize:
            used = []
            for matrix, count in zip(plain, counts, strict=True):
                normal = packed(lowering.scratch(count * depth * batch), count, depth, batch)
                inverses.append(lowering.scratch(count * batch))
                places = (matrix.base, lowering.table(matrix.rows), lowering.table(matrix.columns))
                lowering.emit(normalize_vectors, count, depth, batch, *places, normal.base, inverses[-1])
                used.append(normal)

        def results(tensor: Tensor) -> Matrices:
            return split_places(tensor.base, tensor.offsets().reshape(counts))

        lower_product(lowering, used[0], used[1], results(y))

        def backward(dy: Tensor) -> None:
            gradient = results(dy)
            for port, x in enumerate(parts):
                dx = lowering.gradient(x)
                if dx is None:
                    continue
                target = matrices(dx, axes[port])
                into = packed(lowering.scratch(counts[port] * depth * batch), counts[port], depth, batch) if self.normalize else target
                lower_product(lowering, (gradient, gradient.transposed)[port], used[1 - port].transposed, into)
                if self.normalize:
                    lowering.emit(
                        normalize_vectors_backward,
                        *(counts[port], depth, batch, into.base, used[port].base, inverses[port]),
                        *(target.base, lowering.table(target.rows), lowering.table(target.columns)),
                    )

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        a, b = inputs
        i, j = self._axes(a.shape[1:], b.shape[1:])
        if self.normalize:
            a = a / np.sqrt(np.maximum((a**2).sum(i + 1, keepdims=True), 1e-14))
            b = b / np.sqrt(np.maximum((b**2).sum(j + 1, keepdims=True), 1e-14))
        y = np.stack([np.tensordot(one, other, (i, j)) for one, other in zip(a, b, strict=True)])
        return y.reshape(len(y), *self.output_shape(a.shape[1:], b.shape[1:]))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,), (7,))),
            (cls(), ((4, 5), (7, 5))),
            (cls(normalize=True), ((3, 5), (4, 5))),
            (cls(axes=(2, 1)), ((4, 5), (5, 3))),
            (cls(normalize=True), ((5,), (5,))),
            (cls(axes=(3, 1)), ((5, 7, 3), (3,))),
            (cls(), ((3, 2, 4), (5, 4))),
        )
