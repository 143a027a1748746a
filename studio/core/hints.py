"""Hints: graphs that would train, but hardly as their maker means it."""

from __future__ import annotations

from collections.abc import Mapping

from studio.core.dataset import DatasetInfo
from studio.core.graph import Graph, Node
from studio.core.layer import Loss
from studio.core.problems import Problem, Remedy
from studio.core.shapes import Shape


def output_hints(
    graph: Graph, shapes: Mapping[str, tuple[Shape, ...]], datasets: Mapping[str, DatasetInfo | str]
) -> list[Problem]:
    """Hints about the last layer before each loss that reads its outputs as probabilities.

    Parameters
    ----------
    graph : Graph
    shapes : mapping of str to tuple of Shape
        Output shapes of the nodes that have no problem.
    datasets : mapping of str to DatasetInfo or str
        By id of the Data nodes.
    """
    found = []
    for node in graph.nodes:
        if isinstance(node.layer, Loss) and node.layer.reads and node.id in shapes:
            prediction, target = graph.incoming(node.id)[:2]
            last = graph.node(prediction.source)
            found += _activation(last, node.layer.reads)
            info = datasets.get(target.source)
            if isinstance(info, DatasetInfo) and target.source_port == 1 and node.layer.reads == "softmax":
                found += _units(last, shapes[last.id][0], len(info.classes))
    return found


def _activation(last: Node, wanted: str) -> list[Problem]:
    if getattr(last.layer, "activation", "") != "linear":
        return []
    return [
        Problem(
            last.id,
            f"{last.name} should end in {wanted}: the loss reads its outputs as probabilities.",
            Remedy("set", f"Use {wanted}", values=(("activation", wanted),)),
            "hint",
        )
    ]


def _units(last: Node, shape: Shape, classes: int) -> list[Problem]:
    units = getattr(last.layer, "units", None)
    if units is None or len(shape) != 1 or classes < 2 or shape[0] <= classes:
        return []
    return [
        Problem(
            last.id,
            f"{last.name} has {units} units, but the data have {classes} classes: one unit a class is enough.",
            Remedy("set", f"Use {classes} units", values=(("units", classes),)),
            "hint",
        )
    ]
