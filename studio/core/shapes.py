"""Shapes, as people read them."""

from __future__ import annotations

import math

#: One sample's shape, channels last, without the batch axis. ``()`` is a scalar.
Shape = tuple[int, ...]


def size(shape: Shape) -> int:
    """How many numbers a sample of this shape has."""
    return math.prod(shape)


def describe(shape: Shape) -> str:
    """A shape in the window's notation, such as ``8 x 8 x 16``; a scalar is ``scalar``."""
    return " x ".join(str(n) for n in shape) if shape else "scalar"
