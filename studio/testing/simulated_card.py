"""A card for tests whose threads are those of numba-cuda's simulator."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from numba import cuda

from studio.cuda.card import Launch
from studio.cuda.simulated import Place, SimulatedTranslation
from studio.cuda.simulated_blocks import WORDS
from studio.cuda.translation import function_of
from studio.kernels.ahead import Wanted
from studio.kernels.jit import Kernel
from studio.kernels.simd import LANES
from studio.kernels.state import HALTED
from studio.testing.cards import HostCard


class SimulatedCard(HostCard):
    """A card (see `studio.cuda.card.Card`) whose threads are Python's.

    Parameters
    ----------
    groups : int
        Most groups at once.
    """

    title = identity = "simulated card"

    def __init__(self, groups: int = 3) -> None:
        super().__init__()
        self.most_groups = groups
        self._translation = SimulatedTranslation()
        self._entries: dict[int, tuple[Kernel, Any]] = {}

    def kernels(self, kernels: Sequence[Kernel]) -> list[Wanted]:
        return []

    def launch(self, launch: Launch) -> None:
        blocks = launch.kernel.blocks
        self._entry(launch.kernel)[launch.groups, LANES if blocks is None else blocks.threads](*launch.arguments)

    def _entry(self, kernel: Kernel) -> Any:
        """The kernel for the simulator: each block is one group of threads, or as many as the kernel has in a block."""
        if id(kernel) not in self._entries:
            blocks = kernel.blocks
            function = self._translation.kernel(kernel.function) if blocks is None else function_of(blocks, WORDS)

            def entry(arena: int, record: int, table: int, own_state: int) -> None:
                integers = [Place(address, ctypes.c_int64) for address in (record, table, own_state)]
                if integers[2][HALTED] == 0:
                    function(Place(arena, ctypes.c_float), *integers)

            self._entries[id(kernel)] = kernel, cuda.jit(entry)
        return self._entries[id(kernel)][1]
