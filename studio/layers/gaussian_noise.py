"""Numbers tremble while training."""

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
class GaussianNoise(Noise):
    """``y = x + noise`` while training; ``y = x`` otherwise."""

    keywords: ClassVar[tuple[str, ...]] = ("regularisation", "regularization", "random", "noise", "overfitting", "jitter", "denoising", "augmentation")
    help: ClassVar[str] = (
        "Adds a random number to each number, another one in each training step, so that the network does not rely on exact values. "
        "It helps against learning by heart. It does nothing once training is over."
    )
    formula: ClassVar[str] = "y = x + N(0, stddev²) while training, else y = x"
    source: ClassVar[str] = "C. Bishop, Training with noise is equivalent to Tikhonov regularization, Neural Computation 7 (1995); Keras: GaussianNoise"
    keras: ClassVar[str] = "GaussianNoise"
    torch: ClassVar[str] = ""
    onnx: ClassVar[str] = ""

    stddev: float = real(0.1, 0.0, 1.0, help="How large the noise is: its standard deviation.", live=True)

    def summary(self) -> str:
        return f"± {self.stddev:g}"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_noise(lowering, inputs[0], "stddev", self.seed, multiplies=False)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(stddev=0.5), ((5, 7, 3),)),
            (cls(stddev=1.0, seed=5), ((3, 5),)),
        )
