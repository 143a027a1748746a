"""What this machine can do at best, measured once: calculating, and moving numbers.

The rate of calculating is that of independent sums of products in registers. The rates of moving
depend on how near the numbers are, from the nearest cache to memory, and on what is done with them:
they are measured for reading, for copying to another place, and for changing in place.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from studio.engine.cpu_device import aligned_array, runner_of
from studio.engine.processor import processor
from studio.kernels import cache, state
from studio.kernels.control import copy_rows
from studio.kernels.jit import Kernel, cache_folder, kernel
from studio.kernels.simd import LANES, at, load, splat, store

#: Sums at once: enough to fill the pipelines of two units, and few enough for 16 registers.
_SUMS = 12
#: Bytes that are gone through: near caches, the middle ones, the far one, what mostly still fits there.
_SIZES = (16 << 10, 192 << 10, 768 << 10, 6 << 20, 12 << 20, 24 << 20)
#: Bytes that fit into no cache; all threads share them.
_MEMORY = 192 << 20
#: Less is gone through again and again in one call, so that going there and back takes none of the time.
_LONG = 1 << 20
#: Seconds of one measurement, and how many there are; the best one counts.
_SECONDS, _ROUNDS = 0.0006, 20


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


@kernel
def read_rows(arena: Any, record: Any, table: Any, state: Any) -> None:
    """Add up `length` floats, a whole number of eight vectors, `rows` times."""
    rows, length, source = record[2], record[3], at(arena, record[4])
    s0, s1, s2, s3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    s4, s5, s6, s7 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for _ in range(rows):
        for i in range(0, length, 8 * LANES):
            x = at(source, i)
            s0, s1 = s0 + load(x), s1 + load(at(x, LANES))
            s2, s3 = s2 + load(at(x, 2 * LANES)), s3 + load(at(x, 3 * LANES))
            s4, s5 = s4 + load(at(x, 4 * LANES)), s5 + load(at(x, 5 * LANES))
            s6, s7 = s6 + load(at(x, 6 * LANES)), s7 + load(at(x, 7 * LANES))
    store(at(arena, record[5]), ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)))


@kernel
def change_rows(arena: Any, record: Any, table: Any, state: Any) -> None:
    """x = -x for `length` floats, a whole number of four vectors, `rows` times."""
    rows, length, source = record[2], record[3], at(arena, record[4])
    for _ in range(rows):
        for i in range(0, length, 4 * LANES):
            x = at(source, i)
            a, b, c, d = load(x), load(at(x, LANES)), load(at(x, 2 * LANES)), load(at(x, 3 * LANES))
            store(x, -a)
            store(at(x, LANES), -b)
            store(at(x, 2 * LANES), -c)
            store(at(x, 3 * LANES), -d)


#: Kernels that measuring needs.
KERNELS: tuple[Kernel, ...] = (multiply_and_add, copy_rows, read_rows, change_rows)
#: By bytes: a rate, in 10**9 bytes a second.
Rates = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Peaks:
    """Rates of all threads together.

    Parameters
    ----------
    gflops : float
        10**9 additions and multiplications of float32 a second.
    gigabytes_per_second : float
        10**9 bytes a second, read and written together, copied in memory.
    nearer : tuple of (int, float)
        The same for less data, which stays in caches: bytes for each thread, and the rate.
    threads : int
        How many threads it was measured with.
    reading, changing : tuple of (int, float)
        The rates of reading, and of changing numbers where they are (bytes count twice); the last
        one is memory's.
    """

    gflops: float
    gigabytes_per_second: float
    nearer: Rates = ()
    threads: int = 1
    reading: Rates = ()
    changing: Rates = ()

    def moving(self, working_set: int) -> float:
        """10**9 bytes a second for so many bytes a thread, which are gone through again and again."""
        return next((rate for size, rate in self.nearer if working_set <= size), self.gigabytes_per_second)

    def seconds(self, read: float, written: float, updated: float, working_set: float) -> float:
        """The shortest time for reading, writing and changing so many bytes.

        Parameters
        ----------
        read, written, updated : float
            Bytes that are only read, only written, and read and written in the same place.
        working_set : float
            Bytes of a thread that are gone through again and again: they say which memory is near
            enough.
        """
        copying = self.moving(int(working_set))
        reading, changing = (_rate(rates, working_set, copying) for rates in (self.reading, self.changing))
        # Copying is reading and writing, changing is reading and writing back.
        of_reading = 1 / reading
        of_writing = max(0.0, 2 / copying - of_reading)
        return (read * of_reading + written * of_writing + updated * 2 / changing) / 1e9


def _rate(rates: Rates, working_set: float, otherwise: float) -> float:
    near = next((rate for size, rate in rates if working_set <= size), None)
    return near or (rates[-1][1] if rates else otherwise)


_known: dict[int, Peaks] = {}
_measuring = threading.Lock()


def measured_peaks(threads: int, again: bool = False) -> Peaks:
    """The machine's peaks for so many threads: from the cache folder, or measured, which takes a second.

    Not for the window's thread. What else runs on the machine makes the measurement worse, and so does
    a minibatch that trains at the same time.

    Parameters
    ----------
    threads : int
        At least 1.
    again : bool
        Whether to measure even what is known; then the better rate of both counts, since other
        programs can only make a rate smaller than it is.
    """
    with _measuring:
        file, about = Path(cache_folder()) / f"peaks-{threads}.json", {"cpu": processor(), "lanes": LANES}
        known = _known.get(threads) or kept(file, about)
        if again or known is None:
            found = measure(threads)
            known = found if known is None else better(found, known)
            keep(file, about, known)
        _known[threads] = known
        return known


def better(one: Peaks, other: Peaks) -> Peaks:
    """The larger of each two rates, if they are of the same sizes; else the first."""
    kinds = ("nearer", "reading", "changing")
    if any([size for size, _ in getattr(one, kind)] != [size for size, _ in getattr(other, kind)] for kind in kinds):
        return one
    rates = {
        kind: tuple((size, max(a, b)) for (size, a), (_, b) in zip(getattr(one, kind), getattr(other, kind), strict=True))
        for kind in kinds
    }
    memory = max(one.gigabytes_per_second, other.gigabytes_per_second)
    return Peaks(max(one.gflops, other.gflops), memory, threads=one.threads, **rates)


def kept(file: Path, about: Mapping[str, Any]) -> Peaks | None:
    """What was kept, if it is of this very device: a home folder may be seen from several machines.

    Parameters
    ----------
    file : Path
    about : mapping of str to object
        JSON values that say of which device, and how it was measured.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if {name: found.pop(name) for name in about} != about or set(found) != {f.name for f in fields(Peaks)}:
            return None
        rates = {n: tuple((int(size), float(rate)) for size, rate in found[n]) for n in ("nearer", "reading", "changing")}
        peaks = Peaks(float(found["gflops"]), float(found["gigabytes_per_second"]), threads=int(found["threads"]), **rates)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    positive = [peaks.gflops, peaks.gigabytes_per_second, *(rate for kind in rates.values() for _, rate in kind)]
    return peaks if min(positive) > 0 else None


