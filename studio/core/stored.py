"""Samples that stay on the disk: numbers as a file has them, and what they mean."""

from __future__ import annotations

import contextlib
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from studio.core.shapes import Shape

#: Bytes of a file whose samples are mixed with each other while the next ones are fetched.
WINDOW_BYTES = 1 << 26
#: Numbers that the kernels read as they are.
READABLE = ("u1", "i1", "i2", "u2", "f4", "i4", "f8", "i8")


class FileChanged(ValueError):
    """A mapped file became shorter, so that samples are gone; one plain sentence."""


@dataclass(frozen=True, eq=False)
class StoredArray:
    """Some of the samples of a mapped file; it is indexed like an array and gives float32 arrays.

    Sample i is ``(raw[rows[i]] - mean) / scale``. Only what is asked for is read; it raises `FileChanged`
    when the file became shorter.

    Parameters
    ----------
    raw : numpy.ndarray
        C-contiguous, of one of the `READABLE` types; the first axis counts the samples.
    rows : numpy.ndarray
        uint32 ``(samples,)``, rising: which of the file's samples these are.
    each : Shape
        Shape of a sample.
    mean, scale : numpy.ndarray
        float64, as many as a sample has numbers.
    """

    raw: np.ndarray
    rows: np.ndarray
    each: Shape
    mean: np.ndarray
    scale: np.ndarray

    #: Of what it gives.
    dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(samples, *each)``."""
        return (len(self.rows), *self.each)

    @property
    def ndim(self) -> int:
        """Axes, the samples' included."""
        return 1 + len(self.each)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self.rows) * len(self.mean)

    @property
    def nbytes(self) -> int:
        """Bytes of memory it holds, which is little: the samples are on the disk."""
        return self.rows.nbytes

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> np.ndarray:
        chosen, rest = (index[0], index[1:]) if isinstance(index, tuple) else (index, ())
        found = self._read(self.rows[chosen])
        if not rest:
            return found
        return np.asarray(found[rest] if np.ndim(self.rows[chosen]) == 0 else found[(slice(None), *rest)])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of it, in memory."""
        return self[:].astype(dtype or self.dtype, copy=False)

    def _read(self, rows: np.ndarray | np.integer) -> np.ndarray:
        check_length(self.raw)
        wide = self.raw.dtype.itemsize >= 4 and self.raw.dtype != np.float32
        kind = np.float64 if wide else np.float32
        raw = self.raw[rows].reshape(*np.shape(rows), len(self.mean)).astype(kind)
        numbers = (raw - self.mean.astype(kind)) / self.scale.astype(kind)
        return np.asarray(numbers, np.float32).reshape(*np.shape(rows), *self.each)

    def part(self, samples: np.ndarray) -> StoredArray:
        """Some of its samples, still on the disk.

        Parameters
        ----------
        samples : numpy.ndarray
            Numbers from 0, in any order; the part has them in rising order.
        """
        return StoredArray(self.raw, self.rows[np.sort(samples)], self.each, self.mean, self.scale)

    def scaled(self, mean: np.ndarray, scale: np.ndarray) -> StoredArray:
        """The same samples, less `mean` and divided by `scale`, which broadcast against one."""
        flat = [np.broadcast_to(a, self.each).reshape(-1).astype(np.float64) for a in (mean, scale)]
        return StoredArray(self.raw, self.rows, self.each, self.mean + flat[0] * self.scale, self.scale * flat[1])


def stored(raw: np.ndarray, each: Shape, unit: float = 1.0) -> StoredArray:
    """All samples of a mapped array, divided by `unit`.

    Parameters
    ----------
    raw : numpy.ndarray
        As in `StoredArray`.
    each : Shape
        Shape of a sample.
    unit : float
        What stands for 1.
    """
    length = int(np.prod(each, dtype=np.int64))
    rows = np.arange(len(raw), dtype=np.uint32)
    return StoredArray(raw, rows, each, np.zeros(length), np.full(length, unit))


def check_length(raw: np.ndarray) -> None:
    """Make sure that a mapped file still has what was mapped: reading behind its end would end the process.

    Raises
    ------
    FileChanged
        When it became shorter.
    """
    file = getattr(raw, "_mmap", None)
    if file is None:
        return
    offset = int(getattr(raw, "offset", 0))
    if file.size() < offset - offset % mmap.ALLOCATIONGRANULARITY + len(file):
        name = Path(getattr(raw, "filename", None) or "The file").name
        raise FileChanged(f"{name} became shorter while it was in use: choose it again.")


def advise(raw: np.ndarray, first: int, last: int, what: str) -> None:
    """Tell the system what will happen to some rows of a mapped file; nothing where it cannot be told."""
    flag = getattr(mmap, what, None)
    mapped = getattr(raw, "_mmap", None)
    if flag is None or mapped is None:
        return
    each = raw[:1].nbytes
    offset = raw.ctypes.data - np.frombuffer(mapped, np.uint8).ctypes.data
    begin = offset + first * each
    # Pages that are shared with neighbours stay where they are of no use to nobody.
    start = begin // mmap.PAGESIZE * mmap.PAGESIZE
    with contextlib.suppress(OSError, ValueError):
        mapped.madvise(flag, start, offset + last * each - start)
