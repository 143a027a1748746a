"""The learning rate of a step that has one of its own."""

from __future__ import annotations

from studio.kernels.jit import kernel
from studio.kernels.state import STEP, THREAD


@kernel
def set_rate(arena, record, table, state):
    """rate = multiplier * the step's rate, which the program put into a ring of `count` floats.

    The first thread does it, before a barrier.
    """
    if state[THREAD] == 0:
        ring, count = record[2], record[3]
        arena[record[5]] = arena[ring + state[STEP] % count] * arena[record[4]]
