"""Documents as JSON: round trips, what is refused, and what survives."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.core import registry
from studio.core.document import Document, Training
from studio.core.graph import Edge, Graph, Node
from studio.core.unknown import UnknownLayer
from studio.storage import (
    StorageError,
    document_from_json,
    document_to_json,
    graph_from_json,
    graph_to_json,
    readable_json,
    templates,
)
from studio.storage.pretrained import stored_from_bytes, stored_to_bytes, stored_weights, with_weights
from tests.storage.documents import assert_one_sentence, documents, graphs, json_values


@given(documents())
def test_any_legal_document_survives_json_text(document: Document) -> None:
    text = readable_json.encode(document_to_json(document))
    read = document_from_json(readable_json.loads(text, "It"))
    stored = stored_from_bytes(stored_to_bytes(stored_weights(document.graph)))
    assert dataclasses.replace(read, graph=with_weights(read.graph, stored)) == document


@given(graphs())
def test_any_legal_graph_survives_the_clipboard(graph: Graph) -> None:
    read = graph_from_json(graph_to_json(graph))
    assert with_weights(read, stored_weights(graph)) == graph
    # Without the numbers, all but these is there, and says so.
    assert all(n.pretrained is None or n.pretrained.missing for n in read.nodes)
    assert graph_from_json(graph_to_json(read)) == read


@given(documents(), st.data())
def test_damaged_documents_give_one_sentence(document: Document, data: st.DataObject) -> None:
    values = document_to_json(document)
    for _ in range(data.draw(st.integers(1, 3))):
        _damage(values, data)
    try:
        result = document_from_json(values)
    except StorageError as error:
        assert_one_sentence(error)
    else:
        assert document_from_json(document_to_json(result)) == result


def _damage(values: Any, data: st.DataObject) -> None:
    """Replace or remove some member, however deep."""
    place = values
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], (dict, list)) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        if data.draw(st.booleans()):
            del place[key]
        else:
            place[key] = data.draw(json_values)
        return


def small() -> dict[str, Any]:
    return document_to_json(templates.load("perceptron"))


def test_a_layer_that_is_not_installed_is_kept_with_all_its_wires() -> None:
    values = small()
    values["graph"]["nodes"][1].update(type="Quantum", parameters={"qubits": [1, {"x": None}]})
    values["graph"]["edges"].append({"source": "n1", "source_port": 1, "target": "n2", "target_port": 2})
    document = document_from_json(values)
    layer = document.graph.node("n2").layer
    assert isinstance(layer, UnknownLayer)
    assert len(layer.inputs) == 3
    again = document_to_json(document)
    assert again["graph"]["edges"] == values["graph"]["edges"]
    assert again["graph"]["nodes"][1]["type"] == "Quantum"
    assert again["graph"]["nodes"][1]["parameters"] == {"qubits": [1, {"x": None}]}


def test_a_placeholder_becomes_the_layer_again_once_it_is_installed() -> None:
    layer = UnknownLayer("Dense", '{"units": 7}')
    graph = graph_from_json(graph_to_json(Graph((Node("n1", "Dense", layer),))))
    assert graph.node("n1").layer == registry.layer("Dense")(units=7)


def _with(path: str, value: Any) -> dict[str, Any]:
    values = small()
    place: Any = values
    *front, last = path.split("/")
    for key in front:
        place = place[int(key) if isinstance(place, list) else key]
    place[int(last) if isinstance(place, list) else last] = value
    return values


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("format", 99, "newer Layer Studio"),
        ("format", None, "whole number"),
        (
            "graph/nodes/1/parameters",
            {"units": 0},
            "Neuron cannot be read: units is 0, but must be at least 1",
        ),
        ("graph/nodes/1/parameters", {"wings": 2}, "no parameter 'wings'"),
        ("graph/nodes/1/name", "Loss", "same name"),
        ("graph/nodes/1/name", " ", "has no name"),
        ("graph/nodes/1/id", "n1", "same id"),
        ("graph/nodes/1/id", "../x", "not legal"),
        ("graph/edges/0/target_port", 1, "input 2 of Neuron"),
        ("graph/edges/0/source_port", 2, "output 3 of Half-planes"),
        ("graph/edges/0/source", "n9", "not there"),
        ("graph/edges/0/source", "n2", "form a loop"),
        (
            "graph/edges/2",
            {"source": "n1", "source_port": 0, "target": "n3", "target_port": 0},
            "same input of Loss",
        ),
        ("graph/nodes", {}, "not a JSON list"),
        (
            "graph/nodes",
            [{"id": f"n{i}", "name": f"{i}", "type": "ReLU"} for i in range(20_001)],
            "at most 20000",
        ),
        ("training/optimizer", {"type": "Magic", "parameters": {}}, "optimizer 'Magic' is not installed"),
        ("training/optimizer", {"type": "Adam", "parameters": {"beta_1": 7}}, "beta_1 is 7"),
        ("training/batch_size", "many", "batch_size must be a whole number"),
        ("training", 5, "not a JSON object"),
        ("positions/n1", [1], "not two numbers"),
        ("positions/n1", [float("nan"), 0], "not two numbers"),
        ("title", 7, "title"),
    ],
)
def test_what_is_not_legal_is_refused_by_name(path: str, value: Any, sentence: str) -> None:
    with pytest.raises(StorageError, match=sentence):
        document_from_json(_with(path, value))


def test_the_untouched_document_is_legal() -> None:
    """The refusals above are about what was changed."""
    assert document_from_json(small()) == templates.load("perceptron")


def test_code_cannot_be_named() -> None:
    values = _with("graph/nodes/1/type", "os.system")
    assert isinstance(document_from_json(values).graph.node("n2").layer, UnknownLayer)


def test_far_away_nodes_come_back_into_sight() -> None:
    assert document_from_json(_with("positions/n1", [1e300, -5])).positions["n1"] == (1e7, -5)


def test_ids_of_removed_nodes_are_not_used_again() -> None:
    values = _with("graph/next_number", 1)
    _, identity = document_from_json(values).graph.add(registry.layer("ReLU")())
    assert identity == "n4"


def test_json_is_written_for_people() -> None:
    text = readable_json.dumps({"b": [1, 2], "a": {"x": {"y": "é"}}, "long": ["word" * 10] * 5})
    assert text.startswith('{\n  "a": {\n    "x": {"y": "é"}\n  },\n  "b": [1, 2],\n')
    assert max(map(len, text.splitlines())) < 60


def test_half_characters_are_kept() -> None:
    document = Document(title="\ud800", training=Training(seed=3))
    text = readable_json.encode(document_to_json(document))
    assert document_from_json(readable_json.loads(text, "It")).title == "\ud800"


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 70 + "1" + "}" * 70, "NaN", "[Infinity]", "{", "\xff", "9" * 5000]
)
def test_json_of_strangers(text: str) -> None:
    with pytest.raises(StorageError, match="is damaged"):
        readable_json.loads(text, "It")


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_any_bytes_as_json(content: bytes) -> None:
    try:
        value = readable_json.loads(content, "It")
    except StorageError:
        return
    assert readable_json.loads(readable_json.encode(value), "It") == copy.deepcopy(value)


def test_no_part_of_a_document_is_forgotten() -> None:
    """A field that is added to the document must get a place in the file."""
    values = document_to_json(Document())
    assert set(values) == {f.name for f in dataclasses.fields(Document)} | {"format"}
    assert set(values["training"]) == {f.name for f in dataclasses.fields(Training)}
    assert set(values["graph"]) == {f.name for f in dataclasses.fields(Graph)}


def test_edges_keep_their_order() -> None:
    values = small()
    values["graph"]["edges"].reverse()
    assert document_from_json(values).graph.edges[0] == Edge("n1", 1, "n3", 1)
