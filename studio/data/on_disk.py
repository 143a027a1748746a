"""Samples that stay on the disk: mapped where they lie, and looked through once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from studio.core.shapes import Shape
from studio.core.stored import READABLE, WINDOW_BYTES, StoredArray, advise, stored
from studio.data.errors import DataError, shown
from studio.data.files import MOST_SAMPLES, STAY_ON_DISK, reading
from studio.data.progress import Progress, silent

#: Bytes of a file that are looked at together.
_PIECE = 1 << 23


def stays_on_disk(shape: Sequence[int]) -> bool:
    """Whether samples would take too much memory as float32."""
    return math.prod(shape) * 4 > STAY_ON_DISK


def is_readable(dtype: np.dtype) -> bool:
    """Whether the kernels can read such numbers as they are in a file."""
    return dtype.isnative and (dtype.str[1:] in READABLE or dtype == np.bool_)


def mapped(path: Path, offset: int, dtype: np.dtype, shape: Sequence[int], each: Shape) -> StoredArray:
    """Samples of a file, not read yet.

    Parameters
    ----------
    path : Path
    offset : int
        Bytes before the first number.
    dtype : numpy.dtype
        One that `is_readable`; bytes of pictures stand for 0 to 1.
    shape : sequence of int
        As the file says; the first axis counts the samples.
    each : Shape
        Shape of a sample.

    Raises
    ------
    DataError
        When the file is shorter than that, or has too many samples.
    """
    if shape[0] > MOST_SAMPLES:
        raise DataError(f"{shown(path.name)} has more than {MOST_SAMPLES:,} samples: use a part of it.")
    dtype = np.dtype(np.uint8) if dtype == np.bool_ else dtype
    with reading(path):
        if path.stat().st_size < offset + math.prod(shape) * dtype.itemsize:
            raise DataError(f"{shown(path.name)} is damaged or was cut short: copy it again.")
        raw = np.memmap(path, dtype, "r", offset, tuple(shape))
    return stored(raw, each, 255.0 if dtype == np.uint8 and len(each) == 3 else 1.0)


def note(x_bytes: int) -> str:
    """What a person should know of such samples, in one sentence."""
    return (
        f"The samples stay on the disk ({x_bytes / 1e9:.1f} GB), so they are shuffled in part: blocks of neighbours "
        f"come in random order, and the samples of {WINDOW_BYTES >> 20} MB at a time are mixed."
    )


def mean_and_spread(
    x: StoredArray, parts: Sequence[StoredArray], columns: bool, progress: Progress = silent
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of the first part, in one pass that checks the numbers of all parts too.

    Parameters
    ----------
    x : StoredArray
        All samples of the file.
    parts : sequence of StoredArray
        The first is the training part.
    columns : bool
        Whether each number of a sample has a mean of its own, rather than all of them one.
    progress : callable
        Told how many of how many samples are done.

    Returns
    -------
    tuple of numpy.ndarray
        float64, as many as a sample has numbers, or one.

    Raises
    ------
    DataError
        When something is not a finite number, or too large to compute with.
    """
    train = np.zeros(len(x), bool)
    train[parts[0].rows] = True
    length = len(x.mean)
    raw = x.raw.reshape(len(x), length)
    step = max(1, _PIECE // max(1, raw[:1].nbytes))
    wide = columns or raw.dtype.itemsize >= 4
    shift: np.ndarray | None = None
    chosen: np.ndarray
    total, squares, count = np.zeros(length if columns else 1), np.zeros(length if columns else 1), 0
    for start in range(0, len(x), step):
        progress(start, len(x))
        piece = raw[start : start + step]
        if raw.dtype.kind == "f":
            _check(piece, start)
        chosen = piece[train[start : start + step]].astype(np.float64 if wide else np.float32)
        advise(x.raw, start, min(start + step, len(x)), "MADV_DONTNEED")
        if not len(chosen):
            continue
        if shift is None:
            # Near the mean, so that squares lose no digits.
            shift = chosen.mean(axis=0 if columns else None, dtype=np.float64, keepdims=True).reshape(-1)
        chosen -= shift.astype(chosen.dtype)
        if columns:
            total += chosen.sum(axis=0)
            squares += np.square(chosen).sum(axis=0)
            count += len(chosen)
        else:
            # Sums of single samples are exact enough as they are; those of all are float64.
            total += chosen.sum(axis=1).sum(dtype=np.float64)
            squares += np.asarray(np.einsum("ij,ij->i", chosen, chosen)).sum(dtype=np.float64)
            count += chosen.size
    progress(len(x), len(x))
    offset = total / count
    spread = np.sqrt(np.maximum(squares / count - offset**2, 0.0))
    assert shift is not None
    unit, zero = (x.scale, x.mean) if columns else (x.scale[:1], x.mean[:1])
    return (shift + offset - zero) / unit, spread / unit


def _check(piece: np.ndarray, start: int) -> None:
    # What is no number is not below the limit either.
    good = (np.abs(piece) <= np.finfo(np.float32).max).all(axis=1)
    if not good.all():
        bad = start + int(np.argmin(good))
        raise DataError(
            f"Sample {bad} of x holds something that is not a finite number, or one above 3e38: replace it first."
        )
