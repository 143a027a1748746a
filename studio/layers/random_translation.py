"""Pictures shifted by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.augmentation import Augmentation
from studio.core.fields import choice, integer, real
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Ref
from studio.core.shapes import Shape
from studio.kernels.sampling import FILL_MODES, PICTURE_KERNELS, translation_maps


@dataclass(frozen=True)
class RandomTranslation(Augmentation):
    """Each picture is shifted by chance while training."""

    kernels: ClassVar[tuple[Any, Any, Any]] = PICTURE_KERNELS
    keywords: ClassVar[tuple[str, ...]] = ("augmentation", "shift", "move", "data augmentation")
    help: ClassVar[str] = (
        "Shifts each picture a little while training, another way each time. "
        "The network then finds a thing wherever it lies, and learns less by heart."
    )
    formula: ClassVar[str] = "y[r, c] = x[r + Δr, c + Δc], Δ by chance, while training"
    source: ClassVar[str] = "P. Simard et al., Best practices for convolutional neural networks, ICDAR 2003; Keras: RandomTranslation"
    keras: ClassVar[str] = "RandomTranslation"
    torch: ClassVar[str] = "RandomAffine"

    height_factor: float = real(0.1, 0.0, 1.0, help="Largest shift up or down, as a share of the height.", live=True)
    width_factor: float = real(0.1, 0.0, 1.0, help="Largest shift to the left or right, as a share of the width.", live=True)
    fill_mode: str = choice("reflect", FILL_MODES, help="What comes in from outside: a number, the nearest pixel, or the picture mirrored.")
    fill_value: float = real(0.0, -1e6, 1e6, help="The number that constant fills with.", live=True)
    seed: int = integer(0, 0, 2**31 - 1, help="The number this layer's chance follows from; 0 takes the training's seed.")

    def summary(self) -> str:
        return f"± {self.height_factor:.0%}, {self.width_factor:.0%}"

    def outside(self, lowering: Lowering) -> tuple[int, Ref]:
        return FILL_MODES.index(self.fill_mode), lowering.number("fill_value")

    def emit_maps(self, lowering: Lowering, shape: Shape, numbers: Ref, maps: Ref) -> None:
        factors = (lowering.number("height_factor"), lowering.number("width_factor"))
        lowering.emit(translation_maps, lowering.batch, numbers, maps, *shape[:2], *factors)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(height_factor=0.3), ((5, 7, 3),)),
            (cls(width_factor=0.6, fill_mode="constant", fill_value=0.5), ((4, 3, 1),)),
            (cls(fill_mode="nearest", seed=3), ((3, 6, 2),)),
        )
