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


#: Zeros before and after on one axis.
Zeros = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Phase:
    """Input pixels that meet the same taps of a strided window.

    The pixels are a grid. Pixel (i, j) of it counts distances from output pixel (i, j).

    Parameters
    ----------
    rows, columns : numpy.ndarray
        int64: the grid's rows and columns in the input picture.
    taps : numpy.ndarray
        int64: numbers, row by row, of the window's taps that reach the pixels.
    row_moves, column_moves : numpy.ndarray
        int64: for each tap, how far its output pixel is from the one that distances are
        counted from.
    """

    rows: np.ndarray
    columns: np.ndarray
    taps: np.ndarray
    row_moves: np.ndarray
    column_moves: np.ndarray

    @property
    def grid(self) -> Pair:
        """Rows and columns of the grid."""
        return len(self.rows), len(self.columns)

    @property
    def reach(self) -> Pair:
        """Rows and columns of the output picture that a pixel meets."""
        return tuple(int(np.ptp(moves)) + 1 if len(moves) else 1 for moves in (self.row_moves, self.column_moves))  # type: ignore[return-value]

    def pixel_offsets(self, row: int, pixel: int) -> np.ndarray:
        """Where the pixels are; int64, row by row of the grid."""
        return np.asarray(np.add.outer(self.rows * row, self.columns * pixel).ravel())

    def source_offsets(self, row: int, pixel: int) -> np.ndarray:
        """Where the output pixels are that distances are counted from."""
        rows, columns = (np.arange(n, dtype=np.int64) for n in self.grid)
        return np.asarray(np.add.outer(rows * row, columns * pixel).ravel())

    def move_offsets(self, row: int, pixel: int) -> np.ndarray:
        """Distance of each tap's output pixel."""
        return np.asarray(self.row_moves * row + self.column_moves * pixel)


@dataclass(frozen=True)
class Window:
    """A window of `kernel` taps moved by `strides` over a picture of `picture` pixels.

    All pairs are (rows, columns), in pixels. `padding` is ``valid``, ``same``, ``causal`` (as
    many places as ``same``, but all zeros come before) or says how many zeros there are
    before and after, for rows and for columns.
    """

    picture: Pair
    kernel: Pair
    strides: Pair
    padding: str | tuple[Zeros, Zeros]
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
        if self.padding in ("same", "causal"):
            return -(-self.picture[axis] // self.strides[axis])
        zeros = 0 if isinstance(self.padding, str) else sum(self.padding[axis])
        return (self.picture[axis] + zeros - self.reach[axis]) // self.strides[axis] + 1

    def _zeros(self, axis: int) -> Zeros:
        if not isinstance(self.padding, str):
            return self.padding[axis]
        if self.padding == "valid":
            return 0, 0
        if self.padding == "causal":
            return self.reach[axis] - 1, 0
        covered = (self.output[axis] - 1) * self.strides[axis] + self.reach[axis]
        missing = max(0, covered - self.picture[axis])
        return missing // 2, missing - missing // 2

    @cached_property
    def before(self) -> Pair:
        """Zeros above and to the left."""
        return self._zeros(0)[0], self._zeros(1)[0]

    @cached_property
    def after(self) -> Pair:
        """Zeros below and to the right."""
        return self._zeros(0)[1], self._zeros(1)[1]

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

    def _phases(self, axis: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Of one axis: for each phase its pixels, taps and moves."""
        step, before, dilation = self.strides[axis], self.before[axis], self.dilation[axis]
        phases = []
        # From the last tap to the first, so that the outputs they come from follow each
        # other in memory: the processor fetches ahead only in order.
        taps = np.arange(self.kernel[axis], dtype=np.int64)[::-1]
        for start in range(min(step, self.picture[axis])):
            distances = start + before - taps * dilation
            met = distances % step == 0
            phases.append((np.arange(start, self.picture[axis], step, dtype=np.int64), taps[met], distances[met] // step))
        return phases

    def phases(self) -> list[Phase]:
        """Groups of input pixels that meet the same taps at the same distances."""
        found = []
        for rows, row_taps, row_moves in self._phases(0):
            for columns, column_taps, column_moves in self._phases(1):
                taps = (row_taps[:, None] * self.kernel[1] + column_taps[None, :]).ravel()
                moves = (np.repeat(row_moves, len(column_moves)), np.tile(column_moves, len(row_moves)))
                found.append(Phase(rows, columns, taps, *moves))
        return found

    @property
    def gradient_halo(self) -> int:
        """Zeros wanted around the output's gradient, so that every tap finds one."""
        most = 0
        for axis in (0, 1):
            for pixels, _taps, moves in self._phases(axis):
                if len(moves):
                    beyond = len(pixels) - self.output[axis] + int(moves.max())
                    most = max(most, -int(moves.min()), beyond)
        return most

    def patches(self, x: np.ndarray, outside: float = 0.0) -> np.ndarray:
        """What each place of the window sees, for references.

        Parameters
        ----------
        x : numpy.ndarray
            ``(batch, rows, columns, channels)``.
        outside : float
            The number that stands around the picture.

        Returns
        -------
        numpy.ndarray
            ``(batch, output rows, output columns, channels, kernel rows, kernel columns)``.
        """
        (top, left), (bottom, right) = self.before, self.after
        x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=outside)
        views = np.lib.stride_tricks.sliding_window_view(x, self.reach, axis=(1, 2))
        views = views[:, :: self.strides[0], :: self.strides[1], :, :: self.dilation[0], :: self.dilation[1]]
        return views[:, : self.output[0], : self.output[1]]
