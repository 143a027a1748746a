"""Numba's settings in one place, and kernels by name.

A kernel is a function ``(arena, record, table, state)`` compiled to a C function whose
address goes into a plan's records. It is compiled when its address is first asked for, or
before that by another process (`studio.kernels.ahead`), so that a window never waits for a
compiler. Its machine code is kept on disk (`studio.kernels.cache`).
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import linecache
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Any

import llvmlite.binding

from studio import kernels
from studio.kernels import cache
from studio.kernels.arguments import kinds_of
from studio.kernels.cache import Code, host_features, lanes
from studio.kernels.cache import folder as cache_folder
from studio.kernels.numba_helpers import numba_helpers
from studio.kernels.numba_names import njit
from studio.kernels.sources import digest_of

__all__ = [
    "FASTMATH", "Blocks", "Kernel", "cache_folder", "compile_ahead", "function", "generated", "host_features",
    "inline", "kernel", "lanes", "named_kernels", "requested",
]  # fmt: skip

#: NaN and infinity keep their meaning, so that failures are seen; everything else may be
#: reordered and contracted.
FASTMATH = {"nsz", "arcp", "contract", "afn", "reassoc"}

#: The types of a kernel's arguments.
SIGNATURE = "void(CPointer(float32), CPointer(int64), CPointer(int64), CPointer(int64))"

#: One compiler at a time in a process: Numba is not safe to enter twice.
_compiling = threading.RLock()


@dataclass(frozen=True)
class Blocks:
    """How a card computes what a kernel does where groups of threads, a vector wide each, would be too slow.

    Parameters
    ----------
    text : str
        Source text that defines ``run(arena, record, table, state)`` for a thread of a block, in the
        words of `studio.cuda.blocks`; it leaves what the kernel's own text leaves. The first argument
        of a call is how many blocks there are.
    threads : int
        Of a block.
    resident : int
        Blocks that a multiprocessor should have room for.
    """

    text: str
    threads: int
    resident: int


class Kernel:
    """A kernel by name, compiled when its address is first needed.

    Parameters
    ----------
    function : callable
        The Python function; a module-level one, or ``run`` of a generated module.
    name : str
        For people and for the files in the cache.
    text : str
        Source text of a generated kernel; empty for one written by hand.
    blocks : Blocks or None
        Its text for blocks of a card's threads, if it has one; the processor never sees it.
    """

    def __init__(self, function: Callable[..., None], name: str, text: str = "", blocks: Blocks | None = None) -> None:
        self.function = function
        self.name = name
        self.text = text
        self.blocks = blocks
        #: Machine code that another process made, where it could not be put into the cache.
        self.code: Code | None = None
        self._address = 0
        #: What the address lives in.
        self._owner: object = None

    def __repr__(self) -> str:
        return f"<Kernel {self.name}>"

    @functools.cached_property
    def key(self) -> str:
        """A hash of all program text that its machine code depends on."""
        place = "" if self.text else f"{self.function.__module__}:{self.name}"
        seen = digest_of(self.function.__module__, self.text)
        return hashlib.sha256(f"{place} {seen} {_recipe()}".encode()).hexdigest()

    @property
    def is_loaded(self) -> bool:
        """Whether its machine code is in this process and ready to run."""
        return bool(self._address)

    @property
    def is_ready(self) -> bool:
        """Whether its machine code is in this process or in the cache."""
        return bool(self._address) or self.code is not None or cache.exists(self.name, self.key)

    @property
    def address(self) -> int:
        """Address of the machine code; compiles or loads it first if need be."""
        if not self._address:
            with _compiling:
                if not self._address:
                    self._take() or self.compile()
        return self._address

    def _take(self) -> Code | None:
        """Take the machine code that another process made; None if there is none that works here."""
        code = self.code or cache.read(self.name, self.key)
        loaded = _load(code) if code is not None else None
        if loaded is None:
            return None
        self._owner, self._address = loaded
        return code

    def compile(self) -> Code:
        """Compile it, in this process where that may be, and put the machine code into the cache.

        Raises
        ------
        RuntimeError
            When another process cannot compile it.
        """
        if not kernels.COMPILES_HERE:
            compile_ahead([self])
            code = self._take()
            if code is None:
                raise RuntimeError(f"The kernel {self.name} was compiled by another process, but does not work in this one.")
            return code
        from numba.core.ccallback import CFunc
        from numba.core.sigutils import normalize_signature

        with _compiling:
            signature = normalize_signature(SIGNATURE)
            compiled: Any = CFunc(self.function, signature, locals={}, options={"fastmath": FASTMATH})
            compiled.compile()
            library = compiled._library
            module = library._final_module
            called = [f.name for f in (*module.functions, *module.global_variables) if f.is_declaration]
            needs = tuple(sorted(name for name in called if not name.startswith("llvm.")))
            self.code = Code(compiled.native_name, self.arguments, bytes(library._get_compiled_object()), needs)
            self._owner, self._address = compiled, int(compiled.address)
            # A place in this process's memory that was compiled in means nothing in another one.
            if not library.has_dynamic_globals:
                cache.write(self.name, self.key, self.code)
            return self.code

    @functools.cached_property
    def arguments(self) -> str:
        """What each of its arguments is, one letter each; see `studio.kernels.arguments`.

        It is read from the kernel's text, once, and kept with its machine code.
        """
        code = self.code or cache.read(self.name, self.key)
        return code.arguments if code is not None else kinds_of(self.function, self.text)

    def request(self) -> dict[str, str]:
        """What another process needs to compile the same kernel."""
        if self.text:
            return {"name": self.name, "text": self.text, "key": self.key}
        return {"name": self.name, "module": self.function.__module__, "key": self.key}


def _load(code: Code) -> tuple[object, int] | None:
    """Machine code, put into memory: what holds it there, and the address; None if something is missing.

    Numba could do that, but only after a second in which it makes everything ready for compiling.
    Each kernel has an engine of its own, since helper functions in kernels that were compiled by
    different processes may have one name and different texts.
    """
    _register_helpers()
    machine = llvmlite.binding.Target.from_default_triple().create_target_machine(jit=True)
    # The first engine also makes the names known that Python's own program has.
    engine = llvmlite.binding.create_mcjit_compiler(llvmlite.binding.parse_assembly(""), machine)
    # With one name unknown, none of the others would be put in place either, and nothing said.
    if not all(llvmlite.binding.address_of_symbol(name) for name in code.needs):
        return None
    # Adding the object file itself would free it twice.
    engine.set_object_cache(getbuffer_func=lambda module: code.text)
    engine.finalize_object()
    address = int(engine.get_function_address(code.symbol))
    return (engine, address) if address else None


@functools.cache
def _register_helpers() -> None:
    """Make LLVM ready to run machine code, and tell it where Numba's and Python's functions are, as Numba does."""
    llvmlite.binding.initialize_native_target()
    llvmlite.binding.initialize_native_asmprinter()
    for name, address in numba_helpers().items():
        llvmlite.binding.add_symbol(name, address)


@functools.cache
def _recipe() -> str:
    """How kernels are compiled; part of every kernel's key."""
    parts = [repr(sorted(FASTMATH)), SIGNATURE]
    for made in (inline.__wrapped__, function.__wrapped__, Kernel.compile):
        code: CodeType = made.__code__
        parts.append(f"{code.co_code.hex()} {code.co_names}")
    return " ".join(parts)


