"""A document as JSON types: for project files, templates, the journal and the clipboard.

Names of layers and optimizers are looked up in the registry and nowhere else. A layer that
is not registered becomes an `UnknownLayer` that keeps what the file said, so that saving
again loses nothing.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

from studio.core import registry
from studio.core.component import Component
from studio.core.document import Document, Position, Training
from studio.core.fields import FieldError
from studio.core.graph import LARGEST_MULTIPLIER, Edge, Graph, Node
from studio.core.layer import Layer
from studio.core.plugins import from_plugin
from studio.core.unknown import UnknownLayer
from studio.storage.errors import StorageError
from studio.storage.pretrained import pretrained_from_json, pretrained_to_json

#: Raised by one whenever older versions could no longer read the files.
FORMAT = 1
#: More nodes than anybody lays out by hand; a file with more is damaged or hostile.
MOST_NODES = 20_000
#: Ports a layer that is not installed may have wires on.
_MOST_PORTS = 1_000
#: Canvas coordinates beyond this cannot be drawn.
_FARTHEST = 1e7

#: The parts of an opened brick have its id before a slash.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,4}")


def graph_to_json(graph: Graph) -> dict[str, Any]:
    """Nodes (type and parameters) and wires as JSON types."""
    return {
        "next_number": graph.next_number,
        "nodes": [_node_to_json(n) for n in graph.nodes],
        "edges": [dataclasses.asdict(e) for e in graph.edges],
    }


def graph_from_json(values: Any) -> Graph:
    """The graph that `graph_to_json` gave.

    Raises
    ------
    StorageError
        When it is not a legal graph.
    """
    graph = _mapping(values, "graph")
    nodes = _list(graph.get("nodes", []), "nodes")
    edges = tuple(_edge_from_json(e) for e in _list(graph.get("edges", []), "edges"))
    if len(nodes) > MOST_NODES:
        raise StorageError(f"The graph has {len(nodes)} nodes, but at most {MOST_NODES} can be opened.")
    most_in: dict[str, int] = {}
    most_out: dict[str, int] = {}
    for edge in edges:
        most_in[edge.target] = max(most_in.get(edge.target, 0), edge.target_port + 1)
        most_out[edge.source] = max(most_out.get(edge.source, 0), edge.source_port + 1)
    read = tuple(_node_from_json(n, most_in, most_out) for n in nodes)
    numbers = [int(n.id[1:]) for n in read if re.fullmatch(r"n\d{1,15}", n.id)]
    following = _whole(graph.get("next_number", 1), "next_number", 1)
    result = Graph(read, edges, max([following, *(n + 1 for n in numbers)]))
    _require_legal(result)
    return result


def document_to_json(document: Document) -> dict[str, Any]:
    """All of a document as JSON types, with the format's number."""
    return {
        "format": FORMAT,
        "title": document.title,
        "notes": document.notes,
        "graph": graph_to_json(document.graph),
        "positions": {k: list(v) for k, v in document.positions.items()},
        "training": training_to_json(document.training),
    }


#: What training settings are made of besides numbers: what each is called, and its classes by name.
_PARTS = {
    "optimizer": ("optimizer", registry.optimizers),
    "schedule": ("learning-rate schedule", registry.schedules),
    "early_stopping": ("rule for stopping", registry.stoppings),
}


def training_to_json(training: Training) -> dict[str, Any]:
    """Training settings as JSON types."""
    parts = {name: _component_to_json(getattr(training, name)) for name in _PARTS}
    return {**training.to_json(), **parts}


def document_from_json(values: Any) -> Document:
    """The document that `document_to_json` gave; members it does not know are ignored.

    Raises
    ------
    StorageError
        When the format is newer, or something in it is not legal.
    """
    document = _mapping(values, "document")
    number = _whole(document.get("format", 0), "format", 0)
    if number > FORMAT:
        raise StorageError(
            f"The file was made by a newer Layer Studio (format {number}, this one reads {FORMAT}): "
            "update Layer Studio to open it."
        )
    if number < 1:
        raise StorageError("The file does not say which format it has, so it is not a Layer Studio document.")
    return Document(
        graph=graph_from_json(document.get("graph", {})),
        positions=_positions(document.get("positions", {})),
        training=training_from_json(document.get("training", {})),
        title=_text(document.get("title", ""), "title"),
        notes=_text(document.get("notes", ""), "notes"),
    )


