"""One-click repairs and placement: pure functions from document to document."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests_canvas_scenes import chain, describe, digits, layer, spirals

from studio.core.document import Document
from studio.core.graph import Edge, Graph
from studio.core.inference import infer
from studio.core.problems import Problem, Remedy
from studio.gui.canvas.arrange import align, distribute
from studio.gui.canvas.layer_search import search_layers
from studio.gui.canvas.placement import USUAL_SIZE, free_place
from studio.gui.canvas.remedies import RemedyError, apply_remedy


def problems(document: Document) -> tuple[Problem, ...]:
    return infer(document.graph, describe(document.graph)).problems


def repaired(document: Document, times: int = 8) -> Document:
    """The document after following every one-click repair there is."""
    for _ in range(times):
        problem = next((p for p in problems(document) if p.remedy is not None), None)
        if problem is None:
            break
        document = apply_remedy(document, problem, describe(document.graph))
    return document


def test_insert_puts_the_layer_on_the_wire_and_makes_room() -> None:
    document = digits()
    document = document.with_graph(document.graph.dissolve("n3")).moved({"n4": (400.0, 0.0)})
    (problem,) = (p for p in problems(document) if p.severity == "error")
    after = apply_remedy(document, problem)
    assert Edge("n2", 0, "n6", 0) in after.graph.edges
    assert after.graph.node("n6").layer.type_name() == "Flatten"
    xs = [after.positions[n][0] for n in ("n2", "n6", "n4", "n5")]
    assert all(b - a >= USUAL_SIZE[0] for a, b in itertools.pairwise(xs))
    assert infer(after.graph, describe(after.graph)).errors == ()


def test_connect_target_wires_the_data_that_feeds_the_prediction() -> None:
    document = spirals()
    graph, _ = document.graph.add(layer("Data", source="digits"))
    document = document.with_graph(graph.disconnect(Edge("n1", 1, "n4", 1)))
    problem = next(p for p in problems(document) if p.node == "n4")
    assert Edge("n1", 1, "n4", 1) in apply_remedy(document, problem).graph.edges


def test_replace_keeps_the_place_and_common_parameters() -> None:
    document = chain(
        ("Digits", layer("Data", source="iris")),
        ("Scores", layer("Dense", units=3)),
        ("MeanSquaredError", layer("MeanSquaredError")),
    )
    remedy = Remedy("replace", "Use it", type="SparseCategoricalCrossentropy")
    after = apply_remedy(document, Problem("n3", "x", remedy))
    assert after.graph.node("n3").layer.type_name() == "SparseCategoricalCrossentropy"
    assert after.graph.node("n3").name == "SparseCategoricalCrossentropy"
    assert after.positions == document.positions
    assert set(after.graph.edges) == set(document.graph.edges)
    dense = apply_remedy(document, Problem("n2", "x", Remedy("replace", "Use it", type="ReLU")))
    assert dense.graph.node("n2").name == "Scores"


def test_a_target_is_connected_even_where_data_has_to_be_added_first() -> None:
    graph, loss = Graph().add(layer("MeanSquaredError"))
    after = apply_remedy(Document(graph), Problem(loss, "x", Remedy("connect_target", "Connect", port=1)))
    assert Edge("n2", 1, loss, 1) in after.graph.edges


def test_set_changes_parameters_and_refuses_illegal_ones() -> None:
    document = spirals()
    after = apply_remedy(document, Problem("n3", "x", Remedy("set", "Use 3", values=(("units", 3),))))
    assert after.graph.node("n3").layer.units == 3
    with pytest.raises(RemedyError, match="units is 0, but must be at least 1"):
        apply_remedy(document, Problem("n3", "x", Remedy("set", "Use 0", values=(("units", 0),))))


def test_data_and_loss_are_added_and_wired() -> None:
    graph, dense = Graph().add(layer("Dense", units=10))
    document = Document(graph, {dense: (0.0, 0.0)})
    with_data = apply_remedy(document, Problem("", "no data", Remedy("add_data", "Add Data")))
    (data,) = (n.id for n in with_data.graph.nodes if n.layer.family == "Data")
    assert Edge(data, 0, dense, 0) in with_data.graph.edges
    assert with_data.positions[data][0] < 0
    done = apply_remedy(
        with_data, Problem("", "no loss", Remedy("add_loss", "Add a Loss")), describe(with_data.graph)
    )
    (loss,) = (n for n in done.graph.nodes if n.layer.family == "Loss")
    assert loss.layer.type_name() == "SparseCategoricalCrossentropy"
    assert {Edge(dense, 0, loss.id, 0), Edge(data, 1, loss.id, 1)} <= set(done.graph.edges)
    without = apply_remedy(with_data, Problem("", "no loss", Remedy("add_loss", "Add a Loss")))
    assert any(n.layer.type_name() == "MeanSquaredError" for n in without.graph.nodes)


def test_from_nothing_the_repairs_make_something_to_train() -> None:
    document = repaired(Document())
    assert {n.layer.family for n in document.graph.nodes} == {"Data", "Loss"}


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (Problem("n1", "x"), "no one-click repair"),
        (Problem("n99", "x", Remedy("set", "y")), "is gone"),
        (Problem("n1", "x", Remedy("insert", "y", type="Flatten")), "has no wire"),
        (Problem("n2", "x", Remedy("replace", "y", type="Nonsense")), "no layer called 'Nonsense'"),
        (Problem("n2", "x", Remedy("explode", "Explode")), "cannot repair that by a click"),
    ],
)
def test_what_cannot_be_repaired_is_said(problem: Problem, sentence: str) -> None:
    with pytest.raises(RemedyError, match=sentence):
        apply_remedy(digits(), problem)


KINDS = ("Dense", "Conv2D", "Flatten", "ReLU", "MeanSquaredError", "SparseCategoricalCrossentropy")


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Layers strung together at random, with or without data."""
    graph, ids = Graph(), []
    if draw(st.booleans()):
        graph, node = graph.add(layer("Data", source=draw(st.sampled_from(["digits", "spirals", "iris"]))))
        ids.append(node)
    for kind in draw(st.lists(st.sampled_from(KINDS), max_size=6)):
        graph, node = graph.add(layer(kind))
        source = draw(st.sampled_from(ids)) if ids else None
        if source and draw(st.booleans()) and not graph.why_not_connect(source, 0, node, 0):
            graph = graph.connect(source, 0, node, 0)
        ids.append(node)
    places = {n: (draw(st.integers(-500, 500)), draw(st.integers(-500, 500))) for n in ids}
    return Document(graph, places)


