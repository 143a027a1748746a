"""What a graph looks like with another source in one of its Data nodes."""

from __future__ import annotations

from studio.core.graph import Graph
from studio.core.layer import Loss
from studio.layers.data import Data


def with_source(graph: Graph, node: str, source: str) -> Graph:
    """The graph whose Data node reads another source.

    If the source says how much each sample counts, the losses that have the node's Y as their target
    and no weights yet are told.

    Parameters
    ----------
    node : str
        Id of a Data node.

    Raises
    ------
    studio.core.fields.FieldError
        When the source is no text for a source.
    """
    graph = graph.set_parameters(node, source=source)
    layer = graph.node(node).layer
    assert isinstance(layer, Data)
    if len(layer.outputs) < 3:
        return graph
    for loss in graph.nodes:
        ports = {w.target_port: (w.source, w.source_port) for w in graph.incoming(loss.id)}
        if isinstance(loss.layer, Loss) and ports.get(1) == (node, 1) and 2 not in ports:
            graph = graph.connect(node, 2, loss.id, 2)
    return graph
