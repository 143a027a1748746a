"""Shapes, parameter counts and problems of a graph, worked out in one pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.core.dataset import DatasetInfo, StillReading
from studio.core.graph import Edge, Graph, Node
from studio.core.hints import output_hints
from studio.core.layer import Layer, Loss, Weight
from studio.core.plugins import from_plugin
from studio.core.pretrained import RANDOM_WEIGHTS
from studio.core.problems import Problem, Remedy, ShapeProblem
from studio.core.shapes import Shape

#: More numbers than this in one sample of one layer is a slip of the keyboard.
LARGEST_SAMPLE = 1 << 28


@dataclass(frozen=True)
class Inference:
    """What follows from a graph and the data sets of its Data nodes.

    Parameters
    ----------
    shapes : dict
        Output shapes by node id, one a port; a node with a problem is absent.
    input_shapes : dict
        Input shapes by node id, in the order of the ports; only where all are known. An
        optional port without a wire has None.
    weights : dict
        `Weight` tuples by node id.
    problems : tuple of Problem
        In the order of the graph.
    words : dict
        Names of the words that numbers stand for, by node id and output port; absent where they
        stand for none.
    """

    shapes: Mapping[str, tuple[Shape, ...]] = field(default_factory=dict)
    input_shapes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    weights: Mapping[str, tuple[Weight, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    words: Mapping[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Problems that stop training."""
        return tuple(p for p in self.problems if p.severity == "error")

    def answer_words(self, graph: Graph, node: str) -> tuple[str, ...]:
        """What the scores of each step stand for, where a loss compares them with words; else empty."""
        shape = self.shapes.get(node, ((),))[0]
        for wire in graph.outgoing(node):
            if wire.target_port == 0 and isinstance(graph.node(wire.target).layer, Loss) and len(shape) == 2:
                targets = graph.feeds(wire.target)[1]
                words = self.words.get((targets.source, targets.source_port), ()) if targets else ()
                if words and len(words) <= shape[1]:
                    return words
        return ()

    def parameters(self, node: str) -> int:
        """How many numbers the node's weights have."""
        return sum(math.prod(w.shape) for w in self.weights.get(node, ()))

    @property
    def total_parameters(self) -> int:
        """How many numbers all weights have."""
        return sum(self.parameters(n) for n in self.weights)


def infer(graph: Graph, datasets: Mapping[str, DatasetInfo | str]) -> Inference:
    """Work out shapes, weights and problems.

    Parameters
    ----------
    graph : Graph
        Any legal graph, complete or not.
    datasets : mapping of str to DatasetInfo or str
        By id of the Data nodes; a string is the sentence that says why a data set could not
        be had, or the rest of the one that it is `StillReading`.
    """
    shapes: dict[str, tuple[Shape, ...]] = {}
    inputs: dict[str, tuple[Any, ...]] = {}
    weights: dict[str, tuple[Weight, ...]] = {}
    problems: list[Problem] = []
    words: dict[tuple[str, int], tuple[str, ...]] = {}

    def report(node: Node, rest: str, remedy: Remedy | None = None, severity: str = "error") -> None:
        problems.append(Problem(node.id, f"{node.name} {rest}", remedy, severity))

    for node_id in graph.order:
        node = graph.node(node_id)
        layer = node.layer
        if layer.family == "Data":
            _infer_source(node, datasets.get(node_id), shapes, report)
            words |= _words_of_source(node_id, datasets.get(node_id))
            continue
        missing = _missing_input(graph, node)
        if missing:
            report(node, missing[0], missing[1])
            continue
        wires = graph.incoming(node_id)
        if any(w.source not in shapes for w in wires):
            continue  # the problem is further up; one sentence about it is enough
        given: tuple[Any, ...] = tuple(shapes[w.source][w.source_port] if w else None for w in graph.feeds(node_id))
        if isinstance(layer, Loss):
            target = wires[1]
            mismatch = _target_mismatch(graph, layer, datasets.get(target.source), target.source_port)
            if mismatch:
                report(node, *mismatch)
                continue
        try:
            if isinstance(layer, Loss):
                _check_classes(layer, given[0], datasets.get(wires[1].source), wires[1].source_port)
            else:
                _check_words(layer, wires, words)
            shape = layer.output_shape(*given)
            if math.prod(shape) > LARGEST_SAMPLE:
                raise ShapeProblem("would give more numbers than fit into memory: make it smaller.")
            weights[node_id] = layer.weights(*given)
        except ShapeProblem as problem:
            remedy = problem.remedy
            if remedy is None and isinstance(layer, Loss):
                remedy = _size_remedy(graph, wires, given, datasets)
            report(node, str(problem), remedy)
            continue
        except Exception as error:
            if not from_plugin(type(layer)):
                raise
            # A defect of a plug-in must not keep the rest of the graph from being edited.
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            report(node, f"cannot say its shape ({reason}): this is a mistake in its plug-in; replace the layer.")
            continue
        misfit = node.pretrained.misfit(weights[node_id]) if node.pretrained else ""
        if misfit:
            # Only where it starts is wrong: what comes after it has its shapes all the same.
            report(node, misfit, RANDOM_WEIGHTS)
        inputs[node_id] = given
        shapes[node_id] = (shape,) * max(1, len(layer.outputs))
        words |= _words_passed_on(node_id, layer, wires, words)
    problems += _whole_graph_problems(graph, shapes)
    problems += _frozen_hints(graph, weights)
    problems += output_hints(graph, shapes, datasets)
    rank = {n: i for i, n in enumerate(graph.order)}
    problems.sort(key=lambda p: rank.get(p.node, len(rank)))
    return Inference(shapes, inputs, weights, tuple(problems), words)


