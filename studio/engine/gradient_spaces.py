"""Places of gradients, each used again once nobody reads the gradient in it any more.

A gradient lives from the backward function that computes it to the one that reads it, which
mostly is the next. Handing its place on keeps a step's gradients in the caches, and takes half
the memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from studio.core.lowering import Ref
from studio.core.shapes import Shape
from studio.engine.arena import aligned


@dataclass(frozen=True)
class Layout:
    """How a tensor lies in its place.

    Parameters
    ----------
    shape : tuple of int
    halo : int
        How many zeros are around it.
    batch : int
        Columns.
    rows, row_length, row_stride : int
        Of the tensor, see `studio.core.lowering.Tensor`.
    before : int
        Floats from the start of the place to the first number.
    floats : int
        All the room it takes.
    """

    shape: Shape
    halo: int
    batch: int
    rows: int
    row_length: int
    row_stride: int
    before: int
    floats: int

    @property
    def zeros(self) -> object:
        """What two layouts have in common whose zeros lie in the same places; None without zeros."""
        return (self.rows, self.row_length * self.batch, self.row_stride, self.before) if self.halo else None


@dataclass
class _Space:
    """A place: where, how large, for which zeros, and by how many tensors it is held."""

    start: Ref
    floats: int
    zeros: object
    holders: int = 0


class GradientSpaces:
    """Knows which places are held and which are free."""

    def __init__(self) -> None:
        self._held: list[_Space] = []
        #: The last one given back is the nearest in the cache.
        self._free: list[_Space] = []

    def take(self, layout: Layout, may: bool = True) -> Ref | None:
        """The start of a free place that fits; None if there is none, or where none may be used."""
        fitting = [s for s in self._free if s.zeros == layout.zeros and s.floats >= layout.floats]
        if not may or not fitting:
            return None
        # Of the smallest, the nearest.
        best = min(reversed(fitting), key=lambda s: s.floats)
        self._free.remove(best)
        self._held.append(best)
        return best.start

    def hold(self, layout: Layout, start: Ref) -> None:
        """A tensor has its numbers there."""
        space = next((s for s in self._held if s.start == start), None)
        if space is None:
            space = _Space(start, aligned(layout.floats), layout.zeros)
            self._held.append(space)
        space.holders += 1

    def hold_again(self, place: Ref) -> None:
        """Another tensor has its numbers there too."""
        space = self._around(place)
        if space is not None:
            space.holders += 1

    def release(self, place: Ref) -> None:
        """A tensor no longer needs its numbers there."""
        space = self._around(place)
        if space is None:
            return
        space.holders -= 1
        if not space.holders:
            self._held.remove(space)
            self._free.append(space)

    def _around(self, place: Ref) -> _Space | None:
        """The held place that this one lies in; None if it is somewhere else."""
        return next(
            (
                s
                for s in self._held
                if s.start.space == place.space and s.start.offset <= place.offset < s.start.offset + s.floats
            ),
            None,
        )
