"""What layers of sequences (steps x channels) have in common."""

from __future__ import annotations

from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe


def check_sequence(shape: Shape, port: int = 0, name: str = "") -> None:
    """Look whether an input is a sequence.

    Parameters
    ----------
    shape : Shape
        Of the input.
    port : int
        Which input port it is.
    name : str
        The port's name, where a layer has several.

    Raises
    ------
    ShapeProblem
        When it is not; offers what can make it one.
    """
    if len(shape) == 2:
        return
    sentence = f"gets {describe(shape)}{f' as {name}' if name else ''}, needs a sequence (steps x channels)"
    if len(shape) == 1:
        remedy = Remedy("insert", "Add Embedding before it", type="Embedding", port=port)
        raise ShapeProblem(f"{sentence}: add Embedding before it if these are words, or else Reshape.", remedy)
    if len(shape) == 3:
        flat = (shape[0] * shape[1], shape[2])
        values = (("target_shape", flat),)
        remedy = Remedy("insert", "Add Reshape before it", type="Reshape", port=port, values=values)
        raise ShapeProblem(f"{sentence}: add Reshape before it, so that each pixel is a step.", remedy)
    raise ShapeProblem(f"{sentence}: wire another layer to it.")
