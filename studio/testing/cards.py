"""Cards for tests: what a graphics card would be asked to do, the processor does."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from studio.cuda.card import CardProblem, Launch
from studio.engine.cpu_device import aligned_array, runner_of
from studio.kernels.ahead import Wanted
from studio.kernels.jit import Kernel
from studio.kernels.state import HALTED


class HostCard:
    """What stand-ins for cards (see `studio.cuda.card.Card`) have in common: their memory is this process's.

    Parameters
    ----------
    room : int
        Bytes that can be allocated.
    """

    title = identity = "card for tests"

    def __init__(self, room: int = 1 << 30) -> None:
        self.room = room
        #: Most bytes that were in use at a time, and whether it was left.
        self.most = 0
        self.closed = False
        self._memory: dict[int, np.ndarray] = {}

    @property
    def blocks(self) -> int:
        """How many pieces of memory are in use."""
        return len(self._memory)

    @property
    def used(self) -> int:
        """Bytes in use."""
        return sum(block.nbytes for block in self._memory.values())

    def check(self) -> None:
        """Raise when the card has failed; called before anything is done."""

    def free_bytes(self) -> int:
        return self.room - self.used

    def allocate(self, count: int) -> int:
        self.check()
        if count > self.room - self.used:
            raise CardProblem(f"The {self.title} has no room for {count / 1e9:.2f} GB more: make the network or the batch smaller.")
        block = aligned_array(-(-max(count, 1) // 8), np.int64)
        self._memory[block.ctypes.data] = block
        self.most = max(self.most, self.used)
        return int(block.ctypes.data)

    def release(self, address: int) -> None:
        self.check()
        del self._memory[address]

    def put(self, address: int, numbers: np.ndarray) -> None:
        self._bytes(address, numbers)[:] = numbers.reshape(-1).view(np.uint8)

    def get(self, address: int, numbers: np.ndarray) -> None:
        numbers.reshape(-1).view(np.uint8)[:] = self._bytes(address, numbers)

    def _bytes(self, address: int, numbers: np.ndarray) -> np.ndarray:
        """The bytes at an address, which must all lie in one block."""
        self.check()
        for start, block in self._memory.items():
            if start <= address and address + numbers.nbytes <= start + block.nbytes:
                return block.view(np.uint8)[address - start : address - start + numbers.nbytes]
        raise AssertionError("Something is copied to or from memory that the card does not have.")

    def prepare(self, launches: Sequence[Launch]) -> Sequence[Launch]:
        return launches

    def launch(self, launch: Launch) -> None:
        """Run one launch, to its end; how, is each stand-in's own."""
        raise NotImplementedError

    def run(self, prepared: Sequence[Launch], times: int) -> None:
        for _ in range(times):
            for launch in prepared:
                self.launch(launch)

    def is_settled(self, prepared: Sequence[Launch]) -> bool:
        return True

    def time(self, prepared: Sequence[Launch]) -> np.ndarray:
        """See `studio.cuda.card.Card.time`; the clock is this process's (`time.perf_counter`), for want of a card's."""
        taken = []
        for launch in prepared:
            begin = time.perf_counter()
            self.launch(launch)
            taken.append(1e6 * (time.perf_counter() - begin))
        return np.array(taken, np.float64)

    def forget(self, prepared: object) -> None:
        self.check()

    def close(self) -> None:
        assert not self._memory, "A card is left with a network on it."
        self.closed = True


class ProcessorCard(HostCard):
    """A card whose kernels are the processor's.

    It can fail when it is told to: as a card that another program has filled, or that is lost.

    Parameters
    ----------
    room : int
        Bytes that can be allocated.
    """

    most_groups = 64

    def __init__(self, room: int = 1 << 30) -> None:
        super().__init__(room)
        #: Runs after which everything fails; None for never.
        self.lasts: int | None = None
        #: Runs so far, those with a clock too, and how many of them had one.
        self.runs = self.timed = 0

    def check(self) -> None:
        if self.lasts is not None and self.runs >= self.lasts:
            raise CardProblem("The card for tests failed (error 700): train on the processor.")

    def kernels(self, kernels: Sequence[Kernel]) -> list[Wanted]:
        return list(kernels)

    def launch(self, launch: Launch) -> None:
        if self._memory[launch.arguments[3]][HALTED] == 0:
            runner_of(launch.kernel)(*launch.arguments)

    def run(self, prepared: Sequence[Launch], times: int) -> None:
        self.check()
        self.runs += 1
        super().run(prepared, times)

    def time(self, prepared: Sequence[Launch]) -> np.ndarray:
        self.check()
        self.runs += 1
        self.timed += 1
        return super().time(prepared)
