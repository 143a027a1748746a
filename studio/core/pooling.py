"""What all pooling layers share: which pictures they take and which pixels their windows see."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.core.windows import Pair, Window


def require_picture(shape: Shape) -> None:
    """Check that a shape is one of a picture.

    Raises
    ------
    ShapeProblem
        When it is not; where it can be seen as one, with the remedy to do so.
    """
    if len(shape) == 3:
        return
    seen: Shape = ()
    if len(shape) == 2:
        seen = (*shape, 1)
    elif len(shape) == 1 and shape[0] > 1 and math.isqrt(shape[0]) ** 2 == shape[0]:
        side = math.isqrt(shape[0])
        seen = (side, side, 1)
    message = f"gets {describe(shape)}, needs a picture (height x width x channels)"
    if not seen:
        raise ShapeProblem(f"{message}: put it after a layer that gives one.")
    raise ShapeProblem(
        f"{message}: add Reshape to {describe(seen)} before it.",
        Remedy("insert", "Add Reshape before it", type="Reshape", values=(("target_shape", seen),)),
    )


def pooling_window(shape: Shape, pool_size: Pair, strides: Pair, padding: str) -> Window:
    """The window of a pooling layer on a picture of this shape.

    Parameters
    ----------
    shape : Shape
        ``(height, width, channels)``.
    strides : pair
        0 stands for the window's own size.

    Raises
    ------
    ShapeProblem
        When it is no picture, or smaller than the window.
    """
    require_picture(shape)
    steps = (strides[0] or pool_size[0], strides[1] or pool_size[1])
    window = Window((shape[0], shape[1]), pool_size, steps, padding)
    if min(window.output) < 1:
        raise ShapeProblem(
            f"has a window larger than its {describe(shape)} picture: make pool_size smaller or padding same.",
            Remedy("set", "Use padding same", values=(("padding", "same"),)),
        )
    return window


@dataclass(frozen=True, eq=False)
class PoolingTables:
    """Which pixels each window sees, and which windows see each pixel; padding is in neither.

    All arrays are int64. Pixels and windows are numbered row by row.

    Parameters
    ----------
    starts : numpy.ndarray
        ``(windows + 1,)``; window o sees ``pixels[starts[o]:starts[o + 1]]``.
    pixels : numpy.ndarray
        Pixel numbers, in the order of each window's taps.
    seen_starts : numpy.ndarray
        ``(picture pixels + 1,)``; the same for the two arrays that follow.
    seen_windows : numpy.ndarray
        Windows that see the pixel.
    seen_places : numpy.ndarray
        Which of the window's pixels it is there.
    """

    starts: np.ndarray
    pixels: np.ndarray
    seen_starts: np.ndarray
    seen_windows: np.ndarray
    seen_places: np.ndarray

    @property
    def seen_counts(self) -> np.ndarray:
        """How many pixels each of `seen_windows` sees."""
        return np.asarray(np.diff(self.starts)[self.seen_windows])


def pooling_tables(window: Window) -> PoolingTables:
    """Work out the tables of a window that fits its picture."""
    on_axis = []
    for axis in (0, 1):
        first = np.arange(window.output[axis]) * window.strides[axis] - window.before[axis]
        on_axis.append(first[:, None] + np.arange(window.kernel[axis])[None, :])
    rows, columns = on_axis[0][:, None, :, None], on_axis[1][None, :, None, :]
    height, width = window.picture
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    inside = inside.reshape(-1, window.size)
    pixels = np.broadcast_to(rows * width + columns, (*window.output, *window.kernel)).reshape(inside.shape)[inside]
    windows = np.nonzero(inside)[0]
    starts = np.concatenate([[0], np.cumsum(inside.sum(1))])
    places = np.arange(len(pixels)) - starts[windows]
    by_pixel = np.argsort(pixels, kind="stable")
    seen = np.bincount(pixels, minlength=height * width)
    return PoolingTables(
        starts, pixels, np.concatenate([[0], np.cumsum(seen)]), windows[by_pixel], places[by_pixel]
    )
