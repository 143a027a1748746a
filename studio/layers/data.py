"""Where samples and their right answers come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

from studio.core.fields import flag, integer, real, text
from studio.core.layer import Layer
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape

#: A column of weights among the options of a source, which `studio.data.source` reads.
_WEIGHT = re.compile(r"^\s*csv:.*[?&]\s*weight\s*=\s*[^&\s]", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Data(Layer):
    """A data set with its ports: X, what the network sees, and Y, the right answers.

    A third one, for how much each sample counts, is there where the source names a column of weights.
    The arrays are loaded by `studio.data`; this node only says which ones.
    """

    family: ClassVar[str] = "Data"
    inputs: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[tuple[str, ...]] = ("X", "Y")
    icon: ClassVar[str] = "data"
    keywords: ClassVar[tuple[str, ...]] = ("dataset", "input", "samples", "csv", "images", "pictures", "text", "series")
    help: ClassVar[str] = (
        "Gives the network samples (X) and the right answers (Y). "
        "One part is used for training; the other parts only check what was learned."
    )
    formula: ClassVar[str] = "X, Y"

    source: str = text(  # type: ignore[misc]
        "digits",
        help="A built-in set such as digits or spirals, or files: csv:FILE?target=COLUMN, images:FOLDER, npz:FILE, npy:FOLDER, idx:FOLDER, text:FILE.",
    )
    samples: int = integer(500, 10, 1_000_000, help="How many samples to draw; only for sets drawn on the fly.")
    noise: float = real(0.1, 0.0, 1.0, help="How much chance blurs or shifts the samples; only for sets drawn on the fly.")
    validation: float = real(0.2, 0.0, 0.9, help="Share of the samples kept aside to check learning while it goes on.")
    test: float = real(0.2, 0.0, 0.9, help="Share of the samples kept aside for the very end.")
    standardize: bool = flag(True, help="Shift and scale each column to mean 0 and spread 1, measured on the training part.")
    one_hot: bool = flag(False, help="Give class answers as vectors such as 0 0 1 0 rather than as numbers.")
    resize: int = integer(0, 0, 512, help="Enlarge or shrink pictures to this many pixels a side; 0 leaves them as they are.", unit="px")
    seed: int = integer(0, 0, 2**31 - 1, help="The number that drawing and splitting follow from.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if _WEIGHT.search(self.source):
            # Ports of the one instance; they stand before the class's.
            object.__setattr__(self, "outputs", (*type(self).outputs, "weights"))

    def summary(self) -> str:
        kind, colon, rest = self.source.partition(":")
        # Of a file its name says enough; the whole path would be wider than the node.
        return PurePath(rest.partition("?")[0]).name or kind if colon else self.source

    def output_shape(self, *shapes: Shape) -> Shape:
        raise ShapeProblem("has no data yet: choose a source.")
