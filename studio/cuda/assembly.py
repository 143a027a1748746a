"""A kernel's PTX, the assembly language of NVIDIA cards, for any kind of card and without one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from numba import cuda, types
from numba.cuda import dispatcher

from studio.cuda.device import DeviceTranslation, entry_place
from studio.kernels.jit import Kernel


def ptx(kernel: Kernel, capability: tuple[int, int]) -> str:
    """The PTX of a kernel.

    Parameters
    ----------
    kernel : Kernel
    capability : (int, int)
        Kind of card, such as (9, 0) for Hopper.

    Raises
    ------
    studio.cuda.translation.NotTranslated
        When the kernel uses what cards have no twin of.
    """
    translated = DeviceTranslation().kernel(kernel.function)
    run = cuda.jit(device=True)(translated)

    def entry(arena: Any, record: Any, table: Any, state: Any) -> None:
        run(entry_place(arena), entry_place(record), entry_place(table), entry_place(state))

    floats, integers = types.Array(types.float32, 1, "C"), types.Array(types.int64, 1, "C")
    with _compiling_for(capability):
        text, _ = cuda.compile(entry, (floats, integers, integers, integers), cc=capability, device=False, abi="numba", output="ptx")
    return str(text)


@contextlib.contextmanager
def _compiling_for(capability: tuple[int, int]) -> Iterator[None]:
    """Functions that kernels call are compiled for this kind of card too, whichever is in this machine, if any."""

    class Card:
        compute_capability = capability

    before = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: Card
    try:
        yield
    finally:
        dispatcher.get_current_device = before
