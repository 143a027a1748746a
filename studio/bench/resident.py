"""How much memory this process holds."""

from __future__ import annotations

import contextlib
import ctypes
import sys


def resident_bytes(files: bool = True) -> int:
    """Bytes of memory that are this process's now.

    Parameters
    ----------
    files : bool
        Whether pages of mapped files count, which the system may take back at any time.

    Returns
    -------
    int
        On systems other than Linux the most it ever held, which still shows growth.
    """
    with contextlib.suppress(OSError, KeyError, ValueError):
        return _status("VmRSS" if files else "RssAnon")
    return _most_ever()


def _status(field: str) -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        fields = dict(line.split(":", 1) for line in status)
    return int(fields[field].split()[0]) * 1024


def _most_ever() -> int:
    if sys.platform == "win32":
        return _windows_working_set()
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _windows_working_set() -> int:
    class Counters(ctypes.Structure):
        _fields_ = (
            ("cb", ctypes.c_uint32),
            ("faults", ctypes.c_uint32),
            *((name, ctypes.c_size_t) for name in ("peak", "now", "a", "b", "c", "d", "pagefile", "peak_pagefile")),
        )

    counters = Counters()
    counters.cb = ctypes.sizeof(counters)
    kernel: object = getattr(ctypes, "windll").kernel32  # noqa: B009
    process = kernel.GetCurrentProcess()  # type: ignore[attr-defined]
    kernel.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb)  # type: ignore[attr-defined]
    return int(counters.now)

