"""A kernel's PTX, the assembly language of NVIDIA cards, and machine code, for any kind of card and without one."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from typing import Any

from numba import cuda, types
from numba.cuda import dispatcher

from studio.cuda.device import DeviceTranslation
from studio.kernels.jit import Kernel
from studio.kernels.simd import floats_at, integers_at
from studio.kernels.state import HALTED


@functools.lru_cache(maxsize=512)
def ptx(kernel: Kernel, capability: tuple[int, int]) -> str:
    """The PTX of a kernel; kept, since a walk (`studio.cuda.walk_assembly`) needs that of kernels that launches have too.

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
    translation = DeviceTranslation()
    run = cuda.jit(device=True)(translation.kernel(kernel.function))
    float_place, integer_place = translation.twin(floats_at), translation.twin(integers_at)

    def entry(arena: Any, record: Any, table: Any, state: Any) -> None:
        if integer_place(state)[HALTED] == 0:
            run(float_place(arena), integer_place(record), integer_place(table), integer_place(state))

    with compiling_for(capability):
        text, _ = cuda.compile(entry, (types.int64,) * 4, cc=capability, device=False, abi="numba", output="ptx")
    return str(text)


def machine_code(kernel: Kernel, capability: tuple[int, int]) -> tuple[str, bytes]:
    """The machine code of a kernel: the name of its function, and a cubin, which older drivers take too.

    Parameters
    ----------
    kernel : Kernel
    capability : (int, int)

    Raises
    ------
    studio.cuda.translation.NotTranslated
        When the kernel uses what cards have no twin of.
    """
    from cuda.core import Linker, LinkerOptions, ObjectCode

    text = ptx(kernel, capability)
    (symbol,) = re.findall(r"\.entry\s+(\w+)\(", text)
    major, minor = capability
    linked = Linker(ObjectCode.from_ptx(text.encode()), options=LinkerOptions(arch=f"sm_{major}{minor}")).link("cubin")
    return symbol, bytes(linked.code)


@contextlib.contextmanager
def compiling_for(capability: tuple[int, int]) -> Iterator[None]:
    """Functions that kernels call are compiled for this kind of card too, whichever is in this machine, if any."""

    class Card:
        compute_capability = capability

    before = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: Card
    try:
        yield
    finally:
        dispatcher.get_current_device = before
