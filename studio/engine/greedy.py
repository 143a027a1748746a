"""Training layer by layer: a sequence of graphs, each of which trains one more layer.

Before whole networks could be trained at once, layers were trained one after the other: each
with a temporary last layer of its own, then frozen. Keras's name for the usual way, in which
all layers learn together, is none; here it is ``joint``.

References
----------
Y. Bengio et al., "Greedy layer-wise training of deep networks", NIPS 2006.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from studio.core import registry
from studio.core.graph import Edge, Graph, Node
from studio.core.inference import Inference
from studio.core.layer import Layer, Loss
from studio.core.shapes import Shape, describe

#: Layers that belong to the one before them, also where they have weights.
_FOLLOWERS = ("Normalisation", "Activation")
#: What ids of temporary layers begin with; a person's never do.
TEMPORARY = "greedy-"


class GreedyProblem(ValueError):
    """Why a graph cannot be trained layer by layer; one plain sentence."""

    def __init__(self, node: str, sentence: str) -> None:
        super().__init__(sentence)
        self.node = node


@dataclass(frozen=True)
class Stage:
    """A part of a training run.

    Parameters
    ----------
    graph : Graph
        What is trained: the part of the document's graph up to a layer, with a temporary last
        layer; ids of nodes are the document's.
    start, end : int
        Passes through the data before it, and when it is done.
    learns : str
        Name of the layer whose turn it is.
    """

    graph: Graph
    start: int
    end: int
    learns: str = ""


@dataclass(frozen=True)
class Turns:
    """Whose turn it is in a run that trains layer by layer.

    Parameters
    ----------
    names : tuple of str
        Of the layers, in the order of their turns.
    starts : tuple of int
        Passes through the data before each turn.
    number : int
        Which of them it is now, from 0.
    nodes : frozenset of str
        Ids of the document's nodes that learn now.
    """

    names: tuple[str, ...]
    starts: tuple[int, ...]
    number: int
    nodes: frozenset[str]


def greedy_stages(graph: Graph, inference: Inference, epochs: int) -> tuple[Stage, ...]:
    """The stages of training a graph layer by layer.

    Each layer with weights has its turn, with an equal share of the epochs: it learns together
    with a temporary layer after it that gives what the loss asks for, and is frozen from then
    on. In the last stage the graph's own last layer learns.

    Parameters
    ----------
    graph, inference
        A graph without problems.
    epochs : int
        Of the whole run.

    Raises
    ------
    GreedyProblem
        When the graph has not exactly one loss, or a layer's output cannot lead to its target.
    """
    losses = [n for n in graph.nodes if isinstance(n.layer, Loss)]
    if len(losses) != 1:
        raise GreedyProblem("", f"Layer by layer, a graph needs one Loss, but this one has {len(losses)}: train it jointly.")
    loss = losses[0]
    turns = _turns(graph, inference, loss.id)
    bounds = [round(epochs * i / max(1, len(turns))) for i in range(len(turns) + 1)]
    stages: list[Stage] = []
    trained: set[str] = set()
    for number, node in enumerate(turns):
        last = number == len(turns) - 1
        part = graph if last else _with_head(graph, inference, loss, node, number)
        learning = {n.id for n in part.nodes if inference.weights.get(n.id)} - trained
        part = part.set_trainable(trained & set(part.by_id), False)
        stages.append(Stage(part, bounds[number], bounds[number + 1], graph.node(node).name))
        trained |= learning
    return tuple(stages) or (Stage(graph, 0, epochs),)


def stage_at(stages: tuple[Stage, ...], epoch: float) -> int:
    """Number of the stage that trains at an epoch; the last one goes on for ever."""
    return next((i for i, stage in enumerate(stages[:-1]) if epoch < stage.end), len(stages) - 1)


def _turns(graph: Graph, inference: Inference, loss: str) -> list[str]:
    """Layers that have a stage of their own."""
    before = graph.ancestors(loss)

    def has_turn(node: Node) -> bool:
        learns = node.trainable and any(w.trainable for w in inference.weights.get(node.id, ()))
        return node.id in before and learns and node.layer.family not in _FOLLOWERS

    return [n for n in graph.order if has_turn(graph.node(n))]


def _end_of_block(graph: Graph, inference: Inference, loss: str, node: str) -> str:
    """The last of the layers that only prepare the output of a layer for whatever comes next."""
    before = graph.ancestors(loss)
    while True:
        wires = [e for e in graph.outgoing(node) if e.target in before]
        if len(wires) != 1 or len(graph.incoming(wires[0].target)) != 1:
            return node
        following = graph.node(wires[0].target)
        if inference.weights.get(following.id) and following.layer.family not in _FOLLOWERS:
            return node
        node = following.id


def _with_head(graph: Graph, inference: Inference, loss: Node, node: str, number: int) -> Graph:
    """The graph up to a layer and what belongs to it, with a temporary last layer before the loss."""
    end = _end_of_block(graph, inference, loss.id, node)
    wires = graph.incoming(loss.id)
    others = [w.source for w in wires if w.target_port != 0]
    kept = {end, loss.id, *others, *graph.ancestors(end)}
    for other in others:
        kept |= graph.ancestors(other)
    part = graph.subgraph(kept)
    prediction = next(w for w in wires if w.target_port == 0)
    part = dataclasses.replace(part, edges=tuple(e for e in part.edges if e != prediction))
    wanted = inference.input_shapes[loss.id][0]
    activation = getattr(graph.node(prediction.source).layer, "activation", "") or "linear"
    before = end
    for i, layer in enumerate(_head(graph.node(end), inference.shapes[end][0], wanted, str(activation))):
        added = Node(f"{TEMPORARY}{number}-{i}", part.unique_name(f"Temporary {layer.type_name()}"), layer)
        wire = Edge(before, 0, added.id, 0)
        part = dataclasses.replace(part, nodes=(*part.nodes, added), edges=(*part.edges, wire))
        before = added.id
    return dataclasses.replace(part, edges=(*part.edges, Edge(before, 0, loss.id, 0)))


def _head(node: Node, shape: Shape, wanted: Shape, activation: str) -> list[Layer]:
    """Layers that turn numbers of one shape into a prediction of another."""
    units = math.prod(wanted[-1:])
    dense: dict[str, Any] = {"units": units, "activation": activation}
    pointwise: dict[str, Any] = {"filters": units, "kernel_size": 1, "activation": activation}
    if len(wanted) <= 1:
        flat = [] if len(shape) == 1 else [registry.layer("Flatten")()]
        return [*flat, registry.layer("Dense")(**dense)]
    if wanted[:-1] == shape[:-1] and len(shape) == 2:
        return [registry.layer("Dense")(**dense)]
    if wanted[:-1] == shape[:-1] and len(shape) == 3:
        return [registry.layer("Conv2D")(**pointwise)]
    raise GreedyProblem(
        node.id,
        f"{node.name} gives {describe(shape)}, from which no temporary layer makes {describe(wanted)}: "
        "train the graph jointly.",
    )
