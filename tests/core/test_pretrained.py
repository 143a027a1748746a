"""Bricks: what is kept of a trained network, and what becomes of it in another graph."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.core import registry
from studio.core.brick import Brick, BrickError, add_brick, make_brick
from studio.core.composite import opened
from studio.core.dataset import DatasetInfo
from studio.core.document import Document
from studio.core.graph import Edge, Graph, GraphError
from studio.core.inference import infer
from studio.core.pretrained import Pretrained

INFO = {"n1": DatasetInfo("pictures", (8, 8, 1), (), "labels", ("a", "b", "c"))}
LAYERS = (("Data", {}), ("Conv2D", {"filters": 4}), ("BatchNormalization", {}), ("Flatten", {}), ("Dense", {"units": 3}))


def trained() -> tuple[Document, dict[tuple[str, str], np.ndarray]]:
    """A convnet n1 ... n5 with a loss n6, and weights for it."""
    graph = Graph()
    for number, (kind, values) in enumerate(LAYERS):
        graph, node = graph.add(registry.layer(kind)(**values))
        if number:
            graph = graph.connect(f"n{number}", 0, node, 0)
    graph, loss = graph.add(registry.layer("SparseCategoricalCrossentropy")())
    graph = graph.connect("n5", 0, loss, 0).connect("n1", 1, loss, 1)
    document = Document(graph, {n.id: (100.0 * i, 40.0 * (i % 2)) for i, n in enumerate(graph.nodes)})
    rng = np.random.default_rng(5)
    weights = {
        (node, w.name): rng.standard_normal(w.shape).astype(np.float32)
        for node, own in infer(graph, INFO).weights.items()
        for w in own
    }
    return document, weights


def brick(nodes: tuple[str, ...] = ("n2", "n3")) -> Brick:
    document, weights = trained()
    return make_brick(document, infer(document.graph, INFO), weights, nodes, "Edges")


def test_a_brick_keeps_all_weights_wires_and_places() -> None:
    document, weights = trained()
    made = make_brick(document, infer(document.graph, INFO), weights, ["n1", "n2", "n3", "n4", "n6"], "  Edges ", "a\nb")
    assert (made.name, made.origin) == ("Edges", "a b")
    assert [n.id for n in made.graph.nodes] == ["n2", "n3", "n4"]
    assert made.graph.edges == (Edge("n2", 0, "n3", 0), Edge("n3", 0, "n4", 0))
    assert made.document.positions == {n: document.positions[n] for n in ("n2", "n3", "n4")}
    start = made.graph.node("n3").pretrained
    assert start is not None
    # The moving averages too, which no optimizer changes.
    assert sorted(start.arrays) == ["beta", "gamma", "moving_mean", "moving_variance"]
    assert all(np.array_equal(start.arrays[w], weights["n3", w]) for w in start.arrays)
    assert made.graph.node("n4").pretrained is None
    assert made.ends() == (("n2", 0), "n4")


def test_what_cannot_be_a_brick_says_why() -> None:
    document, weights = trained()
    inference = infer(document.graph, INFO)
    for nodes, name, known, words in (
        (["n2"], " ", weights, "needs a name"),
        (["n2"], "x" * 65, weights, "at most 64"),
        (["n2"], "a\tb\nc", weights, "one line"),
        (["n1", "n6"], "x", weights, "besides data and losses"),
        (["n4"], "x", weights, "nothing learned to keep"),
        (["n2"], "x", {}, "Conv2D has not learned anything yet: train"),
    ):
        with pytest.raises(BrickError, match=words):
            make_brick(document, inference, known, nodes, name)


def test_in_another_graph_it_is_frozen_and_laid_out_as_it_was() -> None:
    document, _ = trained()
    made = brick()
    after, ids = add_brick(document, made, (1000.0, 500.0))
    new = [after.graph.node(ids[n]) for n in ("n2", "n3")]
    assert [n.name for n in new] == ["Conv2D_2", "BatchNormalization_2"]
    assert not any(n.trainable for n in new)
    assert [n.pretrained for n in new] == [n.pretrained for n in made.graph.nodes]
    assert [after.positions[n.id] for n in new] == [(1000.0, 540.0), (1100.0, 500.0)]
    assert Edge(new[0].id, 0, new[1].id, 0) in after.graph.edges
    free, ids = add_brick(document, made, frozen=False)
    assert all(free.graph.node(n).trainable for n in ids.values())


def test_on_a_wire_it_takes_the_wires_place() -> None:
    document, _ = trained()
    wire = Edge("n1", 0, "n2", 0)
    after, ids = add_brick(document, brick(), wire=wire)
    assert wire not in after.graph.edges
    assert {Edge("n1", 0, ids["n2"], 0), Edge(ids["n3"], 0, "n2", 0)} <= set(after.graph.edges)
    two_ends, _ = trained()
    graph = two_ends.graph.disconnect(Edge("n2", 0, "n3", 0))
    with pytest.raises(GraphError, match="not just one way in"):
        add_brick(document, Brick("x", "", Document(graph.subgraph(["n2", "n3"]))), wire=wire)


def test_a_wire_into_the_middle_of_a_merge_keeps_its_port() -> None:
    graph = Graph()
    for kind in ("Input", "Input", "Input", "Concatenate"):
        graph, node = graph.add(registry.layer(kind)())
    for port in range(3):
        graph = graph.connect(f"n{port + 1}", 0, node, port)
    after, ids = add_brick(Document(graph), brick(), wire=Edge("n2", 0, node, 1))
    assert [e.source for e in after.graph.incoming(node)] == ["n1", ids["n3"], "n3"]


def test_copies_keep_where_they_start_and_another_type_forgets_it() -> None:
    made = brick()
    copy, ids = made.graph.paste(made.graph)
    assert copy.node(ids["n2"]).pretrained == made.graph.node("n2").pretrained
    other = made.graph.set_layer("n2", registry.layer("Conv2D")(filters=9))
    assert other.node("n2").pretrained is not None
    assert other.set_layer("n2", registry.layer("Dense")()).node("n2").pretrained is None
    frozen = made.graph.set_trainable(["n2", "n3"], False)
    fresh = frozen.start_from_random(["n2", "n3"])
    assert all(n.pretrained is None and n.trainable for n in fresh.nodes)


def test_weights_that_do_not_fit_are_one_problem_with_its_remedy() -> None:
    document, _ = trained()
    after, ids = add_brick(document, brick(), wire=Edge("n1", 0, "n2", 0))
    assert not infer(after.graph, INFO).errors
    coloured = {"n1": DatasetInfo("pictures", (8, 8, 3), (), "labels", ("a", "b", "c"))}
    inference = infer(after.graph, coloured)
    (problem,) = inference.errors
    assert problem.node == ids["n2"]
    assert problem.message.startswith("Conv2D_2 needs a kernel of 3 x 3 x 3 x 4 here, but the brick Edges learned one of 3 x 3 x 1 x 4:")
    assert problem.remedy is not None
    assert problem.remedy.action == "random_weights"
    # What comes after it goes on as if it fitted.
    assert "n5" in inference.shapes
    assert not infer(after.graph.start_from_random([ids["n2"]]), coloured).errors


def test_the_parts_of_a_composite_start_from_their_share() -> None:
    graph, data = Graph().add(registry.layer("Data")())
    graph, block = graph.add(registry.layer("ResidualBlock")(filters=4))
    graph = graph.connect(data, 0, block, 0)
    inference = infer(graph, INFO)
    rng = np.random.default_rng(0)
    weights = {(block, w.name): rng.random(w.shape) for w in inference.weights[block]}
    made = make_brick(Document(graph), inference, weights, [block], "Block")
    after, ids = add_brick(Document(graph), made, wire=None)
    whole = after.graph.connect(data, 0, ids[block], 0)
    parts, names = opened(whole, ids[block], (8, 8, 1))
    found = {
        f"{name}/{weight}": array
        for name, node in names.items()
        if (start := parts.node(node).pretrained) is not None
        for weight, array in start.arrays.items()
    }
    assert found.keys() == {name for _, name in weights}
    assert all(np.array_equal(found[name], np.float32(weights[block, name])) for name in found)
    assert not any(parts.node(n).trainable for n in names.values())
    assert not any(p.node for p in infer(parts, INFO).errors)
    # And a brick of the opened parts is made of the composite's weights.
    again = make_brick(Document(parts), infer(parts, INFO), {}, names.values(), "Parts")
    assert again.parameters == made.parameters


shapes = st.lists(st.integers(0, 3), max_size=3)
numbers = st.tuples(shapes, st.integers(0, 99)).map(lambda p: np.random.default_rng(p[1]).random(p[0], np.float32))


@given(st.dictionaries(st.sampled_from("ab/"), numbers, min_size=1), st.dictionaries(st.sampled_from("ab/"), numbers, min_size=1))
def test_equal_are_equal_numbers_whatever_arrays_they_are_in(one: dict, other: dict) -> None:  # type: ignore[type-arg]
    copies = Pretrained("x", {name: array.copy() for name, array in reversed(one.items())})
    assert copies == Pretrained("x", one)
    assert hash(copies) == hash(Pretrained("x", one))
    assert copies != Pretrained("y", one)
    same = one.keys() == other.keys() and all(np.array_equal(a, other[n]) for n, a in one.items())
    assert (Pretrained("x", other) == copies) == same


def test_nobody_can_write_to_the_numbers() -> None:
    given = np.ones((2, 3), np.float32)
    start = Pretrained("x", {"kernel": given})
    given[:] = 7
    assert np.array_equal(start.arrays["kernel"], np.ones((2, 3)))
    with pytest.raises(ValueError, match="read-only"):
        start.arrays["kernel"][0] = 5
