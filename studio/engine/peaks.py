"""What this machine can do at best, measured once: calculating, and moving numbers.

The rate of calculating is that of independent sums of products in registers; the rate of moving that
of copying floats, which depends on how near they are: from the nearest cache to memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.engine.cpu_device import aligned_array, runner_of
from studio.kernels import state
from studio.kernels.control import copy_rows
from studio.kernels.jit import Kernel, cache_folder, kernel
from studio.kernels.simd import LANES, at, load, store

#: Sums at once: enough to fill the pipelines of two units, and few enough for 16 registers.
_SUMS = 12
#: Bytes, of source and target together, that are copied: near caches, far cache, memory.
_SIZES = (16 << 10, 256 << 10, 2 << 20, 16 << 20, 192 << 20)
#: Less is gone through again and again in one call, so that going there and back takes none of the time.
_LONG = 2 << 20
#: Seconds of one measurement, and how many there are; the best one counts.
_SECONDS, _ROUNDS = 0.0015, 40


@kernel
def multiply_and_add(arena: Any, record: Any, table: Any, state: Any) -> None:
    """s = s a + b, twelve vectors s at once, again and again."""
    a, b = load(at(arena, 0)), load(at(arena, LANES))
    s0, s1, s2, s3 = a, b, a + b, a - b
    s4, s5, s6, s7 = a + 1.0, b + 1.0, a + 2.0, b + 2.0
    s8, s9, s10, s11 = a + 3.0, b + 3.0, a + 4.0, b + 4.0
    for _ in range(record[2]):
        s0, s1, s2, s3 = s0 * a + b, s1 * a + b, s2 * a + b, s3 * a + b
        s4, s5, s6, s7 = s4 * a + b, s5 * a + b, s6 * a + b, s7 * a + b
        s8, s9, s10, s11 = s8 * a + b, s9 * a + b, s10 * a + b, s11 * a + b
    store(at(arena, 2 * LANES), ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)) + ((s8 + s9) + (s10 + s11)))


#: Kernels that measuring needs.
KERNELS: tuple[Kernel, ...] = (multiply_and_add, copy_rows)


@dataclass(frozen=True)
class Peaks:
    """Rates of all threads together.

    Parameters
    ----------
    gflops : float
        10**9 additions and multiplications of float32 a second.
    gigabytes_per_second : float
        10**9 bytes a second, read and written together, from and to memory.
    nearer : tuple of (int, float)
        The same for less data, which stays in caches: bytes for each thread, and the rate.
    threads : int
        How many threads it was measured with.
    """

    gflops: float
    gigabytes_per_second: float
    nearer: tuple[tuple[int, float], ...] = ()
    threads: int = 1

    def moving(self, working_set: int) -> float:
        """10**9 bytes a second for so many bytes a thread, which are gone through again and again."""
        return next((rate for size, rate in self.nearer if working_set <= size), self.gigabytes_per_second)


_known: dict[int, Peaks] = {}
_measuring = threading.Lock()


def measured_peaks(threads: int) -> Peaks:
    """The machine's peaks for so many threads: from the cache folder, or measured, which takes a second.

    Not for the window's thread. What else runs on the machine makes the measurement worse, and so does
    a minibatch that trains at the same time.
    """
    with _measuring:
        if threads not in _known:
            _known[threads] = _read(threads) or _measure_and_keep(threads)
        return _known[threads]


def _file(threads: int) -> str:
    return os.path.join(cache_folder(), f"peaks-{threads}.json")


def _read(threads: int) -> Peaks | None:
    try:
        with open(_file(threads), encoding="ascii") as file:
            kept = json.load(file)
        nearer = tuple((int(size), float(rate)) for size, rate in kept["nearer"])
        found = Peaks(float(kept["gflops"]), float(kept["gigabytes_per_second"]), nearer, threads)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.gflops > 0 and found.gigabytes_per_second > 0 else None


def _measure_and_keep(threads: int) -> Peaks:
    found = measure(threads)
    kept = {"gflops": found.gflops, "gigabytes_per_second": found.gigabytes_per_second, "nearer": found.nearer}
    # A folder that cannot be written is no reason not to know.
    with contextlib.suppress(OSError):
        with tempfile.NamedTemporaryFile("w", dir=cache_folder(), suffix=".tmp", delete=False, encoding="ascii") as file:
            json.dump(kept, file)
        os.replace(file.name, _file(threads))
    return found


def measure(threads: int) -> Peaks:
    """Measure anew, with so many threads at once."""
    rounds = 4096
    calls = [_Call(multiply_and_add, _ones(4 * LANES), [rounds]) for _ in range(threads)]
    gflops = threads * rounds * _SUMS * LANES * 2 / _seconds_of(calls) / 1e9
    rates: list[tuple[int, float]] = []
    for size in _SIZES:
        floats, rows = size // 8, max(1, _LONG // size)
        calls = [_Call(copy_rows, _ones(2 * floats), [rows, floats, 0, 0, floats, 0]) for _ in range(threads)]
        rates.append((size, threads * rows * size / _seconds_of(calls) / 1e9))
    return Peaks(gflops, rates[-1][1], tuple(rates[:-1]), threads)


def _ones(count: int) -> np.ndarray:
    made = aligned_array(count, np.float32)
    made[:] = 1.0
    return made


class _Call:
    """One kernel call on memory of its own."""

    def __init__(self, program: Kernel, arena: np.ndarray, arguments: list[int]) -> None:
        self._arena, self._state = arena, aligned_array(state.STATE_LENGTH, np.int64)
        self._record = np.array([0, 2 + len(arguments), *arguments], np.int64)
        run = runner_of(program)
        places = arena.ctypes.data, self._record.ctypes.data, self._record.ctypes.data, self._state.ctypes.data
        self.run: Callable[[], None] = lambda: run(*places)


def _seconds_of(calls: list[_Call]) -> float:
    """Seconds that a call takes when all run at once, each on a thread of its own."""
    for call in calls:
        call.run()
    begin = time.perf_counter()
    calls[0].run()
    times = max(1, int(_SECONDS / max(time.perf_counter() - begin, 1e-7)))
    # Alone a thread may be faster than beside others: what counts is the slowest of each round.
    taken = np.empty((_ROUNDS, len(calls)))
    start = threading.Barrier(len(calls))

    def work(number: int) -> None:
        call = calls[number].run
        for one in range(_ROUNDS):
            start.wait()
            begin = time.perf_counter()
            for _ in range(times):
                call()
            taken[one, number] = time.perf_counter() - begin

    others = [threading.Thread(target=work, args=(n,), name=f"studio-peaks-{n}", daemon=True) for n in range(1, len(calls))]
    for other in others:
        other.start()
    work(0)
    for other in others:
        other.join()
    return float(taken.max(axis=1).min()) / times
