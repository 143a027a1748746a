"""Bricks: trained parts of networks, to be put into others.

A brick is a piece of a graph whose layers start from what they had learned. In another graph
its layers are ordinary nodes; only where their weights begin (`Node.pretrained`) and that they
are frozen at first tells them from others.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from studio.core.document import Document, Position
from studio.core.graph import Edge, Graph, GraphError, Node
from studio.core.inference import Inference
from studio.core.layer import Loss, Weight
from studio.core.pretrained import Pretrained

#: Longer names do not fit into the palette.
LONGEST_NAME = 64


class BrickError(ValueError):
    """A brick cannot be made of this; the message is one plain sentence."""


@dataclass(frozen=True)
class Brick:
    """A trained part of a network.

    Parameters
    ----------
    name : str
        One line of at most 64 characters.
    origin : str
        Where it comes from, in a line.
    document : Document
        Its nodes, wires and positions; nodes that have weights have `Node.pretrained`.
    """

    name: str
    origin: str
    document: Document

    @property
    def graph(self) -> Graph:
        """Its nodes and wires."""
        return self.document.graph

    @property
    def parameters(self) -> int:
        """How many numbers it has learned."""
        return sum(a.size for n in self.graph.nodes if n.pretrained for a in n.pretrained.arrays.values())

    def ends(self) -> tuple[tuple[str, int], str] | None:
        """Where a wire goes in (node and port) and out (node); None unless there is one of each."""
        inputs = [(n.id, port) for n in self.graph.nodes for port in _open_inputs(self.graph, n)]
        outputs = [n.id for n in self.graph.nodes if n.layer.outputs and not self.graph.outgoing(n.id)]
        return (inputs[0], outputs[0]) if len(inputs) == len(outputs) == 1 else None


def _open_inputs(graph: Graph, node: Node) -> list[int]:
    taken = {e.target_port for e in graph.incoming(node.id)}
    if node.layer.is_variadic():
        return list(range(len(taken), node.layer.minimum_inputs))
    return [p for p in range(len(node.layer.inputs)) if p not in taken and node.layer.needs_input(p)]


def legal_name(name: str) -> str:
    """A brick's name without spaces around it.

    Raises
    ------
    BrickError
        When it is empty, too long or more than a line.
    """
    name = name.strip()
    if not name:
        raise BrickError("A brick needs a name: write a word or two.")
    if len(name) > LONGEST_NAME:
        raise BrickError(f"The name has {len(name)} letters, but at most {LONGEST_NAME} are seen: choose a shorter one.")
    if re.search(r"[\x00-\x1f\x7f]", name):
        raise BrickError("A brick's name is one line of letters: choose another one.")
    return name


def may_be_in_brick(node: Node) -> bool:
    """Whether the node computes something of the network; data and losses belong to the task."""
    return node.layer.family != "Data" and not isinstance(node.layer, Loss)


def make_brick(
    document: Document,
    inference: Inference,
    weights: Mapping[tuple[str, str], np.ndarray],
    nodes: Iterable[str],
    name: str,
    origin: str = "",
) -> Brick:
    """Make a brick of some nodes, with the wires among them.

    Parameters
    ----------
    document : Document
    inference : Inference
        What follows from its graph.
    weights : mapping of (node id, weight name) to numpy.ndarray
        What training came to; may be empty if the nodes themselves come from bricks.
    nodes : iterable of str
        Their ids; data and losses among them are left out.
    name, origin : str
        What to call it, and where it comes from.

    Raises
    ------
    BrickError
        When the name is not legal, or there is nothing learned to keep.
    """
    name = legal_name(name)
    chosen = [n for n in document.graph.subgraph(nodes).nodes if may_be_in_brick(n)]
    if not chosen:
        raise BrickError("A brick is made of layers: choose some besides data and losses.")
    by_path = {"/".join(key): array for key, array in weights.items()}
    graph = document.graph.subgraph(n.id for n in chosen)
    learned: dict[str, Pretrained | None] = {}
    for node in chosen:
        arrays = _learned(node, inference.weights.get(node.id), by_path)
        learned[node.id] = Pretrained(name, arrays) if arrays else None
    if not any(learned.values()):
        raise BrickError("None of these layers has weights, so they have nothing learned to keep: choose others too.")
    positions = {n.id: document.positions[n.id] for n in chosen if n.id in document.positions}
    return Brick(name, " ".join(origin.split()), Document(graph.set_pretrained(learned), positions))


def _learned(
    node: Node, wanted: tuple[Weight, ...] | None, by_path: Mapping[str, np.ndarray]
) -> Mapping[str, np.ndarray]:
    """What training made of a node's weights, else what they would start from."""
    start = f"{node.id}/"
    trained = {path.removeprefix(start): a for path, a in by_path.items() if path.startswith(start)}
    given = node.pretrained.arrays if node.pretrained is not None else {}
    if wanted is None:
        return trained or given
    for found in (trained, given):
        if all(w.name in found and found[w.name].shape == w.shape for w in wanted):
            return {w.name: found[w.name] for w in wanted}
    raise BrickError(f"{node.name} has not learned anything yet: train the network first.")


def add_brick(
    document: Document,
    brick: Brick,
    place: Position | None = None,
    frozen: bool = True,
    wire: Edge | None = None,
) -> tuple[Document, dict[str, str]]:
    """Put a brick's nodes into a document, laid out as they were.

    Parameters
    ----------
    document : Document
    brick : Brick
    place : (float, float), optional
        Where the brick's top left corner goes, in scene pixels; without it, where it was.
    frozen : bool
        Whether its weights stay as they are until a person lets them learn.
    wire : Edge, optional
        Put the brick onto this wire.

    Returns
    -------
    document : Document
    ids : dict of str to str
        Ids of the new nodes by those in the brick.

    Raises
    ------
    studio.core.graph.GraphError
        When it cannot go onto the wire.
    """
    ends = brick.ends()
    if wire is not None and ends is None:
        raise GraphError(f"{brick.name} cannot go on a wire: it has not just one way in and one way out.")
    graph, ids = document.graph.paste(brick.graph)
    if frozen:
        graph = graph.set_trainable([ids[n.id] for n in brick.graph.nodes if n.pretrained], False)
    if wire is not None and ends is not None:
        (first, port), last = ends
        graph = graph.disconnect_only(wire).connect(wire.source, wire.source_port, ids[first], port)
        out = Edge(ids[last], 0, wire.target, wire.target_port)
        graph = dataclasses.replace(graph, edges=(*graph.edges, out))
    corner = corner_of(brick.document)
    dx, dy = (0.0, 0.0) if place is None else (place[0] - corner[0], place[1] - corner[1])
    found = {ids[n]: (x + dx, y + dy) for n, (x, y) in brick.document.positions.items()}
    return document.with_graph(graph, **found), ids


def corner_of(document: Document) -> Position:
    """The top left corner of all nodes that have a position."""
    places = document.positions.values()
    return min((x for x, _ in places), default=0.0), min((y for _, y in places), default=0.0)
