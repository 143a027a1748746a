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
    """

    family: ClassVar[str] = "Core"
    help: ClassVar[str] = "This layer comes from a plug-in that is not installed here."

    unknown_type: str = ""
    values: str = field(default="{}", repr=False)

    def summary(self) -> str:
        return f"{self.unknown_type} (not installed)"

    def to_json(self) -> dict[str, Any]:
        return dict(json.loads(self.values))

    def output_shape(self, *shapes: Shape) -> Shape:
        raise ShapeProblem(
            f"is of the type {self.unknown_type!r}, which is not installed: "
            "install its plug-in, or replace the layer."
        )
