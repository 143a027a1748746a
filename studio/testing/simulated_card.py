"""A card for tests whose threads are those of numba-cuda's simulator."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

from numba import cuda

from studio.cuda.card import Launch
from studio.cuda.simulated import Place, SimulatedTranslation, group_number, meet
from studio.cuda.simulated_blocks import WORDS
from studio.cuda.translation import function_of
from studio.cuda.walking import rows_of, walk_of
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
        self._entries: dict[int, tuple[Kernel, Callable[..., None]]] = {}

    def kernels(self, kernels: Sequence[Kernel]) -> list[Wanted]:
        return []

    def launch(self, launch: Launch) -> None:
        blocks = launch.kernel.blocks
        threads = LANES if blocks is None else blocks.threads
        cuda.jit(self._entry(launch.kernel))[launch.groups, threads](*launch.arguments)

    def walk(self, launches: Sequence[Launch], minibatches: int, groups: int) -> None:
        """Run launches minibatch by minibatch, as a resident kernel does (`studio.cuda.resident`).

        Parameters
        ----------
        groups : int
            Groups of its one block.
        """
        entries = [self._entry(launch.kernel) for launch in launches]
        rows = rows_of([(number, not launch.shares, launch.arguments) for number, launch in enumerate(launches)])

        def call(number: int, *arguments: int) -> None:
            entries[number](*arguments)

        walk = walk_of(call, meet, group_number, lambda address: Place(int(address), ctypes.c_int64))
        cuda.jit(walk)[1, groups * LANES](rows.ctypes.data, launches[0].arguments[3], minibatches)

    def _entry(self, kernel: Kernel) -> Callable[..., None]:
        """The kernel for the simulator: each block is one group of threads, or as many as the kernel has in a block."""
        if id(kernel) not in self._entries:
            blocks = kernel.blocks
            function = self._translation.kernel(kernel.function) if blocks is None else function_of(blocks, WORDS)

            def entry(arena: int, record: int, table: int, own_state: int) -> None:
                integers = [Place(address, ctypes.c_int64) for address in (record, table, own_state)]
                if integers[2][HALTED] == 0:
                    function(Place(arena, ctypes.c_float), *integers)

            self._entries[id(kernel)] = kernel, entry
        return self._entries[id(kernel)][1]
