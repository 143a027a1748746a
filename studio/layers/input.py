"""A stand-in for data: only a shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from studio.core.fields import shape
from studio.core.layer import Layer
from studio.core.shapes import Shape, describe


@dataclass(frozen=True)
class Input(Layer):
    """Only the shape of what will come in, to sketch a network before there are data."""

    family: ClassVar[str] = "Data"
    inputs: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[tuple[str, ...]] = ("X",)
    icon: ClassVar[str] = "input"
    keywords: ClassVar[tuple[str, ...]] = ("placeholder", "shape")
    help: ClassVar[str] = (
        "Stands for data you do not have yet: it only says their shape. "
        "Replace it with Data before training."
    )
    formula: ClassVar[str] = "x"
    keras: ClassVar[str] = "Input"

    shape: tuple[int, ...] = shape((28, 28, 1), help="Shape of one sample, channels last.")

    def summary(self) -> str:
        return describe(self.shape)

    def output_shape(self, *shapes: Shape) -> Shape:
        return self.shape
