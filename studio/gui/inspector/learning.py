"""How a layer's weights learn: whether at all, and how fast beside the others."""

from __future__ import annotations

from dataclasses import dataclass

from studio.core.component import Component
from studio.core.fields import flag, real
from studio.core.graph import LARGEST_MULTIPLIER, Graph, Node


@dataclass(frozen=True)
class Learning(Component):
    """What the inspector's form shows of a node, beside its layer's parameters."""

    freeze_weights: bool = flag(False, help="Keep the weights as they are while the other layers learn.")
    learning_rate_multiplier: float = real(
        1.0,
        0.0,
        LARGEST_MULTIPLIER,
        help="How many times the optimizer's learning rate this layer learns with.",
        unit="×",
        logarithmic=True,
    )


def learning_of(node: Node) -> Learning:
    """How a node's weights learn."""
    return Learning(not node.trainable, node.learning_rate_multiplier)


def with_learning(graph: Graph, node: str, name: str, value: object) -> Graph:
    """The graph with one of the two changed."""
    if name == "freeze_weights":
        return graph.set_trainable([node], not value)
    assert isinstance(value, (int, float))
    return graph.set_learning_rate_multiplier([node], value)
