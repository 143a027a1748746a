"""The mean of each small patch of a picture."""

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
from studio.kernels.pooling import means_of_windows, spread_means


@dataclass(frozen=True)
class AveragePooling2D(Layer):
    """``y = mean over the window of x``, for each channel by itself."""

    family: ClassVar[str] = "Pooling"
    icon: ClassVar[str] = "pooling"
    keywords: ClassVar[tuple[str, ...]] = ("average pool", "mean", "downsample", "subsample", "shrink", "blur", "cnn")
    help: ClassVar[str] = (
        "Replaces each small patch by its mean, so the picture shrinks. "
        "Softer than taking the largest number: weak patterns count too."
    )
    formula: ClassVar[str] = "y = mean over the window of x"
    source: ClassVar[str] = "Y. LeCun et al., Gradient-based learning applied to document recognition, 1998; Keras: AveragePooling2D"
    keras: ClassVar[str] = "AveragePooling2D"
    torch: ClassVar[str] = "AvgPool2d"
    onnx: ClassVar[str] = "AveragePool"

    pool_size: tuple[int, int] = pair(2, 1, 1024, help="Height and width of the patch that becomes one pixel.", unit="px")
    strides: tuple[int, int] = pair(0, 0, 1024, help="How far the patch moves each time; 0 is its own size, so that patches do not overlap.", unit="px")
    padding: str = choice("valid", ("valid", "same"), help="valid: only whole patches. same: patches at the edge may stick out; only their inside counts.")

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
        length = x.shape[2] * lowering.batch
        lowering.emit(
            means_of_windows,
            *(window.output[0] * window.output[1], length),
            *(x.base, lowering.table(tables.starts), lowering.table(x.pixel_offsets()[tables.pixels])),
            *(y.base, lowering.table(y.pixel_offsets())),
        )

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(x)
            if dx is None:
                return
            entries = np.stack([tables.seen_windows, tables.seen_counts], 1)
            lowering.emit(
                spread_means,
                *(x.shape[0] * x.shape[1], length),
                *(dx.base, lowering.table(dx.pixel_offsets())),
                *(lowering.table(tables.seen_starts), lowering.table(entries)),
                *(dy.base, lowering.table(dy.pixel_offsets())),
            )

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x = inputs[0]
        window = self.window(x.shape[1:])
        (top, bottom), (left, right) = zip(window.before, window.after, strict=True)

        def sums(numbers: np.ndarray) -> np.ndarray:
            padded = np.pad(numbers, ((0, 0), (top, bottom), (left, right), (0, 0)))
            views = np.lib.stride_tricks.sliding_window_view(padded, window.kernel, axis=(1, 2))
            return np.asarray(views[:, :: window.strides[0], :: window.strides[1]].sum((-2, -1)))

        return np.asarray(sums(x) / sums(np.ones_like(x)))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((5, 7, 3),)),
            (cls(padding="same"), ((5, 7, 2),)),
            (cls(pool_size=(3, 3), strides=(2, 2), padding="same"), ((6, 5, 2),)),
            (cls(pool_size=(3, 2), strides=(1, 1)), ((4, 5, 1),)),
            (cls(strides=(3, 4)), ((7, 9, 2),)),
        )
