"""Any sequence of edits keeps a graph legal, and no edit touches the graph it came from."""

from __future__ import annotations

import re
from dataclasses import astuple, replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from studio.core import registry
from studio.core.graph import Edge, Graph, GraphError
from studio.core.layer import Layer
from studio.core.unknown import UnknownLayer

POOL: tuple[Layer, ...] = (
    registry.layer("Data")(),
    registry.layer("Input")(),
    registry.layer("Dense")(),
    registry.layer("ReLU")(),
    registry.layer("Add")(),
    registry.layer("Concatenate")(),
    registry.layer("MeanSquaredError")(),
    UnknownLayer(unknown_type="Swirl", input_ports=3, output_ports=2),
)
layers = st.sampled_from(POOL)
ports = st.sampled_from((0, 0, 0, 1, 2, 3, -1, 9))
choices = st.integers(0, 60)


def require_legal(graph: Graph) -> None:
    ids = [n.id for n in graph.nodes]
    names = [n.name for n in graph.nodes]
    assert len(set(ids)) == len(ids)
    assert len(set(names)) == len(names)
    assert all(names)
    for node in ids:
        assert re.fullmatch(r"n\d+", node)
        assert int(node[1:]) < graph.next_number
    inputs = [(e.target, e.target_port) for e in graph.edges]
    assert len(set(inputs)) == len(inputs)
    for edge in graph.edges:
        giver, taker = graph.node(edge.source).layer, graph.node(edge.target).layer
        assert 0 <= edge.source_port < len(giver.outputs)
        if not taker.is_variadic():
            assert 0 <= edge.target_port < len(taker.inputs)
    for node in graph.nodes:
        if node.layer.is_variadic():
            taken = [e.target_port for e in graph.incoming(node.id)]
            assert taken == list(range(len(taken)))
    place = {node: i for i, node in enumerate(graph.order)}
    assert set(place) == set(ids)
    assert all(place[e.source] < place[e.target] for e in graph.edges)


def start() -> Graph:
    """A chain with a sum, so that there is something to edit."""
    graph, ids = Graph(), []
    for layer in (*POOL, *POOL[2:6]):
        graph, node = graph.add(layer)
        ids.append(node)
    for source, target, port in ((0, 2, 0), (2, 3, 0), (2, 4, 0), (3, 4, 1), (1, 4, 2), (4, 8, 0), (8, 6, 0), (9, 7, 1)):
        graph = graph.connect(ids[source], 0, ids[target], port)
    return graph


class Edits(RuleBasedStateMachine):
    """Edits in any order, legal or refused, with undo to any earlier graph."""

    def __init__(self) -> None:
        super().__init__()
        self.graph = start()
        self.given = set(self.graph.by_id)
        self.history: list[tuple[Graph, str]] = []

    def edit(self, function: Any) -> None:
        """Apply an edit; a refused one must say why and change nothing."""
        before, text = self.graph, repr(self.graph)
        refusal = "."
        try:
            self.graph = function(before)
        except GraphError as error:
            refusal = str(error)
        assert refusal.endswith(".")
        assert repr(before) == text
        self.history.append((before, text))

    def any_node(self, choice: int) -> str:
        return self.graph.nodes[choice % len(self.graph.nodes)].id if self.graph.nodes else "n0"

    @rule(layer=layers, name=st.sampled_from(["", "Dense", "Dense_2", " My layer "]))
    def add(self, layer: Layer, name: str) -> None:
        graph, node = self.graph.add(layer, name)
        assert node not in self.given  # ids are never used again, not even after an undo
        self.given.add(node)
        self.edit(lambda before: graph)

    @precondition(lambda self: self.graph.nodes)
    @rule(giver=choices, giver_port=ports, taker=choices, taker_port=ports)
    def connect(self, giver: int, giver_port: int, taker: int, taker_port: int) -> None:
        wire = Edge(self.any_node(giver), giver_port, self.any_node(taker), taker_port)
        before = self.graph
        reason = before.why_not_connect(*astuple(wire))
        self.edit(lambda graph: graph.connect(*astuple(wire)))
        assert (wire in self.graph.edges) == (not reason)
        assert not reason or self.graph is before

    @rule(choice=choices)
    def disconnect(self, choice: int) -> None:
        if self.graph.edges:
            edge = self.graph.edges[choice % len(self.graph.edges)]
            count = len(self.graph.edges)
            self.edit(lambda graph: graph.disconnect(edge))
            assert len(self.graph.edges) == count - 1

    @rule(chosen=st.lists(choices, min_size=1, max_size=2))
    def remove(self, chosen: list[int]) -> None:
        gone = {self.any_node(c) for c in chosen}
        before = self.graph
        self.edit(lambda graph: graph.remove(gone))
        if gone <= set(before.by_id):
            assert set(self.graph.by_id) == set(before.by_id) - gone
            kept = [e for e in before.edges if e.source not in gone and e.target not in gone]
            assert len(self.graph.edges) == len(kept)

    @rule(choice=choices)
    def dissolve(self, choice: int) -> None:
        node = self.any_node(choice)
        self.edit(lambda graph: graph.remove([node]) if node not in graph else graph.dissolve(node))
        assert node not in self.graph

    @rule(choice=choices, layer=layers)
    def set_layer(self, choice: int, layer: Layer) -> None:
        node = self.any_node(choice)
        self.edit(lambda graph: graph.set_layer(node, layer))
        if node in self.graph:
            assert self.graph.node(node).layer == layer

    @rule(choice=choices, name=st.sampled_from(["", "Dense", "ReLU", "x", "x_2", "  "]))
    def rename(self, choice: int, name: str) -> None:
        node = self.any_node(choice)
        self.edit(lambda graph: graph.rename(node, name))

    @rule(choice=choices, node=choices)
    def insert(self, choice: int, node: int) -> None:
        if self.graph.edges:
            edge = self.graph.edges[choice % len(self.graph.edges)]
            middle = self.any_node(node)
            before = self.graph
            self.edit(lambda graph: graph.insert(edge, middle))
            if self.graph is not before:
                assert edge not in self.graph.edges
                assert any(e.source == edge.source and e.target == middle for e in self.graph.edges)
                assert any(e.source == middle and e.target == edge.target for e in self.graph.edges)

    @rule(chosen=st.lists(choices, max_size=4))
    def copy_and_paste(self, chosen: list[int]) -> None:
        wanted = {self.any_node(c) for c in chosen} & set(self.graph.by_id)
        part = self.graph.subgraph(wanted)
        require_legal(part)
        before = self.graph
        graph, ids = before.paste(part)
        assert not set(ids.values()) & self.given
        self.given |= set(ids.values())
        self.edit(lambda graph_before: graph)
        assert len(self.graph.nodes) == len(before.nodes) + len(wanted)
        assert len(self.graph.edges) == len(before.edges) + len(part.edges)

    @rule(choice=choices)
    def undo(self, choice: int) -> None:
        """Undo is going back to an earlier value; only the count of ids given stays."""
        if self.history:
            graph, text = self.history[-1 - choice % min(3, len(self.history))]
            assert repr(graph) == text
            self.graph = replace(graph, next_number=self.graph.next_number)

    @invariant()
    def legal(self) -> None:
        require_legal(self.graph)


