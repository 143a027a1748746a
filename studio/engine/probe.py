"""A layer that changes nothing and lets the gradient of what goes through it be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.shapes import Shape
from studio.kernels.control import copy_rows


@dataclass(frozen=True)
class Probe(Layer):
    """Passes numbers on; its gradient is that of the input of the layer after it."""

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        # Only what comes after a trainable weight has gradients.
        return (Weight("unused", (1,)),)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output(x.shape)
        length = y.row_length * lowering.batch
        lowering.emit(copy_rows, y.rows, length, y.base, y.row_stride, x.base, x.row_stride)
        # Nothing to compute, but asking makes the engine add up the gradient.
        lowering.backward(y, lambda dy: None)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return inputs[0]
