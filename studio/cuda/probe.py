"""Which cards this machine has, found without anything of NVIDIA's but the driver, and why there may be none."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from dataclasses import dataclass

#: Drivers before that of CUDA 12 know none of what compilers make now.
_OLDEST_DRIVER = 12000

NEEDS_PACKAGE = "Training on an NVIDIA card needs one more package: install layer-studio with the extra cuda12 or cuda13."
NO_DRIVER = "No NVIDIA driver was found: install it, or train on the processor."
SILENT_DRIVER = "The NVIDIA driver does not answer: restart the computer, or install the driver again."
NO_CARD = "No NVIDIA card was found: put one in, or train on the processor."


@dataclass(frozen=True)
class Cards:
    """What the driver knows.

    Parameters
    ----------
    names : tuple of str
    problem : str
        Why there is none that can be used, in a sentence with the remedy; empty if there is one.
    """

    names: tuple[str, ...] = ()
    problem: str = ""


def cards(driver: ctypes.CDLL | None = None) -> Cards:
    """Ask the driver for its cards.

    Parameters
    ----------
    driver : ctypes.CDLL or None
        None for that of this machine.
    """
    if driver is None:
        try:
            driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        except OSError:
            return Cards(problem=NO_DRIVER)
    if driver.cuInit(0) != 0:
        return Cards(problem=SILENT_DRIVER)
    version, count = ctypes.c_int(0), ctypes.c_int(0)
    if driver.cuDriverGetVersion(ctypes.byref(version)) == 0 and version.value < _OLDEST_DRIVER:
        found = f"{version.value // 1000}.{version.value % 1000 // 10}"
        return Cards(problem=f"The NVIDIA driver is too old (for CUDA {found}): install one for CUDA 12 or later.")
    if driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return Cards(problem=NO_CARD)
    names = []
    for number in range(count.value):
        device, name = ctypes.c_int(0), ctypes.create_string_buffer(128)
        if driver.cuDeviceGet(ctypes.byref(device), number) == 0 and driver.cuDeviceGetName(name, 128, device) == 0:
            names.append(name.value.decode(errors="replace"))
    return Cards(tuple(names))


def has_package() -> bool:
    """Whether what compiles kernels for cards is installed."""
    return importlib.util.find_spec("numba_cuda") is not None


def why_not() -> str:
    """One sentence that says why no card can be used; empty if one can."""
    return cards().problem or ("" if has_package() else NEEDS_PACKAGE)