@settings(max_examples=60, deadline=None)
@given(documents())
def test_every_offered_remedy_works_and_keeps_the_document_legal(document: Document) -> None:
    for problem in problems(document):
        if problem.remedy is None:
            continue
        after = apply_remedy(document, problem, describe(document.graph))
        graph = after.graph
        assert after != document
        assert {n.id for n in document.graph.nodes} <= {n.id for n in graph.nodes}
        assert len({n.name for n in graph.nodes}) == len(graph.nodes)
        assert len(graph.order) == len(graph.nodes)
        ports = [(e.target, e.target_port) for e in graph.edges]
        assert len(set(ports)) == len(ports)
        assert set(after.positions) == set(graph.by_id)


def test_a_free_place_covers_nothing() -> None:
    document = Document()
    for _ in range(12):
        graph, node = document.graph.add(layer("Dense"))
        document = document.with_graph(graph, **{node: free_place(document, (16.0, 16.0))})
    boxes = list(document.positions.values())
    for i, (ax, ay) in enumerate(boxes):
        for bx, by in boxes[i + 1 :]:
            assert abs(ax - bx) >= USUAL_SIZE[0] or abs(ay - by) >= USUAL_SIZE[1]


def test_align_and_distribute_are_exact() -> None:
    boxes = {"a": (0.0, 0.0, 10.0, 10.0), "b": (5.0, 20.0, 30.0, 10.0), "c": (100.0, 70.0, 20.0, 40.0)}
    assert {x + w for (x, _), (_, _, w, _) in zip(align(boxes, "right").values(), boxes.values(), strict=True)} == {120.0}
    assert {y + h / 2 for (_, y), (*_, h) in zip(align(boxes, "middle").values(), boxes.values(), strict=True)} == {55.0}
    assert distribute(boxes, "vertical")["b"] == (5.0, 35.0)
    with pytest.raises(ValueError, match="no edge 'diagonal'"):
        align(boxes, "diagonal")


def test_search_ranks_names_before_keywords_and_families() -> None:
    from studio.core import registry

    known = registry.layers().values()
    assert search_layers(known, "dense")[0].type_name() == "Dense"
    assert search_layers(known, "cnv")[0].type_name() == "Conv2D"
    assert next(c.type_name() for c in search_layers(known, "relu")) == "ReLU"
    assert len(search_layers(known, "")) == len(registry.layers())
    assert search_layers(known, "zzz") == []


def test_the_pure_modules_load_no_qt() -> None:
    code = (
        "import sys; import studio.gui.canvas.remedies, studio.gui.canvas.layout, studio.gui.canvas.faces; "
        "sys.exit(any(m.startswith('PySide6') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


def test_the_last_layer_gets_as_many_units_as_the_target_needs() -> None:
    document = digits()
    last = next(e.source for n in document.graph.nodes if n.layer.family == "Loss" for e in document.graph.incoming(n.id)[:1])
    document = document.with_graph(document.graph.set_parameters(last, units=3))
    (problem,) = (p for p in problems(document) if p.severity == "error")
    assert problem.remedy is not None
    assert problem.remedy.text == "Use 10 units in the last layer"
    after = apply_remedy(document, problem, describe(document.graph))
    assert after.graph.node(last).layer.units == 10  # type: ignore[attr-defined]
    assert infer(after.graph, describe(after.graph)).errors == ()
