"""A placeholder for a layer whose type this installation does not have."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from studio.core.layer import Layer
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape


@dataclass(frozen=True)
class UnknownLayer(Layer):
    """Keeps type and parameters of an unknown layer, so that saving loses nothing.

    Parameters
    ----------
    unknown_type : str
        The type's name in the file.
    values : str
        Its parameters, as JSON text.
    input_ports, output_ports : int
        How many ports of each kind it is shown with, so that its wires are kept.
    missing : str
        What is missing if it is not the type itself: the rest of a sentence about the layer.
    """

    family: ClassVar[str] = "Core"
    help: ClassVar[str] = "This layer comes from a plug-in that is not installed here."

    unknown_type: str = ""
    values: str = field(default="{}", repr=False)
    input_ports: int = 1
    output_ports: int = 1
    missing: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        # The one layer whose ports differ between instances; they stand before the class's.
        object.__setattr__(self, "inputs", tuple(f"input {n + 1}" for n in range(self.input_ports)))
        object.__setattr__(self, "outputs", tuple(f"output {n + 1}" for n in range(self.output_ports)))

    def summary(self) -> str:
        return self.unknown_type if self.missing else f"{self.unknown_type} (not installed)"

    def to_json(self) -> dict[str, Any]:
        return dict(json.loads(self.values))

    def output_shape(self, *shapes: Shape) -> Shape:
        if self.missing:
            raise ShapeProblem(self.missing)
        raise ShapeProblem(
            f"is of the type {self.unknown_type!r}, which is not installed: "
            "install its plug-in, or replace the layer."
        )
