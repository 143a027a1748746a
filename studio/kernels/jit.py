"""Every Numba setting in one place: flags, cache folder, kernels by name, compiling ahead.

A kernel is a function ``(arena, record, table, state)`` compiled to a C function whose
address goes into a plan's records. It is compiled when its address is first asked for, or
before that by a subprocess (`compile_ahead`), so that a window never waits for a compiler.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import llvmlite
import llvmlite.binding
import numba
from platformdirs import user_cache_path

from studio.kernels.arguments import kinds_of

#: NaN and infinity keep their meaning, so that failures are seen; everything else may be
#: reordered and contracted.
FASTMATH = {"nsz", "arcp", "contract", "afn", "reassoc"}


@functools.cache
def host_features() -> frozenset[str]:
    """Instruction sets of this processor, in LLVM's names."""
    return frozenset(k for k, on in llvmlite.binding.get_host_cpu_features().items() if on)


@functools.cache
def lanes() -> int:
    """Floats in a vector: 16 with AVX-512, 8 with AVX2, else 4.

    ``STUDIO_LANES`` overrides it (any of the three is right on any machine, only slower).
    """
    wanted = os.environ.get("STUDIO_LANES", "")
    if wanted in ("4", "8", "16"):
        return int(wanted)
    if "avx512f" in host_features():
        return 16
    return 8 if "avx2" in host_features() else 4


def _only_ours(folder: Path) -> bool:
    """Whether nobody else can put files into the folder: what lies there is run as code."""
    if not hasattr(os, "getuid"):
        return True
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


@functools.cache
def cache_folder() -> Path:
    """The folder compiled kernels are kept in; a temporary one if none can be written.

    Its name holds a hash of this package's sources and of the versions that matter, because
    Numba's own cache does not see changes in functions that a kernel calls. A kernel in
    another file, such as a layer's, is compiled again when that file changes.
    """
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    versions = (numba.__version__, llvmlite.__version__, sys.version, lanes(), sorted(host_features()))
    digest.update(repr(versions).encode())
    name = digest.hexdigest()[:16]
    root = Path(os.environ.get("STUDIO_CACHE_DIR") or user_cache_path("layer-studio")) / "kernels"
    for folder in (root / name, Path(tempfile.gettempdir()) / f"layer-studio-{os.getuid() if hasattr(os, 'getuid') else 0}" / name):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (folder / "generated").mkdir(exist_ok=True)
            (folder / "ready").mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
            trusted = _only_ours(folder)
        except OSError:
            continue
        if trusted:
            return folder
    return Path(tempfile.mkdtemp(prefix="layer-studio-"))


def _use_cache() -> None:
    os.environ["NUMBA_CACHE_DIR"] = str(cache_folder() / "numba")
    numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]


_use_cache()

_arena = numba.types.CPointer(numba.types.float32)
_integers = numba.types.CPointer(numba.types.int64)
SIGNATURE = numba.types.void(_arena, _integers, _integers, _integers)

#: One compiler at a time in a process: Numba is not safe to enter twice.
_compiling = threading.RLock()


@functools.cache
def _source_of(module: str) -> bytes:
    """Text of a module's file."""
    return Path(str(sys.modules[module].__file__)).read_bytes()


class Kernel:
    """A kernel by name, compiled when its address is first needed.

    Parameters
    ----------
    function : callable
        The Python function; a module-level one, or ``run`` of a generated module.
    name : str
        For people and for the ready marks.
    text : str
        Source text of a generated kernel; empty for one written by hand.
    """

    def __init__(self, function: Callable[..., None], name: str, text: str = "") -> None:
        self.function = function
        self.name = name
        self.text = text
        self._compiled: Any = None

    def __repr__(self) -> str:
        return f"<Kernel {self.name}>"

    @property
    def _ready_mark(self) -> Path:
        source = self.text.encode() or _source_of(self.function.__module__)
        return cache_folder() / "ready" / f"{self.name}-{hashlib.sha256(source).hexdigest()[:12]}"

    @property
    def is_loaded(self) -> bool:
        """Whether its machine code is in this process."""
        return self._compiled is not None

    @property
    def is_ready(self) -> bool:
        """Whether its machine code is in this process or in the cache."""
        return self._compiled is not None or self._ready_mark.exists()

    @property
    def address(self) -> int:
        """Address of the machine code; compiles or loads it first if need be."""
        if self._compiled is None:
            with _compiling:
                if self._compiled is None:
                    compiled = numba.cfunc(SIGNATURE, cache=True, fastmath=FASTMATH)(self.function)
                    if not self._ready_mark.exists():
                        self._ready_mark.write_text(f"({self.arguments})", encoding="ascii")
                    self._compiled = compiled
        return int(self._compiled.address)

    @functools.cached_property
    def arguments(self) -> str:
        """What each of its arguments is, one letter each; see `studio.kernels.arguments`.

        It is read from the kernel's text, once, and kept in the ready mark.
        """
        with contextlib.suppress(OSError):
            kept = self._ready_mark.read_text(encoding="ascii")
            if kept.endswith(")"):
                return kept[1:-1]
        return kinds_of(self.function, self.text)

    def request(self) -> dict[str, str]:
        """What another process needs to compile the same kernel."""
        if self.text:
            return {"name": self.name, "text": self.text}
        return {"name": self.name, "module": self.function.__module__}


