"""Starting the window."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from studio import data
from studio.core.assets import assets_folder
from studio.engine.trainer import Trainer
from studio.gui.main_window import MainWindow
from studio.gui.mishaps import Mishaps
from studio.gui.places import Places
from studio.gui.theme import MODES, Theme
from studio.gui.type_size import choose_size

#: Rounds of the collector, two seconds each, between two thorough ones.
_SELDOM = 60


def _give_memory_back() -> None:
    """Return memory to the system that is free but lies between what is in use (the GNU library).

    Pictures and curves of all sizes come and go; without this an hour leaves holes of megabytes.
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)


class GarbageCollector(QObject):
    """Collects garbage on the GUI thread only.

    Qt objects that sit in reference cycles must not be destroyed on the trainer's thread,
    so automatic collection, which runs on whatever thread allocates, is off.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._rounds = 0
        self._timer = QTimer(self)
        self._timer.setInterval(2000)
        self._timer.timeout.connect(self._collect)
        self._timer.start()

    def _collect(self) -> None:
        self._rounds += 1
        if self._rounds == 1:
            # What is there after the start stays: no later collection needs to look at it.
            gc.collect()
            gc.freeze()
        counts = gc.get_count()
        if counts[0] > 700:
            # The oldest generation takes tens of milliseconds: seldom, and never while young.
            gc.collect(2 if self._rounds % _SELDOM == 0 else 1)
        if self._rounds % _SELDOM == 0:
            _give_memory_back()

    def stop(self) -> None:
        """Back to automatic collection."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()


def display_problem() -> str:
    """Why no window can be opened here, with the remedy, in one sentence; empty if one can."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM", "") not in ("", "xcb"):
        return ""
    if os.environ.get("WAYLAND_DISPLAY"):
        return ""
    if not os.environ.get("DISPLAY"):
        return (
            "There is no display to open a window on: start studio in a desktop session or with xvfb-run, "
            "or train without a window with `studio train TEMPLATE`."
        )
    for library, package in (("libxcb.so.1", "libxcb1"), ("libxcb-cursor.so.0", "libxcb-cursor0")):
        try:
            ctypes.CDLL(library)
        except OSError:
            return f"The system lacks {library}, which windows need: install the package {package}."
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    failed = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    if failed:
        return f"The display {os.environ['DISPLAY']} cannot be reached: check DISPLAY, or use xvfb-run."
    return ""


def prepare_application() -> QApplication:
    """The application with its name, icon and style."""
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("Layer Studio")
    app.setApplicationDisplayName("Layer Studio")
    app.setDesktopFileName("layer-studio")
    app.setWindowIcon(QIcon(str(assets_folder() / "icons" / "app.svg")))
    return app


def choose_theme(mode: object) -> None:
    """Use the theme of the settings; one that does not exist is as good as none."""
    Theme.instance().set_mode(mode if isinstance(mode, str) and mode in MODES else "system")


def first_window(trainer: Trainer, places: Places, show_early: bool) -> MainWindow:
    """The window in the theme and size of type that a person chose; styled as a whole, which is faster."""
    with Theme.instance().postponed():
        settings = places.open_settings()
        choose_theme(settings.value("theme"))
        choose_size(settings.value("type_scale"))
        return MainWindow(trainer, places, show_early=show_early)


def main(path: str | Path | None = None) -> int:
    """Open the window, with a file if one is given, and wait until it closes.

    Returns
    -------
    int
        Exit code: 0, or 1 if there is no display.
    """
    problem = display_problem()
    if problem:
        print(problem, file=sys.stderr)
        return 1
    app = prepare_application()
    places = Places.usual()
    collector = GarbageCollector(app)
    trainer = Trainer(data.load)
    window = first_window(trainer, places, show_early=path is None)
    trainer.start()
    mishaps = Mishaps(window.session, places.report, app)
    mishaps.start()
    window.show()
    if path is not None:
        window.files.open(Path(path))
    code = app.exec()
    mishaps.stop()
    collector.stop()
    return code
