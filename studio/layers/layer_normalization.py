"""Each sample's features are brought to mean 0 and deviation 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import flag, real
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape
from studio.kernels.sample_normalization import lower_rows


@dataclass(frozen=True)
class LayerNormalization(Layer):
    """``y = gamma * (x - mean) / sqrt(variance + epsilon) + beta``, along the last axis of each sample."""

    family: ClassVar[str] = "Normalisation"
    icon: ClassVar[str] = "normalisation"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("layer norm", "ln", "normalize", "normalise", "transformer")
    help: ClassVar[str] = (
        "Brings the features of each sample, or of each step of a sequence, to mean 0 and spread 1. "
        "It looks at one sample at a time, so it does the same in training and afterwards. "
        "Transformers use it everywhere."
    )
    formula: ClassVar[str] = "y = γ · (x − mean) / √(variance + ε) + β"
    source: ClassVar[str] = "J. Ba, J. Kiros and G. Hinton, Layer normalization, arXiv 1607.06450 (2016); Keras: LayerNormalization"
    keras: ClassVar[str] = "LayerNormalization"
    torch: ClassVar[str] = "LayerNorm"
    onnx: ClassVar[str] = "LayerNormalization"

    epsilon: float = real(1e-3, 1e-12, 1.0, help="A small number added to the variance, so that nothing is divided by 0.", live=True, logarithmic=True)
    center: bool = flag(True, help="Whether each feature is shifted by a learned number (beta).")
    scale: bool = flag(True, help="Whether each feature is scaled by a learned number (gamma).")

    def output_shape(self, *shapes: Shape) -> Shape:
        if not shapes[0]:
            raise ShapeProblem("gets one number a sample, needs several features: wire Data's X to it.")
        return shapes[0]

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        one_a_feature = (shapes[0][-1],)
        gamma = (Weight("gamma", one_a_feature, "ones"),) if self.scale else ()
        return (*gamma, Weight("beta", one_a_feature)) if self.center else gamma

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        gamma = lowering.weight("gamma") if self.scale else None
        beta = lowering.weight("beta") if self.center else None
        return lower_rows(lowering, inputs[0], True, gamma, beta)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x = inputs[0]
        y = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + self.epsilon)
        if self.scale:
            y = y * weights["gamma"]
        if self.center:
            y = y + weights["beta"]
        return np.asarray(y)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(epsilon=0.1), ((5, 7, 3),)),
            (cls(center=False), ((3, 5),)),
            (cls(scale=False), ((2, 3, 2, 4),)),
            (cls(center=False, scale=False), ((4, 6),)),
        )
