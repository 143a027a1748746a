"""How much changed between two graphs or settings: numbers only, or the network itself."""

from __future__ import annotations

from studio.core.component import Component
from studio.core.document import Training
from studio.core.graph import Graph, Node
from studio.core.layer import Layer
from studio.core.optimizer import Optimizer
from studio.engine.network import is_stepwise


def same_network(before: Graph, after: Graph) -> bool:
    """Whether two graphs differ at most in names and in live parameters, and the same layers learn."""
    if before.edges != after.edges or [n.id for n in before.nodes] != [n.id for n in after.nodes]:
        return False
    pairs = zip(before.nodes, after.nodes, strict=True)
    return all(_learns_alike(one, other) and only_live(one.layer, other.layer) for one, other in pairs)


def _learns_alike(before: Node, after: Node) -> bool:
    alike = before.learning_rate_multiplier == after.learning_rate_multiplier
    return alike and before.trainable == after.trainable and before.pretrained == after.pretrained


def started_anew(before: Graph | None, after: Graph) -> frozenset[str]:
    """Nodes that start from other weights than before, so that what they learned since goes."""
    if before is None:
        return frozenset()
    both = ((node, before.by_id.get(node.id)) for node in after.nodes)
    return frozenset(node.id for node, old in both if old is not None and old.pretrained != node.pretrained)


def only_live(before: Component, after: Component) -> bool:
    """Whether two components differ at most in numbers that the kernels read as they run."""
    if type(before) is not type(after):
        return False
    for name, declared in before.parameters().items():
        if getattr(before, name) != getattr(after, name):
            numeric = declared.live and declared.kind in ("real", "flag")
            if not numeric and name not in ("epochs", "metrics", "top_k"):
                return False
    if isinstance(before, Training) and isinstance(after, Training):
        one, other = before.optimizer, after.optimizer
        if not isinstance(one, Optimizer) or not isinstance(other, Optimizer):
            return False
        same_rates = is_stepwise(before) == is_stepwise(after)
        return same_rates and only_live(one, other) and one.same_program(other)
    return not isinstance(before, Layer) or not isinstance(after, Layer) or before.same_program(after)
