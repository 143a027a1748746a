"""What all pooling layers share: parameters, which inputs they take, and what their windows see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import choice, flag, integer, pair
from studio.core.layer import Layer
from studio.core.pictures import require_picture, require_sequence
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.core.windows import Window


@dataclass(frozen=True)
class Pooling2D(Layer):
    """A window that moves over a picture and makes one pixel of what it sees."""

    family: ClassVar[str] = "Pooling"
    icon: ClassVar[str] = "pooling"

    pool_size: tuple[int, int] = pair(2, 1, 1024, help="Height and width of the patch that becomes one pixel.", unit="px")
    strides: tuple[int, int] = pair(0, 0, 1024, help="How far the patch moves each time; 0 is its own size, so that patches do not overlap.", unit="px")
    padding: str = choice("valid", ("valid", "same"), help="valid: only whole patches. same: patches at the edge may stick out; only their inside counts.")

    def summary(self) -> str:
        return f"{self.pool_size[0]} × {self.pool_size[1]}"

    def window(self, shape: Shape) -> Window:
        """Where the patches lie on a picture of this shape.

        Raises
        ------
        ShapeProblem
            When it is no picture, or smaller than the patch.
        """
        require_picture(shape)
        steps = (self.strides[0] or self.pool_size[0], self.strides[1] or self.pool_size[1])
        return _fitting(Window((shape[0], shape[1]), self.pool_size, steps, self.padding), shape, "picture")

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*self.window(shapes[0]).output, shapes[0][2])


@dataclass(frozen=True)
class Pooling1D(Layer):
    """A window that moves along a sequence and makes one step of what it sees."""

    family: ClassVar[str] = "Pooling"
    icon: ClassVar[str] = "pooling"

    pool_size: int = integer(2, 1, 65_536, help="How many steps become one.")
    strides: int = integer(0, 0, 65_536, help="How far the window moves each time; 0 is its own size, so that windows do not overlap.")
    padding: str = choice("valid", ("valid", "same"), help="valid: only whole windows. same: windows at the ends may stick out; only their inside counts.")

    def summary(self) -> str:
        return f"{self.pool_size} steps"

    def window(self, shape: Shape) -> Window:
        """Where the windows lie on a sequence of this shape, seen as a picture of one row.

        Raises
        ------
        ShapeProblem
            When it is no sequence, or shorter than the window.
        """
        require_sequence(shape)
        steps = (1, self.strides or self.pool_size)
        return _fitting(Window((1, shape[0]), (1, self.pool_size), steps, self.padding), shape, "sequence")

    def output_shape(self, *shapes: Shape) -> Shape:
        return (self.window(shapes[0]).output[1], shapes[0][1])


@dataclass(frozen=True)
class GlobalPooling2D(Layer):
    """One number for each map of a picture."""

    family: ClassVar[str] = "Pooling"
    icon: ClassVar[str] = "pooling"

    keepdims: bool = flag(False, help="Whether the result stays a picture, of one pixel, rather than a list.")

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        require_picture(shape)
        return (1, 1, shape[2]) if self.keepdims else (shape[2],)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((5, 7, 3),)),
            (cls(keepdims=True), ((3, 2, 5),)),
            (cls(), ((1, 1, 4),)),
        )


@dataclass(frozen=True)
class GlobalPooling1D(Layer):
    """One number for each channel of a sequence."""

    family: ClassVar[str] = "Pooling"
    icon: ClassVar[str] = "pooling"

    keepdims: bool = flag(False, help="Whether the result stays a sequence, of one step, rather than a list.")

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        require_sequence(shape)
        return (1, shape[1]) if self.keepdims else (shape[1],)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7, 3),)),
            (cls(keepdims=True), ((5, 2),)),
            (cls(), ((1, 4),)),
        )


def _fitting(window: Window, shape: Shape, what: str) -> Window:
    if min(window.output) < 1:
        raise ShapeProblem(
            f"has a window larger than its {describe(shape)} {what}: make pool_size smaller or padding same.",
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
