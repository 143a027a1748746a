"""Axes as Keras counts them: 0 is that of the samples, -1 the last."""

from __future__ import annotations

from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe


def feature_axis(axis: int, shape: Shape, name: str = "axis", remedy: Remedy | None = None) -> int:
    """The axis without counting that of the samples, from 0.

    Parameters
    ----------
    axis : int
        As Keras counts.
    shape : Shape
        Of one sample.
    name : str
        Of the parameter, for the sentence.
    remedy : Remedy or None
        What mends it, if not setting the parameter to -1.

    Raises
    ------
    ShapeProblem
        When samples of this shape have no such axis.
    """
    remedy = remedy or Remedy("set", "Use the last axis", values=((name, -1),))
    if not shape:
        raise ShapeProblem("gets one number a sample, needs lists or pictures: wire a Dense layer's output to it.")
    if axis == 0:
        raise ShapeProblem("cannot work along axis 0, which counts the samples: use -1, the last axis.", remedy)
    if not -len(shape) <= axis <= len(shape):
        raise ShapeProblem(f"has axis {axis}, but its inputs are {describe(shape)}: use -1, the last axis.", remedy)
    return axis - 1 if axis > 0 else len(shape) + axis
