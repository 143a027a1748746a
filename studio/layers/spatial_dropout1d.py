"""Random features of a sequence fall silent while training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from studio.core.fields import real
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.noise import Noise
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.random_masks import lower_spatial


@dataclass(frozen=True)
class SpatialDropout1D(Noise):
    """``y = x * mask / (1 - rate)`` while training, with one mask for all steps; ``y = x`` otherwise."""

    keywords: ClassVar[tuple[str, ...]] = ("regularisation", "regularization", "random", "noise", "overfitting", "features", "sequence", "text")
    help: ClassVar[str] = (
        "Silences whole features of a sequence, for all its steps, other ones in each training step. "
        "Neighbouring steps tell nearly the same, so silencing single numbers, as Dropout does, would hide little. It does nothing once training is over."
    )
    formula: ClassVar[str] = "y = x · mask(feature) / (1 − rate) while training, else y = x"
    source: ClassVar[str] = "J. Tompson et al., Efficient object localization using convolutional networks, CVPR 2015; Keras: SpatialDropout1D"
    keras: ClassVar[str] = "SpatialDropout1D"
    torch: ClassVar[str] = "Dropout1d"
    onnx: ClassVar[str] = ""

    rate: float = real(0.5, 0.0, 0.99, help="Which share of the features is silent at any time.", live=True)

    def summary(self) -> str:
        return f"{self.rate:.0%} of the features"

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if len(shape) != 2:
            raise ShapeProblem(f"gets {describe(shape)}, needs a sequence of steps with features: wire a sequence to it.")
        return shape

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_spatial(lowering, inputs[0], self.seed)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((4, 9),)),
            (cls(rate=0.25), ((3, 5),)),
            (cls(rate=0.1, seed=5), ((7, 2),)),
        )
