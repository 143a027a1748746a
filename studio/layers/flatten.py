"""Pictures become lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.shapes import Shape, size


@dataclass(frozen=True)
class Flatten(Layer):
    """All numbers of a sample in one list, row by row, channels last."""

    family: ClassVar[str] = "Core"
    icon: ClassVar[str] = "flatten"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("unroll", "vector")
    help: ClassVar[str] = "Lays the numbers of a picture out in one long list, so that a Dense layer can read them."
    formula: ClassVar[str] = "y = all numbers of x, in order"
    source: ClassVar[str] = "Keras: Flatten"
    keras: ClassVar[str] = "Flatten"
    torch: ClassVar[str] = "Flatten"
    onnx: ClassVar[str] = "Flatten"

    def output_shape(self, *shapes: Shape) -> Shape:
        return (size(shapes[0]),)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lowering.view(inputs[0], self.output_shape(*lowering.shapes))

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return inputs[0].reshape(len(inputs[0]), -1)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return ((cls(), ((3, 4, 2),)), (cls(), ((7,),)), (cls(), ((3, 5),)))
