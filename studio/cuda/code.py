"""Machine code of kernels for cards, made by other processes and kept on disk as the processor's is."""

from __future__ import annotations

import abc
import functools
import hashlib
import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio import kernels
from studio.kernels import cache, jit
from studio.kernels.cache import Code
from studio.kernels.jit import Blocks, Kernel


class CardCode(abc.ABC):
    """Machine code for one kind of card, as `studio.kernels.ahead.Wanted`: another process makes it, and it is kept on disk."""

    name: str
    capability: tuple[int, int]
    function: Callable[..., Any]
    #: Machine code that another process made, where it could not be put into the cache.
    code: Code | None = None

    @property
    @abc.abstractmethod
    def key(self) -> str:
        """A hash of all program text that its machine code depends on."""

    @abc.abstractmethod
    def make(self) -> Code:
        """Compile it in this process, which needs numba-cuda."""

    @abc.abstractmethod
    def request(self) -> dict[str, str]:
        """What another process needs to compile the same."""

    @property
    def is_ready(self) -> bool:
        """Whether its machine code is there."""
        return self.code is not None or cache.exists(self.name, self.key)

    @property
    def address(self) -> int:
        """0: what a card runs has no address here. Compiles it if it is not there."""
        if self.take() is None:
            self.compile()
        return 0

    def take(self) -> Code | None:
        """The machine code (a cubin) that another process made; None if there is none."""
        self.code = self.code or cache.read(self.name, self.key)
        return self.code

    def compile(self) -> Code:
        """Compile it, in this process where that may be, and put the machine code into the cache.

        Raises
        ------
        RuntimeError
            When another process cannot compile it.
        """
        if not kernels.COMPILES_HERE:
            jit.compile_ahead([self])
            code = self.take()
            if code is None:
                raise RuntimeError(f"The kernel {self.name} was compiled by another process, but cannot be read.")
            return code
        self.code = self.make()
        cache.write(self.name, self.key, self.code)
        return self.code


class CardKernel(CardCode):
    """A kernel for one kind of card.

    Parameters
    ----------
    kernel : Kernel
    capability : (int, int)
        Kind of card, such as (9, 0) for Hopper.
    """

    def __init__(self, kernel: Kernel, capability: tuple[int, int]) -> None:
        self.kernel, self.capability = kernel, capability
        self.function = kernel.function
        self.name = f"{kernel.name[:48]}.sm_{capability[0]}{capability[1]}"

    def __repr__(self) -> str:
        return f"<CardKernel {self.name}>"

    @functools.cached_property
    def key(self) -> str:
        """A hash of all program text that its machine code depends on."""
        return hashlib.sha256(f"{self.kernel.key} {self.kernel.blocks} {self.capability} {recipe()}".encode()).hexdigest()

    def make(self) -> Code:
        from studio.cuda.assembly import machine_code  # needs numba-cuda

        symbol, text = machine_code(self.kernel, self.capability)
        return Code(symbol, "", text)

    def request(self) -> dict[str, str]:
        """What another process needs to compile the same kernel."""
        major, minor = self.capability
        blocks = self.kernel.blocks
        own = {} if blocks is None else {"blocks": blocks.text, "threads": str(blocks.threads), "resident": str(blocks.resident)}
        return {**self.kernel.request(), **own, "key": self.key, "maker": __name__, "capability": f"{major}.{minor}"}


def requested(request: dict[str, str]) -> CardKernel:
    """The kernel that `CardKernel.request` of another process described."""
    major, minor = request["capability"].split(".")
    if "blocks" in request:
        blocks = Blocks(request["blocks"], int(request["threads"]), int(request["resident"]))
        kernel = jit.generated(request["name"], request["text"], blocks)
    else:
        kernel = jit.requested(request)
    return CardKernel(kernel, (int(major), int(minor)))


@functools.cache
def recipe() -> str:
    """How kernels for cards are compiled; part of every such kernel's key.

    It is read from the files, since a process that only asks for kernels has not imported what makes them.
    """
    here = Path(__file__).parent
    seen = hashlib.sha256(importlib.metadata.version("numba-cuda").encode())
    for file in sorted([*here.glob("*.py"), *(here.parent / "kernels").glob("*.py")]):
        seen.update(file.read_bytes())
    return seen.hexdigest()
