"""Fixtures of the window's tests: the real window, and a watch for what it leaves behind."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from shiboken6 import isValid

from studio import data
from studio.engine.trainer import Trainer
from studio.gui.main_window import MainWindow
from studio.gui.places import Places
from studio.gui.theme import Theme

MakeStudio = Callable[..., MainWindow]


def _live_widgets() -> set[int]:
    return {id(w) for w in QApplication.allWidgets() if isValid(w)}


def _active_timers() -> list[QTimer]:
    return [o for o in gc.get_objects() if isinstance(o, QTimer) and isValid(o) and o.isActive()]


def settle() -> None:
    """Carry out deletions that wait for the event loop."""
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QCoreApplication.processEvents()
    gc.collect()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a small file may take longer than the window waits for it; tests wait."""
    monkeypatch.setattr("studio.gui.data_reader.PATIENCE", 30.0)


@pytest.fixture
def make_studio(qtbot, tmp_path: Path) -> Iterator[MakeStudio]:
    """Makes the real window with a real trainer; fails the test if it leaves anything behind.

    The function takes a template's name, or nothing for the welcome page, and ``size``.
    """
    settle()
    widgets = _live_widgets()
    threads = set(threading.enumerate())
    timers = {id(t) for t in _active_timers()}
    nones = sys.getrefcount(None)
    windows: list[MainWindow] = []
    Theme.instance().set_mode("light")

    def make(template: str = "", size: tuple[int, int] = (1440, 900), folder: Path | None = None) -> MainWindow:
        trainer = Trainer(data.load)
        trainer.start()
        window = MainWindow(trainer, Places.below(folder or tmp_path / "places"))
        windows.append(window)
        window.resize(*size)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        if template:
            assert window.files.new_from_template(template)
            qtbot.waitUntil(lambda: window.link.status not in ("empty", "preparing"), timeout=240_000)
        return window

    yield make
    for window in windows:
        if isValid(window):
            window.end()
            window.hide()
            window.deleteLater()
    windows.clear()
    settle()
    left = [w for w in QApplication.allWidgets() if id(w) not in widgets and isValid(w)]
    assert not left, f"widgets are left behind: {_described(left)}"
    running = [t for t in threading.enumerate() if t not in threads]
    assert not running, f"threads are left behind: {running}"
    ticking = [t for t in _active_timers() if id(t) not in timers]
    assert not ticking, f"timers are left behind: {ticking}"
    if sys.version_info < (3, 12):
        # PySide6 6.12.0 drops references to None there until the process aborts.
        assert sys.getrefcount(None) > nones - 2000, "Qt calls drop references to None"


def _described(widgets: list[QWidget]) -> str:
    def name(widget: QWidget) -> str:
        title = widget.title() if isinstance(widget, QMenu) else ""
        return f"{type(widget).__name__} {widget.objectName() or widget.accessibleName() or title!r}"

    return ", ".join(name(widget) for widget in widgets[:12])