def _infer_source(node, info, shapes, report) -> None:  # type: ignore[no-untyped-def]
    layer: Layer = node.layer
    if not layer.outputs:
        return
    if isinstance(info, DatasetInfo):
        shapes[node.id] = (info.x_shape, info.y_shape, ())[: info.ports]
    elif isinstance(info, StillReading):
        report(node, str(info), severity="hint")
    elif isinstance(info, str):
        report(node, f"has no data: {info}")
    else:
        try:
            shapes[node.id] = (layer.output_shape(),)
        except ShapeProblem as problem:
            report(node, str(problem), problem.remedy)


def _missing_input(graph: Graph, node: Node) -> tuple[str, Remedy | None] | None:
    wires = graph.incoming(node.id)
    layer = node.layer
    if isinstance(layer, Loss):
        ports = {w.target_port for w in wires}
        if 0 not in ports:
            return "needs a prediction: drag a wire from the last layer to it.", None
        if 1 not in ports:
            return (
                "needs a target: drag a wire from Data's Y to it.",
                Remedy("connect_target", "Connect Data's Y", port=1),
            )
        return None
    if layer.is_variadic():
        if len(wires) < layer.minimum_inputs:
            return f"needs at least {layer.minimum_inputs} inputs: drag more wires to it.", None
        return None
    taken = {w.target_port for w in wires}
    missing = [p for p in range(len(layer.inputs)) if p not in taken and layer.needs_input(p)]
    if not missing:
        return None
    if not taken and len(missing) == 1:
        return "has no input: drop it on a wire, or drag a wire to it.", None
    return f"needs its {layer.inputs[missing[0]]} input: drag a wire to it.", None


_TARGET_WORDS = {
    "labels": "class labels",
    "one_hot": "one-hot vectors",
    "values": "plain values",
}


def _target_mismatch(
    graph: Graph, loss: Loss, info: DatasetInfo | str | None, port: int
) -> tuple[str, Remedy | None] | None:
    if not isinstance(info, DatasetInfo):
        return None
    kind = info.kind_of(port)
    if kind in loss.targets:
        return None
    wanted = " or ".join(_TARGET_WORDS[t] for t in loss.targets)
    better = {"labels": "SparseCategoricalCrossentropy", "one_hot": "CategoricalCrossentropy"}.get(
        kind, "MeanSquaredError"
    )
    return (
        f"needs {wanted} as targets, but Data gives {_TARGET_WORDS[kind]}: use {better} instead.",
        Remedy("replace", f"Use {better}", type=better),
    )


