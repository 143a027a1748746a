"""Geometry of windows that slide over pictures: convolution and pooling.

References
----------
Keras's (TensorFlow's) rule for ``padding="same"``: the output has ceil(size / stride) pixels
and an odd pixel of padding goes below or to the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

Pair = tuple[int, int]


@dataclass(frozen=True)
class Phase:
    """Input pixels that meet the same taps of a strided window.

    Parameters
    ----------
    pixels : list of (row, column)
        The input pixels.
    sources : list of (row, column)
        For each of them, the output pixel that distances are counted from.
    taps : list of (row, column)
        The window's taps that reach them.
    moves : list of (row, column)
        For each tap, how far its output pixel is from the source.
    """

    pixels: list[Pair]
    sources: list[Pair]
    taps: list[Pair]
    moves: list[Pair]


@dataclass(frozen=True)
class Window:
    """A window of `kernel` taps moved by `strides` over a picture of `picture` pixels.

    All pairs are (rows, columns), in pixels. `padding` is ``valid`` or ``same``.
    """

    picture: Pair
    kernel: Pair
    strides: Pair
    padding: str
    dilation: Pair = (1, 1)

    @property
    def size(self) -> int:
        """Taps of the window."""
        return self.kernel[0] * self.kernel[1]

    @cached_property
    def reach(self) -> Pair:
        """Pixels the window covers, gaps included."""
        return (
            (self.kernel[0] - 1) * self.dilation[0] + 1,
            (self.kernel[1] - 1) * self.dilation[1] + 1,
        )

    @cached_property
    def output(self) -> Pair:
        """Places the window takes; below 1 if it does not fit."""
        return self._output(0), self._output(1)

    def _output(self, axis: int) -> int:
        pixels = self.picture[axis] if self.padding == "same" else self.picture[axis] - self.reach[axis] + 1
        return -(-pixels // self.strides[axis])

    def _missing(self, axis: int) -> int:
        if self.padding == "valid":
            return 0
        covered = (self.output[axis] - 1) * self.strides[axis] + self.reach[axis]
        return max(0, covered - self.picture[axis])

    @cached_property
    def before(self) -> Pair:
        """Zeros above and to the left."""
        return self._missing(0) // 2, self._missing(1) // 2

    @cached_property
    def after(self) -> Pair:
        """Zeros below and to the right."""
        return self._missing(0) - self.before[0], self._missing(1) - self.before[1]

    @property
    def halo(self) -> int:
        """Zeros wanted on all sides of the picture."""
        return max(*self.before, *self.after)

    def pixel_offsets(self, row: int, pixel: int) -> np.ndarray:
        """Where the window starts for each output pixel; int64, row by row."""
        rows = np.arange(self.output[0], dtype=np.int64) * self.strides[0] * row
        columns = np.arange(self.output[1], dtype=np.int64) * self.strides[1] * pixel
        return (rows[:, None] + columns[None, :]).ravel()

    def tap_offsets(self, row: int, pixel: int, channels: int, channel: int) -> np.ndarray:
        """Distance of each tap and channel from the window's start; int64."""
        rows = np.arange(self.kernel[0], dtype=np.int64) * self.dilation[0] * row
        columns = np.arange(self.kernel[1], dtype=np.int64) * self.dilation[1] * pixel
        numbers = np.arange(channels, dtype=np.int64) * channel
        return (rows[:, None, None] + columns[None, :, None] + numbers[None, None, :]).ravel()

    def _phases(self, axis: int) -> list[tuple[list[int], list[int], list[int], list[int]]]:
        """Of one axis: for each phase its pixels, sources, taps and moves."""
        step, before, dilation = self.strides[axis], self.before[axis], self.dilation[axis]
        phases = []
        for start in range(min(step, self.picture[axis])):
            pixels = list(range(start, self.picture[axis], step))
            # From the last tap to the first, so that the outputs they come from follow each
            # other in memory: the processor fetches ahead only in order.
            taps = [k for k in reversed(range(self.kernel[axis])) if (start + before - k * dilation) % step == 0]
            moves = [(start + before - k * dilation) // step for k in taps]
            phases.append((pixels, list(range(len(pixels))), taps, moves))
        return phases

    def phases(self) -> list[Phase]:
        """Groups of input pixels that meet the same taps at the same distances."""
        return [
            Phase(
                [(r, c) for r in rows[0] for c in columns[0]],
                [(r, c) for r in rows[1] for c in columns[1]],
                [(r, c) for r in rows[2] for c in columns[2]],
                [(r, c) for r in rows[3] for c in columns[3]],
            )
            for rows in self._phases(0)
            for columns in self._phases(1)
        ]

    @property
    def gradient_halo(self) -> int:
        """Zeros wanted around the output's gradient, so that every tap finds one."""
        most = 0
        for axis in (0, 1):
            for _pixels, sources, _taps, moves in self._phases(axis):
                for move in moves:
                    most = max(most, -(sources[0] + move), sources[-1] + move - (self.output[axis] - 1))
        return most
