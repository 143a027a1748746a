"""A picture of the real window, for the README and for `studio screenshot`."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from studio import data
from studio.core.layer import Loss
from studio.engine.trainer import Trainer
from studio.gui.app import display_problem, prepare_application
from studio.gui.main_window import MainWindow
from studio.gui.places import Places
from studio.gui.theme import MODES, Theme
from studio.storage import SUFFIX, StorageError, open_project, templates

#: The source that shows the welcome page.
WELCOME = "welcome"
#: Seconds that loading data and compiling kernels may take.
_PATIENCE = 900.0


class ScreenshotError(RuntimeError):
    """Why there is no picture; the message is one plain sentence."""


def take(
    source: str,
    output: str | Path,
    train_seconds: float = 3.0,
    size: tuple[int, int] = (1600, 1000),
    theme: str = "light",
    select: str | None = None,
) -> Path:
    """Open a template or a file in the real window, train it, and save what the window shows.

    Parameters
    ----------
    source : str
        A template's name, a ``.studio`` file, or ``welcome``.
    output : path
        The PNG file to write.
    train_seconds : float
        How long to train; 0 for not at all.
    size : (int, int)
        Width and height of the window in pixels.
    theme : {"light", "dark", "system"}
        Colours.
    select : str, optional
        Name of the node to select; the second one with weights if not given, none if empty.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ScreenshotError
        When training fails, or the picture cannot be written.
    StorageError
        When there is no such template, or the file cannot be read.
    """
    if theme not in MODES:
        raise ScreenshotError(f"There is no theme called {theme!r}: choose light, dark or system.")
    if source != WELCOME and Path(source).suffix != SUFFIX:
        templates.template(source)  # a wrong name is told before a window opens
    elif source != WELCOME:
        open_project(source)
    with _window(theme) as window:
        window.resize(*size)
        window.show()
        if source != WELCOME:
            _prepare(window, source, train_seconds, select)
        _process(0.5)
        path = Path(output)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not window.grab().save(str(path), "PNG"):
            raise ScreenshotError(f"The picture could not be written to {path}: check the folder.")
    return path


@contextmanager
def _window(theme: str) -> Iterator[MainWindow]:
    """The real window with nothing of a person's in it, off screen where there is no display."""
    if QApplication.instance() is None and sys.platform == "linux" and display_problem():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    prepare_application()
    trainer = Trainer(data.load)
    trainer.start()
    with tempfile.TemporaryDirectory() as folder:
        with Theme.instance().postponed():
            Theme.instance().set_mode(theme)
            window = MainWindow(trainer, Places.below(Path(folder)))
        try:
            yield window
        finally:
            window.end()


def draw_graph(source: str, output: str | Path, form: str, theme: str = "light") -> Path:
    """Draw the whole graph of a template or file as the canvas shows it, before any more training.

    Parameters
    ----------
    source : str
        A template's name or a ``.studio`` file.
    output : path
        The file to write.
    form : {"png", "svg"}
    theme : {"light", "dark", "system"}
        Colours.

    Raises
    ------
    ScreenshotError
        When the file cannot be opened, or the picture cannot be written.
    """
    with _window(theme) as window:
        window.resize(1600, 1000)
        window.show()
        _prepare(window, source, 0.0, "")
        _process(0.5)
        window.workspace.canvas.draw(Path(output), form)
    return Path(output)


def _prepare(window: MainWindow, source: str, train_seconds: float, select: str | None) -> None:
    opened = (
        window.files.open(Path(source)) if Path(source).suffix == SUFFIX else window.files.new_from_template(source)
    )
    if not opened:
        raise ScreenshotError(f"{source} could not be opened.")
    _select(window, select)
    ready = ("ready", "running", "paused", "finished", "failed", "invalid", "empty")
    _wait(lambda: window.live.latest.graph == window.session.document.graph and window.link.status in ready)
    if train_seconds > 0:
        window.link.run()
        _wait(lambda: window.live.latest.step > 0 or window.link.status in ("failed", "invalid"))
        problem = window.live.latest.problem
        if problem is not None:
            raise ScreenshotError(problem.message)
        _process(train_seconds)


def _select(window: MainWindow, name: str | None) -> None:
    session = window.session
    if name is None:
        weighty = [n for n in session.document.graph.order if session.inference.weights.get(n)]
        chosen = weighty[1] if len(weighty) > 2 else weighty[0] if weighty else ""
    else:
        node = session.document.graph.named(name)
        if node is None and name:
            raise ScreenshotError(f"There is no layer called {name!r} in the graph.")
        chosen = node.id if node is not None else ""
    if chosen:
        session.select(frozenset({chosen}))
        # The inspector shows one layer; below, the answer of the whole network says more.
        outputs = [edge.source for n in session.document.graph.nodes if isinstance(n.layer, Loss)
                   for edge in session.document.graph.incoming(n.id)[:1]]  # fmt: skip
        if name is None and outputs and not window.workspace.bottom.representation.view_key.startswith("pca"):
            window.workspace.bottom.representation.layers.show_layer(outputs[0])


def _wait(happened: Callable[[], bool]) -> None:
    """Let the window work until something happened."""
    end = time.monotonic() + _PATIENCE
    while not happened():
        if time.monotonic() > end:
            raise ScreenshotError("Getting ready took too long: try again once the kernels are compiled.")
        _process(0.05)


def _process(seconds: float) -> None:
    """Let the window work for so long, asleep between events."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


__all__ = ["WELCOME", "ScreenshotError", "StorageError", "draw_graph", "take"]
