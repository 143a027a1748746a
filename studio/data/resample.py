"""Enlarging and shrinking pictures."""

from __future__ import annotations

import numpy as np

from studio.core.dataset import Samples

#: Pictures are resampled in pieces of about this many numbers, so that temporary arrays
#: stay small.
_PIECE = 1 << 22


def resample(pictures: Samples, side: int) -> np.ndarray:
    """Pictures of another size, bilinear; shrinking averages over what a pixel covers.

    Parameters
    ----------
    pictures : numpy.ndarray or StoredArray
        float32 ``(samples, height, width, channels)``.
    side : int
        New height and width in pixels; other proportions are stretched to a square.

    Returns
    -------
    numpy.ndarray
        float32 ``(samples, side, side, channels)``.
    """
    count, height, width, channels = pictures.shape
    if (height, width) == (side, side):
        return np.asarray(pictures)
    result = np.empty((count, side, side, channels), np.float32)
    rows, columns = _taps(height, side), _taps(width, side)
    step = max(1, _PIECE // (channels * max(side, height) * max(side, width)))
    for start in range(0, count, step):
        piece = _along(pictures[start : start + step], 1, *rows)
        result[start : start + step] = _along(piece, 2, *columns)
    return result


def _taps(before: int, after: int) -> tuple[np.ndarray, np.ndarray]:
    """Which old pixels a new one is made of: indices and weights ``(after, taps)``."""
    scale = before / after
    reach = max(1.0, scale)
    centre = (np.arange(after) + 0.5) * scale - 0.5
    offsets = np.arange(-int(np.ceil(reach)), int(np.ceil(reach)) + 2)
    index = np.floor(centre).astype(np.int64)[:, None] + offsets
    weight = np.maximum(0.0, 1.0 - np.abs(index - centre[:, None]) / reach)
    weight /= weight.sum(axis=1, keepdims=True)
    used = weight.any(axis=0)
    return np.clip(index, 0, before - 1)[:, used], weight[:, used].astype(np.float32)


def _along(pictures: np.ndarray, axis: int, index: np.ndarray, weight: np.ndarray) -> np.ndarray:
    # Tap by tap rather than as a matrix product: the order of summation, and so every bit,
    # is then the same on every machine.
    broadcast = [1] * pictures.ndim
    broadcast[axis] = len(index)
    total = np.zeros((), np.float32)
    for tap in range(index.shape[1]):
        total = total + np.take(pictures, index[:, tap], axis=axis) * weight[:, tap].reshape(broadcast)
    return np.asarray(total)


def nearest(classes: np.ndarray, size: int) -> np.ndarray:
    """Masks of another size: each pixel takes the class of the nearest one.

    Parameters
    ----------
    classes : numpy.ndarray
        ``(samples, height, width)``.
    size : int
        New height and width.
    """
    rows, columns = (np.minimum((np.arange(size) + 0.5) * n / size, n - 1).astype(np.int64) for n in classes.shape[1:])
    return np.asarray(classes[:, rows[:, None], columns[None, :]])
