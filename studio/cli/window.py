"""``studio [FILE]``: the window."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import studio.kernels
from studio.cli.libraries import missing_sentence


def open_window(path: Path | None) -> int:
    """Open the window and wait until it is closed.

    Qt ends the process without a word to the caller when it finds no display; so everything
    it needs is looked at before.

    Parameters
    ----------
    path : Path or None
        A file to open in it.

    Returns
    -------
    int
        Exit code; 1 with a sentence on stderr if the window cannot be opened.
    """
    problem = why_not(path)
    if problem:
        print(f"studio: {problem}", file=sys.stderr)
        return 1
    # Other processes compile; this one is there sooner, and smaller, without Numba.
    studio.kernels.COMPILES_HERE = False
    try:
        from studio.gui.app import main
    except ImportError as error:
        print(
            f"studio: The window cannot be opened, because a part of it does not load ({error}): "
            "`studio doctor` says what is missing.",
            file=sys.stderr,
        )
        return 1
    return main(path)


def why_not(path: Path | None) -> str:
    """Why the window cannot be opened, in one sentence with the remedy; empty if it can."""
    if path is not None and not path.is_file():
        return f"There is no file {path}: check its name and folder."
    chosen = os.environ.get("QT_QPA_PLATFORM", "")
    if not chosen:
        problem = display_problem()
        if problem:
            return problem
    return missing_sentence(window=chosen in ("", "xcb") and not os.environ.get("WAYLAND_DISPLAY"))


def display_problem() -> str:
    """Why there is no display to open a window on; empty if there is one."""
    if not sys.platform.startswith("linux") or os.environ.get("WAYLAND_DISPLAY"):
        return ""
    remedy = (
        "log in to a desktop, use `ssh -X` or `xvfb-run studio`, or work without a window, "
        "as in `studio train digits-convnet`."
    )
    display = os.environ.get("DISPLAY")
    if not display:
        return (
            f"There is no display to open the window on (DISPLAY and WAYLAND_DISPLAY are not set): {remedy}"
        )
    if _refuses(display):
        return f"The display {display} cannot be reached: {remedy}"
    return ""


def _refuses(display: str) -> bool:
    """Whether the X server does not take connections; False if that cannot be found out."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return False
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(display.encode(), None))
    failed = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return failed
