"""Random neurons fall silent while training."""

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
class Dropout(Layer):
    """``y = x * mask / (1 - rate)`` while training; ``y = x`` otherwise."""

    family: ClassVar[str] = "Core"
    is_random: ClassVar[bool] = True
    icon: ClassVar[str] = "dropout"
    keywords: ClassVar[tuple[str, ...]] = ("regularisation", "regularization", "random", "noise", "overfitting")
    help: ClassVar[str] = (
        "Silences random neurons, other ones in each training step, so that no neuron can rely on a single other one. "
        "It helps against learning by heart. It does nothing once training is over."
    )
    formula: ClassVar[str] = "y = x · mask / (1 − rate) while training, else y = x"
    source: ClassVar[str] = "N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 15 (2014); Keras: Dropout"
    keras: ClassVar[str] = "Dropout"
    torch: ClassVar[str] = "Dropout"
    onnx: ClassVar[str] = "Dropout"

    rate: float = real(0.5, 0.0, 0.99, help="Which share of the neurons is silent at any time.", live=True)
    seed: int = integer(0, 0, 2**31 - 1, help="The number this layer's chance follows from; 0 takes the training's seed.")

    def summary(self) -> str:
        return f"{self.rate:.0%}"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_silence(lowering, inputs[0], self.seed, keeps_moments=False)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        """What it computes once training is over, and its mean over all masks before."""
        return inputs[0]

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(rate=0.25), ((5, 7, 3),)),
            (cls(rate=0.9, seed=5), ((3, 5),)),
            (cls(rate=0.0), ((7,),)),
        )
