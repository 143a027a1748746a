"""Finding a layer by what a person types: its name, its family or a keyword. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from studio.core.layer import FAMILIES, Layer
from studio.core.plugins import from_plugin
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape

#: The score of a name that only has the typed letters somewhere, in order.
_LETTERS = 7


def title_of(layer: type[Layer]) -> str:
    """The layer's name in words, such as ``Max pooling 2-D`` for ``MaxPooling2D``, for searching."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", layer.type_name())
    return words.lower()


def _score(layer: type[Layer], query: str) -> int | None:
    """How well the layer fits, small is good; None when it does not."""
    name = layer.type_name().lower()
    words = title_of(layer)
    squeezed = query.replace(" ", "").replace("-", "")
    if name == squeezed:
        return 0
    if name.startswith(squeezed):
        return 1
    if any(word.startswith(query) for word in words.split()) or words.startswith(query):
        return 2
    if squeezed in name:
        return 3
    if any(k.lower().startswith(query) for k in layer.keywords):
        return 4
    if any(query in k.lower() for k in layer.keywords):
        return 5
    if layer.family.lower().startswith(query):
        return 6
    rest = iter(name)
    if len(squeezed) > 1 and all(letter in rest for letter in squeezed):
        return _LETTERS
    return None


def takes(layer: type[Layer], shape: Shape) -> bool:
    """Whether a layer, as it comes, takes this shape alone; True where that cannot be said."""
    needed = sum(layer.needs_input(port) for port in range(len(layer.inputs)))
    if layer.is_variadic() or needed != 1:
        return True
    others: list[Any] = [None] * (len(layer.inputs) - 1)
    try:
        layer().output_shape(shape, *others)
    except ShapeProblem:
        return False
    except Exception:
        if not from_plugin(layer):
            raise
        return False
    return True


def search_layers(layers: Iterable[type[Layer]], query: str) -> list[type[Layer]]:
    """Layers that fit `query`, best first; all of them, by family, for an empty one."""
    query = " ".join(query.lower().split())
    rank = {family: i for i, family in enumerate(FAMILIES)}
    listed = sorted(layers, key=lambda c: (rank.get(c.family, len(rank)), not c.common, c.type_name()))
    if not query:
        return listed
    scored = [(score, c) for c in listed if (score := _score(c, query)) is not None]
    # Scattered letters fit much that nobody means: they count only where nothing else fits.
    good = [p for p in scored if p[0] < _LETTERS] or scored
    # Of twins for pictures and for sequences, the one for pictures is what most people mean.
    return [c for _, c in sorted(good, key=lambda p: (p[0], p[1].type_name().endswith("1D")))]
