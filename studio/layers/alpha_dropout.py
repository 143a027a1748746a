"""Random neurons fall silent while training, such that mean and deviation stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import integer, real
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.shapes import Shape
from studio.kernels.random_masks import lower_silence


@dataclass(frozen=True)
class AlphaDropout(Layer):
    """``y = a * (x or, silenced, -1.758) + b`` while training; ``y = x`` otherwise."""

    family: ClassVar[str] = "Core"
    is_random: ClassVar[bool] = True
    icon: ClassVar[str] = "dropout"
    keywords: ClassVar[tuple[str, ...]] = ("regularisation", "regularization", "random", "noise", "overfitting", "selu", "self-normalizing")
    help: ClassVar[str] = (
        "Dropout for networks with selu: a silent neuron gives the lowest number selu has, "
        "and all are scaled and shifted so that mean 0 and spread 1 stay. It does nothing once training is over."
    )
    formula: ClassVar[str] = "y = a (x · mask − 1.758 (1 − mask)) + b while training, else y = x"
    source: ClassVar[str] = "G. Klambauer et al., Self-normalizing neural networks, NeurIPS 2017; Keras: AlphaDropout"
    keras: ClassVar[str] = "AlphaDropout"
    torch: ClassVar[str] = "AlphaDropout"
    onnx: ClassVar[str] = ""

    rate: float = real(0.5, 0.0, 0.99, help="Which share of the neurons is silent at any time.", live=True)
    seed: int = integer(0, 0, 2**31 - 1, help="The number this layer's chance follows from; 0 takes the training's seed.")

    def summary(self) -> str:
        return f"{self.rate:.0%}"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_silence(lowering, inputs[0], self.seed, keeps_moments=True)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        """What it computes once training is over."""
        return inputs[0]

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(rate=0.25), ((5, 7, 3),)),
            (cls(rate=0.1, seed=5), ((3, 5),)),
        )
