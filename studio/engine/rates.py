"""The ring of upcoming learning rates that a plan with a schedule reads from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

#: Rates are worked out in blocks that always begin at the same steps, so that they are the same
#: to the last bit however many steps are trained at a time.
BLOCK = 1024
BLOCKS = 16
#: Floats in the ring, and steps that can be trained before it must be filled anew.
RING = BLOCK * BLOCKS
MOST_STEPS = RING - BLOCK


class RateRing:
    """Rates of the steps to come, in a part of the arena.

    Parameters
    ----------
    arena : numpy.ndarray
        float32, or a device's.
    offset : int
        Where the ring of `RING` floats begins.
    """

    def __init__(self, arena: Any, offset: int) -> None:
        self._arena, self._offset = arena, offset
        self._numbers = [-1] * BLOCKS

    def forget(self) -> None:
        """Work out all rates anew: the schedule has changed."""
        self._numbers = [-1] * BLOCKS

    def fill(self, step: int, steps: int, rates: Callable[[int, int], np.ndarray]) -> None:
        """Make sure that rates are there for so many steps, `MOST_STEPS` at most.

        Parameters
        ----------
        rates : callable
            Gives the rates of so many steps from a step on.
        """
        for number in range(step // BLOCK, (step + steps - 1) // BLOCK + 1):
            place = number % BLOCKS
            if self._numbers[place] != number:
                begin = self._offset + place * BLOCK
                self._arena[begin : begin + BLOCK] = rates(number * BLOCK, BLOCK)
                self._numbers[place] = number
