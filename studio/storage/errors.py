"""The one error of this package."""

from __future__ import annotations

import errno
import os


class StorageError(ValueError):
    """A file cannot be read or written; the message is one plain sentence."""


_REASONS = {
    errno.ENOSPC: "the disk is full: free some space or choose another folder",
    errno.EDQUOT: "your share of the disk is full: free some space or choose another folder",
    errno.EACCES: "you may not write there: choose another folder",
    errno.EPERM: "you may not write there: choose another folder",
    errno.EROFS: "that disk is read-only: choose another folder",
    errno.ENOENT: "the folder does not exist: choose another one",
    errno.ENOTDIR: "part of its path is a file, not a folder: choose another folder",
    errno.EISDIR: "there is a folder of that name: choose another name",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.EFBIG: "the file would be too large for that disk: choose another folder",
}


def not_written(path: str | os.PathLike[str], error: OSError) -> StorageError:
    """The sentence for a file that could not be written."""
    reason = _REASONS.get(error.errno or 0, f"{error.strerror or error}: choose another folder")
    return StorageError(f"{os.fspath(path)} was not saved, because {reason}.")


def not_read(path: str | os.PathLike[str], error: OSError) -> StorageError:
    """The sentence for a file that could not be read."""
    name = os.fspath(path)
    if error.errno == errno.ENOENT:
        return StorageError(f"There is no file {name}: check its name and folder.")
    if error.errno == errno.EISDIR:
        return StorageError(f"{name} is a folder: choose a .studio file in it.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return StorageError(f"You may not read {name}: change its permissions or choose another file.")
    return StorageError(f"{name} cannot be read ({error.strerror or error}): choose another file.")
