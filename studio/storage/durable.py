"""Writing a file so that either the old or the new content is there, whatever happens."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from studio.storage.errors import not_written


def write_durably(path: str | os.PathLike[str], write: Callable[[IO[bytes]], None]) -> None:
    """Replace a file in one go: write beside it, fsync, rename over it, fsync the folder.

    Parameters
    ----------
    path : path
        A link is followed, so that the file it points to is replaced.
    write : callable
        Gets a binary file to write to, which can be read back and sought in.

    Raises
    ------
    StorageError
        When anything of it fails; the old file is then untouched and nothing is left behind.
    """
    target = Path(os.path.realpath(path))
    temporary: Path | None = None
    try:
        if target.is_dir():
            raise IsADirectoryError(21, "Is a directory", str(path))
        number, name = tempfile.mkstemp(prefix=f".{target.name[:64]}.", suffix=".tmp", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(number, "w+b") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
        temporary = None
        _sync_folder(target.parent)
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _mode(target: Path) -> int:
    """Permissions of the old file, or those any program would give a new one."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself survive a power cut, where folders can be opened."""
    if os.name != "posix":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