Edits.TestCase.settings = settings(max_examples=150, stateful_step_count=50)
TestEdits = Edits.TestCase


def chain(*names: str) -> tuple[Graph, list[str]]:
    graph, ids = Graph(), []
    for name in names:
        graph, node = graph.add(registry.layer(name)())
        if ids:
            graph = graph.connect(ids[-1], 0, node, 0)
        ids.append(node)
    return graph, ids


def test_dissolving_joins_the_neighbours() -> None:
    graph, (data, dense, relu) = chain("Data", "Dense", "ReLU")
    assert graph.dissolve(dense).edges == (Edge(data, 0, relu, 0),)


def test_inserting_keeps_the_port_of_a_variadic_layer() -> None:
    graph, (data, dense, add) = chain("Data", "Dense", "Add")
    graph = graph.connect(data, 0, add, 1)
    graph, relu = graph.add(registry.layer("ReLU")())
    graph = graph.insert(Edge(dense, 0, add, 0), relu)
    assert [(e.source, e.target_port) for e in graph.incoming(add)] == [(relu, 0), (data, 1)]


def test_a_wire_into_a_taken_port_replaces_the_old_one() -> None:
    graph, (_data, dense, relu) = chain("Data", "Dense", "ReLU")
    graph, other = graph.add(registry.layer("Dense")())
    assert graph.connect(other, 0, relu, 0).incoming(relu) == (Edge(other, 0, relu, 0),)
    assert graph.incoming(relu) == (Edge(dense, 0, relu, 0),)


def test_removing_an_input_of_a_variadic_layer_closes_the_gap() -> None:
    graph, add = Graph().add(registry.layer("Add")())
    sources = []
    for port in range(3):
        graph, source = graph.add(registry.layer("Dense")())
        graph = graph.connect(source, 0, add, port)
        sources.append(source)
    graph = graph.remove([sources[1]])
    assert [(e.source, e.target_port) for e in graph.incoming(add)] == [(sources[0], 0), (sources[2], 1)]


@pytest.mark.parametrize(
    ("source", "target", "sentence"),
    [
        ((0, 0), (0, 0), "Data takes no input: it is where data come from."),
        ((1, 1), (2, 0), "Dense has no output 2."),
        ((1, 0), (2, 1), "ReLU has no input 2."),
        ((2, 0), (1, 0), "A wire from ReLU to Dense would close a loop."),
        ((1, 0), (1, 0), "A wire from Dense to Dense would close a loop."),
    ],
)
def test_a_refused_wire_says_why(source: tuple[int, int], target: tuple[int, int], sentence: str) -> None:
    graph, ids = chain("Data", "Dense", "ReLU")
    with pytest.raises(GraphError) as caught:
        graph.connect(ids[source[0]], source[1], ids[target[0]], target[1])
    assert str(caught.value) == sentence


def test_unknown_nodes_and_wires_are_refused_by_a_sentence() -> None:
    graph, (data, dense) = chain("Data", "Dense")
    for edit in (
        lambda: graph.node("n9"),
        lambda: graph.remove(["n9"]),
        lambda: graph.rename("n9", "x"),
        lambda: graph.set_layer("n9", registry.layer("Dense")()),
        lambda: graph.connect("n9", 0, dense, 0),
        lambda: graph.disconnect(Edge(dense, 0, data, 0)),
        lambda: graph.insert(Edge(data, 0, dense, 0), data),
    ):
        with pytest.raises(GraphError, match=r"^[A-Z].*\.$"):
            edit()


def test_changing_the_type_keeps_the_wires_that_fit() -> None:
    graph, (data, dense, relu) = chain("Data", "Dense", "ReLU")
    assert graph.set_layer(dense, registry.layer("Tanh")()).edges == graph.edges
    assert graph.set_layer(dense, registry.layer("MeanSquaredError")()).edges == (Edge(data, 0, dense, 0),)
    assert graph.set_layer(dense, registry.layer("Input")()).edges == (Edge(dense, 0, relu, 0),)
    assert graph.set_parameters(dense, units=7).node(dense).layer == registry.layer("Dense")(units=7)
