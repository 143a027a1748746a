"""What the programs of these tests share: quiet Qt, and what the system knows of this process."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from pathlib import Path

from PySide6.QtCore import qInstallMessageHandler

_PROCESSES = Path("/proc")


def pass_on(_kind: object, _context: object, message: str) -> None:
    """Print what Qt complains about, except that the offscreen platform has no window manager."""
    if not message.startswith("This plugin does not support"):
        print(message, file=sys.stderr)


def listen_to_qt() -> None:
    """Let complaints of Qt go to stderr."""
    qInstallMessageHandler(pass_on)


def memory() -> int:
    """Bytes of this process in memory, without what it has freed."""
    library = ctypes.CDLL(ctypes.util.find_library("c"))
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
    pages = int((_PROCESSES / "self" / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def threads() -> int:
    """Threads of this process, those of libraries included."""
    return len(os.listdir(_PROCESSES / "self" / "task"))


def open_files() -> int:
    """Files that this process holds open."""
    return len(os.listdir(_PROCESSES / "self" / "fd"))


def children() -> list[int]:
    """Ids of processes that this one started and that are still there."""
    return [process for process in _all() if _parent(process) == os.getpid()]


def with_variable(name: str, value: str) -> list[int]:
    """Ids of processes that were started with this environment variable."""
    wanted, found = f"{name}={value}".encode(), []
    for process in _all():
        try:
            variables = (_PROCESSES / str(process) / "environ").read_bytes().split(b"\0")
        except OSError:  # it ended, or it is somebody else's
            continue
        if wanted in variables:
            found.append(process)
    return found


def _all() -> list[int]:
    return [int(entry.name) for entry in _PROCESSES.iterdir() if entry.name.isdigit()]


def _parent(process: int) -> int:
    try:
        return int((_PROCESSES / str(process) / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
