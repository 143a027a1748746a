"""Chance that stays the same over versions of NumPy.

NumPy keeps the raw bits of its generators for ever, but not what its distributions make of
them; so the few distributions needed here are made from the raw bits.
"""

from __future__ import annotations

import numpy as np


class Chance:
    """A stream of random numbers.

    The stream of another purpose is another one for the same seed, and a longer array starts
    with the numbers of a shorter one: a set drawn with more samples keeps those it had.

    Parameters
    ----------
    seed : int
        Not negative.
    purpose : str
        What the numbers are for, such as ``split``.
    """

    def __init__(self, seed: int, purpose: str) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, *purpose.encode()]))

    def _raw(self, count: int) -> np.ndarray:
        return np.asarray(self._bits.random_raw(count), np.uint64)

    def uniform(self, *shape: int) -> np.ndarray:
        """float64 numbers in [0, 1)."""
        count = int(np.prod(shape))
        return ((self._raw(count) >> np.uint64(11)) * 2.0**-53).reshape(shape)

    def normal(self, *shape: int) -> np.ndarray:
        """float64 numbers of the normal distribution with mean 0 and spread 1 (Box-Muller)."""
        first, second = np.moveaxis(self.uniform(*shape, 2), -1, 0)
        return np.asarray(np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * np.pi * second))

    def permutation(self, count: int) -> np.ndarray:
        """The numbers 0 to `count` - 1 in random order, int64."""
        return np.argsort(self._raw(count), kind="stable")
