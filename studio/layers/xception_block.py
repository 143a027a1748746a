"""Separable convolutions with a wire around them."""

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
class XceptionBlock(Composite):
    """``y = x + F(x)``, where F is two separable convolutions with batch normalisation."""

    family: ClassVar[str] = "Convolution"
    icon: ClassVar[str] = "add"
    keywords: ClassVar[tuple[str, ...]] = ("xception", "separable", "depthwise", "skip", "block", "mobilenet")
    help: ClassVar[str] = (
        "Two separable convolutions, which look at each map by itself and then mix the maps, and a wire around them. "
        "Much cheaper than whole convolutions, and often as good. Open it to see its parts."
    )
    formula: ClassVar[str] = "y = x + F(x)"
    source: ClassVar[str] = "F. Chollet, Xception: deep learning with depthwise separable convolutions, CVPR 2017"

    filters: int = integer(16, 1, 4096, help="How many output maps the block has.")
    kernel_size: int = integer(3, 1, 15, help="Height and width of the patterns.", unit="px")
    halve: bool = flag(False, help="Whether a pooling at the end halves the picture.")
    activation: str = choice("relu", registry.activation_names, help="The curve before each convolution.")
    separable: bool = flag(True, help="Whether convolutions are separable. Switch it off to compare with whole ones.")

    def summary(self) -> str:
        return f"{self.kernel_size} × {self.kernel_size} · {'separable' if self.separable else 'whole'}"

    def parts(self, *shapes: Shape) -> Mapping[str, Layer]:
        make = registry.layer
        size = (self.kernel_size, self.kernel_size)
        kind = "SeparableConv2D" if self.separable else "Conv2D"

        def normalize() -> Layer:
            # Keras's 0.99 follows too slowly for the few hundred steps that a small network trains.
            return make("BatchNormalization")(momentum=0.9)  # type: ignore[call-arg]

        def half(number: int) -> dict[str, Layer]:
            curve: dict[str, Layer] = {}
            if self.activation != "linear":
                curve = {f"activation_{number}": registry.activation(self.activation)}
            convolve = make(kind)(filters=self.filters, kernel_size=size, padding="same", use_bias=False)  # type: ignore[call-arg]
            return {**curve, f"convolution_{number}": convolve, f"normalization_{number}": normalize()}

        step = (2, 2) if self.halve else (1, 1)
        project = make("Conv2D")(filters=self.filters, kernel_size=(1, 1), strides=step, padding="same", use_bias=False)  # type: ignore[call-arg]
        return {
            **half(1),
            **half(2),
            "pool": make("MaxPooling2D")(pool_size=(3, 3), strides=(2, 2), padding="same"),  # type: ignore[call-arg]
            "projection": project,
            "projection_normalization": normalize(),
            "add": make("Add")(),
        }

    def wiring(self, *shapes: Shape) -> Mapping[str, tuple[str, ...]]:
        wires: dict[str, tuple[str, ...]] = {}
        before = "input"
        for number in (1, 2):
            names = [f"convolution_{number}", f"normalization_{number}"]
            if self.activation != "linear":
                names.insert(0, f"activation_{number}")
            for name in names:
                wires[name] = (before,)
                before = name
        if self.halve:
            wires["pool"] = (before,)
            before = "pool"
        around = "input"
        if self.halve or shapes[0][-1] != self.filters:
            wires |= {"projection": ("input",), "projection_normalization": ("projection",)}
            around = "projection_normalization"
        return {**wires, "add": (before, around)}

    def output_shape(self, *shapes: Shape) -> Shape:
        require_picture(shapes[0])
        return super().output_shape(*shapes)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(filters=3), ((5, 6, 3),)),
            (cls(filters=4, halve=True, activation="tanh"), ((5, 4, 2),)),
            (cls(filters=2, kernel_size=2, separable=False), ((4, 3, 2),)),
            (cls(filters=3, activation="linear"), ((3, 4, 2),)),
        )
