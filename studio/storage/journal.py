"""A journal of the document that survives a crash: JSON lines, one edit a line.

Each running window has a file of its own and holds a lock on it. The operating system lets
go of the lock when the process ends, in whatever way; so a journal that nobody holds was
left by a crash, and one that is held belongs to another open window.

Weights that layers from bricks start from are too large for lines: each is written once, into a
file of its own in a folder beside the journal.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from studio.core.document import Document
from studio.storage import readable_json
from studio.storage.document_json import document_from_json, document_to_json
from studio.storage.errors import StorageError, not_read, not_written
from studio.storage.pretrained import stored_from_bytes, stored_to_bytes, stored_weights, with_weights

_PATTERN = "*.journal"
_WEIGHTS = ".weights"
_LEARNED = "learned.studio"
#: A journal longer than this is begun anew with the whole document.
_LONG = 4 << 20
_MOST_TEXT = 256 << 20
_DAY = 86_400.0

Parts = dict[str, Any]


class Journal:
    """Writes down every state of the document, and finds what a crash left behind.

    A journal found by `recover` stays on disk until `close` or `discard`: if the recovering
    process crashes too, the next one finds it again.

    Parameters
    ----------
    folder : path
        Where journals are kept; made if it is not there.

    Raises
    ------
    StorageError
        When the folder cannot be written to.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        self._parts: Parts = {}
        self._length = 0
        #: Keys of the weights that are on disk already.
        self._kept: set[str] = set()
        #: Journals that were given back by `recover`, with their locks.
        self._recovered: list[tuple[Path, IO[bytes]]] = []
        #: Where the recovered document had been saved; None if nowhere.
        self.recovered_path: Path | None = None
        #: A project file with what the recovered document's network had learned; None if there is none.
        self.recovered_learned: Path | None = None
        self._file: IO[bytes] | None = None
        self._path = self._folder / f"{time.time_ns():020d}-{os.getpid()}.journal"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = open(self._path, "xb", buffering=0)  # noqa: SIM115 - held until `close`, for its lock
        except OSError as error:
            raise not_written(self._folder, error) from error
        # Another process may look at the new, empty file just now; it lets go at once.
        _lock(self._file, wait=True)

    @property
    def learned(self) -> Path:
        """Where a project file with what the network has learned may be kept; it goes with the journal."""
        return _weights_of(self._path) / _LEARNED

    def record(self, document: Document, path: Path | None = None) -> None:
        """Write down the document as it is now; only what changed goes into the file.

        Parameters
        ----------
        document : Document
        path : Path, optional
            Where the document is saved, if anywhere.

        Raises
        ------
        StorageError
            When it cannot be written; the next call writes the whole document.
        """
        if self._file is None:
            return
        parts = _parts(document, path)
        if self._length > _LONG:
            self.forget()
        changed = {k: v for k, v in parts.items() if k not in self._parts or self._parts[k] != v}
        gone = sorted(set(self._parts) - set(parts))
        if not changed and not gone:
            return
        line = json.dumps({"set": changed, "unset": gone}, sort_keys=True).encode() + b"\n"
        try:
            self._keep_weights(document)
            self._file.write(line)
        except OSError as error:
            self._parts = {}
            raise not_written(self._folder, error) from error
        self._length += len(line)
        self._parts = parts

    def _keep_weights(self, document: Document) -> None:
        """Write down weights that no line before this one told of."""
        for key, arrays in stored_weights(document.graph).items():
            if key not in self._kept:
                folder = _weights_of(self._path)
                folder.mkdir(exist_ok=True)
                (folder / f"{key}{_WEIGHTS}").write_bytes(stored_to_bytes({key: arrays}))
                self._kept.add(key)

    def forget(self) -> None:
        """Empty the journal: the document is safe in a file, or nobody wants it."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            self._file.seek(0)
            self._file.truncate(0)
            self.learned.unlink(missing_ok=True)
        self._parts = {}
        self._length = 0

    def recover(self) -> Document | None:
        """The last document of the latest journal that a crash left, or None.

        Nothing with content is deleted. Unreadable journals are passed over. Called again,
        it gives the document of the next older journal.
        """
        for path in sorted(self._folder.glob(_PATTERN), reverse=True):
            if path == self._path or any(path == p for p, _ in self._recovered):
                continue
            file = _take(path)
            if file is None:
                continue
            try:
                parts = _replay(file)
                document = _with_weights(_document(parts), _weights_of(path))
            except StorageError:
                file.close()
                continue
            if document is None:
                _forget_if_old(path, file)
                continue
            self._recovered.append((path, file))
            saved = parts.get("path")
            self.recovered_path = Path(saved) if isinstance(saved, str) and saved else None
            learned = _weights_of(path) / _LEARNED
            self.recovered_learned = learned if learned.is_file() else None
            return document
        return None

    def discard(self) -> None:
        """Delete what `recover` found: it was not wanted, or is saved elsewhere by now."""
        for path, file in self._recovered:
            _delete(path, file)
        self._recovered.clear()

    def close(self) -> None:
        """End without a crash: delete this journal and those that were recovered."""
        self.discard()
        if self._file is not None:
            _delete(self._path, self._file)
            self._file = None


def _parts(document: Document, path: Path | None) -> Parts:
    """The document in pieces that change independently, so that a line holds few of them."""
    values = document_to_json(document)
    graph, positions = values.pop("graph"), values.pop("positions")
    nodes = graph.pop("nodes")
    parts: Parts = {**values, "graph": graph, "order": [n["id"] for n in nodes], "path": str(path or "")}
    parts.update({f"node {n['id']}": n for n in nodes})
    parts.update({f"position {node}": place for node, place in positions.items()})
    return parts


def _document(parts: Mapping[str, Any]) -> Document | None:
    """The document that `_parts` took to pieces; None for an empty journal."""
    if not parts:
        return None
    graph, order = parts.get("graph"), parts.get("order")
    if not isinstance(graph, dict) or not isinstance(order, list):
        raise StorageError("The journal is damaged: it has no graph.")
    nodes = [parts.get(f"node {node}") for node in order]
    positions = {k.removeprefix("position "): v for k, v in parts.items() if k.startswith("position ")}
    return document_from_json({**parts, "graph": {**graph, "nodes": nodes}, "positions": positions})


def _weights_of(path: Path) -> Path:
    """The folder with the weights of a journal."""
    return path.with_suffix(_WEIGHTS)


def _with_weights(document: Document | None, folder: Path) -> Document | None:
    """The document with the weights its layers start from; those that are damaged stay missing."""
    if document is None:
        return None
    graph = document.graph
    for key in {n.pretrained.key for n in graph.nodes if n.pretrained}:
        with contextlib.suppress(OSError, StorageError):
            graph = with_weights(graph, stored_from_bytes((folder / f"{key}{_WEIGHTS}").read_bytes()))
    return dataclasses.replace(document, graph=graph)


def _replay(file: IO[bytes]) -> Parts:
    """Apply line after line; a last line that was cut off, or what is no edit, ends it."""
    parts: Parts = {}
    try:
        file.seek(0)
        lines = file.read(_MOST_TEXT).split(b"\n")
    except OSError as error:
        raise not_read(file.name, error) from error
    for line in lines[:-1]:
        try:
            edit = readable_json.loads(line, "The journal")
        except StorageError:
            break
        if not isinstance(edit, dict) or not isinstance(edit.get("set"), dict):
            break
        for key in map(str, edit["unset"]) if isinstance(edit.get("unset"), list) else ():
            parts.pop(key, None)
        parts.update(edit["set"])
    return parts


def _take(path: Path) -> IO[bytes] | None:
    """Open a journal whose owner is gone; None if it has one, or is no longer there."""
    try:
        file = open(path, "r+b", buffering=0)  # noqa: SIM115 - held for its lock
    except OSError:
        return None
    if _lock(file):
        return file
    file.close()
    return None


def _forget_if_old(path: Path, file: IO[bytes]) -> None:
    """Clear away an empty journal, unless its owner may be about to write to it."""
    try:
        old = time.time() - path.stat().st_mtime > _DAY
    except OSError:
        old = False
    if old:
        _delete(path, file)
    else:
        file.close()


def _delete(path: Path, file: IO[bytes]) -> None:
    # Windows deletes no open file, others may as well do it in this order.
    file.close()
    with contextlib.suppress(OSError):
        path.unlink()
    shutil.rmtree(_weights_of(path), ignore_errors=True)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes], wait: bool = False) -> bool:
        """Hold the file until it is closed; False if somebody else does."""
        try:
            # Far behind the end, so that the content stays readable to the holder's children.
            file.seek(1 << 40)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(0)
        return True

else:
    import fcntl

    def _lock(file: IO[bytes], wait: bool = False) -> bool:
        """Hold the file until it is closed; False if somebody else does."""
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            return False
        return True