#: Hand-written kernels of all imported modules, by ``module:name``.
_by_name: dict[str, Kernel] = {}


def kernel(function: Callable[..., None]) -> Kernel:
    """Make a module-level function a kernel (a decorator)."""
    made = Kernel(function, function.__name__)
    _by_name[f"{function.__module__}:{function.__name__}"] = made
    return made


@functools.cache
def generated(name: str, text: str) -> Kernel:
    """A kernel from source text that defines ``run(arena, record, table, state)``.

    The text goes to a file in the cache folder, since Numba caches by file; equal text gives
    the same file, and with it the same machine code, in every process.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = cache_folder() / "generated" / f"{name}_{digest}.py"
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8") as file:
            file.write(text)
        os.replace(file.name, path)
    module_name = f"studio_generated_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # Numba finds the function's globals by module name
    spec.loader.exec_module(module)
    return Kernel(module.run, name, text)


@functools.cache
def inline(function: Callable[..., Any]) -> Any:
    """A function that kernels may call; it becomes part of the kernel's code."""
    return numba.njit(inline="always", fastmath=FASTMATH)(function)


@functools.cache
def function(body: Callable[..., Any]) -> Any:
    """A function that kernels may call; compiled once for each kernel, however often it is called."""
    return numba.njit(fastmath=FASTMATH)(body)


def compile_ahead(
    kernels: Iterable[Kernel],
    progress: Callable[[int, int], None] = lambda done, total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Fill the cache with these kernels, in other processes.

    Compiling in a thread would hold the interpreter for hundreds of milliseconds at a time
    and the window would stutter; another process does not disturb it.

    Parameters
    ----------
    kernels : iterable of Kernel
    progress : callable
        Told how many of how many are done.
    stopped : callable
        Asked between kernels; true ends the work early.

    Raises
    ------
    RuntimeError
        When the compiler fails; the message ends with its last line.
    """
    missing = [k for k in {id(k): k for k in kernels}.values() if not k.is_ready]
    if not missing:
        return
    told = 0
    progress(told, len(missing))
    workers = min(2, os.cpu_count() or 1, len(missing))
    running = [_start_worker([k.request() for k in missing[i::workers]]) for i in range(workers)]
    try:
        while any(process.poll() is None for process in running):
            if stopped():
                return
            done = sum(k.is_ready for k in missing)
            if done != told:
                told = done
                progress(told, len(missing))
            time.sleep(0.02)
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
            process.wait()
            errors = process.stderr.read().decode(errors="replace") if process.stderr else ""
            if process.stderr:
                process.stderr.close()
    if not stopped() and any(process.returncode for process in running):
        last = errors.strip().splitlines()[-1] if errors.strip() else "no message"
        raise RuntimeError(f"The kernels could not be compiled: {last}")


def _start_worker(requests: list[dict[str, str]]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "studio.kernels.compile_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        # Plug-ins must be found there as they are here.
        env={**os.environ, "STUDIO_LANES": str(lanes()), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(requests).encode())
    process.stdin.close()
    return process


def named_kernels() -> list[Kernel]:
    """The hand-written kernels of all modules imported so far."""
    return list(_by_name.values())


def requested(request: dict[str, str]) -> Kernel:
    """The kernel that `Kernel.request` of another process described."""
    if "text" in request:
        return generated(request["name"], request["text"])
    module: ModuleType = importlib.import_module(request["module"])
    return _by_name[f"{module.__name__}:{request['name']}"]