def _size_remedy(
    graph: Graph, wires: tuple[Edge, ...], given: tuple[Any, ...], datasets: Mapping[str, DatasetInfo | str]
) -> Remedy | None:
    """Give the last layer as many units as the target needs, where that is what is wrong."""
    prediction, target = given[:2]
    last, info = graph.node(wires[0].source).layer, datasets.get(wires[1].source)
    labels = isinstance(info, DatasetInfo) and info.kind_of(wires[1].source_port) == "labels"
    each_step = labels and len(prediction) == 2 and prediction[:1] == target
    if "units" not in last.parameters() or not (each_step or (len(prediction) == 1 and len(target) < 2)):
        return None
    units = len(info.names_of(wires[1].source_port)) if labels else math.prod(target)  # type: ignore[union-attr]
    if units < 1 or units == prediction[-1]:
        return None
    text = f"Use {units} unit{'s' if units > 1 else ''} in the last layer"
    return Remedy("set_source", text, values=(("units", units),))


def _check_classes(loss: Loss, prediction: Shape, info: DatasetInfo | str | None, port: int) -> None:
    if isinstance(info, DatasetInfo) and info.kind_of(port) == "labels":
        loss.check_classes(prediction, len(info.names_of(port)))


_Words = Mapping[tuple[str, int], tuple[str, ...]]


def _words_of_source(node: str, info: DatasetInfo | str | None) -> dict[tuple[str, int], tuple[str, ...]]:
    """What X and Y of a text hold: words, and the words, or digits, that are the answer."""
    if not isinstance(info, DatasetInfo) or not info.vocabulary:
        return {}
    found = {(node, 0): info.vocabulary}
    if info.target == "labels" and len(info.y_shape) == 1:
        found[node, 1] = info.classes
    return found


def _words_passed_on(
    node: str, layer: Layer, wires: tuple[Edge, ...], words: _Words
) -> dict[tuple[str, int], tuple[str, ...]]:
    first = next((words[w.source, w.source_port] for w in wires[:1] if (w.source, w.source_port) in words), ())
    named = {(node, port): layer.words_out(port, first) for port in range(len(layer.outputs))} if first else {}
    return {place: names for place, names in named.items() if names}


def _check_words(layer: Layer, wires: tuple[Edge, ...], words: _Words) -> None:
    for wire in wires:
        names = words.get((wire.source, wire.source_port))
        if names and not layer.is_variadic():
            layer.check_words(wire.target_port, len(names))


def _whole_graph_problems(graph: Graph, shapes: Mapping[str, object]) -> list[Problem]:
    problems = []
    losses = [n for n in graph.nodes if isinstance(n.layer, Loss)]
    sources = [n for n in graph.nodes if n.layer.family == "Data"]
    if not sources:
        problems.append(
            Problem("", "The graph has no Data: add one to say what to learn from.", Remedy("add_data", "Add Data"))
        )
    if not losses:
        problems.append(
            Problem("", "The graph has no Loss: add one to say what good answers are.", Remedy("add_loss", "Add a Loss"))
        )
    leading = {a for n in losses for a in graph.ancestors(n.id)}
    problems += [
        Problem(
            node.id,
            f"{node.name} has a shape but no samples: replace it with Data before training.",
            Remedy("replace", "Replace it with Data", type="Data"),
        )
        for node in sources
        if len(node.layer.outputs) == 1 and node.id in leading
    ]
    problems += [
        Problem(
            node.id,
            f"{node.name} says how much each sample counts, but nobody is told: drag a wire from its weights to the Loss.",
            severity="hint",
        )
        for node in sources
        if len(node.layer.outputs) > 2 and losses and not any(w.source_port == 2 for w in graph.outgoing(node.id))
    ]
    if losses and sources:
        useful = {a for n in losses for a in graph.ancestors(n.id)} | {n.id for n in losses}
        for node in graph.nodes:
            if node.id in shapes and node.id not in useful and node.layer.family != "Data":
                problems.append(
                    Problem(
                        node.id,
                        f"{node.name} leads to no Loss, so it learns nothing: wire its output on.",
                        severity="hint",
                    )
                )
    return problems


def _frozen_hints(graph: Graph, weights: Mapping[str, tuple[Weight, ...]]) -> list[Problem]:
    """A loss before which all layers are frozen has nothing to teach."""
    hints = []
    for loss in (n for n in graph.nodes if isinstance(n.layer, Loss)):
        able = [graph.node(n) for n in graph.ancestors(loss.id) if any(w.trainable for w in weights.get(n, ()))]
        if able and not any(n.trainable for n in able):
            sentence = f"{loss.name} teaches nobody, since all layers before it are frozen: unfreeze one."
            hints.append(Problem(loss.id, sentence, severity="hint"))
    return hints
