"""IDX files, the format of MNIST: a folder with pictures and labels, plain or gzipped.

A pair is two files of the same name with ``images`` and ``labels`` in it. Names with ``train``
are for training, names with ``t10k`` or ``test`` are the test part; a folder with only one
pair is split. Two-dimensional pictures get a channel axis; pixels of bytes become 0 to 1.

References
----------
The format is described at the end of http://yann.lecun.com/exdb/mnist/: two zero bytes, a
type code, the number of axes, each axis's length as a big-endian 32-bit number, the numbers.
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from studio.core.dataset import Samples
from studio.core.stored import StoredArray
from studio.data import classes
from studio.data.errors import DataError, listed, shown
from studio.data.facts import Arrays, Facts
from studio.data.files import Stamp, check_size, folder_files, look_at, reading, resolved
from studio.data.on_disk import is_readable, mapped, note, stays_on_disk

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
#: Deflate cannot make more than this many bytes of one.
_MOST_DEFLATED = 1032
_CHUNK = 1 << 22


@dataclass(frozen=True)
class _Header:
    dtype: np.dtype
    shape: tuple[int, ...]
    packed: bool

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def offset(self) -> int:
        """Bytes before the first number."""
        return 4 + 4 * len(self.shape)


@dataclass(frozen=True)
class Pair:
    """Pictures and their labels.

    Parameters
    ----------
    part : str
        ``train``, ``test`` or, if the name does not say, ``any``.
    """

    part: str
    images: Path
    labels: Path


def pairs(folder_name: str) -> tuple[Pair, ...]:
    """The pairs of a folder, the one to train on first.

    Raises
    ------
    DataError
        When there is no pair, half a pair, or it is not clear which one to take.
    """
    folder = resolved(folder_name)
    files: dict[str, Path] = {}
    for path in folder_files(folder):
        stem = path.name.lower().removesuffix(".gz")
        if stem == path.name.lower() or stem not in files:  # a plain file rather than its gzipped twin
            files[stem] = path
    found: list[Pair] = []
    for stem, path in files.items():
        if "images" not in stem or not re.search("idx|ubyte", stem):
            continue
        twin = stem.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1").replace("idx2", "idx1")
        if twin not in files:
            raise DataError(f"{shown(path.name)} has no labels beside it: add the file {shown(twin)}.")
        part = "test" if re.search("t10k|test", stem) else "train" if "train" in stem else "any"
        found.append(Pair(part, path, files[twin]))
    name = shown(str(folder), 200)
    if not found:
        raise DataError(f"The folder {name} has no pair of IDX files such as train-images-idx3-ubyte and train-labels-idx1-ubyte.")
    testing = [p for p in found if p.part == "test"]
    training = [p for p in found if p.part != "test"]
    for same in (testing, training):
        if len(same) > 1:
            names = listed([p.images.name for p in same])
            raise DataError(f"The folder {name} has several sets ({names}): put each into a folder of its own.")
    return (*training, *testing)


def stamps(folder_name: str) -> tuple[Stamp, ...]:
    """What tells whether the files changed."""
    return tuple(look_at(path, limited=False) for pair in pairs(folder_name) for path in (pair.images, pair.labels))


def facts(folder_name: str) -> Facts:
    """What the folder holds: reads the headers of the pictures and the labels.

    Raises
    ------
    DataError
        When a file is not what its header says.
    """
    found = pairs(folder_name)
    headers = [_picture_header(pair.images) for pair in found]
    if len({h.shape[1:] for h in headers}) > 1:
        raise DataError("The pictures for training and for testing have different sizes: they do not belong together.")
    labels = [_labels(pair, header) for pair, header in zip(found, headers, strict=True)]
    distinct = np.unique(np.concatenate([np.unique(part) for part in labels]))
    classes.check_classes(len(distinct), "The labels file", classes.names_of(distinct)[0])
    notes: tuple[str, ...] = ("The folder brings its own test part, so the share for testing is not used.",) if len(found) > 1 else ()
    stays = _stays(headers[0])
    if stays:
        notes += (note(headers[0].bytes),)
    return Facts(
        resolved(folder_name).resolve().name or "IDX files",
        _sample_shape(headers[0]),
        "labels",
        headers[0].shape[0],
        test_samples=headers[1].shape[0] if len(found) > 1 else 0,
        classes=classes.names_of(distinct),
        plane=headers[0].shape[1:] == (2,),
        notes=notes,
        on_disk=stays,
    )


def arrays(folder_name: str) -> Arrays:
    """Pictures and class codes.

    Raises
    ------
    DataError
        When a file is not what its header says.
    """
    x: list[Samples] = []
    y: list[np.ndarray] = []
    for pair in pairs(folder_name):
        header = _picture_header(pair.images)
        y.append(_labels(pair, header))
        # A test part stays on the disk only where the training part does.
        stays = not x or isinstance(x[0], StoredArray)
        x.append(_pictures(pair.images, header, stays))
    distinct = np.unique(np.concatenate([np.unique(part) for part in y]))
    codes = [np.searchsorted(distinct, part) for part in y]
    return Arrays(x[0], codes[0], *((x[1], codes[1]) if len(x) > 1 else ()))


def _sample_shape(header: _Header) -> tuple[int, ...]:
    shape = header.shape[1:]
    return (*shape, 1) if len(shape) == 2 else shape


def _picture_header(path: Path) -> _Header:
    with _opened(path) as stream:
        header = _read_header(path, stream)
    if not 2 <= len(header.shape) <= 4:
        raise DataError(f"{shown(path.name)} has {len(header.shape)} axes, but pictures have 3: it is not a file of pictures.")
    if not _stays(header):
        check_size(path.name, math.prod(header.shape))
    return header


def _stays(header: _Header) -> bool:
    """Whether these pictures stay on the disk."""
    return not header.packed and is_readable(header.dtype) and stays_on_disk(header.shape)


def _pictures(path: Path, header: _Header, stays: bool) -> Samples:
    if stays and _stays(header):
        if path.stat().st_size > header.offset + header.bytes:
            raise _too_long(path)
        return mapped(path, header.offset, header.dtype, header.shape, _sample_shape(header))
    check_size(path.name, math.prod(header.shape))
    raw = _numbers(path, header)
    pictures = raw.astype(np.float32)
    if header.dtype.itemsize == 1 and header.dtype.kind == "u" and len(header.shape) > 2:
        pictures /= 255.0
    if header.dtype.kind == "f" and not np.isfinite(pictures).all():
        raise DataError(f"{shown(path.name)} holds something that is not a finite number: choose another file.")
    return pictures.reshape(header.shape[0], *_sample_shape(header))


def _labels(pair: Pair, pictures: _Header) -> np.ndarray:
    path = pair.labels
    with _opened(path) as stream:
        header = _read_header(path, stream)
    if len(header.shape) != 1 or header.dtype.kind == "f":
        raise DataError(f"{shown(path.name)} does not hold labels: it needs one whole number for each picture.")
    if header.shape[0] != pictures.shape[0]:
        raise DataError(
            f"{shown(path.name)} has {header.shape[0]} labels for the {pictures.shape[0]} pictures of "
            f"{shown(pair.images.name)}: they do not belong together."
        )
    check_size(path.name, header.shape[0], 8)
    return _numbers(path, header).astype(np.int64)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    """The file's bytes, unpacked if it is gzipped, whatever its name says."""
    look_at(path, limited=False)
    with reading(path), path.open("rb") as plain:
        zipped = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        if not zipped:
            yield plain
            return
        try:
            with gzip.GzipFile(fileobj=plain) as stream:
                yield stream
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise _broken(path) from None


