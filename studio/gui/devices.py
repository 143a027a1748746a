"""What this machine can train on, and why not on the rest."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import sys
from functools import cache


@cache
def why_no_cuda() -> str:
    """One sentence that says why no graphics card can be used; empty if one can."""
    if importlib.util.find_spec("studio.engine.cuda_device") is None:
        return "This version trains on the processor only."
    if importlib.util.find_spec("numba_cuda") is None:
        return "Training on an NVIDIA card needs one more package: install layer-studio with the extra cuda12 or cuda13."
    name = "nvcuda" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return "No NVIDIA driver was found: install it, or train on the processor."
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return "No NVIDIA card was found."
    return ""
