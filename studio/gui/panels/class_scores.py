"""What the numbers of an output layer say about classes."""

from __future__ import annotations

import numpy as np

from studio.core.dataset import DatasetInfo, Samples
from studio.core.graph import Graph, Node
from studio.core.layer import Loss
from studio.core.vocabulary import shown_word


def output_node(graph: Graph) -> Node | None:
    """The node whose output the (first) Loss scores."""
    for node in graph.nodes:
        if isinstance(node.layer, Loss):
            for wire in graph.incoming(node.id):
                if wire.target_port == 0:
                    return graph.node(wire.source)
    return None


def data_node(graph: Graph, output: str = "") -> Node | None:
    """The Data node that feeds the output, or the first one there is."""
    sources = [n for n in graph.nodes if n.layer.family == "Data" and len(n.layer.outputs) >= 2]
    if output and output in graph:
        before = graph.ancestors(output)
        sources = [n for n in sources if n.id in before] or sources
    return sources[0] if sources else None


def target_port(graph: Graph) -> int:
    """Which output of Data the first Loss compares with: 1 (Y), or 0 where X itself is to be found again."""
    for node in graph.nodes:
        if isinstance(node.layer, Loss):
            wire = graph.feeds(node.id)[1]
            if wire is not None and graph.node(wire.source).layer.family == "Data":
                return wire.source_port
            break
    return 1


def class_names(info: DatasetInfo, port: int = 1) -> tuple[str, ...]:
    """Names of the classes as people read them: of characters, spaces can be seen."""
    names = info.names_of(port)
    return tuple(shown_word(name) for name in names) if info.vocabulary else names


def one_class_each(info: DatasetInfo) -> bool:
    """Whether each sample is of one class, rather than each step or pixel of it."""
    return bool(info.classes) and (info.target, len(info.y_shape)) in (("labels", 0), ("one_hot", 1))


def step_classes(targets: Samples, info: DatasetInfo, port: int = 1) -> np.ndarray | None:
    """Class of each step of a sequence, int64 ``(samples, steps)``; None where targets are no words."""
    kind = info.kind_of(port)
    if not info.vocabulary or targets.ndim != (3 if kind == "one_hot" else 2) or kind == "values":
        return None
    targets = np.asarray(targets)
    return np.asarray(targets.argmax(-1) if kind == "one_hot" else np.rint(targets), np.int64)


def class_scores(output: np.ndarray, classes: int) -> np.ndarray:
    """Share of each class, whatever form the output layer gives it in.

    Parameters
    ----------
    output : numpy.ndarray
        float ``(..., features)``: probabilities, one probability of the second class, or
        scores without a limit.
    classes : int
        How many classes there are, at least 2.

    Returns
    -------
    numpy.ndarray
        float64 ``(..., classes)``, each from 0 to 1, in all 1. The largest output stays the
        largest; one number alone stands for the second class from 0.5 on, as for the losses.
    """
    values = np.nan_to_num(np.asarray(output, np.float64))
    if values.shape[-1] == 1 and classes == 2:
        p = np.clip(values[..., 0], 0.0, 1.0)
        return np.stack([1.0 - p, p], -1)
    if values.size and values.min() >= -1e-4 and np.abs(values.sum(-1) - 1).max() < 1e-2:
        return np.clip(values, 0.0, 1.0)
    powers = np.exp(values - values.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def class_numbers(targets: np.ndarray, classes: int) -> np.ndarray:
    """Class of each target, whether a number, a one-hot vector or the sign -1 / +1.

    Parameters
    ----------
    targets : numpy.ndarray
        ``(samples,)``, ``(samples, 1)`` or ``(samples, classes)``.

    Returns
    -------
    numpy.ndarray
        int64 ``(samples,)``, each from 0 to ``classes - 1``.
    """
    if targets.ndim > 1 and targets.shape[-1] > 1:
        labels = targets.reshape(len(targets), -1).argmax(1)
    else:
        labels = np.rint(targets.reshape(len(targets))).astype(np.int64)
    return np.asarray(np.clip(labels, 0, max(0, classes - 1)), np.int64)