def _too_long(path: Path) -> DataError:
    return DataError(f"{shown(path.name)} holds more than its header says: it is not a sound IDX file.")


def _broken(path: Path) -> DataError:
    return DataError(f"{shown(path.name)} is damaged or was cut short: copy or download it again.")


def _read_header(path: Path, stream: BinaryIO | gzip.GzipFile) -> _Header:
    name = shown(path.name)
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not 1 <= magic[3] <= 8:
        raise DataError(f"{name} is not an IDX file: its first four bytes are wrong.")
    lengths = stream.read(4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise _broken(path)
    packed = isinstance(stream, gzip.GzipFile)
    header = _Header(np.dtype(_TYPES[magic[2]]), struct.unpack(f">{magic[3]}I", lengths), packed)
    if 0 in header.shape:
        raise DataError(f"{name} holds nothing: its header says {' x '.join(map(str, header.shape))}.")
    size = path.stat().st_size
    if header.bytes > (size * _MOST_DEFLATED if packed else size):
        raise DataError(f"{name} is much smaller than its header says: it is damaged or was cut short.")
    return header


def _numbers(path: Path, header: _Header) -> np.ndarray:
    """All numbers of a file; memory grows with what is really there, not with the header."""
    content = bytearray()
    with _opened(path) as stream:
        stream.read(header.offset)
        while len(content) <= header.bytes:
            piece = stream.read(min(_CHUNK, header.bytes + 1 - len(content)))
            if not piece:
                break
            content += piece
    if len(content) < header.bytes:
        raise _broken(path)
    if len(content) > header.bytes:
        raise _too_long(path)
    return np.frombuffer(content, header.dtype).reshape(header.shape)
