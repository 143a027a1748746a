"""What a project remembers of the files its data come from, to notice when they changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from studio.core.graph import Graph
from studio.data import array_files, picture_folder
from studio.data.errors import DataError
from studio.data.source import OPTIONS, parse_source
from studio.layers.data import Data
from studio.storage.errors import StorageError

#: More than this is not read only for a checksum; the size still tells most changes.
_MOST_BYTES = 1 << 28
_MOST_FILES = 5000


@dataclass(frozen=True)
class DataReference:
    """The file or folder behind a Data node, as it was when the project was saved.

    Parameters
    ----------
    node : str
        Id of the Data node.
    source : str
        Its source, such as ``csv:iris.csv?target=species``.
    size : int
        Bytes in all.
    sha256 : str
        Hexadecimal; empty for what was too large to read.
    """

    node: str
    source: str
    size: int
    sha256: str

    def change(self) -> str:
        """What happened to the data since, in one sentence; empty if nothing did."""
        path = _path(self.source)
        try:
            now = _fingerprint(self.source, path) if path else None
        except (OSError, ValueError):
            return f"The data in {path} cannot be found: put them back, or choose another source."
        if now is not None and now != (self.size, self.sha256):
            return f"The data in {path} changed since the project was saved: train again to fit them."
        return ""


def references(graph: Graph) -> tuple[DataReference, ...]:
    """References of all Data nodes that read files which are there."""
    found = []
    for node in graph.nodes:
        if isinstance(node.layer, Data) and (path := _path(node.layer.source)):
            try:
                size, checksum = _fingerprint(node.layer.source, path)
            except (OSError, ValueError):
                continue
            found.append(DataReference(node.id, node.layer.source, size, checksum))
    return tuple(found)


def reference_from_json(values: Any) -> DataReference:
    """A reference as the project file has it.

    Raises
    ------
    StorageError
        When a member is missing or of another type.
    """
    if (
        not isinstance(values, dict)
        or not all(isinstance(values.get(k), str) for k in ("node", "source", "sha256"))
        or not isinstance(values.get("size"), int)
    ):
        raise StorageError("The project's note about its data files is damaged.")
    return DataReference(values["node"], values["source"], values["size"], values["sha256"])


def _path(source: str) -> Path | None:
    """The file or folder a source names; None for built-in sets."""
    try:
        parsed = parse_source(source)
        return Path(parsed.name).expanduser() if parsed.kind in OPTIONS else None
    except (DataError, RuntimeError):
        return None


def _fingerprint(source: str, path: Path) -> tuple[int, str]:
    if source.strip().lower().startswith("npy:"):
        files = list(array_files.files_of(path).values())
    elif not path.is_dir():
        files = [path]
    elif source.strip().lower().startswith("images:"):
        # Sub-folders are the classes, so that their names matter as well.
        files = picture_folder.files(path)
        stamps = tuple((str(p), s.st_size, s.st_mtime_ns) for p in files for s in [p.stat()])
        names = (p.relative_to(path).as_posix() for p in files) if len(files) <= _MOST_FILES else ()
        return _digest(stamps, tuple(names))
    else:
        files = sorted(p for p in path.iterdir() if p.is_file())
    return _digest(tuple((str(p), s.st_size, s.st_mtime_ns) for p in files for s in [p.stat()]))


@lru_cache(maxsize=64)
def _digest(stamps: tuple[tuple[str, int, int], ...], names: tuple[str, ...] = ()) -> tuple[int, str]:
    """Size and checksum of files and of their names; read again only when a size or a date changed."""
    size = sum(s for _, s, _ in stamps)
    if size > _MOST_BYTES or len(stamps) > _MOST_FILES:
        return size, ""
    digest = hashlib.sha256("\n".join(names).encode())
    for name, _, _ in stamps:
        with open(name, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return size, digest.hexdigest()
