"""Machine code of kernels on disk: one file a kernel, in a folder for each kind of machine.

Whatever state the folder is in, training works: what cannot be read is compiled again, what cannot
be written is compiled at each start, and `problem` says so in a sentence.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import llvmlite
import llvmlite.binding
from platformdirs import user_cache_path

if sys.platform == "win32":
    fcntl = None
else:
    import fcntl

#: Kernels that nobody used for so many seconds are removed, as are folders of other versions.
UNUSED_SECONDS = 30 * 86400.0
#: Folders of other versions that are kept at least, however old, and at most.
_KEPT_LEAST, _KEPT_MOST = 1, 6
#: Seconds for which a folder of another version is kept, even if there are too many of them.
_FRESH = 86400.0
#: Seconds between two notes that a kernel is in use.
_NOTE_INTERVAL = 86400.0
_FORMAT = "studio kernel 2"
_ENDING = ".kernel"

_sentences: dict[str, str] = {}
_lock = threading.Lock()
#: Files that say that folders are in use, for as long as this process lives.
_held: dict[str, int] = {}


@dataclass(frozen=True)
class Code:
    """A compiled kernel.

    Parameters
    ----------
    symbol : str
        Name of the C function in the object file.
    arguments : str
        See `studio.kernels.arguments`.
    text : bytes
        The object file.
    needs : tuple of str
        Names of functions and data outside of it.
    """

    symbol: str
    arguments: str
    text: bytes
    needs: tuple[str, ...] = ()


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


@functools.cache
def machine() -> str:
    """A hash of what machine code depends on besides a kernel's text: processor, lanes and versions."""
    versions = (importlib.metadata.version("numba"), llvmlite.__version__, sys.version)
    processor = (llvmlite.binding.get_process_triple(), llvmlite.binding.get_host_cpu_name(), sorted(host_features()))
    settings = sorted((k, v) for k, v in os.environ.items() if k.startswith("NUMBA_") and k != "NUMBA_CACHE_DIR")
    return hashlib.sha256(repr((versions, processor, lanes(), settings)).encode()).hexdigest()


def root() -> Path:
    """The folder with a folder for each kind of machine; ``STUDIO_CACHE_DIR`` chooses another one."""
    return Path(os.environ.get("STUDIO_CACHE_DIR") or user_cache_path("layer-studio")) / "kernels"


def folder() -> Path:
    """This machine's folder, made if it can be."""
    found = root() / f"code-{machine()[:16]}"
    if str(found) not in _held:
        with _lock:
            _held.setdefault(str(found), _prepare(found))
    return found


def _prepare(found: Path) -> int:
    """Make a folder, and hold a file in it that says that it is in use; -1 if that cannot be."""
    try:
        found.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.utime(found)
        return _hold(found)
    except OSError as error:
        # One that can be read only is of use too.
        _note("written", _cannot_keep(found, error))
        return -1


