"""Numbers are multiplied by random factors while training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from studio.core.fields import real
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.noise import Noise
from studio.core.shapes import Shape
from studio.kernels.random_masks import lower_noise


@dataclass(frozen=True)
class GaussianDropout(Noise):
    """``y = x * (1 + noise)`` while training; ``y = x`` otherwise."""

    keywords: ClassVar[tuple[str, ...]] = ("regularisation", "regularization", "random", "noise", "overfitting", "multiplicative")
    help: ClassVar[str] = (
        "Multiplies each number by a random factor around 1, another one in each training step. "
        "It works as Dropout does, but no neuron falls silent altogether. It does nothing once training is over."
    )
    formula: ClassVar[str] = "y = x · N(1, rate / (1 − rate)) while training, else y = x"
    source: ClassVar[str] = "N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 15 (2014); Keras: GaussianDropout"
    keras: ClassVar[str] = "GaussianDropout"
    torch: ClassVar[str] = ""
    onnx: ClassVar[str] = ""

    rate: float = real(0.5, 0.0, 0.99, help="How large the factors' spread is: that of Dropout with this rate.", live=True)

    def summary(self) -> str:
        return f"{self.rate:.0%}"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_noise(lowering, inputs[0], "rate", self.seed, multiplies=True)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(rate=0.25), ((5, 7, 3),)),
            (cls(rate=0.1, seed=5), ((3, 5),)),
        )
