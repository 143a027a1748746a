"""Stand-ins for NVIDIA's driver: as `cuda.bindings.driver`, which keeps memory, and as a library that lists cards."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np


class FakeDriver:
    """A driver of cards of one kind, each with memory of its own.

    Parameters
    ----------
    cards : int
    capability : (int, int)
    room : int
        Bytes that each has.
    """

    CUdevice_attribute = SimpleNamespace(
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR="major",
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR="minor",
        CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT="processors",
    )
    CUstreamCaptureMode = SimpleNamespace(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL=1)
    CUevent_record_flags = SimpleNamespace(CU_EVENT_RECORD_EXTERNAL=1)

    def __init__(self, cards: int = 1, capability: tuple[int, int] = (9, 0), room: int = 1 << 30) -> None:
        self.cards, self.capability, self.room = cards, capability, room
        #: By card; and which one's context is retained how often, and which is entered.
        self.memories: dict[int, dict[int, np.ndarray]] = {number: {} for number in range(cards)}
        self.retained: dict[int, int] = dict.fromkeys(range(cards), 0)
        self.entered: int | None = None
        self.calls: list[tuple[Any, ...]] = []
        #: Error codes by the name of a function that fails from now on.
        self.failing: dict[str, int] = {}
        self._captured: list[Any] | None = None
        #: What the stream has still to do; it does so as late as the driver may.
        self._waiting: list[Callable[[], object]] = []
        #: Milliseconds that a kernel takes, by its name, and a walk a minibatch; others take none.
        self.durations: dict[bytes, float] = {}
        #: Events that there are, and when they were recorded last; None for never.
        self.events: dict[str, float | None] = {}
        self._made = 0
        self._now = 5.0

    @property
    def memory(self) -> dict[int, np.ndarray]:
        """The blocks of the card whose context is current."""
        assert self.entered is not None, "No context is current."
        assert self.retained[self.entered], "The context was given back."
        return self.memories[self.entered]

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

    def cuDriverGetVersion(self) -> tuple[int]:
        return (12040,)

    def cuDeviceGetCount(self) -> tuple[int]:
        return (self.cards,)

    def cuDeviceGet(self, number: int) -> tuple[int]:
        return (number,)

    def cuDeviceGetAttribute(self, attribute: str, device: int) -> tuple[int]:
        return ({"major": self.capability[0], "minor": self.capability[1], "processors": 4}[attribute],)

    def cuDeviceGetName(self, length: int, device: int) -> tuple[bytes]:
        return (b"Test Card\0\0\0" if device == 0 else b"Other Card\0\0",)

    def cuDevicePrimaryCtxRetain(self, device: int) -> tuple[str]:
        self.retained[device] += 1
        return (f"context {device}",)

    def cuDevicePrimaryCtxRelease(self, device: int) -> tuple[()]:
        assert self.retained[device]
        self.retained[device] -= 1
        if not self.retained[device]:
            self.memories[device].clear()
        return ()

    def cuCtxSetCurrent(self, context: str | None) -> tuple[()]:
        self.entered = None if context is None else int(context.split()[1])
        return ()

    def cuStreamCreate(self, flags: int) -> tuple[str]:
        return ("stream",)

    def cuStreamDestroy(self, stream: str) -> tuple[()]:
        return ()

    def cuModuleUnload(self, module: bytes) -> tuple[()]:
        return ()

    def cuStreamSynchronize(self, stream: str) -> tuple[()]:
        self._catch_up()
        return ()

    def _catch_up(self) -> None:
        while self._waiting:
            self._waiting.pop(0)()

    def cuMemGetInfo(self) -> tuple[int, int]:
        return self.room - sum(block.nbytes for block in self.memory.values()), self.room

    def cuMemAlloc(self, count: int) -> tuple[int]:
        assert count <= self.room, "Tests that fill a card say so by `failing`."
        block = np.full(count, 7, np.uint8)
        self.memory[block.ctypes.data] = block
        return (block.ctypes.data,)

    def cuMemFree(self, address: int) -> tuple[()]:
        del self.memory[address]
        return ()

    # There are none without a stream: these go by another one, for which the card's, which is made not to block, does
    # not wait, and from memory that may be paged out they come back before all is on the card.

    def cuMemsetD8Async(self, address: int, value: int, count: int, stream: str) -> tuple[()]:
        assert stream == "stream"
        block = self.memory[address]
        self._waiting.append(lambda: block[:count].fill(value))
        return ()

    def cuMemcpyHtoDAsync(self, target: int, source: int, count: int, stream: str) -> tuple[()]:
        assert stream == "stream"
        self._waiting.append(lambda: ctypes.memmove(target, source, count))
        return ()

    cuMemcpyDtoHAsync = cuMemcpyHtoDAsync

    def cuModuleLoadData(self, text: bytes) -> tuple[bytes]:
        return (text,)

    def cuModuleGetFunction(self, module: bytes, symbol: bytes) -> tuple[bytes]:
        return (symbol,)

    def cuStreamBeginCapture(self, stream: str, mode: int) -> tuple[()]:
        assert self._captured is None
        self._captured = []
        return ()

    def cuLaunchKernel(self, function: bytes, *settings: Any) -> tuple[()]:
        values, kinds = settings[-2]
        assert len(values) == len(kinds)
        if self._captured is None:
            # Only a walk is launched so; its last argument says how many minibatches.
            self._now += values[-1] * self.durations.get(function, 0.0)
        else:
            self._captured.append((function, settings[0], settings[3], values))
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

    def cuEventRecord(self, event: str, stream: str) -> tuple[()]:
        assert self._captured is None
        assert event in self.events
        self.events[event] = self._now
        return ()

    def cuEventElapsedTime(self, start: str, end: str) -> tuple[float]:
        begin, done = self.events[start], self.events[end]
        assert begin is not None
        assert done is not None
        return (done - begin,)

    def cuEventDestroy(self, event: str) -> tuple[()]:
        del self.events[event]
        return ()


class FakeLibrary:
    """What `ctypes` would find in the driver's library, as far as listing cards goes.

    Parameters
    ----------
    cards : sequence of (title, capability, bytes)
    version : int
        Of CUDA that it is for, such as 12040.
    """

    def __init__(self, cards: Sequence[tuple[str, tuple[int, int], int]], version: int = 12040) -> None:
        self.cards, self.version = cards, version

    def cuInit(self, flags: int) -> int:
        return 0

    def cuDriverGetVersion(self, version: Any) -> int:
        version._obj.value = self.version
        return 0

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = len(self.cards)
        return 0

    def cuDeviceGet(self, device: Any, number: int) -> int:
        # Handles are not numbers of cards: who takes them for that finds nothing.
        device._obj.value = 100 + number
        return 0

    def cuDeviceGetName(self, name: Any, length: int, device: ctypes.c_int) -> int:
        name.value = self.cards[device.value - 100][0].encode()[: length - 1]
        return 0

    def cuDeviceTotalMem_v2(self, count: Any, device: ctypes.c_int) -> int:
        count._obj.value = self.cards[device.value - 100][2]
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, device: ctypes.c_int) -> int:
        # 75 and 76 are the major and the minor number of the compute capability.
        value._obj.value = self.cards[device.value - 100][1][attribute - 75]
        return 0