def training_from_json(values: Any) -> Training:
    """Training settings with their optimizer, schedule and rule for stopping.

    Raises
    ------
    StorageError
        When one of these is not known or a value is not legal.
    """
    settings = dict(_mapping(values, "training settings"))
    parts = {name: _part_from_json(name, settings.pop(name, None)) for name in _PARTS}
    try:
        return dataclasses.replace(Training.from_json(settings), **parts)  # type: ignore[arg-type]
    except FieldError as error:
        raise StorageError(f"The training settings cannot be read: {error}") from error


def _component_to_json(component: Component | None) -> dict[str, Any] | None:
    if component is None:
        return None
    return {"type": component.type_name(), "parameters": component.to_json()}


def _part_from_json(part: str, values: Any) -> Component | None:
    if values is None:
        return None
    what, classes = _PARTS[part]
    component = _mapping(values, what)
    name = _text(component.get("type", ""), f"type of the {what}")
    known = classes()
    if name not in known:
        raise StorageError(f"The {what} {name!r} is not installed: choose one of {', '.join(sorted(known))}.")
    try:
        return known[name].from_json(_parameters(component, what))
    except FieldError as error:
        raise StorageError(f"The {what} {name} cannot be read: {error}") from error


def _node_to_json(node: Node) -> dict[str, Any]:
    values: dict[str, Any] = {"id": node.id, "name": node.name, "parameters": node.layer.to_json()}
    if isinstance(node.layer, UnknownLayer):
        values["type"] = node.layer.unknown_type
        values["ports"] = [len(node.layer.inputs), len(node.layer.outputs)]
    else:
        values["type"] = node.layer.type_name()
    # Absent is ordinary: most nodes learn as the optimizer says.
    if not node.trainable:
        values["trainable"] = False
    if node.learning_rate_multiplier != 1.0:
        values["learning_rate_multiplier"] = node.learning_rate_multiplier
    if node.pretrained is not None:
        values["pretrained"] = pretrained_to_json(node.pretrained)
    return values


def _node_from_json(values: Any, most_in: dict[str, int], most_out: dict[str, int]) -> Node:
    node = _mapping(values, "node")
    identity = _text(node.get("id"), "id of a node")
    name = _text(node.get("name"), f"name of node {identity[:64]!r}")
    kind = _text(node.get("type"), f"type of {name!r}")
    if not _ID.fullmatch(identity):
        raise StorageError(f"The node {name!r} has an id that is not legal: {identity[:64]!r}.")
    if not name.strip():
        raise StorageError(f"The node {identity!r} has no name.")
    parameters = _parameters(node, name)
    try:
        layer: Layer = registry.layer(kind).from_json(parameters)
    except (registry.UnknownName, FieldError) as error:
        missing = _missing(kind, parameters, error)
        if missing is None:
            raise StorageError(f"{name} cannot be read: {error}") from error
        ports = (*_list(node.get("ports", [1, 1]), f"ports of {name}"), 1, 1)
        given = [_whole(p, f"number of ports of {name}", 0) for p in ports[:2]]
        counts = max(given[0], most_in.get(identity, 0)), max(given[1], most_out.get(identity, 0))
        if max(counts) > _MOST_PORTS:
            raise StorageError(f"{name} has wires on more than {_MOST_PORTS} ports.") from None
        layer = UnknownLayer(kind, json.dumps(parameters, sort_keys=True), *counts, missing)
    trainable, multiplier = node.get("trainable", True), node.get("learning_rate_multiplier", 1.0)
    if not isinstance(trainable, bool):
        raise StorageError(f"It is not true or false whether {name} is trainable.")
    is_number = isinstance(multiplier, (int, float)) and not isinstance(multiplier, bool)
    if not is_number or not 0 <= multiplier <= LARGEST_MULTIPLIER:
        raise StorageError(f"The learning rate multiplier of {name} is not a number from 0 to {LARGEST_MULTIPLIER:g}.")
    start = pretrained_from_json(node["pretrained"], name) if node.get("pretrained") is not None else None
    return Node(identity, name, layer, trainable, float(multiplier), start)


