"""Plans on the processor: memory, threads, and the bridge from symbolic places to numbers."""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import sys
import threading
from collections.abc import Sequence

import numpy as np

from studio.core.dataset import Samples
from studio.core.stored import StoredArray
from studio.engine.arena import ALIGNMENT, SharedSpace, aligned
from studio.engine.binding import numbers_for
from studio.engine.device import BoundPlan, Runner
from studio.engine.plan import Plan
from studio.engine.windows import Windows
from studio.kernels import control, state, stored
from studio.kernels.jit import Kernel
from studio.kernels.simd import LANES

_BYTES = 4 * ALIGNMENT
_RUNNER = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


def aligned_array(count: int, dtype: type) -> np.ndarray:
    """Zeros that start at a cache line."""
    item = np.dtype(dtype).itemsize
    raw = np.zeros(count * item + _BYTES, np.uint8)
    start = -raw.ctypes.data % _BYTES
    return raw[start : start + count * item].view(dtype)


def _yield_address() -> int:
    """Address of the function that lets another thread have the processor."""
    library = ctypes.CDLL(None) if sys.platform != "win32" else ctypes.CDLL("kernel32")
    function = library.sched_yield if sys.platform != "win32" else library.SwitchToThread
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def runner_of(kernel: Kernel) -> Runner:
    """A kernel that runs plans, to be called from Python."""
    return _RUNNER(kernel.address)


def available_memory() -> int:
    """Bytes of memory that can be used without swapping."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 4 << 30


def give_way() -> None:
    """Let the window's thread go first when it competes with this one for a core (Linux).

    There each thread has a priority of its own, which threads it starts inherit; elsewhere
    nothing happens.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)


class CpuDevice:
    """One arena on the processor, the plans bound to it, and the threads that run them (see `Device`).

    Parameters
    ----------
    space : SharedSpace
        Complete: all plans that share it are built.
    plans : sequence of (Plan, threads)
        Each gets private space for each of its threads.
    """

    name = "cpu"

    def __init__(self, space: SharedSpace, plans: Sequence[tuple[Plan, int]]) -> None:
        shared = aligned(space.size)
        total = shared + sum(aligned(plan.private_floats) * threads for plan, threads in plans)
        self.arena = aligned_array(total, np.float32)
        self.bytes = self.arena.nbytes
        self._failed = aligned_array(8, np.int64)
        self._barrier = aligned_array(8, np.int64)
        self._runner = runner_of(control.run)
        self.plans: list[BoundPlan] = []
        base = shared
        for plan, threads in plans:
            private = aligned(plan.private_floats)
            self.plans.append(self._bind(plan, threads, [base + t * private for t in range(threads)]))
            base += private * threads
        self._workers: list[_Worker] = []

    @staticmethod
    def estimate(space: SharedSpace, plans: Sequence[tuple[Plan, int]]) -> int:
        """Bytes the arena will take."""
        return 4 * (aligned(space.size) + sum(aligned(p.private_floats) * t for p, t in plans))

    def close(self) -> None:
        """End the helper threads."""
        for worker in self._workers:
            worker.close()
        self._workers = []

    # Numbers for places -----------------------------------------------------------------

    def _bind(self, plan: Plan, threads: int, bases: list[int]) -> BoundPlan:
        table = aligned_array(len(plan.table), np.int64)
        table[:] = plan.table
        records = []
        for numbers in numbers_for(plan, bases, [call.kernel.address for call in plan.calls]):
            record = aligned_array(len(numbers), np.int64)
            record[:] = numbers
            records.append(record)
        states = [aligned_array(state.STATE_LENGTH, np.int64) for _ in range(threads)]
        sums = aligned_array(threads * state.SUMS_LENGTH, np.float64).reshape(threads, state.SUMS_LENGTH)
        for thread, one in enumerate(states):
            one[state.THREAD] = thread
            one[state.THREADS] = threads
            one[state.SHARD] = plan.shard
            one[state.BARRIER] = self._barrier.ctypes.data
            one[state.YIELD] = _yield_address()
            one[state.FAILED] = self._failed.ctypes.data
            one[state.SUMS] = sums[thread].ctypes.data
        return BoundPlan(plan, threads, records, table, states, sums, bases=bases)

    def feed(self, bound: BoundPlan, arrays: Sequence[Samples], samples: int, shuffle: bool, seed: int) -> None:
        """Say which samples a plan runs over; see `Device`."""
        on_disk = [a for a in arrays if isinstance(a, StoredArray)]
        if bound.windows is not None:
            bound.windows.close()
        bound.windows = Windows(on_disk, shuffle, bound.plan.shard * bound.threads) if on_disk else None
        bound.keep = []
        bound.order = [] if on_disk else [aligned_array(max(samples, 1), np.int64) for _ in bound.states]
        for order in bound.order:
            order[:] = np.arange(len(order))
        for thread, one in enumerate(bound.states):
            one[state.ORDER] = bound.order[thread].ctypes.data if bound.order else 0
            one[state.SAMPLES] = samples
            one[state.SHUFFLE] = int(shuffle and not on_disk)
            one[state.SEED] = seed
            for i, array in enumerate(arrays):
                if isinstance(array, StoredArray):
                    form = form_of(array)
                    bound.keep += form
                    one[state.FORMS + i] = form[0].ctypes.data
                else:
                    bound.keep.append(np.ascontiguousarray(array, np.float32))
                    one[state.ARRAYS + i], one[state.FORMS + i] = bound.keep[-1].ctypes.data, 0

    # Running ----------------------------------------------------------------------------

    def run(self, bound: BoundPlan, steps: int, runner: Runner | None = None) -> int:
        """Run minibatches; see `Device`."""
        if bound.windows is None:
            return self._run(bound, steps, runner)
        done, one = 0, bound.states[0]
        while done < steps:
            place = (int(one[at]) for at in (state.SEED, state.EPOCH, state.POSITION, state.BATCH))
            order, start, count = bound.windows.cover(*place)
            bound.order = [order]
            for each in bound.states:
                each[state.ORDER] = order.ctypes.data - order.itemsize * start
            ran = self._run(bound, min(count, steps - done), runner)
            done += ran
            if self.failed:
                break
        return done

    def _run(self, bound: BoundPlan, steps: int, runner: Runner | None) -> int:
        self._barrier[0] = 0
        self._failed[0] = 0
        for one in bound.states:
            one[state.PASSED] = 0
            one[state.STEPS] = steps
        while len(self._workers) < bound.threads - 1:
            self._workers.append(_Worker(len(self._workers) + 1))
        for thread in range(1, bound.threads):
            self._workers[thread - 1].start(self._call, bound, thread, runner or self._runner)
        self._call(bound, 0, runner or self._runner)
        for thread in range(1, bound.threads):
            self._workers[thread - 1].wait()
        return int(bound.states[0][state.DONE])

    def _call(self, bound: BoundPlan, thread: int, runner: Runner) -> None:
        # ctypes lets go of the interpreter lock for the whole call.
        runner(
            self.arena.ctypes.data,
            bound.records[thread].ctypes.data,
            bound.table.ctypes.data,
            bound.states[thread].ctypes.data,
        )

    @property
    def failed(self) -> bool:
        """Whether the last run met a loss that is not finite."""
        return bool(self._failed[0])


