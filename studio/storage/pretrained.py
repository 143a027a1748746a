"""Weights that nodes start from, in files: each once, under the key that follows from its numbers.

A document's JSON says which weights a node starts from and what brick they come from; the
numbers are beside it. Where they are not, the node says so (`Pretrained.missing`) and keeps
the key, so that nothing else of the document is lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from studio.core.graph import Graph
from studio.core.pretrained import Pretrained
from studio.storage.arrays import weights_from_bytes, weights_to_bytes
from studio.storage.errors import StorageError

#: Numbers by key and by the layer's name for the weight.
Stored = Mapping[str, Mapping[str, np.ndarray]]

_KEY = re.compile(r"[0-9a-f]{32}")
_LONGEST_NAME = 1000


def pretrained_to_json(start: Pretrained) -> dict[str, str]:
    """What a node's JSON says of the weights it starts from."""
    return {"brick": start.brick, "key": start.key}


def pretrained_from_json(values: Any, name: str) -> Pretrained:
    """The same without its numbers; see `with_weights`.

    Raises
    ------
    StorageError
        When it is not legal.
    """
    brick, key = (values.get("brick"), values.get("key")) if isinstance(values, dict) else (None, None)
    if not isinstance(brick, str) or len(brick) > _LONGEST_NAME:
        raise StorageError(f"It is not clear which brick the weights of {name} come from.")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise StorageError(f"It is not clear which weights of the brick {brick[:64]} are those of {name}.")
    return Pretrained(brick, {}, key)


def stored_weights(graph: Graph) -> dict[str, Mapping[str, np.ndarray]]:
    """The numbers that nodes of a graph start from, by key."""
    return {n.pretrained.key: n.pretrained.arrays for n in graph.nodes if n.pretrained and not n.pretrained.missing}


def stored_to_bytes(stored: Stored) -> bytes:
    """A safetensors file."""
    return weights_to_bytes({(key, name): array for key, arrays in stored.items() for name, array in arrays.items()})


def stored_from_bytes(content: bytes) -> dict[str, dict[str, np.ndarray]]:
    """What `stored_to_bytes` was given.

    Raises
    ------
    StorageError
        When it is damaged.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    for path, array in weights_from_bytes(content).items():
        if len(path) != 2:
            raise StorageError(f"The weights in the file are damaged: {'/'.join(path)[:64]!r} belongs to no brick.")
        found.setdefault(path[0], {})[path[1]] = array
    return found


def with_weights(graph: Graph, stored: Stored) -> Graph:
    """The graph with the numbers that its nodes start from.

    Raises
    ------
    StorageError
        When numbers are not those that they say they are.
    """
    made: dict[str, Pretrained | None] = {}
    for node in graph.nodes:
        start = node.pretrained
        if start is None or start.key not in stored:
            continue
        whole = Pretrained(start.brick, stored[start.key])
        if whole.key != start.key:
            raise StorageError(f"The weights of {node.name} from the brick {start.brick[:64]} are damaged.")
        made[node.id] = whole
    return graph.set_pretrained(made)
