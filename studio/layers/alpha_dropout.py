"""Random neurons fall silent while training, such that mean and deviation stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from studio.core.fields import real
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.noise import Noise
from studio.core.shapes import Shape
from studio.kernels.random_masks import lower_silence


@dataclass(frozen=True)
class AlphaDropout(Noise):
    """``y = a * (x or, silenced, -1.758) + b`` while training; ``y = x`` otherwise."""

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

    def summary(self) -> str:
        return f"{self.rate:.0%}"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_silence(lowering, inputs[0], self.seed, keeps_moments=True)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(rate=0.25), ((5, 7, 3),)),
            (cls(rate=0.1, seed=5), ((3, 5),)),
        )
