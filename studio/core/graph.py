"""The frozen graph: nodes, wires and pure edits, each of which returns a new graph."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from studio.core.layer import Layer
from studio.core.pretrained import Pretrained

#: A layer that learns faster than so many times the others is a slip of the keyboard.
LARGEST_MULTIPLIER = 1000.0


class GraphError(ValueError):
    """An edit that would not leave a legal graph; the message is one plain sentence."""


@dataclass(frozen=True)
class Node:
    """A layer placed in a graph.

    Parameters
    ----------
    id : str
        Never changes and is never used again in the same graph (``n1``, ``n2``, ...).
    name : str
        What people call it; unique in the graph.
    layer : Layer
        Type and parameters.
    trainable : bool
        Whether training changes its weights; without, the layer is frozen.
    learning_rate_multiplier : float
        Its learning rate, in multiples of the optimizer's; 0 or more.
    pretrained : Pretrained or None
        The weights it starts from, learned elsewhere; None is random ones.
    """

    id: str
    name: str
    layer: Layer
    trainable: bool = True
    learning_rate_multiplier: float = 1.0
    pretrained: Pretrained | None = None


@dataclass(frozen=True, order=True)
class Edge:
    """A wire from an output port to an input port."""

    source: str
    source_port: int
    target: str
    target_port: int


@dataclass(frozen=True)
class Graph:
    """A directed acyclic graph of layers.

    A legal graph has unique ids and names, at most one wire an input port, no loops, and on
    variadic inputs ports numbered without gaps. Every edit keeps it legal or raises
    `GraphError`.
    """

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    #: Number of the next id; never goes back, so that ids stay unique over undo.
    next_number: int = 1

    @cached_property
    def by_id(self) -> dict[str, Node]:
        """Nodes by id."""
        return {n.id: n for n in self.nodes}

    @cached_property
    def _incoming(self) -> dict[str, tuple[Edge, ...]]:
        found: dict[str, list[Edge]] = {n.id: [] for n in self.nodes}
        for edge in self.edges:
            found[edge.target].append(edge)
        return {k: tuple(sorted(v, key=lambda e: e.target_port)) for k, v in found.items()}

    @cached_property
    def _outgoing(self) -> dict[str, tuple[Edge, ...]]:
        found: dict[str, list[Edge]] = {n.id: [] for n in self.nodes}
        for edge in self.edges:
            found[edge.source].append(edge)
        return {k: tuple(sorted(v)) for k, v in found.items()}

    def feeds(self, node: str) -> tuple[Edge | None, ...]:
        """The wire on each input port; None where an optional one has none, or none yet."""
        layer, wires = self.node(node).layer, self.incoming(node)
        if layer.is_variadic():
            return wires
        by_port = {w.target_port: w for w in wires}
        return tuple(by_port.get(port) for port in range(len(layer.inputs)))

    def __contains__(self, node: str) -> bool:
        return node in self.by_id

    def node(self, node: str) -> Node:
        """The node with that id.

        Raises
        ------
        GraphError
            When there is none.
        """
        try:
            return self.by_id[node]
        except KeyError:
            raise GraphError(f"There is no node {node!r}.") from None

    def named(self, name: str) -> Node | None:
        """The node people call `name`, if there is one."""
        return next((n for n in self.nodes if n.name == name), None)

    def incoming(self, node: str) -> tuple[Edge, ...]:
        """Wires into the node, by input port."""
        return self._incoming[node]

    def outgoing(self, node: str) -> tuple[Edge, ...]:
        """Wires out of the node."""
        return self._outgoing[node]

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Ids so that each node comes after all that feed it; ties in order of creation."""
        waiting = {n.id: len(self._incoming[n.id]) for n in self.nodes}
        ready = [n.id for n in self.nodes if waiting[n.id] == 0]
        ordered: list[str] = []
        while ready:
            node = ready.pop(0)
            ordered.append(node)
            for edge in self._outgoing[node]:
                waiting[edge.target] -= 1
                if waiting[edge.target] == 0:
                    ready.append(edge.target)
        return tuple(ordered)

    def ancestors(self, node: str) -> frozenset[str]:
        """All nodes that feed the node, directly or not."""
        found: set[str] = set()
        frontier = [node]
        while frontier:
            for edge in self._incoming[frontier.pop()]:
                if edge.source not in found:
                    found.add(edge.source)
                    frontier.append(edge.source)
        return frozenset(found)

    # Edits -----------------------------------------------------------------------------

    def unique_name(self, wanted: str, besides: str = "") -> str:
        """`wanted`, or it with the first number that makes it unique (``Dense_2``)."""
        taken = {n.name for n in self.nodes if n.id != besides}
        wanted = wanted.strip() or "Layer"
        if wanted not in taken:
            return wanted
        stem = re.sub(r"_\d+$", "", wanted)
        number = 2
        while f"{stem}_{number}" in taken:
            number += 1
        return f"{stem}_{number}"

    def add(self, layer: Layer, name: str = "") -> tuple[Graph, str]:
        """Add a layer; returns the new graph and the node's id."""
        node = Node(f"n{self.next_number}", self.unique_name(name or layer.type_name()), layer)
        graph = dataclasses.replace(self, nodes=(*self.nodes, node), next_number=self.next_number + 1)
        return graph, node.id

    def remove(self, nodes: Iterable[str]) -> Graph:
        """Remove nodes and their wires; variadic ports close up."""
        gone = set(nodes)
        for node in gone:
            self.node(node)
        kept = tuple(n for n in self.nodes if n.id not in gone)
        edges = tuple(e for e in self.edges if e.source not in gone and e.target not in gone)
        return dataclasses.replace(self, nodes=kept, edges=edges)._closed_up()

    def dissolve(self, node: str) -> Graph:
        """Remove a node with one input and join what it connected."""
        incoming = self.incoming(node)
        graph = self.remove([node])
        if len(incoming) == 1:
            for edge in self.outgoing(node):
                wire = Edge(incoming[0].source, incoming[0].source_port, edge.target, edge.target_port)
                if self.node(edge.target).layer.is_variadic():
                    wire = dataclasses.replace(wire, target_port=len(graph.incoming(edge.target)))
                graph = graph.connect(*dataclasses.astuple(wire))
        return graph

    def set_layer(self, node: str, layer: Layer) -> Graph:
        """Give the node other parameters or another type; wires and weights that no longer fit go."""
        old = self.node(node)
        changed = dataclasses.replace(old, layer=layer)
        edges = self.edges
        if type(layer) is not type(old.layer):
            changed = dataclasses.replace(changed, pretrained=None)
        # Data has another output where its source has weights.
        if type(layer) is not type(old.layer) or len(layer.outputs) != len(old.layer.outputs):
            inputs = len(layer.inputs) if not layer.is_variadic() else len(edges)
            edges = tuple(
                e
                for e in edges
                if not (e.target == node and e.target_port >= inputs)
                and not (e.source == node and e.source_port >= len(layer.outputs))
            )
        nodes = tuple(changed if n.id == node else n for n in self.nodes)
        return dataclasses.replace(self, nodes=nodes, edges=edges)._closed_up()

    def set_parameters(self, node: str, **values: Any) -> Graph:
        """Change parameters of a node.

        Raises
        ------
        FieldError
            When a value is not legal.
        """
        return self.set_layer(node, self.node(node).layer.replace(**values))

    def set_trainable(self, nodes: Iterable[str], trainable: bool) -> Graph:
        """Freeze the weights of nodes, or let training change them again."""
        return self._with_nodes(nodes, trainable=bool(trainable))

    def set_learning_rate_multiplier(self, nodes: Iterable[str], multiplier: float) -> Graph:
        """Let nodes learn with another multiple of the optimizer's learning rate.

        Raises
        ------
        GraphError
            When it is negative, larger than 1000 or no number.
        """
        if not 0.0 <= multiplier <= LARGEST_MULTIPLIER:
            raise GraphError(f"A learning rate multiplier is a number from 0 to {LARGEST_MULTIPLIER:g}, not {multiplier!r}.")
        return self._with_nodes(nodes, learning_rate_multiplier=float(multiplier))

    def set_pretrained(self, weights: Mapping[str, Pretrained | None]) -> Graph:
        """Say, by node, which weights learned elsewhere nodes start from; None is random ones."""
        graph = self
        for node, start in weights.items():
            graph = graph._with_nodes([node], pretrained=start)
        return graph

    def start_from_random(self, nodes: Iterable[str]) -> Graph:
        """Let nodes whose weights were learned elsewhere start from random ones, and learn."""
        return self._with_nodes([n for n in nodes if self.node(n).pretrained], pretrained=None, trainable=True)

    def _with_nodes(self, nodes: Iterable[str], **changes: Any) -> Graph:
        chosen = {self.node(node).id for node in nodes}
        changed = tuple(dataclasses.replace(n, **changes) if n.id in chosen else n for n in self.nodes)
        return dataclasses.replace(self, nodes=changed)

    def rename(self, node: str, name: str) -> Graph:
        """Give the node another name, made unique if it must be."""
        unique = self.unique_name(name, besides=node)
        self.node(node)
        nodes = tuple(dataclasses.replace(n, name=unique) if n.id == node else n for n in self.nodes)
        return dataclasses.replace(self, nodes=nodes)

    def why_not_connect(self, source: str, source_port: int, target: str, target_port: int) -> str:
        """Why a wire is not legal, in one sentence; empty if it is.

        A wire into a taken single port is legal: it takes the place of the old one.
        """
        giver, taker = self.node(source), self.node(target)
        if not 0 <= source_port < len(giver.layer.outputs):
            return f"{giver.name} has no output {source_port + 1}."
        if taker.layer.is_variadic():
            if target_port < 0 or target_port > len(self.incoming(target)):
                return f"{taker.name} has no free input {target_port + 1}."
        elif not 0 <= target_port < len(taker.layer.inputs):
            return f"{taker.name} has no input {target_port + 1}." if taker.layer.inputs else (
                f"{taker.name} takes no input: it is where data come from."
            )
        if source == target or target in self.ancestors(source):
            return f"A wire from {giver.name} to {taker.name} would close a loop."
        return ""

    def connect(self, source: str, source_port: int, target: str, target_port: int) -> Graph:
        """Add a wire; one that was on the input port before is replaced.

        Raises
        ------
        GraphError
            When the wire is not legal (see `why_not_connect`).
        """
        reason = self.why_not_connect(source, source_port, target, target_port)
        if reason:
            raise GraphError(reason)
        edge = Edge(source, source_port, target, target_port)
        kept = tuple(e for e in self.edges if (e.target, e.target_port) != (target, target_port))
        return dataclasses.replace(self, edges=(*kept, edge))

    def disconnect(self, edge: Edge) -> Graph:
        """Remove a wire; the ports of a variadic input close up."""
        if edge not in self.edges:
            raise GraphError("That wire is not in the graph.")
        return self.disconnect_only(edge)._closed_up()

    def disconnect_only(self, edge: Edge) -> Graph:
        """Remove a wire whose port gets another one at once."""
        return dataclasses.replace(self, edges=tuple(e for e in self.edges if e != edge))

    def free_port(self, node: str) -> int | None:
        """The first input port without a wire, None if all are taken."""
        taken = {e.target_port for e in self.incoming(node)}
        layer = self.node(node).layer
        if layer.is_variadic():
            return len(taken)
        return next((p for p in range(len(layer.inputs)) if p not in taken), None)

    def insert(self, edge: Edge, node: str) -> Graph:
        """Put a node onto a wire: source -> node -> target.

        Raises
        ------
        GraphError
            When the node has no free input or no output, or a loop would close.
        """
        port = self.free_port(node)
        layer = self.node(node).layer
        if port is None or not layer.outputs:
            raise GraphError(f"{self.node(node).name} cannot go on a wire.")
        graph = self.disconnect_only(edge)
        graph = graph.connect(edge.source, edge.source_port, node, port)
        reason = graph._closed_up().why_not_connect(node, 0, edge.target, 0) if edge.target == node else ""
        if reason or edge.target in graph.ancestors(node):
            raise GraphError(f"{self.node(node).name} cannot go on that wire: a loop would close.")
        wire = Edge(node, 0, edge.target, edge.target_port)
        return dataclasses.replace(graph, edges=(*graph.edges, wire))

    def subgraph(self, nodes: Iterable[str]) -> Graph:
        """Only these nodes and the wires among them (what copy puts on the clipboard)."""
        chosen = set(nodes)
        kept = tuple(n for n in self.nodes if n.id in chosen)
        edges = tuple(e for e in self.edges if e.source in chosen and e.target in chosen)
        return dataclasses.replace(self, nodes=kept, edges=edges)._closed_up()

    def paste(self, other: Graph) -> tuple[Graph, dict[str, str]]:
        """Add copies of another graph's nodes and wires; returns the new ids by the old ones."""
        graph, ids = self, {}
        for node in other.nodes:
            graph, ids[node.id] = graph.add(node.layer, node.name)
            graph = graph._with_nodes(
                [ids[node.id]],
                trainable=node.trainable,
                learning_rate_multiplier=node.learning_rate_multiplier,
                pretrained=node.pretrained,
            )
        wires = tuple(dataclasses.replace(e, source=ids[e.source], target=ids[e.target]) for e in other.edges)
        return dataclasses.replace(graph, edges=(*graph.edges, *wires)), ids

    def _closed_up(self) -> Graph:
        """Number the ports of variadic inputs without gaps."""
        edges: list[Edge] = []
        counts: dict[str, int] = {}
        variadic = {n.id for n in self.nodes if n.layer.is_variadic()}
        for edge in sorted(self.edges, key=lambda e: (e.target, e.target_port)):
            if edge.target in variadic:
                port = counts.get(edge.target, 0)
                counts[edge.target] = port + 1
                edge = dataclasses.replace(edge, target_port=port)
            edges.append(edge)
        if set(edges) == set(self.edges):
            return self
        return dataclasses.replace(self, edges=tuple(edges))
