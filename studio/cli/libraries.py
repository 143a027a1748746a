"""System libraries that Qt needs on Linux, and the packages that bring them."""

from __future__ import annotations

import ctypes
import sys

#: Needed to import Qt at all.
FOR_IMPORT = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
}
#: Needed besides for a real window under X.
FOR_WINDOW = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}


def missing_packages(window: bool) -> list[str]:
    """Debian's names of the packages whose libraries cannot be loaded.

    Parameters
    ----------
    window : bool
        Also look for what a real window needs.
    """
    if not sys.platform.startswith("linux"):
        return []
    wanted = FOR_IMPORT | FOR_WINDOW if window else FOR_IMPORT
    return [package for library, package in wanted.items() if not _loads(library)]


def missing_sentence(window: bool) -> str:
    """What is missing and how to get it; empty if nothing is."""
    packages = missing_packages(window)
    if not packages:
        return ""
    what = "a system library" if len(packages) == 1 else f"{len(packages)} system libraries"
    return f"The window needs {what} that this machine lacks: on Debian or Ubuntu, run `apt-get install {' '.join(packages)}`."


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
