"""What layers that make one output of several inputs, number by number, have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.layer import Layer
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape, describe


@dataclass(frozen=True)
class Merging(Layer):
    """Joins two inputs, the result with a third, and so on.

    A subclass states, as static methods of a, b and k, the `function` that joins a, what came
    of the first k - 1 inputs, with b, the k-th; and the slopes of the result along both, `slope_a` and
    `slope_b`. They are written with the functions of `studio.kernels.maths`, from which
    `studio.kernels.merging` makes kernels.

    An axis of size 1 is repeated to the size of the others', as in NumPy and Keras; missing
    axes count as leading ones.
    """

    family: ClassVar[str] = "Merge"
    inputs: ClassVar[tuple[str, ...]] = ("inputs...",)
    icon: ClassVar[str] = "merge"
    #: Whether the gradient reaches a, and b, as it is.
    passes: ClassVar[tuple[bool, bool]] = (False, False)

    def output_shape(self, *shapes: Shape) -> Shape:
        merged = shapes[0]
        for other in shapes[1:]:
            try:
                merged = tuple(int(n) for n in np.broadcast_shapes(merged, other))
            except ValueError:
                raise ShapeProblem(
                    f"gets {describe(merged)} and {describe(other)}, needs inputs of the same shape (or of size 1 along an axis): "
                    "give the layers before it the same number of neurons or filters, and the same padding."
                ) from None
        return merged

    @staticmethod
    def function(a: Any, b: Any, k: Any) -> Any:
        """What the first k inputs give; a is what k - 1 gave, b the k-th."""
        raise TypeError("A layer that merges states this.")

    @staticmethod
    def slope_a(a: Any, b: Any, k: Any) -> Any:
        """How fast the result grows with a."""
        raise TypeError("A layer that merges states this.")

    @staticmethod
    def slope_b(a: Any, b: Any, k: Any) -> Any:
        """How fast the result grows with b."""
        raise TypeError("A layer that merges states this.")

    @staticmethod
    def aligned(inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Arrays ``(batch, *shape)`` with as many axes each: missing ones, of size 1, come first."""
        most = max(x.ndim for x in inputs)
        return [x.reshape(len(x), *(1,) * (most - x.ndim), *x.shape[1:]) for x in inputs]

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        if not cls.is_variadic():
            return (
                (cls(), ((7,), (7,))),
                (cls(), ((5, 7, 3), (5, 7, 3))),
                (cls(), ((3, 5), (5,))),
                (cls(), ((5, 7, 1), (5, 7, 3))),
            )
        return (
            (cls(), ((7,), (7,))),
            (cls(), ((5, 7, 3), (5, 7, 3), (5, 7, 3))),
            (cls(), ((3, 5), (3, 5))),
            (cls(), ((5, 7, 3), (1, 1, 3))),
            (cls(), ((5, 7, 1), (5, 7, 3), (3,))),
        )


def repeated(offsets: Sequence[np.ndarray], batch: int) -> tuple[int, int, list[tuple[np.ndarray, int]]]:
    """Cut tensors of one shape into runs along which each advances, or stays, all the time.

    Parameters
    ----------
    offsets : sequence of numpy.ndarray
        int64, of one shape: where each feature lies; an input that is repeated has equal ones.
    batch : int
        The distance of neighbouring features.

    Returns
    -------
    count, length : int
        A run is `count` times `length` neighbouring floats.
    places : list of (starts, step)
        For each tensor: where its runs begin, and by how much it moves from one count to the next.
    """
    flat = [o.ravel() for o in offsets]
    moves = [np.diff(o) for o in flat]
    steps = [batch if len(m) and m[0] == batch else 0 for m in moves]
    broken = np.zeros(len(flat[0]) - 1, bool)
    for move, step in zip(moves, steps, strict=True):
        broken |= move != step
    count = int(np.gcd.reduce(np.concatenate([[len(flat[0])], np.flatnonzero(broken) + 1])))
    starts = [o[::count] for o in flat]
    if count == 1 or all(steps):
        return 1, count * batch, [(s, 0) for s in starts]
    return count, batch, list(zip(starts, steps, strict=True))
