"""Where samples and their right answers come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from studio.core.fields import flag, integer, real, text
from studio.core.layer import Layer
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape


@dataclass(frozen=True)
class Data(Layer):
    """A data set with its two ports: X, what the network sees, and Y, the right answers.

    The arrays are loaded by `studio.data`; this node only says which ones.
    """

    family: ClassVar[str] = "Data"
    inputs: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[tuple[str, ...]] = ("X", "Y")
    icon: ClassVar[str] = "data"
    keywords: ClassVar[tuple[str, ...]] = ("dataset", "input", "samples", "csv", "images")
    help: ClassVar[str] = (
        "Gives the network samples (X) and the right answers (Y). "
        "One part is used for training; the other parts only check what was learned."
    )
    formula: ClassVar[str] = "X, Y"

    source: str = text(  # type: ignore[misc]
        "digits", help="A built-in set such as digits or spirals, or a file: csv:FILE?target=COLUMN, npz:FILE, idx:FOLDER, text:FILE.")
    samples: int = integer(500, 10, 1_000_000, help="How many samples to draw; only for sets drawn on the fly.")
    noise: float = real(0.1, 0.0, 1.0, help="How much chance blurs or shifts the samples; only for sets drawn on the fly.")
    validation: float = real(0.2, 0.0, 0.9, help="Share of the samples kept aside to check learning while it goes on.")
    test: float = real(0.2, 0.0, 0.9, help="Share of the samples kept aside for the very end.")
    standardize: bool = flag(True, help="Shift and scale each column to mean 0 and spread 1, measured on the training part.")
    one_hot: bool = flag(False, help="Give class answers as vectors such as 0 0 1 0 rather than as numbers.")
    resize: int = integer(0, 0, 512, help="Enlarge or shrink pictures to this many pixels a side; 0 leaves them as they are.", unit="px")
    seed: int = integer(0, 0, 2**31 - 1, help="The number that drawing and splitting follow from.")

    def summary(self) -> str:
        return self.source.partition("?")[0]

    def output_shape(self, *shapes: Shape) -> Shape:
        raise ShapeProblem("has no data yet: choose a source.")
