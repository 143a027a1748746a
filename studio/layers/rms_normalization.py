"""Each sample's features are brought to a root mean square of 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import real
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape
from studio.kernels.sample_normalization import lower_rows


@dataclass(frozen=True)
class RMSNormalization(Layer):
    """``y = scale * x / sqrt(mean(x ** 2) + epsilon)``, along the last axis of each sample."""

    family: ClassVar[str] = "Normalisation"
    icon: ClassVar[str] = "normalisation"
    keywords: ClassVar[tuple[str, ...]] = ("rms norm", "root mean square", "normalize", "normalise", "transformer")
    help: ClassVar[str] = (
        "Brings the features of each sample, or of each step of a sequence, to the same overall size. "
        "Unlike LayerNormalization it leaves their mean where it is, which is less work and does as well in most networks."
    )
    formula: ClassVar[str] = "y = scale · x / √(mean(x²) + ε)"
    source: ClassVar[str] = "B. Zhang and R. Sennrich, Root mean square layer normalization, NeurIPS 2019; Keras: RMSNormalization"
    keras: ClassVar[str] = "RMSNormalization"
    torch: ClassVar[str] = "RMSNorm"
    onnx: ClassVar[str] = "RMSNormalization"

    epsilon: float = real(1e-6, 1e-12, 1.0, help="A small number added to the mean square, so that nothing is divided by 0.", live=True, logarithmic=True)

    def output_shape(self, *shapes: Shape) -> Shape:
        if not shapes[0]:
            raise ShapeProblem("gets one number a sample, needs several features: wire Data's X to it.")
        return shapes[0]

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        return (Weight("scale", (shapes[0][-1],), "ones"),)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_rows(lowering, inputs[0], False, lowering.weight("scale"), None)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x = inputs[0]
        size = np.sqrt((x**2).mean(-1, keepdims=True) + self.epsilon)
        return np.asarray(x / size * weights["scale"])

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(epsilon=0.1), ((5, 7, 3),)),
            (cls(), ((3, 6),)),
        )