def _missing(kind: str, parameters: dict[str, Any], error: Exception) -> str | None:
    """What another installation would need to make the layer; None if none could.

    Empty for the layer's type, else the rest of a sentence.
    """
    if isinstance(error, registry.UnknownName):
        return ""
    layer = registry.layer(kind)
    for name, field in layer.parameters().items():
        value = parameters.get(name)
        # Only the registry's names differ between installations.
        if callable(field.choices) and isinstance(value, str) and value.isidentifier() and value not in field.options():
            return f"has {value!r} as its {name}, which is not installed: install its plug-in, or replace the layer."
    if from_plugin(layer):
        return f"is from another version of its plug-in ({str(error).rstrip('.')}): install that one, or replace the layer."
    return None


def _edge_from_json(values: Any) -> Edge:
    edge = _mapping(values, "wire")
    return Edge(
        _text(edge.get("source"), "source of a wire"),
        _whole(edge.get("source_port", 0), "source port of a wire", 0),
        _text(edge.get("target"), "target of a wire"),
        _whole(edge.get("target_port", 0), "target port of a wire", 0),
    )


def _require_legal(graph: Graph) -> None:
    """Check what `Graph` promises, in one pass over nodes and wires."""
    if len(graph.by_id) != len(graph.nodes):
        raise StorageError("Two nodes of the graph have the same id.")
    if len({n.name for n in graph.nodes}) != len(graph.nodes):
        raise StorageError("Two nodes of the graph have the same name.")
    for edge in graph.edges:
        if edge.source not in graph or edge.target not in graph:
            raise StorageError("A wire of the graph starts or ends at a node that is not there.")
        giver, taker = graph.node(edge.source), graph.node(edge.target)
        if edge.source_port >= len(giver.layer.outputs):
            raise StorageError(
                f"A wire leaves output {edge.source_port + 1} of {giver.name}, which it does not have."
            )
        if not taker.layer.is_variadic() and edge.target_port >= len(taker.layer.inputs):
            raise StorageError(
                f"A wire goes into input {edge.target_port + 1} of {taker.name}, which it does not have."
            )
    for node in graph.nodes:
        ports = [e.target_port for e in graph.incoming(node.id)]
        if len(set(ports)) != len(ports):
            raise StorageError(f"Two wires go into the same input of {node.name}.")
        if node.layer.is_variadic() and ports != list(range(len(ports))):
            raise StorageError(f"The inputs of {node.name} are not numbered one after the other.")
    if len(graph.order) != len(graph.nodes):
        raise StorageError("The wires of the graph form a loop.")


def _positions(values: Any) -> dict[str, Position]:
    found: dict[str, Position] = {}
    for node, place in _mapping(values, "positions").items():
        if not isinstance(place, list) or len(place) != 2:
            raise StorageError(f"The position of node {node[:64]!r} is not two numbers.")
        x, y = (_coordinate(v, node) for v in place)
        found[node] = x, y
    return found


def _coordinate(value: Any, node: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise StorageError(f"The position of node {node[:64]!r} is not two numbers.")
    return float(max(-_FARTHEST, min(_FARTHEST, value)))


def _parameters(values: dict[str, Any], whose: str) -> dict[str, Any]:
    return _mapping(values.get("parameters", {}), f"parameters of {whose}")


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise StorageError(f"The {what} of the document cannot be read: it is not a JSON object.")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise StorageError(f"The {what} of the document cannot be read: they are not a JSON list.")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise StorageError(f"The {what} is missing or is not text.")
    return value


def _whole(value: Any, what: str, minimum: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value < 1 << 53:
        raise StorageError(f"The {what} is not a whole number of at least {minimum}.")
    return value
