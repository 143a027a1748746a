"""Random maps fall silent while training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from studio.core.fields import real
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.noise import Noise
from studio.core.pictures import require_picture
from studio.core.shapes import Shape
from studio.kernels.random_masks import lower_spatial


@dataclass(frozen=True)
class SpatialDropout2D(Noise):
    """``y = x * mask / (1 - rate)`` while training, with one mask for all pixels; ``y = x`` otherwise."""

    keywords: ClassVar[tuple[str, ...]] = ("regularisation", "regularization", "random", "noise", "overfitting", "maps", "channels", "cnn")
    help: ClassVar[str] = (
        "Silences whole maps of a picture, other ones in each training step. "
        "Neighbouring pixels tell nearly the same, so silencing single ones, as Dropout does, would hide little. It does nothing once training is over."
    )
    formula: ClassVar[str] = "y = x · mask(map) / (1 − rate) while training, else y = x"
    source: ClassVar[str] = "J. Tompson et al., Efficient object localization using convolutional networks, CVPR 2015; Keras: SpatialDropout2D"
    keras: ClassVar[str] = "SpatialDropout2D"
    torch: ClassVar[str] = "Dropout2d"
    onnx: ClassVar[str] = ""

    rate: float = real(0.5, 0.0, 0.99, help="Which share of the maps is silent at any time.", live=True)

    def summary(self) -> str:
        return f"{self.rate:.0%} of the maps"

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        require_picture(shape)
        return shape

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_spatial(lowering, inputs[0], self.seed)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((5, 7, 9),)),
            (cls(rate=0.25), ((3, 2, 5),)),
            (cls(rate=0.1, seed=5), ((2, 2, 2),)),
        )