def form_of(array: StoredArray) -> list[np.ndarray]:
    """How `studio.kernels.stored` is told of samples on the disk: first the form, then what it points at."""
    mean, scale = array.mean, array.scale
    rows = np.ascontiguousarray(array.rows, np.uint32)
    parts = [rows, mean.astype(np.float32), (1.0 / scale).astype(np.float32), mean, scale]
    room = aligned_array(LANES * len(mean), np.float32)
    form = aligned_array(stored.FORM_LENGTH, np.int64)
    form[stored.KIND] = stored.KINDS.index(array.raw.dtype.str[1:])
    form[stored.RAW] = array.raw.ctypes.data
    places = (stored.ROWS, stored.MEAN, stored.INVERSE, stored.WIDE_MEAN, stored.WIDE_SCALE)
    for place, part in zip(places, parts, strict=True):
        form[place] = part.ctypes.data
    form[stored.ROOM] = room.ctypes.data
    return [form, room, array.raw, *parts]


class _Worker:
    """A thread that waits for one call after the other."""

    def __init__(self, number: int) -> None:
        self._work: queue.SimpleQueue[tuple[object, ...] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name=f"studio-shard-{number}", daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while (work := self._work.get()) is not None:
            function, *arguments = work
            try:
                function(*arguments)  # type: ignore[operator]
            except BaseException as error:
                self._done.put(error)
            else:
                self._done.put(None)
            del work, function, arguments

    def start(self, function: object, *arguments: object) -> None:
        self._work.put((function, *arguments))

    def wait(self) -> None:
        error = self._done.get()
        if error is not None:
            raise error

    def close(self) -> None:
        self._work.put(None)
        self._thread.join()
