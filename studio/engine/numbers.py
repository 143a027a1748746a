"""Live numbers of layers: where the kernels of a plan read parameters that may change."""

from __future__ import annotations

from studio.core.graph import Graph
from studio.core.layer import ElementWise
from studio.core.parts import owner_of
from studio.core.registry import layer as layer_type


def number_of(graph: Graph, owner: str, name: str) -> float:
    """The value of a live number that does not belong to the optimizer.

    Parameters
    ----------
    owner : str
        A node's id; ``default:TYPE`` for an activation by name; ``constant*VALUE``.
    name : str
        The parameter, with the names of parts before it.
    """
    if owner.startswith("constant*"):
        return float(owner.partition("*")[2])
    if owner.startswith("default:"):
        kind = layer_type(owner.removeprefix("default:"))
        assert issubclass(kind, ElementWise)
        return kind.named().numbers()[name]
    layer, _, own_name = owner_of(graph.node(owner).layer, name)
    return float(getattr(layer, own_name))
