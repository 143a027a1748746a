"""Pictures turned by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.augmentation import Augmentation
from studio.core.fields import choice, integer, real
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Ref
from studio.core.shapes import Shape
from studio.kernels.sampling import FILL_MODES, PICTURE_KERNELS, rotation_maps


@dataclass(frozen=True)
class RandomRotation(Augmentation):
    """Each picture is turned by chance while training."""

    kernels: ClassVar[tuple[Any, Any, Any]] = PICTURE_KERNELS
    keywords: ClassVar[tuple[str, ...]] = ("augmentation", "turn", "angle", "data augmentation")
    help: ClassVar[str] = (
        "Turns each picture a little about its middle while training, by another angle each time, "
        "so that a slant stops to matter."
    )
    formula: ClassVar[str] = "y = x turned by an angle drawn by chance, while training"
    source: ClassVar[str] = "P. Simard et al., Best practices for convolutional neural networks, ICDAR 2003; Keras: RandomRotation"
    keras: ClassVar[str] = "RandomRotation"
    torch: ClassVar[str] = "RandomRotation"

    factor: float = real(0.05, 0.0, 1.0, help="Largest angle either way, as a share of a whole turn: 0.05 is 18 degrees.", live=True)
    fill_mode: str = choice("reflect", FILL_MODES, help="What comes in from outside: a number, the nearest pixel, or the picture mirrored.")
    fill_value: float = real(0.0, -1e6, 1e6, help="The number that constant fills with.", live=True)
    seed: int = integer(0, 0, 2**31 - 1, help="The number this layer's chance follows from; 0 takes the training's seed.")

    def summary(self) -> str:
        return f"± {360 * self.factor:.0f}°"

    def outside(self, lowering: Lowering) -> tuple[int, Ref]:
        return FILL_MODES.index(self.fill_mode), lowering.number("fill_value")

    def emit_maps(self, lowering: Lowering, shape: Shape, numbers: Ref, maps: Ref) -> None:
        lowering.emit(rotation_maps, lowering.batch, numbers, maps, *shape[:2], lowering.number("factor"))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(factor=0.2), ((5, 7, 3),)),
            (cls(factor=0.1, fill_mode="constant", fill_value=0.5), ((4, 3, 1),)),
            (cls(factor=0.5, fill_mode="nearest", seed=3), ((6, 6, 2),)),
        )
