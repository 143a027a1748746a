"""Layers whose size follows from the data: made to fit other data."""

from __future__ import annotations

from collections.abc import Mapping

from studio.core.dataset import DatasetInfo
from studio.core.graph import Graph
from studio.core.inference import infer

#: Parameters that count words or classes.
_COUNTING = frozenset(("input_dim", "vocabulary_size", "units"))
#: More layers than any network has that count.
_MOST = 32


def refitted(graph: Graph, datasets: Mapping[str, DatasetInfo | str]) -> tuple[Graph, tuple[str, ...]]:
    """The graph with room for the words and classes of its data, by the remedies of its problems.

    Nothing but the sizes of layers that count words or classes is changed, and only where the
    network could not be trained otherwise.

    Returns
    -------
    graph : Graph
    changes : tuple of str
        What was changed, such as ``Words.input_dim = 64``.
    """
    changes: list[str] = []
    for _ in range(_MOST):
        for problem in infer(graph, datasets).errors:
            remedy = problem.remedy
            if remedy is None or not problem.node or not {name for name, _ in remedy.values} <= _COUNTING:
                continue
            if remedy.action == "set":
                node = problem.node
            elif remedy.action == "set_source":
                node = graph.incoming(problem.node)[remedy.port].source
            else:
                continue
            graph = graph.set_parameters(node, **dict(remedy.values))
            changes += [f"{graph.node(node).name}.{name} = {value}" for name, value in remedy.values]
            break
        else:
            break
    return graph, tuple(changes)
