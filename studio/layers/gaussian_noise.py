"""Numbers tremble while training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import integer, real
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.shapes import Shape
from studio.kernels.random_masks import lower_noise


@dataclass(frozen=True)
class GaussianNoise(Layer):
    """``y = x + noise`` while training; ``y = x`` otherwise."""

    family: ClassVar[str] = "Core"
    is_random: ClassVar[bool] = True
    icon: ClassVar[str] = "dropout"
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
    seed: int = integer(0, 0, 2**31 - 1, help="The number this layer's chance follows from; 0 takes the training's seed.")

    def summary(self) -> str:
        return f"± {self.stddev:g}"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_noise(lowering, inputs[0], "stddev", self.seed, multiplies=False)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        """What it computes once training is over, and its mean over all noise before."""
        return inputs[0]

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(stddev=0.5), ((5, 7, 3),)),
            (cls(stddev=1.0, seed=5), ((3, 5),)),
        )
