"""Weights that a layer starts from in place of random ones: a value, as everything in a document."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from studio.core.problems import Remedy
from studio.core.shapes import describe

if TYPE_CHECKING:
    from studio.core.layer import Weight


@dataclass(frozen=True, eq=False)
class Pretrained:
    """The weights of one node that were learned elsewhere.

    Equal are those with the same numbers from a brick of the same name.

    Parameters
    ----------
    brick : str
        What the brick they come from is called.
    arrays : mapping of str to numpy.ndarray
        float32, by the layer's names for its weights, in Keras's layout; those that training
        does not change, such as moving averages, too. Kept as arrays that cannot be written
        to. Empty where a file tells of weights that it does not hold.
    key : str
        Follows from the arrays, and is only given where there are none.
    """

    brick: str
    arrays: Mapping[str, np.ndarray] = field(repr=False)
    key: str = ""

    def __post_init__(self) -> None:
        arrays = {name: _frozen(array) for name, array in sorted(self.arrays.items())}
        object.__setattr__(self, "arrays", MappingProxyType(arrays))
        if arrays:
            object.__setattr__(self, "key", _key_of(arrays))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pretrained) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[str, str, bool]:
        return self.brick, self.key, self.missing

    @property
    def missing(self) -> bool:
        """Whether the weights themselves are not there."""
        return not self.arrays

    def part(self, name: str) -> Pretrained | None:
        """What a part of the layer starts from; None if that has no weights."""
        start = f"{name}/"
        own = {path.removeprefix(start): a for path, a in self.arrays.items() if path.startswith(start)}
        return Pretrained(self.brick, own) if own else None

    def for_weight(self, weight: Weight) -> np.ndarray | None:
        """The numbers of one weight; None where they have another shape, or are not there."""
        found = self.arrays.get(weight.name)
        return found if found is not None and found.shape == weight.shape else None

    def misfit(self, weights: Iterable[Weight]) -> str:
        """Why a layer that has these weights cannot start from them; empty if it can.

        The sentence goes on after the node's name.
        """
        if self.missing:
            return f"lacks its weights from the brick {self.brick}: add the brick again, or start from random weights."
        for weight in weights:
            found = self.arrays.get(weight.name)
            if found is None:
                return (
                    f"has no {weight.name} in the brick {self.brick}: set it up as it was there, "
                    "or start from random weights."
                )
            if found.shape != weight.shape:
                return (
                    f"needs a {weight.name} of {describe(weight.shape)} here, but the brick {self.brick} learned one of "
                    f"{describe(found.shape)}: feed it what it learned from, or start from random weights."
                )
        return ""


#: What repairs weights that do not fit.
RANDOM_WEIGHTS = Remedy("random_weights", "Start from random weights")


def _frozen(array: np.ndarray) -> np.ndarray:
    ready = array.dtype == np.float32 and array.flags.c_contiguous and not array.flags.writeable
    if not ready:
        array = np.array(array, np.float32, order="C")
        array.setflags(write=False)
    return array


def _key_of(arrays: Mapping[str, np.ndarray]) -> str:
    """The same for the same numbers under the same names, on any machine."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{len(name)} {name} {array.shape}".encode())
        digest.update(array.astype("<f4", copy=False).tobytes())
    return digest.hexdigest()[:32]
