"""A card for tests: what a graphics card would be asked to do, the processor does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.cuda.card import CardProblem, Launch
from studio.engine.cpu_device import aligned_array, runner_of
from studio.kernels.ahead import Wanted
from studio.kernels.jit import Kernel
from studio.kernels.state import HALTED


class ProcessorCard:
    """A card (see `studio.cuda.card.Card`) whose kernels are the processor's, in memory of its own.

    It can fail when it is told to: as a card that another program has filled, or that is lost.

    Parameters
    ----------
    room : int
        Bytes that can be allocated.
    """

    title = "card for tests"
    most_groups = 64

    def __init__(self, room: int = 1 << 30) -> None:
        self.room = room
        #: Runs after which everything fails; None for never.
        self.lasts: int | None = None
        #: Runs so far.
        self.runs = 0
        self._memory: dict[int, np.ndarray] = {}

    @property
    def blocks(self) -> int:
        """How many pieces of memory are in use."""
        return len(self._memory)

    def _check(self) -> None:
        if self.lasts is not None and self.runs >= self.lasts:
            raise CardProblem("The card for tests failed (error 700): train on the processor.")

    def free_bytes(self) -> int:
        return self.room - sum(block.nbytes for block in self._memory.values())

    def allocate(self, count: int) -> int:
        self._check()
        if count > self.free_bytes():
            raise CardProblem(f"The card for tests has no room for {count / 1e9:.2f} GB more: make the network or the batch smaller.")
        block = aligned_array(-(-max(count, 1) // 8), np.int64)
        self._memory[block.ctypes.data] = block
        return int(block.ctypes.data)

    def release(self, address: int) -> None:
        self._check()
        del self._memory[address]

    def put(self, address: int, numbers: np.ndarray) -> None:
        self._bytes(address, numbers)[:] = numbers.reshape(-1).view(np.uint8)

    def get(self, address: int, numbers: np.ndarray) -> None:
        numbers.reshape(-1).view(np.uint8)[:] = self._bytes(address, numbers)

    def _bytes(self, address: int, numbers: np.ndarray) -> np.ndarray:
        """The bytes at an address, which must all lie in one block."""
        self._check()
        for start, block in self._memory.items():
            if start <= address and address + numbers.nbytes <= start + block.nbytes:
                return block.view(np.uint8)[address - start : address - start + numbers.nbytes]
        raise AssertionError("Something is copied to or from memory that the card does not have.")

    def kernels(self, kernels: Sequence[Kernel]) -> list[Wanted]:
        return list(kernels)

    def prepare(self, launches: Sequence[Launch]) -> list[tuple[Kernel, Launch]]:
        return [(launch.kernel, launch) for launch in launches]

    def run(self, prepared: Sequence[tuple[Kernel, Launch]], times: int) -> None:
        self._check()
        self.runs += 1
        state = prepared[0][1].arguments[3]
        (halted,) = (block for start, block in self._memory.items() if start == state)
        for _ in range(times):
            for kernel, launch in prepared:
                if halted[HALTED] == 0:
                    runner_of(kernel)(*launch.arguments)

    def forget(self, prepared: object) -> None:
        self._check()
