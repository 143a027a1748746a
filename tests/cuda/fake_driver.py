"""A stand-in for `cuda.bindings.driver`, which keeps memory, and notes what it is asked for."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np


class FakeDriver:
    """A driver of cards of one kind.

    Parameters
    ----------
    cards : int
    capability : (int, int)
    room : int
        Bytes that can be allocated.
    """

    CUdevice_attribute = SimpleNamespace(
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR="major",
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR="minor",
        CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT="processors",
    )
    CUstreamCaptureMode = SimpleNamespace(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL=1)
    CUevent_record_flags = SimpleNamespace(CU_EVENT_RECORD_EXTERNAL=1)

    def __init__(self, cards: int = 1, capability: tuple[int, int] = (9, 0), room: int = 1 << 20) -> None:
        self.cards, self.capability, self.room = cards, capability, room
        self.memory: dict[int, np.ndarray] = {}
        self.calls: list[tuple[Any, ...]] = []
        #: Error codes by the name of a function that fails from now on.
        self.failing: dict[str, int] = {}
        self._captured: list[Any] | None = None
        #: Milliseconds that a kernel takes, by its name; others take none.
        self.durations: dict[bytes, float] = {}
        #: Events that there are, and when they were recorded last; None for never.
        self.events: dict[str, float | None] = {}
        self._made = 0
        self._now = 5.0

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if not name.startswith("cu"):
            return found

        def noted(*arguments: Any) -> tuple[Any, ...]:
            self.calls.append((name, *arguments))
            code = self.failing.get(name, 0)
            return (code, None) if code else (0, *found(*arguments))

        return noted

    def cuInit(self, flags: int) -> tuple[()]:
        return ()

    def cuDeviceGetCount(self) -> tuple[int]:
        return (self.cards,)

    def cuDeviceGet(self, number: int) -> tuple[int]:
        return (number,)

    def cuDeviceGetAttribute(self, attribute: str, device: int) -> tuple[int]:
        return ({"major": self.capability[0], "minor": self.capability[1], "processors": 4}[attribute],)

    def cuDeviceGetName(self, length: int, device: int) -> tuple[bytes]:
        return (b"Test Card\0\0\0",)

    def cuDevicePrimaryCtxRetain(self, device: int) -> tuple[str]:
        return ("context",)

    def cuCtxSetCurrent(self, context: str) -> tuple[()]:
        return ()

    def cuStreamCreate(self, flags: int) -> tuple[str]:
        return ("stream",)

    def cuStreamSynchronize(self, stream: str) -> tuple[()]:
        return ()

    def cuMemGetInfo(self) -> tuple[int, int]:
        return self.room - sum(block.nbytes for block in self.memory.values()), self.room

    def cuMemAlloc(self, count: int) -> tuple[int]:
        if count > self.cuMemGetInfo()[1]:
            self.failing["cuMemAlloc"] = 2
        block = np.full(count, 7, np.uint8)
        self.memory[block.ctypes.data] = block
        return (block.ctypes.data,)

    def cuMemFree(self, address: int) -> tuple[()]:
        del self.memory[address]
        return ()

    def cuMemsetD8(self, address: int, value: int, count: int) -> tuple[()]:
        self.memory[address][:count] = value
        return ()

    def cuMemcpyHtoD(self, target: int, source: int, count: int) -> tuple[()]:
        ctypes.memmove(target, source, count)
        return ()

    cuMemcpyDtoH = cuMemcpyHtoD

    def cuModuleLoadData(self, text: bytes) -> tuple[bytes]:
        return (text,)

    def cuModuleGetFunction(self, module: bytes, symbol: bytes) -> tuple[bytes]:
        return (symbol,)

    def cuStreamBeginCapture(self, stream: str, mode: int) -> tuple[()]:
        assert self._captured is None
        self._captured = []
        return ()

    def cuLaunchKernel(self, function: bytes, *settings: Any) -> tuple[()]:
        assert self._captured is not None
        self._captured.append((function, settings[0], settings[3], settings[-2][0]))
        return ()

    def cuStreamEndCapture(self, stream: str) -> tuple[list[Any]]:
        captured, self._captured = self._captured, None
        assert captured is not None
        return (captured,)

    def cuGraphInstantiate(self, graph: list[Any], flags: int) -> tuple[list[Any]]:
        return (list(graph),)

    def cuGraphDestroy(self, graph: list[Any]) -> tuple[()]:
        return ()

    cuGraphExecDestroy = cuGraphDestroy

    def cuGraphLaunch(self, graph: list[Any], stream: str) -> tuple[()]:
        for node in graph:
            if isinstance(node, str):
                assert node in self.events
                self.events[node] = self._now
            else:
                self._now += self.durations.get(node[0], 0.0)
        return ()

    def cuEventCreate(self, flags: int) -> tuple[str]:
        self._made += 1
        self.events[f"event {self._made}"] = None
        return (f"event {self._made}",)

    def cuEventRecordWithFlags(self, event: str, stream: str, flags: int) -> tuple[()]:
        # Outside a capture the driver refuses this flag; within one, other events would have no time.
        assert self._captured is not None
        assert flags == self.CUevent_record_flags.CU_EVENT_RECORD_EXTERNAL
        self._captured.append(event)
        return ()

    def cuEventElapsedTime(self, start: str, end: str) -> tuple[float]:
        begin, done = self.events[start], self.events[end]
        assert begin is not None
        assert done is not None
        return (done - begin,)

    def cuEventDestroy(self, event: str) -> tuple[()]:
        del self.events[event]
        return ()
