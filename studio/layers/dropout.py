"""Random neurons fall silent while training."""

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
class Dropout(Noise):
    """``y = x * mask / (1 - rate)`` while training; ``y = x`` otherwise."""

    common: ClassVar[bool] = True
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

    def summary(self) -> str:
        return f"{self.rate:.0%}"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_silence(lowering, inputs[0], self.seed, keeps_moments=False)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(rate=0.25), ((5, 7, 3),)),
            (cls(rate=0.9, seed=5), ((3, 5),)),
            (cls(rate=0.0), ((7,),)),
        )