def _hold(found: Path) -> int:
    handle = os.open(found / "in-use", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return handle


def _trusted(found: Path) -> bool:
    """Whether nobody else can put files into the folder: what lies there is run as code."""
    if not hasattr(os, "getuid"):
        return True
    try:
        status = found.stat()
    except OSError:
        return False
    return status.st_uid in (0, os.getuid()) and not status.st_mode & 0o022


def problem() -> str:
    """What is wrong with the cache, as far as it was used in this process, in a sentence; empty if nothing is."""
    return next(iter(_sentences.values()), "")


def note(sentence: str) -> None:
    """Take over what another process found wrong."""
    if sentence:
        _note("told", sentence)


def _note(kind: str, sentence: str) -> None:
    _sentences.setdefault(kind, sentence)


def _cannot_keep(found: Path, error: OSError) -> str:
    reason = (error.strerror or str(error)).rstrip(".")
    return (
        f"Prepared kernels cannot be kept in {found} ({reason}), so they are prepared anew at each start: "
        "make room there, make it writable, or set STUDIO_CACHE_DIR to another folder."
    )


def _path(name: str, key: str) -> Path:
    return folder() / f"{name[:60]}-{key[:24]}{_ENDING}"


def exists(name: str, key: str) -> bool:
    """Whether there seems to be machine code for a kernel; `read` may find it damaged."""
    return _path(name, key).is_file()


def read(name: str, key: str) -> Code | None:
    """The machine code of a kernel; None if there is none that is whole, of this machine, and one's own.

    Parameters
    ----------
    name : str
        The kernel's, for people.
    key : str
        Hash of all its program text.
    """
    path = _path(name, key)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        _note("read", _damaged(path, (error.strerror or str(error)).rstrip(".")))
        return None
    if not _trusted(path.parent):
        _note("trust", f"Prepared kernels in {path.parent} are not used, because others can write there: make it yours only, or set STUDIO_CACHE_DIR.")
        return None
    try:
        line, _, text = content.partition(b"\n")
        header = json.loads(line)
        whole = header["format"] == _FORMAT and header["sha256"] == hashlib.sha256(text).hexdigest()
        ours = header["machine"] == machine() and header["key"] == key
        code = Code(str(header["symbol"]), str(header["arguments"]), text, tuple(header["needs"]))
    except (ValueError, KeyError, TypeError):
        whole = ours = False
    if whole and ours:
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _NOTE_INTERVAL:
                os.utime(path)
        return code
    _note("read", _damaged(path, "it is of another machine" if whole else "it is damaged"))
    with contextlib.suppress(OSError):
        path.unlink()
    return None


def _damaged(path: Path, reason: str) -> str:
    return f"A prepared kernel in {path.parent} cannot be used ({reason}), so it is prepared again."


def write(name: str, key: str, code: Code) -> bool:
    """Keep the machine code of a kernel; whether that was possible."""
    path = _path(name, key)
    header = {
        "format": _FORMAT,
        "machine": machine(),
        "key": key,
        "symbol": code.symbol,
        "arguments": code.arguments,
        "needs": code.needs,
        "sha256": hashlib.sha256(code.text).hexdigest(),
    }
    return put(path, json.dumps(header).encode() + b"\n" + code.text)


def put(path: Path, content: bytes, quietly: bool = False) -> bool:
    """Write a file into the cache, whole or not at all; whether that was possible.

    `quietly` is for what nobody misses: then it is no problem that people are told of.
    """
    temporary = ""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            temporary = file.name
            file.write(content)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if not quietly:
            _note("written", _cannot_keep(path.parent, error))
        return False
    return True


def count() -> int:
    """How many kernels are in this machine's folder."""
    return sum(1 for _ in folder().glob(f"*{_ENDING}"))


# Removing what is old --------------------------------------------------------------------------


def tidy(now: float | None = None) -> None:
    """Remove kernels that nobody used for long, and folders of other versions that no process uses.

    Another process than the window's does this. A kernel that is removed while a process has it in
    memory is not missed by it.
    """
    now = time.time() if now is None else now
    own = folder()
    with contextlib.suppress(OSError):
        for file in own.iterdir():
            if file.suffix in (_ENDING, ".tmp") and now - file.stat().st_mtime > UNUSED_SECONDS:
                file.unlink()
    others: list[tuple[float, Path]] = []
    with contextlib.suppress(OSError):
        for path in root().iterdir():
            if path != own and path.is_dir() and _is_a_cache(path):
                others.append((_last_use(path), path))
    others.sort(reverse=True)
    for place, (used, path) in enumerate(others):
        old = now - used > UNUSED_SECONDS and place >= _KEPT_LEAST
        many = now - used > _FRESH and place >= _KEPT_MOST
        if (old or many) and not _in_use(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_a_cache(path: Path) -> bool:
    """Whether a folder is one of ours, of this version or an earlier one, so that it may be removed."""
    name = path.name.removeprefix("code-")
    return len(name) == 16 and set(name) <= set("0123456789abcdef")


def _last_use(path: Path) -> float:
    """When something was last put there or marked as used."""
    times = [0.0]
    with contextlib.suppress(OSError):
        times.append(path.stat().st_mtime)
        times += [child.stat().st_mtime for child in path.iterdir()]
    return max(times)


def _in_use(path: Path) -> bool:
    if fcntl is None:
        return False  # where files cannot be locked so, those that are open cannot be removed
    try:
        handle = os.open(path / "in-use", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(handle)
