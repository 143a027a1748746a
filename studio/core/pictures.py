"""Pictures and sequences: which shapes are one, and how others become one."""

from __future__ import annotations

import math

from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe


def require_picture(shape: Shape) -> None:
    """Check that a shape is one of a picture.

    Raises
    ------
    ShapeProblem
        When it is not; where it can be seen as one, with the remedy to do so.
    """
    if len(shape) == 3:
        return
    seen: Shape = ()
    if len(shape) == 2:
        seen = (*shape, 1)
    elif len(shape) == 1 and shape[0] > 1 and math.isqrt(shape[0]) ** 2 == shape[0]:
        side = math.isqrt(shape[0])
        seen = (side, side, 1)
    _refuse(shape, "a picture (height x width x channels)", seen)


def require_sequence(shape: Shape) -> None:
    """Check that a shape is one of a sequence.

    Raises
    ------
    ShapeProblem
        When it is not; where it can be seen as one, with the remedy to do so.
    """
    if len(shape) == 2:
        return
    seen: Shape = ()
    if len(shape) == 1:
        seen = (shape[0], 1)
    elif len(shape) == 3:
        # The rows of a picture follow each other in time.
        seen = (shape[0], shape[1] * shape[2])
    _refuse(shape, "a sequence (steps x channels)", seen)


def _refuse(shape: Shape, wanted: str, seen: Shape) -> None:
    message = f"gets {describe(shape)}, needs {wanted}"
    if not seen:
        raise ShapeProblem(f"{message}: put it after a layer that gives one.")
    raise ShapeProblem(
        f"{message}: add Reshape to {describe(seen)} before it.",
        Remedy("insert", "Add Reshape before it", type="Reshape", values=(("target_shape", seen),)),
    )
