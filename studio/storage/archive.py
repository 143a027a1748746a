"""Reading members of zip files that anybody may have made."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

from studio.storage.errors import StorageError, not_read

#: All members get this date, so that the same content gives the same file.
_DATE = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16

T = TypeVar("T")


class Archive:
    """A zip file whose members are read by name, never beyond a size the caller allows.

    Raises
    ------
    StorageError
        Here and in all methods: when the file is missing, damaged, or asks for too much.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._name = name
        self._zip = self._guarded(
            lambda: zipfile.ZipFile(file), "is not a Layer Studio file, or it is damaged"
        )
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            if info.filename in self._members:
                raise StorageError(f"{name} is damaged: it has two parts called {info.filename[:64]!r}.")
            self._members[info.filename] = info

    def __contains__(self, member: str) -> bool:
        return member in self._members

    def names(self) -> tuple[str, ...]:
        """Names of all members, in the file's order."""
        return tuple(self._members)

    def read(self, member: str, most: int, stored: bool = False) -> bytes:
        """All bytes of a member.

        Parameters
        ----------
        member : str
        most : int
            Bytes it may have; no more are ever unpacked.
        stored : bool
            Refuse a compressed member, whose size has no bound in the file's own.
        """
        info = self._members.get(member)
        if info is None:
            raise StorageError(f"{self._name} is damaged: it lacks {member}.")
        if info.file_size > most:
            raise StorageError(f"{self._name} is damaged: its {member} would take {info.file_size:,} bytes.")
        if info.flag_bits & 1 or (stored and info.compress_type != zipfile.ZIP_STORED):
            raise StorageError(f"{self._name} is damaged: its {member} is packed in a way it should not be.")

        def unpack() -> bytes:
            with self._zip.open(info) as file:
                return file.read(most + 1)

        content = self._guarded(unpack, f"is damaged: its {member} cannot be unpacked")
        if len(content) != info.file_size:
            raise StorageError(f"{self._name} is damaged: the size of its {member} is wrong.")
        return content

    def _guarded(self, work: Callable[[], T], what: str) -> T:
        try:
            return work()
        except OSError as error:
            raise not_read(self._name, error) from error
        except Exception as error:
            # zipfile and zlib raise eight unrelated types for damaged files, undocumented ones too.
            raise StorageError(f"{self._name} {what}.") from error


def add(archive: zipfile.ZipFile, member: str, content: bytes, compressed: bool) -> None:
    """Write one member, without date, so that files of the same content are the same."""
    info = zipfile.ZipInfo(member, _DATE)
    info.external_attr = _READABLE
    info.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    archive.writestr(info, content)


def open_for_reading(path: Path) -> IO[bytes]:
    """The file, or a plain sentence why it cannot be read.

    Raises
    ------
    StorageError
    """
    try:
        return open(path, "rb")
    except OSError as error:
        raise not_read(path, error) from error
    except ValueError as error:
        raise StorageError(f"{str(path)!r} is not a legal file name.") from error
