"""Layers that other layers are made of, and where their weights and numbers are found.

A layer with parts, such as a residual block, names its parts; the weight ``kernel`` of the part
``convolution`` is then the layer's weight ``convolution/kernel``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio.core.layer import Layer, Weight


def weights_of_part(name: str, part: Layer, *shapes: Any) -> tuple[Weight, ...]:
    """The part's weights under the names that they have in the whole."""
    return tuple(dataclasses.replace(w, name=f"{name}/{w.name}") for w in part.weights(*shapes))


def owner_of(layer: Layer, path: str) -> tuple[Layer, str, str]:
    """Who owns a weight or a parameter of a layer, by its name in the whole.

    Returns
    -------
    owner : Layer
        The layer itself, or the part of it (or of its parts) that the path leads to.
    prefix : str
        What the names of the owner's weights begin with; ends with a slash unless it is empty.
    name : str
        The owner's own name for it.
    """
    prefix = ""
    while "/" in path:
        head, rest = path.split("/", 1)
        part = layer.parts().get(head)
        if part is None:
            break  # a weight of the layer itself whose name has a slash, as some of Keras's do
        layer, prefix, path = part, f"{prefix}{head}/", rest
    return layer, prefix, path