#: Hand-written kernels of all imported modules, by ``module:name``.
_by_name: dict[str, Kernel] = {}


def kernel(function: Callable[..., None]) -> Kernel:
    """Make a module-level function a kernel (a decorator)."""
    made = Kernel(function, function.__name__)
    _by_name[f"{function.__module__}:{function.__name__}"] = made
    return made


@functools.cache
def generated(name: str, text: str, blocks: Blocks | None = None) -> Kernel:
    """A kernel from source text that defines ``run(arena, record, table, state)``, and maybe another one for cards.

    Equal text gives the same kernel, and with it the same machine code, in every process.
    """
    module_name = f"studio_generated_{name}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    module = ModuleType(module_name)
    file = module.__file__ = f"<{module_name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)  # for messages
    sys.modules[module_name] = module  # Numba finds the function's globals by module name
    exec(compile(text, file, "exec"), module.__dict__)
    return Kernel(module.__dict__["run"], name, text, blocks)


@functools.cache
def inline(function: Callable[..., Any]) -> Any:
    """A function that kernels may call; it becomes part of the kernel's code."""
    return njit(inline="always", fastmath=FASTMATH)(function)


@functools.cache
def function(body: Callable[..., Any]) -> Any:
    """A function that kernels may call; compiled once for each kernel, however often it is called."""
    return njit(fastmath=FASTMATH)(body)


def named_kernels() -> list[Kernel]:
    """The hand-written kernels of all modules imported so far."""
    return list(_by_name.values())


def requested(request: dict[str, str]) -> Kernel:
    """The kernel that `Kernel.request` of another process described."""
    if "text" in request:
        return generated(request["name"], request["text"])
    module: ModuleType = importlib.import_module(request["module"])
    return _by_name[f"{module.__name__}:{request['name']}"]


from studio.kernels.ahead import compile_ahead  # noqa: E402  (it needs what is above)
