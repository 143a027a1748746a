"""The largest number of each small patch of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import choice, pair
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.pooling import pooling_tables, pooling_window
from studio.core.shapes import Shape
from studio.core.windows import Window
from studio.kernels.pooling import largest_in_windows, largest_in_windows_with_places, spread_largest


@dataclass(frozen=True)
class MaxPooling2D(Layer):
    """``y = max over the window of x``, for each channel by itself."""

    family: ClassVar[str] = "Pooling"
    icon: ClassVar[str] = "pooling"
    keywords: ClassVar[tuple[str, ...]] = ("max pool", "maximum", "downsample", "subsample", "shrink", "cnn")
    help: ClassVar[str] = (
        "Keeps only the largest number of each small patch, so the picture shrinks. "
        "What matters is whether a pattern is there; where exactly matters less."
    )
    formula: ClassVar[str] = "y = max over the window of x"
    source: ClassVar[str] = "K. Yamaguchi et al., A neural network for speaker-independent isolated word recognition, ICSLP 1990; Keras: MaxPooling2D"
    keras: ClassVar[str] = "MaxPooling2D"
    torch: ClassVar[str] = "MaxPool2d"
    onnx: ClassVar[str] = "MaxPool"

    pool_size: tuple[int, int] = pair(2, 1, 1024, help="Height and width of the patch that becomes one pixel.", unit="px")
    strides: tuple[int, int] = pair(0, 0, 1024, help="How far the patch moves each time; 0 is its own size, so that patches do not overlap.", unit="px")
    padding: str = choice("valid", ("valid", "same"), help="valid: only whole patches. same: patches at the edge may stick out.")

    def summary(self) -> str:
        return f"{self.pool_size[0]} × {self.pool_size[1]}"

    def window(self, shape: Shape) -> Window:
        """Where the patches lie on a picture of this shape."""
        return pooling_window(shape, self.pool_size, self.strides, self.padding)

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*self.window(shapes[0]).output, shapes[0][2])

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        window = self.window(x.shape)
        tables = pooling_tables(window)
        y = lowering.output((*window.output, x.shape[2]))
        windows, length = window.output[0] * window.output[1], x.shape[2] * lowering.batch
        forward = (
            *(windows, length),
            *(x.base, lowering.table(tables.starts), lowering.table(x.pixel_offsets()[tables.pixels])),
            *(y.base, lowering.table(y.pixel_offsets())),
        )
        if not (lowering.training and x.differentiable):
            lowering.emit(largest_in_windows, *forward)
            return y
        places = lowering.scratch(windows * length)
        lowering.emit(largest_in_windows_with_places, *forward, places)

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(x)
            if dx is None:
                return
            entries = np.stack([tables.seen_windows, tables.seen_places], 1)
            lowering.emit(
                spread_largest,
                *(x.shape[0] * x.shape[1], length),
                *(dx.base, lowering.table(dx.pixel_offsets())),
                *(lowering.table(tables.seen_starts), lowering.table(entries)),
                *(dy.base, lowering.table(dy.pixel_offsets()), places),
            )

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x = inputs[0]
        window = self.window(x.shape[1:])
        (top, bottom), (left, right) = zip(window.before, window.after, strict=True)
        x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=-np.inf)
        views = np.lib.stride_tricks.sliding_window_view(x, window.kernel, axis=(1, 2))
        return np.asarray(views[:, :: window.strides[0], :: window.strides[1]].max((-2, -1)))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((5, 7, 3),)),
            (cls(padding="same"), ((5, 7, 2),)),
            (cls(pool_size=(3, 3), strides=(2, 2), padding="same"), ((6, 5, 2),)),
            (cls(pool_size=(1, 3), strides=(1, 1)), ((4, 5, 1),)),
            (cls(strides=(3, 4)), ((7, 9, 2),)),
        )
