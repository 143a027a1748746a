"""Exports that the File menu offers: a Keras program, and pictures of the graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMenu

from studio import data
from studio.storage import StorageError
from studio.storage.exports import keras_program, save_keras_program

if TYPE_CHECKING:
    from studio.gui.main_window import MainWindow


class Exports(QObject):
    """Asks where to, writes, and says how it went."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        actions = window.actions_by_key
        actions.add(
            "export_keras", self.tr("&Keras program…"), self.ask_for_keras,
            tip=self.tr("Write the network and its weights as a program for Keras."),
        )  # fmt: skip
        actions.add(
            "export_png", self.tr("&Picture of the graph…"), lambda: self.ask_for_drawing("png"),
            tip=self.tr("Save what the canvas shows of the whole graph as a PNG picture."),
        )  # fmt: skip
        actions.add(
            "export_svg", self.tr("&Drawing of the graph…"), lambda: self.ask_for_drawing("svg"),
            tip=self.tr("Save the whole graph as an SVG drawing, which stays sharp at any size."),
        )  # fmt: skip

    def fill(self, menu: QMenu) -> None:
        """Put the actions into a menu."""
        menu.setToolTipsVisible(True)
        for key in ("export_keras", "export_png", "export_svg"):
            menu.addAction(self._window.actions_by_key[key])

    def ask_for_keras(self) -> None:
        """Let a person choose a file and write the Keras program."""
        path = self._ask(self.tr("Keras program (*.py)"), ".py")
        if path is not None:
            self._guarded(lambda: self._write_keras(path))

    def ask_for_drawing(self, form: str) -> None:
        """Let a person choose a file and draw the graph into it; `form` is png or svg."""
        words = self.tr("Picture (*.png)") if form == "png" else self.tr("Drawing (*.svg)")
        path = self._ask(words, f".{form}")
        if path is not None:
            self._guarded(lambda: self._draw(path, form))

    def _write_keras(self, path: Path) -> tuple[Path, ...]:
        window = self._window
        window.link.flush()
        known, state = window.files.state()
        if not known:
            return ()
        document = window.session.document
        weights = None if state is None else state.weights
        sets = {node: dataset for node, dataset in window.live.latest.datasets.items() if node in document.graph}
        title = Path(window.files.name).stem
        program = keras_program(document, data.describe_all(document.graph), weights, title, sets)
        return save_keras_program(path, program)

    def _draw(self, path: Path, form: str) -> tuple[Path, ...]:
        self._window.workspace.canvas.draw(path, form)
        return (path,)

    def _ask(self, words: str, ending: str) -> Path | None:
        start = self._window.files.folder() / f"{Path(self._window.files.name).stem}{ending}"
        path = QFileDialog.getSaveFileName(self._window, self.tr("Export"), str(start), words)[0]
        if not path:
            return None
        chosen = Path(path)
        if chosen.suffix:
            return chosen
        chosen = chosen.with_suffix(ending)
        return chosen if not chosen.exists() or self._window.files.ask_to_replace(chosen) else None

    def _guarded(self, write: Callable[[], tuple[Path, ...]]) -> None:
        session = self._window.session
        try:
            files = write()
        except StorageError as error:
            session.say(str(error), True)
            return
        if files:
            names = self.tr(" and ").join(file.name for file in files)
            session.say(self.tr("Exported as {names}.").format(names=names))
