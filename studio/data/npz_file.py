"""NPZ and NPY files: arrays saved by `numpy.savez` and `numpy.save`.

An NPZ file, or a folder of NPY files, holds ``x`` and ``y``, or ``x_train``, ``y_train`` and
perhaps ``x_test``, ``y_test``; the test arrays then are the test part. The first axis counts the
samples. Arrays of more samples than memory is kept for stay on the disk, if they are stored plainly
(`studio.data.array_files` says how).

- x: one axis is a single column; two are a table; three are grey pictures, which get a channel
  axis; four are pictures ``(samples, height, width, channels)``. Pixels of bytes become 0 to 1.
- y: whole numbers, text, or vectors with a single 1 are classes; other numbers are values
  (`studio.data.classes` has the rule; the option ``as=classes`` or ``as=values`` overrules it).

Nothing in the file is ever executed: arrays of Python objects are refused, and headers are
checked before memory is taken.
"""

from __future__ import annotations

import ast
import lzma
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Literal

import numpy as np

from studio.core.stored import StoredArray
from studio.data import classes
from studio.data.array_files import Archive, opened
from studio.data.errors import DataError, listed, shown
from studio.data.facts import Arrays, Facts
from studio.data.files import LARGEST, check_size, reading, resolved
from studio.data.on_disk import is_readable, mapped, note, stays_on_disk
from studio.data.source import Source

_CHUNK = 1 << 22
_LONGEST_HEADER = 10_000
#: What `numpy.save` writes for arrays that are not records, such as ``<f8`` or ``<M8[s]``.
_PLAIN_TYPE = re.compile(r"[<>|=]?[?biufcOSUVMm]\d{0,9}(\[\w{1,12}\])?")


@dataclass(frozen=True)
class _Header:
    member: str
    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    #: Where the numbers are, if they are there as they are: file, and bytes before them.
    place: tuple[Path, int] | None = None

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def can_stay(self) -> bool:
        """Whether the samples could be read from the disk as they are needed."""
        return self.place is not None and is_readable(self.dtype) and not (self.fortran and len(self.shape) > 1)


@dataclass(frozen=True)
class _Answers:
    """What y holds, worked out from all parts together."""

    target: Literal["labels", "values"]
    parts: tuple[np.ndarray, ...]
    classes: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()


def facts(source: Source) -> Facts:
    """What the file holds: reads the headers and y.

    Raises
    ------
    DataError
        When the arrays are missing, of unusable types, or do not fit together.
    """
    path = resolved(source.name)
    headers = _headers(path)
    answers = _answers(path, source, headers)
    x = headers[0][0]
    notes: tuple[str, ...] = ("The file brings its own test part, so the share for testing is not used.",) if len(headers) > 1 else ()
    stay = _stay(headers)
    if stay:
        notes += (note(sum(header.bytes for header, _ in headers)),)
    shape = _sample_shape(x)
    count = len(headers)
    return Facts(
        path.name,
        shape,
        answers.target,
        x.shape[0],
        test_samples=headers[1][0].shape[0] if count > 1 else 0,
        classes=answers.classes,
        y_shape=answers.shape,
        plane=shape == (2,),
        notes=notes,
        on_disk=stay,
    )


def arrays(source: Source) -> Arrays:
    """The numbers of the file.

    Raises
    ------
    DataError
        As `facts`, and when x holds something that is not a finite number.
    """
    path = resolved(source.name)
    headers = _headers(path)
    answers = _answers(path, source, headers)
    x = [_mapped(header) if _stay(headers) else _samples(path, header) for header, _ in headers]
    test = (x[1], answers.parts[1]) if len(x) > 1 else ()
    return Arrays(x[0], answers.parts[0], *test)


def _stay(headers: list[tuple[_Header, _Header]]) -> bool:
    """Whether samples stay on the disk."""
    numbers = sum(math.prod(x.shape) for x, _ in headers)
    return stays_on_disk((numbers,)) and all(x.can_stay for x, _ in headers)


def _mapped(header: _Header) -> StoredArray:
    assert header.place is not None
    return mapped(*header.place, header.dtype, header.shape, _sample_shape(header))


