"""The folder with a person's bricks: what is in it, and changing that."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

from studio.core.brick import Brick, legal_name
from studio.storage import BRICK_SUFFIX, StorageError, brick_path, glance_at_brick, open_brick, save_brick
from studio.storage.errors import not_written

#: Milliseconds from a change in the folder to a look at it: one change makes several signals.
_SETTLING = 150


@dataclass(frozen=True)
class ShelfEntry:
    """A brick in the folder.

    Parameters
    ----------
    path : Path
        Its file.
    brick : Brick
        All of it but the weights.
    """

    path: Path
    brick: Brick

    @property
    def name(self) -> str:
        """What it is called."""
        return self.brick.name

    def fits(self, query: str) -> bool:
        """Whether the words of a search are in its name or in what it is made of."""
        nodes = " ".join(f"{n.name} {n.layer.type_name()}" for n in self.brick.graph.nodes)
        text = f"{self.name} {self.brick.origin} {nodes} brick".lower()
        return all(word in text for word in query.lower().split())


class BrickShelf(QObject):
    """Lists, keeps, renames and removes bricks.

    Parameters
    ----------
    folder : Path
        Where bricks are kept; made if it is not there.
    """

    #: Emitted after what `entries` gives has changed.
    changed = Signal()

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self._entries: tuple[ShelfEntry, ...] = ()
        self._known: dict[tuple[Path, int, int], ShelfEntry | None] = {}
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SETTLING)
        self._soon.timeout.connect(self.refresh)
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(lambda _path: self._soon.start())
        self.refresh()

    @property
    def entries(self) -> tuple[ShelfEntry, ...]:
        """The bricks by name; files that are none are left out."""
        return self._entries

    def refresh(self) -> None:
        """Look at the folder."""
        self._watch()
        known: dict[tuple[Path, int, int], ShelfEntry | None] = {}
        with contextlib.suppress(OSError):
            for path in self.folder.glob(f"*{BRICK_SUFFIX}"):
                facts = path.stat()
                key = path, facts.st_mtime_ns, facts.st_size
                known[key] = self._known[key] if key in self._known else _entry(path)
        self._known = known
        found = sorted((e for e in known.values() if e is not None), key=lambda e: (e.name.casefold(), e.path))
        if tuple(found) != self._entries:
            self._entries = tuple(found)
            self.changed.emit()

    def _watch(self) -> None:
        # Only a folder that is there can be watched; without one the list is just empty.
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            if str(self.folder) not in self._watcher.directories():
                self._watcher.addPath(str(self.folder))

    def named(self, name: str) -> ShelfEntry | None:
        """The brick that one of this name would replace, if there is one."""
        path = brick_path(self.folder, name)
        same = (e for e in self._entries if e.path == path or e.name.casefold() == name.strip().casefold())
        return next(same, None)

    def keep(self, brick: Brick) -> Path:
        """Put a brick into the folder, in place of one of the same name.

        Raises
        ------
        StorageError
            When it cannot be written.
        """
        old = self.named(brick.name)
        path = old.path if old is not None else brick_path(self.folder, brick.name)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_written(self.folder, error) from error
        save_brick(path, brick)
        self.refresh()
        return path

    def rename(self, entry: ShelfEntry, name: str) -> None:
        """Give a brick another name; nodes that come from it keep the old one.

        Raises
        ------
        studio.core.brick.BrickError
            When the name is not legal.
        StorageError
            When there is another brick of that name, or the file cannot be written.
        """
        name = legal_name(name)
        other = self.named(name)
        if other is not None and other.path != entry.path:
            raise StorageError(f"There is a brick called {other.name} already: choose another name.")
        brick = open_brick(entry.path)
        graph = brick.graph
        renamed = {n.id: dataclasses.replace(n.pretrained, brick=name) for n in graph.nodes if n.pretrained}
        document = dataclasses.replace(brick.document, graph=graph.set_pretrained(dict(renamed)))
        path = brick_path(self.folder, name)
        save_brick(path, Brick(name, brick.origin, document))
        if path != entry.path:
            self._delete(entry.path)
        self.refresh()

    def remove(self, entry: ShelfEntry) -> None:
        """Delete a brick's file; graphs that have it keep their weights.

        Raises
        ------
        StorageError
            When it cannot be deleted.
        """
        self._delete(entry.path)
        self.refresh()

    @staticmethod
    def _delete(path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{path} was not removed, because {error.strerror or error}.") from error


def _entry(path: Path) -> ShelfEntry | None:
    try:
        return ShelfEntry(path, glance_at_brick(path))
    except StorageError:
        return None
