"""Enlarging pictures: which input pixels each output pixel mixes, and how much of each.

Positions and shares are whole numbers over a common denominator, so that they are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.core.windows import Pair


@dataclass(frozen=True, eq=False)
class Mixture:
    """Numbers of one picture as sums over another one's, as a kernel reads it.

    Parameters
    ----------
    starts : numpy.ndarray
        int64 ``(pixels + 1,)``: entries ``starts[p]`` to ``starts[p + 1]`` make pixel p.
    pixels : numpy.ndarray
        int64: of each entry, the pixel of the other picture, row by row.
    parts : numpy.ndarray
        int64: of each entry, how many parts of `whole` it counts.
    whole : int
    """

    starts: np.ndarray
    pixels: np.ndarray
    parts: np.ndarray
    whole: int

    def transposed(self, pixels: int) -> Mixture:
        """The same shares seen from the other picture, of so many pixels: the gradient's way."""
        counted = self.parts > 0
        own = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))[counted]
        others = self.pixels[counted]
        order = np.argsort(others, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(others, minlength=pixels))])
        return Mixture(starts, own[order], self.parts[counted][order], self.whole)


def enlargement(picture: Pair, size: Pair, smooth: bool) -> Mixture:
    """How a picture of `picture` pixels becomes one `size` times as large.

    Parameters
    ----------
    smooth : bool
        Linear between the middles of pixels (Keras's ``bilinear``), or each pixel repeated.
    """
    row_pixels, row_parts, rows = _on_axis(picture[0], size[0], smooth)
    column_pixels, column_parts, columns = _on_axis(picture[1], size[1], smooth)
    pixels = row_pixels[:, None, :, None] * picture[1] + column_pixels[None, :, None, :]
    parts = row_parts[:, None, :, None] * column_parts[None, :, None, :]
    each = pixels.shape[2] * pixels.shape[3]
    starts = np.arange(pixels.shape[0] * pixels.shape[1] + 1) * each
    return Mixture(starts, pixels.ravel(), parts.ravel(), rows * columns)


def _on_axis(pixels: int, size: int, smooth: bool) -> tuple[np.ndarray, np.ndarray, int]:
    """Of one axis: for each output its inputs and their parts, and how many parts make a whole."""
    outputs = np.arange(pixels * size, dtype=np.int64)
    if not smooth or size == 1:
        return outputs[:, None] // size, np.ones((len(outputs), 1), np.int64), 1
    # The middle of output i lies at (2 i + 1) / (2 size) - 1/2 of the input.
    position = 2 * outputs + 1 - size
    first = position // (2 * size)
    parts = position - first * 2 * size
    # Beyond the outermost middles the picture goes on unchanged.
    near = np.clip(np.stack([first, first + 1], 1), 0, pixels - 1)
    return near, np.stack([2 * size - parts, parts], 1), 2 * size
