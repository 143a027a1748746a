"""Words of kernels' texts for blocks of threads (see `studio.cuda.blocks`), for numba-cuda's simulator.

Shared memory here knows who wrote and who read each float since the threads last waited for each other,
and refuses what on a card would be a matter of luck.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.cuda.simulated import Place, _thread, at, meet

#: A thread between two waits is a number: how often it has waited, times this, and which it is; the last is for many.
_THREADS = 2048
_MANY = _THREADS - 1


class Race(RuntimeError):
    """Two threads use the same float of shared memory without having waited for each other."""


class _Shared:
    """Shared memory of a block.

    Parameters
    ----------
    count : int
        Floats, which nobody has written: NaN.
    """

    def __init__(self, count: int) -> None:
        self.floats = np.full(count, np.nan, np.float32)
        # Who wrote and who read each float last, and when; lists are faster than arrays for a few numbers.
        self._written, self._read = [0] * count, [0] * count

    def read(self, index: int, count: int) -> np.ndarray:
        """So many floats from an index on."""
        begin, me = _now()
        for i in range(index, index + count):
            written, read = self._written[i], self._read[i]
            if not written or (written >= begin and written != me):
                raise Race("A thread reads what another thread writes, or nobody wrote.")
            self._read[i] = me if read < begin or read == me else begin + _MANY
        return self.floats[index : index + count].copy()

    def write(self, index: int, number: Any) -> None:
        """Put a float at an index."""
        begin, me = _now()
        for before in (self._written[index], self._read[index]):
            if before >= begin and before != me:
                raise Race("A thread writes what another thread reads or writes.")
        self._written[index] = me
        self.floats[index] = number


def _now() -> tuple[int, int]:
    """When this thread has waited last, and the thread since then."""
    thread = _thread()
    begin = getattr(thread, "studio_waits", 1) * _THREADS
    return begin, begin + thread_number()


def thread_number() -> int:
    return int(_thread().threadIdx.x)


def block_number() -> int:
    return int(_thread().blockIdx.x)


def wait_for_block() -> None:
    meet()
    thread = _thread()
    thread.studio_waits = getattr(thread, "studio_waits", 1) + 1


def shared_floats(count: int) -> _Shared:
    # All threads of a block have the same manager; one thread's memory is everybody's.
    found = _thread()._manager.__dict__.setdefault("studio_shared", _Shared(count))
    assert isinstance(found, _Shared)
    return found


def get_if(condition: Any, place: Place, index: Any) -> Any:
    return place[index] if condition else np.float32(0.0)


def whole_if(condition: Any, place: Place) -> int:
    return int(place[0]) if condition else 0


def get_through(condition: Any, place: Place, offsets: Place, index: Any) -> Any:
    return place[offsets[index]] if condition else np.float32(0.0)


def put(shared: _Shared, index: int, number: Any) -> None:
    shared.write(index, number)


def get_four(shared: _Shared, index: int) -> np.ndarray:
    if index % 4:
        raise AssertionError("Four floats are read that do not begin at a multiple of four.")
    return shared.read(index, 4)


def put_run(place: Place, four: np.ndarray, count: int) -> None:
    for i in range(min(4, count)):
        place.put(i, four[i])


def add_products(sums: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return sums + np.outer(left, right).ravel()


#: By name: what the texts may say besides Python.
WORDS: dict[str, Any] = {
    "thread_number": thread_number,
    "block_number": block_number,
    "wait": wait_for_block,
    "at": at,
    "shared_floats": shared_floats,
    "anew": lambda number: number,
    "quotient": lambda number, divisor: number // divisor,
    "get_if": get_if,
    "whole_if": whole_if,
    "get_through": get_through,
    "put": put,
    "get_four": get_four,
    "put_run": put_run,
    "joined": lambda one, other: np.concatenate([one, other]),
    "zeros": lambda count: np.zeros(count, np.float32),
    "plus": lambda numbers, number: numbers + np.float32(number),
    "add_products": add_products,
}
