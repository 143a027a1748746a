"""Looking at files before reading them: sizes are known first, so that memory is bounded."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.data.errors import DataError, shown

#: Arrays in memory may have no more bytes, nor a file that must be read as a whole.
LARGEST = 4 << 30
#: Samples that would take more bytes of memory stay on the disk, where the file has plain numbers.
STAY_ON_DISK = 1 << 30
#: Samples that may stay on the disk: some bytes of memory go into each.
MOST_SAMPLES = 1 << 27

#: A file's path, time of change in ns and size in bytes: the same means unchanged.
Stamp = tuple[str, int, int]


def resolved(name: str) -> Path:
    """The path a person wrote, with ``~`` for the home folder.

    Raises
    ------
    DataError
        When no path is given.
    """
    if not name.strip():
        raise DataError("No file is named: write its path behind the colon, such as csv:points.csv.")
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def look_at(path: Path, limited: bool = True) -> Stamp:
    """Check that `path` is an ordinary file of reasonable size.

    Parameters
    ----------
    path : Path
    limited : bool
        Whether it must fit into memory.

    Raises
    ------
    DataError
        When there is no such file, it cannot be looked at, or it is too large or empty.
    """
    name = shown(str(path), 200)
    try:
        status = path.stat()
    except FileNotFoundError:
        raise DataError(f"There is no file {name}: check its name and folder.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{name} cannot be read ({_reason(error)}): choose another file.") from None
    if stat.S_ISDIR(status.st_mode):
        raise DataError(f"{name} is a folder: name the file in it (only idx: takes a folder).")
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{name} is not an ordinary file: choose another one.")
    if status.st_size == 0:
        raise DataError(f"{name} is empty: choose another file.")
    if limited and status.st_size > LARGEST:
        raise DataError(f"{name} is larger than 4 GiB: use a part of it.")
    return str(path), status.st_mtime_ns, status.st_size


def folder_files(path: Path) -> list[Path]:
    """The ordinary files of a folder, by name.

    Raises
    ------
    DataError
        When `path` is not a folder that can be listed.
    """
    name = shown(str(path), 200)
    try:
        if path.is_file():
            raise DataError(f"{name} is a file: idx: takes the folder it is in.")
        with os.scandir(path) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_file())
    except FileNotFoundError:
        raise DataError(f"There is no folder {name}: check its name.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{name} cannot be listed ({_reason(error)}): choose another folder.") from None


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the system says while `path` is read into one plain sentence."""
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{shown(str(path), 200)} cannot be read ({_reason(error)}): choose another file.") from None
    except MemoryError:
        raise DataError(f"{shown(str(path), 200)} does not fit into memory: use a part of it.") from None


def check_size(name: str, numbers: int, bytes_each: int = 4) -> None:
    """Refuse arrays that would be too large before they are made.

    Raises
    ------
    DataError
        When `numbers` of `bytes_each` bytes are more than 4 GiB.
    """
    if numbers * bytes_each > LARGEST:
        raise DataError(f"{shown(name)} would take more than 4 GiB of memory: use a part of it.")


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or "no reason given").lower()
