"""NVIDIA's driver: memory and kernels of a real card, without Numba.

Machine code comes from other processes (`studio.cuda.code`); the launches of a step become a graph, which
the driver runs by itself, or those of many steps one resident kernel where that is faster (`studio.cuda.resident`).
One thread at a time may use it.

References
----------
NVIDIA, CUDA Driver API; `cuda.bindings`, whose functions return an error and their results.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from studio.cuda import probe
from studio.cuda.card import CardProblem, Launch
from studio.cuda.code import CardKernel
from studio.cuda.resident import Resident, Residents
from studio.kernels.ahead import Wanted
from studio.kernels.jit import Kernel
from studio.kernels.simd import LANES

#: Threads of a block, where there are so many.
_BLOCK = 256
#: Threads that one multiprocessor holds, on all cards from 2018 on at least.
_RESIDENT = 1024
#: Bytes of a card that stay free: kernels and graphs take some, and memory is given in pieces of 2 MiB.
_RESERVE = 64 << 20
#: Steps that one graph runs, so that short steps do not wait for Python.
_STEPS = 16
_PARAMETERS = (ctypes.c_uint64,) * 4


@dataclass(eq=False)
class _Graphs:
    """A step, and many of them, unless a resident kernel runs them; when it was timed once, a step with events in it."""

    launches: Sequence[Launch]
    functions: Sequence[Any]
    one: Any
    many: Any
    timed: Any = None
    #: One before the first launch and one after each.
    events: list[Any] = field(default_factory=list)
    resident: Resident | None = None


class DriverCard:
    """A card of this machine; see `studio.cuda.card.Card`.

    Parameters
    ----------
    driver : module or None
        What stands for ``cuda.bindings.driver``, for tests.
    number : int
        Which card, as the driver counts them, from 0 on.

    Raises
    ------
    CardProblem
        When there is none, or it cannot be used.
    """

    def __init__(self, driver: Any = None, number: int = 0) -> None:
        self._driver = driver if driver is not None else _bindings()
        self._call("cuInit", 0, failure=probe.SILENT_DRIVER)
        count = self._call("cuDeviceGetCount")
        if number >= count:
            raise CardProblem(probe.NO_CARD if count == 0 else f"There is no card cuda:{number}: this machine has {count}, counted from 0.")
        device = self._device = self._call("cuDeviceGet", number)

        def read(name: str) -> int:
            attribute = getattr(self._driver.CUdevice_attribute, f"CU_DEVICE_ATTRIBUTE_{name}")
            return int(self._call("cuDeviceGetAttribute", attribute, device))

        self.capability = read("COMPUTE_CAPABILITY_MAJOR"), read("COMPUTE_CAPABILITY_MINOR")
        self.title = self._call("cuDeviceGetName", 128, device).split(b"\0")[0].decode()
        if self.capability < probe.OLDEST:
            raise CardProblem(probe.TOO_OLD.format(self.title))
        version = 0
        with contextlib.suppress(CardProblem):  # a driver that does not say is one too
            version = self._call("cuDriverGetVersion")
        self.identity = f"{self.title}, sm_{self.capability[0]}{self.capability[1]}, driver for CUDA {version}"
        self.most_groups = read("MULTIPROCESSOR_COUNT") * _RESIDENT // LANES
        self._context = self._call("cuDevicePrimaryCtxRetain", device, failure=f"The card {self.title} is used up or blocked by another program: end that, or train on the processor.")
        self._functions: dict[int, tuple[CardKernel, Any]] = {}
        self._modules: list[Any] = []
        self._residents = Residents(self._call, self.capability)
        self._stream: Any = None
        try:
            self._enter()
            self._stream = self._call("cuStreamCreate", 1)
        except CardProblem:
            # Nobody will close what was never made.
            self.close()
            raise

    def close(self) -> None:
        """Leave the card: give the context back, which takes all with it that is left there."""
        if self._context is None:
            return
        with contextlib.suppress(CardProblem):  # a card that failed takes nothing back
            self._enter()
            for module in self._modules:
                self._call("cuModuleUnload", module)
            if self._stream is not None:
                self._call("cuStreamDestroy", self._stream)
        self._context = None
        for name, argument in (("cuCtxSetCurrent", None), ("cuDevicePrimaryCtxRelease", self._device)):
            with contextlib.suppress(CardProblem):
                self._call(name, argument)

    # Memory ------------------------------------------------------------------------------

    def free_bytes(self) -> int:
        self._enter()
        return max(0, int(self._call("cuMemGetInfo")[0]) - _RESERVE)

    def allocate(self, count: int) -> int:
        self._enter()
        address = self._call(
            "cuMemAlloc", max(count, 1),
            failure=f"The card {self.title} has no room for {count / 1e9:.2f} GB more: make the network or the batch smaller, or train on the processor.",
        )  # fmt: skip
        self._call("cuMemsetD8Async", address, 0, max(count, 1), self._stream)
        return int(address)

    def release(self, address: int) -> None:
        self._enter()
        self._call("cuMemFree", address)

    # The driver's copies without a stream go by one of their own, for which ours does not wait, and come back before
    # the numbers are on the card. In our stream they lie between what was launched before and after them.

    def put(self, address: int, numbers: np.ndarray) -> None:
        self._enter()
        self._call("cuMemcpyHtoDAsync", address, numbers.ctypes.data, numbers.nbytes, self._stream)
        self._wait()

    def get(self, address: int, numbers: np.ndarray) -> None:
        self._enter()
        self._call("cuMemcpyDtoHAsync", numbers.ctypes.data, address, numbers.nbytes, self._stream)
        self._wait()

    def _wait(self) -> None:
        self._call("cuStreamSynchronize", self._stream)

    # Kernels -----------------------------------------------------------------------------

    def kernels(self, kernels: Sequence[Kernel]) -> list[Wanted]:
        return [self._known(kernel)[0] for kernel in kernels]

    def _known(self, kernel: Kernel) -> tuple[CardKernel, Any]:
        if id(kernel) not in self._functions:
            self._functions[id(kernel)] = CardKernel(kernel, self.capability), None
        return self._functions[id(kernel)]

    def _function(self, kernel: Kernel) -> Any:
        wanted, function = self._known(kernel)
        if function is None:
            code = wanted.take()
            if code is None:
                raise CardProblem(f"The kernel {kernel.name} is not compiled for the card {self.title}: try again, or train on the processor.")
            module = self._call(
                "cuModuleLoadData", code.text,
                failure=f"The NVIDIA driver cannot read the kernel {kernel.name}: install a newer driver, or the extra that its version has.",
            )  # fmt: skip
            self._modules.append(module)
            function = self._call("cuModuleGetFunction", module, code.symbol.encode())
            self._functions[id(kernel)] = wanted, function
        return function

    def prepare(self, launches: Sequence[Launch]) -> _Graphs:
        self._enter()
        functions = [self._function(launch.kernel) for launch in launches]
        one, many = (self._graph(launches, functions, steps) for steps in (1, _STEPS))
        return _Graphs(launches, functions, one, many, resident=self._residents.resident(self._stream, launches))

    def _graph(self, launches: Sequence[Launch], functions: Sequence[Any], steps: int, events: Sequence[Any] = ()) -> Any:
        """The launches of so many steps; where there are events, one is recorded at the start and one after each launch."""
        mode = self._driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        self._call("cuStreamBeginCapture", self._stream, mode)
        try:
            marks = iter(events)
            self._mark(next(marks, None))
            for _ in range(steps):
                for launch, function in zip(launches, functions, strict=True):
                    blocks, threads = shape_of(launch)
                    values = (launch.arguments, _PARAMETERS)
                    self._call("cuLaunchKernel", function, blocks, 1, 1, threads, 1, 1, 0, self._stream, values, 0)
                    self._mark(next(marks, None))
        except CardProblem:
            # A stream that still captures could do nothing else.
            self._driver.cuStreamEndCapture(self._stream)
            raise
        graph = self._call("cuStreamEndCapture", self._stream)
        ready = self._call("cuGraphInstantiate", graph, 0)
        self._call("cuGraphDestroy", graph)
        return ready

    def _mark(self, event: Any) -> None:
        """Have an event, if there is one, recorded at this place of the graph that is captured."""
        if event is not None:
            # Otherwise an event in a capture only says what waits for what, and has no time.
            external = self._driver.CUevent_record_flags.CU_EVENT_RECORD_EXTERNAL
            self._call("cuEventRecordWithFlags", event, self._stream, external)

    def run(self, prepared: _Graphs, times: int) -> None:
        self._enter()
        if prepared.resident is None:
            self._run_graphs(prepared, times)
            return
        prepared.resident.run(times, partial(self._run_graphs, prepared))
        if prepared.resident.is_walk:
            self._forget_graphs(prepared)

    def is_settled(self, prepared: _Graphs) -> bool:
        return prepared.resident is None or prepared.resident.is_settled

    def _run_graphs(self, prepared: _Graphs, times: int) -> None:
        for graph, count in ((prepared.many, times // _STEPS), (prepared.one, times % _STEPS)):
            for _ in range(count):
                self._call("cuGraphLaunch", graph, self._stream)

    def _forget_graphs(self, prepared: _Graphs) -> None:
        """Give back the graphs without a clock."""
        graphs, prepared.one, prepared.many = (prepared.one, prepared.many), None, None
        for graph in graphs:
            if graph is not None:
                self._call("cuGraphExecDestroy", graph)

    def time(self, prepared: _Graphs) -> np.ndarray:
        """See `Card.time`.

        Notes
        -----
        The launches and the events between them are a graph too. Launched one by one from here, a short
        kernel would be done before Python has asked for the next one, and the time between two events would
        be Python's. Each time has that of recording an event in it; the driver's clock has half a microsecond.
        """
        self._enter()
        while len(prepared.events) <= len(prepared.launches):
            prepared.events.append(self._call("cuEventCreate", 0))
        if prepared.timed is None:
            prepared.timed = self._graph(prepared.launches, prepared.functions, 1, prepared.events)
        self._call("cuGraphLaunch", prepared.timed, self._stream)
        self._wait()
        # The driver tells milliseconds.
        return 1e3 * np.array([self._call("cuEventElapsedTime", *pair) for pair in pairwise(prepared.events)], np.float64)

    def forget(self, prepared: _Graphs) -> None:
        self._enter()
        self._forget_graphs(prepared)
        if prepared.resident is not None:
            prepared.resident.close()
        if prepared.timed is not None:
            self._call("cuGraphExecDestroy", prepared.timed)
        for event in prepared.events:
            self._call("cuEventDestroy", event)

    # The driver --------------------------------------------------------------------------

    def _enter(self) -> None:
        """Make the card the one of this thread.

        Raises
        ------
        CardProblem
            When it was closed, or fails.
        """
        if self._context is None:
            raise CardProblem(f"The card {self.title} was left for another one: choose it again, or train on the processor.")
        self._call("cuCtxSetCurrent", self._context)

    def _call(self, name: str, *arguments: Any, failure: str = "") -> Any:
        """Call the driver.

        Raises
        ------
        CardProblem
            When it reports an error, or is older than what calls it.
        """
        try:
            error, *results = getattr(self._driver, name)(*arguments)
        except RuntimeError as problem:
            # So `cuda.bindings` says that the driver has no such function.
            raise CardProblem(
                f"The NVIDIA driver is too old for the installed packages ({problem}): install a newer driver, or the extra that its version has."
            ) from problem
        if int(error) != 0:
            raise CardProblem(failure or self._lost(error))
        return results[0] if len(results) == 1 else tuple(results)

    def _lost(self, error: Any) -> str:
        title = getattr(self, "title", "of this machine")
        return f"The card {title} failed (error {int(error)}): train on the processor, and restart the computer before using the card again."


def shape_of(launch: Launch) -> tuple[int, int]:
    """How many blocks a launch has, and how many threads a block."""
    if launch.kernel.blocks is not None:
        return launch.groups, launch.kernel.blocks.threads
    each = min(launch.groups, _BLOCK // LANES)
    return -(-launch.groups // each), each * LANES


def _bindings() -> Any:
    reason = probe.why_not()
    if reason:
        raise CardProblem(reason)
    from cuda.bindings import driver

    return driver
