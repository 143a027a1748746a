"""Two convolutions with a wire around them."""

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
class ResidualBlock(Composite):
    """``y = activation(x + F(x))``, where F is two convolutions with batch normalisation."""

    family: ClassVar[str] = "Convolution"
    icon: ClassVar[str] = "add"
    keywords: ClassVar[tuple[str, ...]] = ("resnet", "skip", "shortcut", "block", "identity")
    help: ClassVar[str] = (
        "Two convolutions, and a wire around them that adds what came in. The convolutions only have to learn "
        "what to change, so that very deep networks still learn. Open it to see its parts."
    )
    formula: ClassVar[str] = "y = activation(x + F(x))"
    source: ClassVar[str] = "K. He et al., Deep residual learning for image recognition, CVPR 2016"

    filters: int = integer(16, 1, 4096, help="How many output maps the block has.")
    kernel_size: int = integer(3, 1, 15, help="Height and width of the patterns of both convolutions.", unit="px")
    strides: int = integer(1, 1, 8, help="How far the first convolution moves each time; 2 halves the picture.", unit="px")
    activation: str = choice("relu", registry.activation_names, help="The curve after each convolution.")
    shortcut: bool = flag(True, help="Whether there is a wire around the convolutions. Switch it off to see what it is good for.")

    def summary(self) -> str:
        return f"{self.kernel_size} × {self.kernel_size} · {self.activation}"

    def parts(self, *shapes: Shape) -> Mapping[str, Layer]:
        convolution, normalization = registry.layer("Conv2D"), registry.layer("BatchNormalization")

        def convolve(size: int, strides: int) -> Layer:
            return convolution(  # type: ignore[call-arg]
                filters=self.filters, kernel_size=(size, size), strides=(strides, strides), padding="same", use_bias=False
            )

        curve: Mapping[str, Layer] = {}
        if self.activation != "linear":
            curve = {name: registry.activation(self.activation) for name in ("activation_1", "activation_2")}
        def normalize() -> Layer:
            # Keras's 0.99 follows too slowly for the few hundred steps that a small network trains.
            return normalization(momentum=0.9)  # type: ignore[call-arg]

        first = {"convolution_1": convolve(self.kernel_size, self.strides), "normalization_1": normalize()}
        second = {"convolution_2": convolve(self.kernel_size, 1), "normalization_2": normalize()}
        around = {"projection": convolve(1, self.strides), "projection_normalization": normalize(), "add": registry.layer("Add")()}
        curves = list(curve.items())
        return {**first, **dict(curves[:1]), **second, **around, **dict(curves[1:])}

    def wiring(self, *shapes: Shape) -> Mapping[str, tuple[str, ...]]:
        wires: dict[str, tuple[str, ...]] = {"convolution_1": ("input",), "normalization_1": ("convolution_1",)}
        before = "normalization_1"
        if self.activation != "linear":
            wires[before := "activation_1"] = ("normalization_1",)
        wires |= {"convolution_2": (before,), "normalization_2": ("convolution_2",)}
        before = "normalization_2"
        if self.shortcut:
            around = "input"
            if self.strides != 1 or shapes[0][-1] != self.filters:
                # Maps of another number or size cannot be added: a 1 x 1 convolution makes them fit.
                wires |= {"projection": ("input",), "projection_normalization": ("projection",)}
                around = "projection_normalization"
            wires[before := "add"] = ("normalization_2", around)
        if self.activation != "linear":
            wires["activation_2"] = (before,)
        return wires

    def output_shape(self, *shapes: Shape) -> Shape:
        require_picture(shapes[0])
        return super().output_shape(*shapes)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(filters=3), ((5, 6, 3),)),
            (cls(filters=5, strides=2, activation="tanh"), ((5, 4, 2),)),
            (cls(filters=2, kernel_size=2, shortcut=False), ((4, 3, 3),)),
            (cls(filters=2, activation="linear"), ((3, 4, 2),)),
        )
