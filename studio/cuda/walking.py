"""A walk through a step's launches by one block of threads, minibatch after minibatch, without an end in between.

A captured graph costs a microsecond or two a launch, as much as the kernels of a small network last. Here one block
makes the calls itself: each is a row of a table, and all threads wait for each other after it, as kernels do that
come one after the other. Written once, for real cards and for the simulator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from studio.kernels.state import HALTED

#: Threads of the block: each may have 128 registers, as many as a multiprocessor has for so many.
THREADS = 512
#: Numbers of a row: which kernel, `END` in a last row that is no call; whether one group makes the call alone; and
#: its four arguments.
KERNEL, ALONE, ARGUMENTS = 0, 1, 2
ROW = ARGUMENTS + 4
END = -1


def walk_of(call: Callable[..., None], meet: Callable[[], None], group_number: Callable[[], Any], integers_at: Callable[..., Any]) -> Any:
    """The walk, made of a card's building blocks.

    Parameters
    ----------
    call : callable
        Calls a kernel: its number, and addresses of arena, record, table and state.
    meet : callable
        All threads of the block come here, and see what the others have written.
    group_number : callable
        Which group of threads this one belongs to.
    integers_at : callable
        The integers from an address on.

    Returns
    -------
    callable
        Takes the address of the rows, int64 ``(calls + 1, ROW)``, that of the state, and how many minibatches; it
        ends before that where a loss is not finite.
    """

    def walk(rows: Any, state: Any, minibatches: Any) -> None:
        numbers, own = integers_at(rows), integers_at(state)
        for _ in range(minibatches):
            row = 0
            # With a count of rows the compiler would make several copies of this loop, and so of all kernels.
            while numbers[row + KERNEL] != END:
                # A kernel without loops to share is one group's; the others wait.
                if numbers[row + ALONE] == 0 or group_number() == 0:
                    call(numbers[row + KERNEL], numbers[row + 2], numbers[row + 3], numbers[row + 4], numbers[row + 5])
                meet()
                row += ROW
            # Nobody writes there before all have met again, so that all threads leave together.
            if own[HALTED] != 0:
                return

    return walk


def rows_of(calls: Sequence[tuple[int, bool, Sequence[int]]]) -> np.ndarray:
    """The rows of a walk, int64 ``(calls + 1, ROW)``.

    Parameters
    ----------
    calls : sequence of (int, bool, sequence of int)
        Which kernel, whether one group makes the call alone, and its four arguments.
    """
    rows = np.zeros((len(calls) + 1, ROW), np.int64)
    for row, (number, alone, arguments) in zip(rows, calls, strict=False):
        row[KERNEL], row[ALONE], row[ARGUMENTS:] = number, alone, arguments
    rows[-1, KERNEL] = END
    return rows
