"""Where arrays are: in an NPZ file, in a folder of NPY files, or in two NPY files that belong together.

Samples can stay on the disk where their numbers lie there one after the other: in NPY files, and in
NPZ files that are not compressed.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from studio.data.errors import DataError, shown
from studio.data.files import Stamp, folder_files, look_at

#: Of names of samples, such as ``train_x`` or ``images``, the words that those of their answers have instead.
_TWINS = {"x": "y", "images": "labels", "features": "targets", "inputs": "targets", "samples": "labels"}
_NAMES = ("x", "y", "x_train", "y_train", "x_test", "y_test")
#: A zip's header of a member: its length without names, and where the lengths of these are.
_LOCAL_HEADER, _LENGTHS = 30, 26


class Archive(Protocol):
    """Arrays by the names of their files."""

    def names(self) -> list[str]:
        """Names that end in ``.npy``, and perhaps others."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """The bytes of one, unpacked."""
        ...

    def size(self, name: str) -> int:
        """How many bytes these are."""
        ...

    def place(self, name: str) -> tuple[Path, int] | None:
        """The file they are in and where they begin; None if they are packed."""
        ...


class _Zip:
    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path, self._archive = path, archive

    def names(self) -> list[str]:
        return self._archive.namelist()

    def open(self, name: str) -> IO[bytes]:
        return self._archive.open(name)

    def size(self, name: str) -> int:
        return self._archive.getinfo(name).file_size

    def place(self, name: str) -> tuple[Path, int] | None:
        about = self._archive.getinfo(name)
        if about.compress_type != zipfile.ZIP_STORED or about.flag_bits & 1:
            return None
        # The list at the zip's end does not say how long the header before the bytes is.
        with self._path.open("rb") as file:
            file.seek(about.header_offset + _LENGTHS)
            lengths = struct.unpack("<2H", file.read(4))
        return self._path, about.header_offset + _LOCAL_HEADER + sum(lengths)


class _Files:
    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files

    def names(self) -> list[str]:
        return list(self._files)

    def open(self, name: str) -> IO[bytes]:
        return self._files[name].open("rb")

    def size(self, name: str) -> int:
        return self._files[name].stat().st_size

    def place(self, name: str) -> tuple[Path, int] | None:
        return self._files[name], 0


def files_of(path: Path) -> dict[str, Path]:
    """The NPY files of a source, by the names that their arrays have in an NPZ file.

    Parameters
    ----------
    path : Path
        A folder, or the file of the samples: ``x.npy`` and ``x_train.npy`` stand for their
        folder; ``NAME_x.npy`` goes with ``NAME_y.npy``, ``images.npy`` with ``labels.npy``.

    Raises
    ------
    DataError
        When there is no such file, or none that belongs to it.
    """
    if path.suffix.lower() != ".npy" or path.is_dir():
        return {f.name: f for f in folder_files(path) if f.suffix.lower() == ".npy" and f.stem.lower() in _NAMES}
    look_at(path, limited=False)
    if path.stem.lower() in _NAMES:
        return files_of(path.parent)
    words = re.split(r"([_\-. ])", path.stem)
    for i, word in enumerate(words):
        if word.lower() in _TWINS:
            twin = path.with_name("".join([*words[:i], _TWINS[word.lower()], *words[i + 1 :]]) + path.suffix)
            if twin.exists():
                look_at(twin, limited=False)
                return {"x.npy": path, "y.npy": twin}
    raise DataError(
        f"{shown(path.name)} has no answers beside it: name the files x.npy and y.npy, or NAME_x.npy and NAME_y.npy."
    )


def stamps(path: Path) -> tuple[Stamp, ...]:
    """What tells whether the files changed."""
    if _is_one_file(path):
        return (look_at(path, limited=False),)
    return tuple(look_at(file, limited=False) for file in files_of(path).values())


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The arrays of a source; what fails is said as `zipfile` does."""
    if _is_one_file(path):
        look_at(path, limited=False)
        with zipfile.ZipFile(path) as archive:
            yield _Zip(path, archive)
    else:
        yield _Files(files_of(path))


def _is_one_file(path: Path) -> bool:
    return path.suffix.lower() != ".npy" and not path.is_dir()