def _headers(path: Path) -> list[tuple[_Header, _Header]]:
    """Headers of (x, y) for training and, if the file has one, for testing."""
    with _opened(path) as archive:
        names = {n.removesuffix(".npy").lower(): n for n in archive.names() if n.endswith(".npy")}
        wanted = [("x_train", "y_train")] if "x_train" in names else [("x", "y")]
        if wanted == [("x_train", "y_train")] and ("x_test" in names or "y_test" in names):
            wanted.append(("x_test", "y_test"))
        for name in (n for pair in wanted for n in pair):
            if name not in names:
                there = listed(sorted(names)) or "none"
                raise DataError(
                    f"{shown(path.name)} has no array {name} (it has {there}): save x and y, or x_train and y_train."
                )
        pairs = [(_header(path, archive, names[x]), _header(path, archive, names[y])) for x, y in wanted]
    for (x, y), (x_name, y_name) in zip(pairs, wanted, strict=True):
        if not x.shape or not y.shape or 0 in x.shape or 0 in y.shape:
            raise DataError(f"{x_name} or {y_name} in {shown(path.name)} is empty: it needs one row for each sample.")
        if len(x.shape) > 4:
            raise DataError(f"{x_name} in {shown(path.name)} has {len(x.shape)} axes: at most 4 can be used.")
        if x.shape[0] != y.shape[0]:
            raise DataError(
                f"{x_name} in {shown(path.name)} has {x.shape[0]} samples but {y_name} has {y.shape[0]}: "
                "they must have the same number."
            )
        if x.dtype.kind not in "buif":
            raise DataError(f"{x_name} in {shown(path.name)} holds {_kind_name(x.dtype)}: it must hold numbers.")
        if y.dtype.kind not in "buifUS":
            raise DataError(f"{y_name} in {shown(path.name)} holds {_kind_name(y.dtype)}: it must hold numbers or text.")
    if not _stay(pairs):
        for x, _ in pairs:
            _check_memory(path, x)
    for _, y in pairs:
        check_size(f"{y.member} in {path.name}", math.prod(y.shape), max(8, y.dtype.itemsize))
    if len(pairs) > 1 and _sample_shape(pairs[0][0]) != _sample_shape(pairs[1][0]):
        raise DataError(f"x_train and x_test in {shown(path.name)} have samples of different shapes: they must be the same.")
    if len(pairs) > 1 and pairs[0][1].shape[1:] != pairs[1][1].shape[1:]:
        raise DataError(f"y_train and y_test in {shown(path.name)} have different shapes: they must be the same.")
    return pairs


def _check_memory(path: Path, x: _Header) -> None:
    """Refuse samples that are too large for memory; how they could stay on the disk is said."""
    if math.prod(x.shape) * max(4, x.dtype.itemsize) <= LARGEST:
        return
    if x.place is None:
        remedy = "save them with numpy.savez rather than savez_compressed"
    elif x.fortran:
        remedy = "save numpy.ascontiguousarray of them"
    else:
        remedy = "save them as float32 or uint8"
    raise DataError(
        f"The samples in {shown(path.name)} would take more than 4 GiB of memory: {remedy}, and they can stay on the disk."
    )


def _sample_shape(x: _Header) -> tuple[int, ...]:
    shape = x.shape[1:]
    return (1,) if not shape else (*shape, 1) if len(shape) == 2 else shape


def _samples(path: Path, header: _Header) -> np.ndarray:
    raw = _read(path, header)
    pictures = len(header.shape) > 2
    # Tables stay float64 until they are standardised, so that large offsets cost no digits.
    numbers = raw.astype(np.float32 if pictures or header.dtype.itemsize < 4 else np.float64)
    if pictures and header.dtype == np.uint8:
        np.divide(numbers, np.float32(255.0), out=numbers)
    _check_finite(path, header, numbers)
    return np.ascontiguousarray(numbers.reshape(header.shape[0], *_sample_shape(header)))


def _check_finite(path: Path, header: _Header, numbers: np.ndarray) -> None:
    if header.dtype.kind != "f":
        return
    flat = numbers.reshape(len(numbers), -1)
    bad = ~np.isfinite(flat).all(axis=1)
    bad |= (np.abs(flat) > np.finfo(np.float32).max).any(axis=1)
    if bad.any():
        name = header.member.removesuffix(".npy")
        raise DataError(
            f"Sample {int(bad.argmax())} of {shown(name)} in {shown(path.name)} holds something that is not a "
            "finite number: replace it first."
        )


def _answers(path: Path, source: Source, headers: list[tuple[_Header, _Header]]) -> _Answers:
    parts = [_read(path, y) for _, y in headers]
    parts = [p[:, 0] if p.ndim == 2 and p.shape[1] == 1 else p for p in parts]
    name = f"y of {shown(path.name)}"
    wanted = source.option("as")
    kind = headers[0][1].dtype.kind
    if kind in "US":
        if parts[0].ndim != 1 or wanted == "values":
            raise DataError(f"{name} holds text: give one text for each sample, as classes.")
        return _coded(name, parts)
    for (_, header), part in zip(headers, parts, strict=True):
        _check_finite(path, header, part)
    if parts[0].ndim == 1:
        distinct = np.unique(np.concatenate(parts))
        count = sum(len(p) for p in parts)
        most = classes.MOST_CLASSES if kind in "bui" else classes.MOST_NUMBER_CLASSES
        numbers = classes.are_classes(distinct.astype(np.float64), count, most)
        if wanted == "classes" or (wanted is None and numbers):
            return _coded(name, parts)
        values = tuple(p.astype(np.float64)[:, None] for p in parts)
        return _Answers("values", values, shape=(1,))
    if parts[0].ndim == 2 and wanted != "values" and all(_one_hot(p) for p in parts):
        codes = tuple(p.argmax(axis=1).astype(np.int64) for p in parts)
        classes.check_classes(parts[0].shape[1], name)
        return _Answers("labels", codes, tuple(str(i) for i in range(parts[0].shape[1])))
    if wanted == "classes":
        raise DataError(f"{name} has several numbers for each sample: as=classes needs one, or vectors with a single 1.")
    check_size(name, sum(p.size for p in parts), 8)
    return _Answers("values", tuple(p.astype(np.float64) for p in parts), shape=parts[0].shape[1:])


