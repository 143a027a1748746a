"""What a problem's button does: one pure function from document to document."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from studio.core import registry
from studio.core.dataset import DatasetInfo
from studio.core.document import Document
from studio.core.fields import FieldError
from studio.core.graph import Edge, Graph, Node
from studio.core.layer import Layer, Loss
from studio.core.problems import Problem, Remedy
from studio.gui.canvas.placement import USUAL_SIZE, SizeOf, free_place, make_room, usual_size

Datasets = Mapping[str, DatasetInfo | str]


class RemedyError(ValueError):
    """The problem cannot be repaired by a click; the message is one plain sentence."""


def apply_remedy(
    document: Document,
    problem: Problem,
    datasets: Datasets | None = None,
    size_of: SizeOf = usual_size,
) -> Document:
    """Repair a problem the way its remedy says.

    Parameters
    ----------
    document : Document
        The document the problem was found in.
    problem : Problem
        With a remedy.
    datasets : mapping of str to DatasetInfo or str, optional
        What is known of the data sets, by Data node id; helps to choose a fitting loss.
    size_of : callable
        Gives a node's width and height in pixels, to make room for a new one.

    Returns
    -------
    Document
        The repaired document; ids of existing nodes stay.

    Raises
    ------
    RemedyError
        When there is no remedy, or the document has changed so that it does not fit any more.
    """
    remedy = problem.remedy
    if remedy is None:
        raise RemedyError("There is no one-click repair for this problem.")
    if problem.node and problem.node not in document.graph:
        raise RemedyError("The layer with this problem is gone.")
    repairs: dict[str, Callable[[], Document]] = {
        "insert": lambda: _insert(document, problem.node, remedy, size_of),
        "set_source": lambda: _set_source(document, problem.node, remedy),
        "set": lambda: _set(document, problem.node, remedy),
        "replace": lambda: _replace(document, problem.node, remedy),
        "add_data": lambda: _add_data(document, remedy, size_of),
        "add_loss": lambda: _add_loss(document, remedy, datasets or {}, size_of),
        "random_weights": lambda: document.with_graph(document.graph.start_from_random([problem.node])),
        "connect_target": lambda: _connect_target(document, problem.node, remedy, size_of),
    }
    if remedy.action not in repairs:
        raise RemedyError(f"This version cannot repair that by a click: {remedy.text}.")
    try:
        return repairs[remedy.action]()
    except FieldError as error:
        raise RemedyError(str(error)) from None


def _layer(name: str, **values: object) -> Layer:
    try:
        return registry.layer(name)(**values)
    except registry.UnknownName as error:
        raise RemedyError(str(error)) from None


def _insert(document: Document, node: str, remedy: Remedy, size_of: SizeOf) -> Document:
    wire = next((e for e in document.graph.incoming(node) if e.target_port == remedy.port), None)
    if wire is None:
        raise RemedyError(f"{document.graph.node(node).name} has no wire to put {remedy.type} on.")
    return insert_new(document, wire, _layer(remedy.type, **dict(remedy.values)), size_of)[0]


def insert_new(
    document: Document, wire: Edge, layer: Layer, size_of: SizeOf = usual_size
) -> tuple[Document, str]:
    """Put a new layer onto a wire and make room for it; returns the new node's id too.

    Raises
    ------
    studio.core.graph.GraphError
        When the layer has no input or no output.
    """
    document, place = make_room(document, wire, USUAL_SIZE, size_of)
    graph, added = document.graph.add(layer)
    return document.with_graph(graph.insert(wire, added), **{added: place}), added


def _set(document: Document, node: str, remedy: Remedy) -> Document:
    return document.with_graph(document.graph.set_parameters(node, **dict(remedy.values)))


def _set_source(document: Document, node: str, remedy: Remedy) -> Document:
    wire = next((e for e in document.graph.incoming(node) if e.target_port == remedy.port), None)
    if wire is None:
        raise RemedyError(f"{document.graph.node(node).name} has no wire there any more.")
    return _set(document, wire.source, remedy)


def _replace(document: Document, node: str, remedy: Remedy) -> Document:
    old = document.graph.node(node)
    layer = _layer(remedy.type)
    # Parameters that both types have stay as the person set them.
    for name in layer.parameters():
        if name in old.layer.parameters():
            try:
                layer = layer.replace(**{name: getattr(old.layer, name)})
            except FieldError:
                continue
    if remedy.values:
        layer = layer.replace(**dict(remedy.values))
    graph = document.graph.set_layer(node, layer)
    if old.name.partition("_")[0] == old.layer.type_name():
        graph = graph.rename(node, layer.type_name())
    return document.with_graph(graph)


def _add_data(document: Document, remedy: Remedy, size_of: SizeOf) -> Document:
    graph, added = document.graph.add(_layer(remedy.type or "Data", **dict(remedy.values)))
    first = next(
        (n for n in graph.order if n != added and not _is_loss(graph, n) and graph.free_port(n) == 0),
        None,
    )
    if first is not None:
        graph = graph.connect(added, 0, first, 0)
    for node in graph.nodes:
        if isinstance(node.layer, Loss) and 1 not in {e.target_port for e in graph.incoming(node.id)}:
            graph = graph.connect(added, 1, node.id, 1)
    left = min((x for x, _ in document.positions.values()), default=280.0)
    _, top = document.positions.get(first or "", (0.0, 0.0))
    return document.with_graph(graph, **{added: free_place(document, (left - 280.0, top), (152.0, 220.0), size_of)})


def _is_loss(graph: Graph, node: str) -> bool:
    return isinstance(graph.node(node).layer, Loss)


def _add_loss(document: Document, remedy: Remedy, datasets: Datasets, size_of: SizeOf) -> Document:
    graph = document.graph
    source = next((n for n in graph.nodes if n.layer.family == "Data" and len(n.layer.outputs) > 1), None)
    last = next(
        (
            graph.node(n)
            for n in reversed(graph.order)
            if graph.node(n).layer.outputs and not graph.outgoing(n) and graph.node(n).layer.family != "Data"
        ),
        None,
    )
    kind = remedy.type or _fitting_loss(source, last, datasets)
    graph, added = graph.add(_layer(kind, **dict(remedy.values)), "Loss")
    if last is not None:
        graph = graph.connect(last.id, 0, added, 0)
    if source is not None:
        graph = graph.connect(source.id, 1, added, 1)
    right = max((x + size_of(n)[0] for n, (x, _) in document.positions.items()), default=0.0)
    _, top = document.positions.get(last.id if last else "", (0.0, 0.0))
    return document.with_graph(graph, **{added: free_place(document, (right + 80.0, top), (172.0, 188.0), size_of)})


def _fitting_loss(source: Node | None, last: Node | None, datasets: Datasets) -> str:
    info = datasets.get(source.id) if source else None
    if isinstance(info, DatasetInfo):
        return {
            "labels": "SparseCategoricalCrossentropy",
            "one_hot": "CategoricalCrossentropy",
            "values": "MeanSquaredError",
        }[info.target]
    ends_in_classes = last is not None and (
        last.layer.type_name() == "Softmax" or getattr(last.layer, "activation", "") == "softmax"
    )
    return "SparseCategoricalCrossentropy" if ends_in_classes else "MeanSquaredError"


def _connect_target(document: Document, node: str, remedy: Remedy, size_of: SizeOf) -> Document:
    graph = document.graph
    sources = [n for n in graph.nodes if n.layer.family == "Data" and len(n.layer.outputs) > 1]
    if not sources:
        return _add_data(document, Remedy("add_data", remedy.text), size_of)
    above = graph.ancestors(node)
    source = next((n for n in sources if n.id in above), sources[0])
    return document.with_graph(graph.connect(source.id, 1, node, remedy.port))
