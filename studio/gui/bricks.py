"""Bricks in the window: keeping a trained part, and putting one into the graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QInputDialog, QMenu

from studio.core.brick import Brick, BrickError, make_brick
from studio.gui.brick_dialog import BrickDialog
from studio.gui.brick_shelf import BrickShelf, ShelfEntry
from studio.gui.widgets.question import ask
from studio.storage import BRICK_SUFFIX, StorageError, brick_path, open_brick, save_brick

if TYPE_CHECKING:
    from studio.gui.main_window import MainWindow


class Bricks(QObject):
    """Asks, saves, opens, and says how it went.

    Parameters
    ----------
    window : MainWindow
        Over which dialogs open.
    shelf : BrickShelf
        The person's own bricks.
    """

    def __init__(self, window: MainWindow, shelf: BrickShelf) -> None:
        super().__init__(window)
        self._window, self.shelf = window, shelf
        window.actions_by_key.add(
            "open_brick", self.tr("Add a &brick from a file…"), self.ask_and_add,
            tip=self.tr("Put a trained part of a network, from a file, into the graph."),
        )  # fmt: skip

    def connect_workspace(self) -> None:
        """Listen to canvas and palette."""
        workspace = self._window.workspace
        workspace.canvas.brick_wanted.connect(self.ask_to_save)
        workspace.palette_view.brick_chosen.connect(self.add)
        workspace.palette_view.brick_menu_wanted.connect(self.show_menu)

    # Keeping ---------------------------------------------------------------------------

    def ask_to_save(self) -> None:
        """Ask what the selection is to be called, and keep it as a brick."""
        session = self._window.session
        document, inference, nodes = session.document, session.inference, session.selection
        if not nodes:
            session.say(self.tr("Select the layers that the brick is to be made of."), True)
            return
        self._window.link.flush()
        known, state = self._window.files.state()
        if not known:
            return
        weights = {} if state is None or not state.step else state.weights
        learned = self.tr("trained for {epochs} epochs").format(epochs=f"{state.epoch:.3g}") if state and state.step else ""
        note = self._window.files.note()
        origin = ", ".join(part for part in (document.title, self._window.files.name, learned, note) if part)
        try:
            brick = make_brick(document, inference, weights, nodes, _proposal(self.shelf, document, nodes), origin)
            dialog = BrickDialog(brick, self.shelf, self._window)
            accepted = dialog.exec() == QDialog.DialogCode.Accepted
            name, elsewhere = dialog.name, dialog.elsewhere
            dialog.deleteLater()
            if accepted:
                self._save(make_brick(document, inference, weights, nodes, name, origin), elsewhere)
        except (BrickError, StorageError) as error:
            session.say(str(error), True)

    def _save(self, brick: Brick, elsewhere: bool) -> None:
        session = self._window.session
        if not elsewhere:
            self.shelf.keep(brick)
            session.say(self.tr("{name} is in the palette now, under My bricks.").format(name=brick.name))
            self._window.workspace.palette_view.show_brick(brick.name)
            return
        path = self._ask_for_file(brick)
        if path is not None:
            save_brick(path, brick)
            session.say(self.tr("Saved as {name}.").format(name=path.name))

    def _ask_for_file(self, brick: Brick) -> Path | None:
        start = brick_path(self._window.files.folder(), brick.name)
        words = self.tr("Bricks (*{suffix})").format(suffix=BRICK_SUFFIX)
        path = QFileDialog.getSaveFileName(self._window, self.tr("Save as brick"), str(start), words)[0]
        if not path:
            return None
        chosen = Path(path)
        if chosen.suffix:
            return chosen
        chosen = chosen.with_suffix(BRICK_SUFFIX)
        return chosen if not chosen.exists() or self._window.files.ask_to_replace(chosen) else None

    # Adding ----------------------------------------------------------------------------

    def ask_and_add(self) -> None:
        """Let a person choose a brick file and put it into the graph."""
        words = self.tr("Bricks (*{suffix})").format(suffix=BRICK_SUFFIX)
        start = str(self._window.files.folder())
        path = QFileDialog.getOpenFileName(self._window, self.tr("Add a brick"), start, words)[0]
        if path:
            self.add(path)

    def add(self, path: str) -> None:
        """Put a brick into the graph, in the middle of what is seen of it."""
        if self._window.on_welcome_page:
            self._window.show_workspace()
        self._window.workspace.canvas.add_brick(path)

    # The palette -----------------------------------------------------------------------

    def show_menu(self, entry: ShelfEntry, place: QPoint) -> None:
        """What can be done with a brick of the palette."""
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Add to the graph")).triggered.connect(lambda: self.add(str(entry.path)))
        menu.addSeparator()
        menu.addAction(self.tr("Rename…")).triggered.connect(lambda: self.ask_to_rename(entry))
        menu.addAction(self.tr("Save a copy…")).triggered.connect(lambda: self.ask_to_copy(entry))
        menu.addAction(self.tr("Remove…")).triggered.connect(lambda: self.ask_to_remove(entry))
        menu.popup(place)

    def ask_to_rename(self, entry: ShelfEntry) -> None:
        """Ask for another name."""
        name, accepted = QInputDialog.getText(
            self._window, self.tr("Rename"), self.tr("Name of the brick"), text=entry.name
        )
        if accepted and name.strip() != entry.name:
            try:
                self.shelf.rename(entry, name)
            except (BrickError, StorageError) as error:
                self._window.session.say(str(error), True)

    def ask_to_copy(self, entry: ShelfEntry) -> None:
        """Save a brick of the palette in a file of a person's choice."""
        try:
            brick = open_brick(entry.path)
            path = self._ask_for_file(brick)
            if path is not None:
                save_brick(path, brick)
        except StorageError as error:
            self._window.session.say(str(error), True)

    def ask_to_remove(self, entry: ShelfEntry) -> None:
        """Ask whether a brick may go for good."""
        question = self.tr("Remove the brick {name} for good? Graphs that have it keep their weights.")
        if ask(self._window, self.tr("Remove?"), question.format(name=entry.name)):
            try:
                self.shelf.remove(entry)
            except StorageError as error:
                self._window.session.say(str(error), True)


def _proposal(shelf: BrickShelf, document, nodes: frozenset[str]) -> str:  # type: ignore[no-untyped-def]
    """A name that is free: the layers' own, if these are few."""
    names = [n.name for n in document.graph.nodes if n.id in nodes]
    words = ", ".join(names) if len(names) < 3 else f"{names[0]} … {names[-1]}"
    words, number = words[:50], 2
    found = words
    while shelf.named(found) is not None:
        found, number = f"{words} {number}", number + 1
    return found
