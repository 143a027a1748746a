"""What SOURCE on the command line names: a template or a file."""

from __future__ import annotations

from pathlib import Path

from studio.project import Project
from studio.storage import SUFFIX, templates
from studio.storage.errors import not_written


def open_source(text: str) -> Project:
    """The project that a template's name or a path stands for.

    Raises
    ------
    studio.storage.StorageError
        When there is neither; names templates that are close.
    """
    path = Path(text)
    if text in templates.names() and not path.is_file():
        return Project.new(text)
    looks_like_path = path.suffix == SUFFIX or len(path.parts) > 1
    return Project.load(path) if looks_like_path or path.exists() else Project.new(text)


def require_writable(path: Path) -> None:
    """Say before the work, rather than after it, that its result has no place.

    Raises
    ------
    studio.storage.StorageError
        When the file could not be written.
    """
    if path.is_dir():
        raise not_written(path, IsADirectoryError(21, "Is a directory"))
    if not path.parent.is_dir():
        raise not_written(path, FileNotFoundError(2, "No such file or directory"))
