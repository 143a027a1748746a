"""Patterns of several sizes side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from studio.core import registry
from studio.core.composite import Composite
from studio.core.fields import choice, flag, integer
from studio.core.layer import Layer
from studio.core.pictures import require_picture
from studio.core.shapes import Shape


@dataclass(frozen=True)
class InceptionBlock(Composite):
    """Convolutions of 1, 3 and 5 pixels and a pooling, side by side; their maps are joined."""

    family: ClassVar[str] = "Convolution"
    icon: ClassVar[str] = "concatenate"
    keywords: ClassVar[tuple[str, ...]] = ("inception", "googlenet", "branches", "parallel", "block")
    help: ClassVar[str] = (
        "Looks for small and large patterns at once: convolutions of 1, 3 and 5 pixels and a pooling stand side by side, "
        "and their maps are joined. Small convolutions before the large ones keep it cheap. Open it to see its parts."
    )
    formula: ClassVar[str] = "y = [K₁ ∗ x, K₃ ∗ x, K₅ ∗ x, K ∗ pool(x)]"
    source: ClassVar[str] = "C. Szegedy et al., Going deeper with convolutions, CVPR 2015"

    filters_1x1: int = integer(8, 1, 1024, help="Maps of the branch that looks at single pixels.")
    filters_3x3_reduce: int = integer(6, 1, 1024, help="Maps that the branch of 3 × 3 first reduces its input to.")
    filters_3x3: int = integer(12, 1, 1024, help="Maps of the branch that looks at 3 × 3 pixels.")
    filters_5x5_reduce: int = integer(3, 1, 1024, help="Maps that the branch of 5 × 5 first reduces its input to.")
    filters_5x5: int = integer(6, 1, 1024, help="Maps of the branch that looks at 5 × 5 pixels.")
    filters_pool: int = integer(6, 1, 1024, help="Maps of the branch that takes the largest of 3 × 3 pixels first.")
    activation: str = choice("relu", registry.activation_names, help="The curve after each convolution.")
    branches: bool = flag(True, help="Whether all branches are there. Switched off, only the one of 3 × 3 is left, to compare with.")

    def summary(self) -> str:
        return "1 × 1, 3 × 3, 5 × 5, pool" if self.branches else "3 × 3 only"

    def parts(self, *shapes: Shape) -> Mapping[str, Layer]:
        convolution = registry.layer("Conv2D")

        def convolve(filters: int, size: int) -> Layer:
            return convolution(  # type: ignore[call-arg]
                filters=filters, kernel_size=(size, size), padding="same", activation=self.activation
            )

        pool = registry.layer("MaxPooling2D")(pool_size=(3, 3), strides=(1, 1), padding="same")  # type: ignore[call-arg]
        return {
            "convolution_1x1": convolve(self.filters_1x1, 1),
            "reduce_3x3": convolve(self.filters_3x3_reduce, 1),
            "convolution_3x3": convolve(self.filters_3x3, 3),
            "reduce_5x5": convolve(self.filters_5x5_reduce, 1),
            "convolution_5x5": convolve(self.filters_5x5, 5),
            "pool": pool,
            "pool_projection": convolve(self.filters_pool, 1),
            "concatenate": registry.layer("Concatenate")(),
        }

    def wiring(self, *shapes: Shape) -> Mapping[str, tuple[str, ...]]:
        three = {"reduce_3x3": ("input",), "convolution_3x3": ("reduce_3x3",)}
        if not self.branches:
            return three
        return {
            "convolution_1x1": ("input",),
            **three,
            "reduce_5x5": ("input",),
            "convolution_5x5": ("reduce_5x5",),
            "pool": ("input",),
            "pool_projection": ("pool",),
            "concatenate": ("convolution_1x1", "convolution_3x3", "convolution_5x5", "pool_projection"),
        }

    def output_shape(self, *shapes: Shape) -> Shape:
        require_picture(shapes[0])
        return super().output_shape(*shapes)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(2, 3, 4, 2, 3, 1), ((5, 6, 3),)),
            (cls(1, 2, 3, 1, 2, 2, activation="tanh"), ((4, 3, 2),)),
            (cls(2, 3, 4, 2, 3, 1, branches=False), ((5, 4, 2),)),
        )
