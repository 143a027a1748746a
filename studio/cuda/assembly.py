"""A kernel's PTX, the assembly language of NVIDIA cards, and machine code, for any kind of card and without one."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numba import cuda, types
from numba.cuda import dispatcher

from studio.cuda.blocks import WORDS
from studio.cuda.device import DeviceTranslation
from studio.cuda.translation import function_of
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
    translation, bounds = DeviceTranslation(), None
    if kernel.blocks is None:
        function = translation.kernel(kernel.function)
    else:
        function = function_of(kernel.blocks, WORDS)
        bounds = (kernel.blocks.threads, kernel.blocks.resident)
    run = cuda.jit(device=True)(function)
    float_place, integer_place = translation.twin(floats_at), translation.twin(integers_at)

    def entry(arena: Any, record: Any, table: Any, state: Any) -> None:
        if integer_place(state)[HALTED] == 0:
            run(float_place(arena), integer_place(record), integer_place(table), integer_place(state))

    with compiling_for(capability):
        text, _ = cuda.compile(entry, (types.int64,) * 4, cc=capability, device=False, abi="numba", output="ptx", launch_bounds=bounds)
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
    text = ptx(kernel, capability)
    (symbol,) = re.findall(r"\.entry\s+(\w+)\(", text)
    return symbol, _linked(text, capability)[0]


@dataclass(frozen=True)
class Account:
    """What machine code takes of a card.

    Parameters
    ----------
    registers : int
        Of 32 bits, for each thread.
    spilled : int
        Bytes that each thread writes to memory for want of registers.
    shared : int
        Bytes of shared memory, for each block.
    """

    registers: int
    spilled: int
    shared: int


def account(text: str, capability: tuple[int, int]) -> Account:
    """What the machine code of a kernel's PTX takes, as its compiler tells it.

    Parameters
    ----------
    text : str
        What `ptx` gave.
    capability : (int, int)

    Raises
    ------
    ValueError
        When the compiler does not tell.
    """
    _, told = _linked(text, capability, "-v")
    registers, spilled = re.search(r"Used (\d+) registers", told), re.search(r"(\d+) bytes spill stores", told)
    if registers is None or spilled is None:
        raise ValueError(f"The compiler does not tell what the kernel takes: {told}")
    shared = re.search(r"(\d+) bytes smem", told)
    return Account(int(registers[1]), int(spilled[1]), int(shared[1]) if shared else 0)


def _linked(text: str, capability: tuple[int, int], *options: str) -> tuple[bytes, str]:
    """PTX as a cubin, and what its compiler says."""
    from cuda.core import Linker, LinkerOptions, ObjectCode

    major, minor = capability
    wanted = LinkerOptions(arch=f"sm_{major}{minor}", ptxas_options=list(options) or None)
    linker = Linker(ObjectCode.from_ptx(text.encode()), options=wanted)
    code = bytes(linker.link("cubin").code)
    return code, str(linker.get_info_log())


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
