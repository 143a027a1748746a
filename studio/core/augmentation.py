"""What layers that change pictures by chance have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.layer import Layer
from studio.core.lowering import Lowering, Ref, Tensor
from studio.core.pictures import require_picture
from studio.core.shapes import Shape


@dataclass(frozen=True)
class Augmentation(Layer):
    """Changes pictures while training and leaves them alone afterwards."""

    family: ClassVar[str] = "Augmentation"
    icon: ClassVar[str] = "picture"
    is_random: ClassVar[bool] = True
    #: What draws four uniform numbers a sample, what samples pictures by maps, and its gradient.
    kernels: ClassVar[tuple[Any, Any, Any]]

    def output_shape(self, *shapes: Shape) -> Shape:
        require_picture(shapes[0])
        return shapes[0]

    def emit_maps(self, lowering: Lowering, shape: Shape, numbers: Ref, maps: Ref) -> None:
        """Emit what makes, of four uniform numbers a sample, its map (see `studio.kernels.sampling`)."""
        raise TypeError(f"{self.type_name()} has no map.")

    def outside(self, lowering: Lowering) -> tuple[int, Ref]:
        """Number of the fill mode, and where its constant is."""
        return 1, lowering.zeros(1)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        if not lowering.training:
            return lowering.view(x, x.shape)
        y = lowering.output(x.shape)
        batch = lowering.batch
        draw, sample, sample_backward = self.kernels
        numbers, maps = lowering.scratch(4 * batch), lowering.scratch(6 * batch)
        seed = int(getattr(self, "seed", 0))
        lowering.emit(draw, batch, numbers, lowering.node_key(), seed)
        self.emit_maps(lowering, x.shape, numbers, maps)
        mode, fill = self.outside(lowering)
        sizes = (*x.shape, batch)
        lowering.emit(sample, *sizes, x.base, x.row_stride, y.base, y.row_stride, maps, mode, fill)

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(x)
            if dx is not None:
                places = (dx.base, dx.row_stride, dy.base, dy.row_stride)
                lowering.emit(sample_backward, *sizes, *places, maps, mode, int(lowering.on_card))

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        """What it computes once training is over."""
        return inputs[0]