def keep(file: Path, about: Mapping[str, Any], peaks: Peaks) -> None:
    """Write what `kept` reads."""
    # A folder that cannot be written is no reason not to know.
    cache.put(file, json.dumps({**about, **asdict(peaks)}).encode(), quietly=True)


def measure(threads: int) -> Peaks:
    """Measure anew, with so many threads at once."""
    rounds = 4096
    calls = [_Call(multiply_and_add, _ones(4 * LANES), [rounds]) for _ in range(threads)]
    gflops = threads * rounds * _SUMS * LANES * 2 / _seconds_of(calls) / 1e9
    sizes = (*_SIZES, max(_SIZES[-1], _MEMORY // threads))
    arenas = [_ones(sizes[-1] // 4 + LANES) for _ in range(threads)]
    found: dict[Kernel, list[tuple[int, float]]] = {program: [] for program in (copy_rows, read_rows, change_rows)}
    for size in sizes:
        rows, floats, after = max(1, _LONG // size), size // 4, sizes[-1] // 4
        # What copies has its source and its target within the same bytes.
        arguments = {
            copy_rows: [2 * rows, floats // 2, 0, 0, floats // 2, 0],
            read_rows: [rows, floats, 0, after],
            change_rows: [rows, floats, 0],
        }
        moved = {copy_rows: 2 * rows * size, read_rows: rows * size, change_rows: 2 * rows * size}
        for program, own in arguments.items():
            seconds = _seconds_of([_Call(program, arena, own) for arena in arenas])
            found[program].append((size, threads * moved[program] / seconds / 1e9))
    *nearer, (_, memory) = found[copy_rows]
    return Peaks(gflops, memory, tuple(nearer), threads, tuple(found[read_rows]), tuple(found[change_rows]))


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
    # What takes long needs fewer measurements.
    rounds = max(5, min(_ROUNDS, int(_ROUNDS * _SECONDS * 5 / max(time.perf_counter() - begin, 1e-7))))
    begin = time.perf_counter()
    calls[0].run()
    times = max(1, int(_SECONDS / max(time.perf_counter() - begin, 1e-7)))
    # Alone a thread may be faster than beside others: what counts is the slowest of each round.
    taken = np.empty((rounds, len(calls)))
    start = threading.Barrier(len(calls))

    def work(number: int) -> None:
        call = calls[number].run
        for one in range(rounds):
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
