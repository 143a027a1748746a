"""Pictures mirrored by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.augmentation import Augmentation
from studio.core.fields import choice, integer
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Ref
from studio.core.shapes import Shape
from studio.kernels.sampling import PICTURE_KERNELS, flip_maps


@dataclass(frozen=True)
class RandomFlip(Augmentation):
    """Half of the pictures are mirrored while training; other ones in each step."""

    kernels: ClassVar[tuple[Any, Any, Any]] = PICTURE_KERNELS
    keywords: ClassVar[tuple[str, ...]] = ("augmentation", "mirror", "data augmentation")
    help: ClassVar[str] = (
        "Mirrors half of the pictures while training, other ones each time, so that left and right stop to matter. "
        "Not for digits or letters, which mirrored are no digits any more."
    )
    formula: ClassVar[str] = "y = x or x mirrored, by chance, while training"
    source: ClassVar[str] = "A. Krizhevsky et al., ImageNet classification, NIPS 2012; Keras: RandomFlip"
    keras: ClassVar[str] = "RandomFlip"
    torch: ClassVar[str] = "RandomHorizontalFlip"

    mode: str = choice(
        "horizontal_and_vertical", ("horizontal", "vertical", "horizontal_and_vertical"),
        help="horizontal: left and right. vertical: upside down.",
    )
    seed: int = integer(0, 0, 2**31 - 1, help="The number this layer's chance follows from; 0 takes the training's seed.")

    def summary(self) -> str:
        return self.mode.replace("_", " ")

    def emit_maps(self, lowering: Lowering, shape: Shape, numbers: Ref, maps: Ref) -> None:
        lowering.emit(
            flip_maps, lowering.batch, numbers, maps, *shape[:2], int("horizontal" in self.mode), int("vertical" in self.mode)
        )

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((5, 7, 3),)),
            (cls(mode="horizontal", seed=3), ((4, 3, 1),)),
            (cls(mode="vertical"), ((3, 6, 2),)),
        )