def _one_hot(y: np.ndarray) -> bool:
    return y.shape[1] > 1 and bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())


def _coded(name: str, parts: list[np.ndarray]) -> _Answers:
    distinct = np.unique(np.concatenate(parts))
    if distinct.dtype.kind == "S":
        names = tuple(shown(v.decode("utf-8", "replace")) for v in distinct)
    elif distinct.dtype.kind == "U":
        names = tuple(shown(str(v)) for v in distinct)
    elif distinct.dtype.kind == "b":
        names = tuple(str(bool(v)) for v in distinct)
    else:
        names = classes.names_of(distinct)
    classes.check_classes(len(distinct), name, names[0])
    codes = tuple(np.searchsorted(distinct, part).astype(np.int64) for part in parts)
    return _Answers("labels", codes, names)


@contextmanager
def _opened(path: Path) -> Iterator[Archive]:
    try:
        with reading(path), opened(path) as archive:
            yield archive
    except zipfile.BadZipFile:
        raise DataError(f"{shown(path.name)} is not an NPZ file, or is damaged: save it again with numpy.savez.") from None
    except DataError:
        raise
    except (zlib.error, lzma.LZMAError, EOFError, struct.error, RuntimeError, ValueError, SyntaxError, OverflowError):
        # RuntimeError: encrypted, or packed in a way that Python does not know.
        raise DataError(f"{shown(path.name)} cannot be unpacked: save it again with numpy.savez.") from None


def _header(path: Path, archive: Archive, member: str) -> _Header:
    with archive.open(member) as stream:
        header = _parse(path, member, stream)
        start = stream.tell()
    if header.dtype.hasobject:
        raise DataError(f"{shown(member)} in {shown(path.name)} holds Python objects, which could run code: save plain numbers.")
    size = math.prod(header.shape) * header.dtype.itemsize
    if size > archive.size(member) - start:
        raise DataError(f"{shown(member)} in {shown(path.name)} is smaller than its header says: it is damaged.")
    place = archive.place(member)
    return header if place is None else replace(header, place=(place[0], place[1] + start))


def _parse(path: Path, member: str, stream: IO[bytes]) -> _Header:
    """The header of an array, read as a literal and nothing more.

    NumPy's own reader also repairs headers of Python 2 by tokenizing them, which fails in ways
    of its own on hostile ones.
    """
    start = stream.read(8)
    width = {1: 2, 2: 4, 3: 4}.get(start[6] if len(start) == 8 else 0, 0)
    length = int.from_bytes(stream.read(width), "little")
    try:
        if start[:6] != b"\x93NUMPY" or not 0 < length <= _LONGEST_HEADER:
            raise ValueError
        text = stream.read(length).decode("utf-8" if start[6] == 3 else "latin-1")
        header = ast.literal_eval(text.strip())
        descr, shape, fortran = header["descr"], header["shape"], header["fortran_order"]
        if isinstance(descr, str) and not _PLAIN_TYPE.fullmatch(descr):
            raise ValueError
        dtype = np.dtype(descr) if isinstance(descr, str) else np.dtype("V1")
        whole = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
        if not whole or len(shape) > 32 or not isinstance(fortran, bool) or dtype.itemsize == 0:
            raise ValueError
    except (ValueError, TypeError, KeyError, SyntaxError, RecursionError, MemoryError):
        raise DataError(f"{shown(member)} in {shown(path.name)} is not a sound array: save it again.") from None
    return _Header(member, dtype, shape, fortran)


def _read(path: Path, header: _Header) -> np.ndarray:
    """One array; memory grows with what is really there."""
    size = math.prod(header.shape) * header.dtype.itemsize
    content = bytearray()
    with _opened(path) as archive, archive.open(header.member) as stream:
        _parse(path, header.member, stream)
        while len(content) < size:
            piece = stream.read(min(_CHUNK, size - len(content)))
            if not piece:
                break
            content += piece
    if len(content) < size:
        raise DataError(f"{shown(header.member)} in {shown(path.name)} is smaller than its header says: it is damaged.")
    flat = np.frombuffer(content, header.dtype)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def _kind_name(dtype: np.dtype) -> str:
    return {"c": "complex numbers", "M": "dates", "m": "durations", "U": "text", "S": "text"}.get(dtype.kind, "records")
