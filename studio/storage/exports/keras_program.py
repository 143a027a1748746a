"""A network as a Keras program that stands on its own, with its weights in an NPZ file beside it."""

from __future__ import annotations

import keyword
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from studio.core.composite import Composite, opened
from studio.core.dataset import Dataset, DatasetInfo
from studio.core.document import Document
from studio.core.graph import Edge, Graph
from studio.core.inference import Inference, infer
from studio.core.keras_code import Code, NoTwin, call
from studio.core.layer import Loss
from studio.storage.durable import write_durably
from studio.storage.errors import StorageError
from studio.storage.exports.keras_data import preparation
from studio.storage.exports.keras_training import (
    WEIGHTED_LOSS,
    class_weight,
    loss_code,
    metric_codes,
    optimizer_code,
)

#: Weights by node id and weight name, as a `TrainingState` has them.
Weights = Mapping[tuple[str, str], np.ndarray]

_LOADING = '''
def load_weights(model, file):
    """Put the numbers that Layer Studio found into the network."""
    arrays = dict(numpy.load(file))
    for layer in model.layers:
        names = [name for name in arrays if name.split("/", 1)[0] == layer.name]
        for variable in layer.weights:
            # The same name and shape; of several such, in the same order.
            fits = (n for n in names if n.rsplit("/", 1)[1] == variable.path.rsplit("/", 1)[1])
            name = next((n for n in fits if arrays[n].shape == tuple(variable.shape)), None)
            if name is None and "seed" not in variable.path:
                raise ValueError(f"There are no numbers for {variable.path} in {file}.")
            if name is not None:
                variable.assign(arrays[name])
                names.remove(name)
'''

_MAIN = '''if __name__ == "__main__":
    network = build()
    network.summary()
'''
_MAIN_WITH_WEIGHTS = '''if __name__ == "__main__":
    network = build()
    load_weights(network, pathlib.Path(__file__).with_suffix(".npz"))
    network.summary()
'''


@dataclass(frozen=True, eq=False)
class KerasProgram:
    """What is written.

    Parameters
    ----------
    text : str
        The program. It defines ``build() -> keras.Model``, ``compile_model(model)`` and, if there are weights,
        ``load_weights(model, file)``.
    weights : mapping of str to numpy.ndarray
        float32 by layer and weight, such as ``dense_1/kernel``; empty for an untrained network.
    """

    text: str
    weights: Mapping[str, np.ndarray]

    def write_text(self, file: IO[bytes]) -> None:
        """Write the program into a file."""
        file.write(self.text.encode())

    def write_weights(self, file: IO[bytes]) -> None:
        """Write the weights into a file, in NumPy's NPZ format."""
        arrays: dict[str, Any] = dict(self.weights)
        np.savez(file, **arrays)


def keras_program(
    document: Document,
    infos: Mapping[str, DatasetInfo | str],
    weights: Weights | None = None,
    title: str = "",
    datasets: Mapping[str, Dataset] | None = None,
) -> KerasProgram:
    """Write a network as a program for Keras 3.

    Parameters
    ----------
    document : Document
    infos : mapping of str to DatasetInfo or str
        What is known of the data, by id of the Data nodes.
    weights : mapping, optional
        float32 by node id and weight name.
    title : str
        For the program's first line.
    datasets : mapping of str to Dataset, optional
        Loaded data by id of the Data nodes: the program then says how samples are scaled.

    Raises
    ------
    StorageError
        When the graph has problems, or Keras cannot say what a layer does; names the layer.
    """
    graph, inference = _opened(document.graph, infos)
    if inference.errors:
        raise StorageError(f"A network with a problem cannot be exported: {inference.errors[0].message}")
    writer = _Writer(graph, inference)
    # Opening a brick keeps the path of a weight, but moves the border between node and name.
    known = {f"{node}/{weight}": array for (node, weight), array in (weights or {}).items()}
    for node in graph.order:
        writer.write_node(node, known)
    if not writer.inputs or not writer.outputs():
        raise StorageError("There is no network to export: wire Data to some layers first.")
    info = next((i for i in infos.values() if isinstance(i, DatasetInfo)), None)
    preparing = preparation(info, next(iter((datasets or {}).values()), None))
    return KerasProgram(_text(document, info, title, writer, preparing), writer.stored)


def save_keras_program(path: str | os.PathLike[str], program: KerasProgram) -> tuple[Path, ...]:
    """Write the program, and its weights beside it; returns the files written.

    Raises
    ------
    StorageError
        When one cannot be written.
    """
    written = [Path(path)]
    if program.weights:
        written.append(written[0].with_suffix(".npz"))
        write_durably(written[1], program.write_weights)
    write_durably(written[0], program.write_text)
    return tuple(written)


def _opened(graph: Graph, infos: Mapping[str, DatasetInfo | str]) -> tuple[Graph, Inference]:
    """The graph with all bricks opened into their parts, and its inference."""
    while True:
        inference = infer(graph, infos)
        bricks = [n for n in graph.nodes if isinstance(n.layer, Composite) and n.id in inference.input_shapes]
        if not bricks:
            return graph, inference
        for brick in bricks:
            graph, _ = opened(graph, brick.id, *inference.input_shapes[brick.id])


class _Writer:
    """Gathers the lines of ``build`` node by node, and what goes with them."""

    def __init__(self, graph: Graph, inference: Inference) -> None:
        self._graph, self._inference = graph, inference
        losses = {n.id: n.layer for n in graph.nodes if isinstance(n.layer, Loss)}
        weights = {n: next((w for w in graph.feeds(n)[2:] if w is not None), None) for n in losses}
        made = {n for n, wire in weights.items() if wire is not None and graph.node(wire.source).layer.inputs}
        #: Those whose weights layers make, which are part of the network, and all others, which `compile` is told of.
        self.inner = {n: loss for n, loss in losses.items() if n in made}
        self.losses = {n: loss for n, loss in losses.items() if n not in made}
        #: Whether samples bring weights of their own.
        self.weighted = any(weights[n] is not None for n in self.losses)
        #: Variables of the program by node and port.
        self._names: dict[tuple[str, int], str] = {}
        for node in graph.nodes:
            if node.id not in self.losses:
                self._names[node.id, 0] = self._free_name(node.name or node.layer.type_name())
        self.inputs: list[str] = []
        self.lines: list[str] = []
        self.frozen: list[str] = []
        self.sources: dict[str, str] = {}
        self.stored: dict[str, np.ndarray] = {}

    def _free_name(self, words: str) -> str:
        """A name that a program can have and that no other variable has."""
        plain = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or "layer"
        plain = f"layer_{plain}" if plain[0].isdigit() else plain
        plain = f"{plain}_" if keyword.iskeyword(plain) or plain in ("keras", "numpy", "model") else plain
        name, number, taken = plain, 2, set(self._names.values())
        while name in taken:
            name, number = f"{plain}_{number}", number + 1
        return name

    def write_node(self, node_id: str, weights: Mapping[str, np.ndarray]) -> None:
        """Add the line of a node; `weights` by node id, slash and weight name."""
        node = self._graph.node(node_id)
        layer = node.layer
        if node_id in self.losses:
            return
        if not layer.inputs:
            self._write_inputs(node_id)
            return
        name = self._names[node_id, 0]
        for port, words in enumerate(layer.outputs[1:], 1):
            self._names[node_id, port] = self._free_name(f"{name} {words}")
        names = [self._names[node_id, port] for port in range(max(1, len(layer.outputs)))]
        given = [None if wire is None else self._variable(wire) for wire in self._graph.feeds(node_id)]
        try:
            if node_id in self.inner:
                made = self._inner_loss(self.inner[node_id])
            else:
                made = layer.keras_code(*self._inference.input_shapes[node_id])
            self.lines.append(f"{', '.join(names)} = {layer.keras_call(_named(made, name), given)}")
        except NoTwin as problem:
            raise StorageError(f"{node.name} {problem}") from None
        if layer.keras_source:
            self.sources[layer.type_name()] = layer.keras_source.strip("\n")
        declared = self._inference.weights.get(node_id, ())
        if declared and not node.trainable:
            self.frozen.append(f'model.get_layer("{name}").trainable = False')
        for weight in declared:
            array = weights.get(f"{node_id}/{weight.name}")
            if array is not None:
                self.stored[f"{name}/{weight.name}"] = np.ascontiguousarray(array, np.float32)

    def _inner_loss(self, loss: Loss) -> Code:
        """The expression that makes the layer of a loss that is part of the network."""
        self.sources["WeightedLoss"] = WEIGHTED_LOSS
        return call("WeightedLoss", loss_code(loss), *(() if loss.weight == 1.0 else (loss.weight,)))

    def _write_inputs(self, node: str) -> None:
        """An input for each port that layers, not only losses, read."""
        for port in sorted({w.source_port for w in self._graph.outgoing(node) if w.target not in self.losses}):
            if port:
                self._names[node, port] = self._free_name(f"{self._names[node, 0]} {port + 1}")
            name = self._names[node, port]
            self.inputs.append(name)
            what = "  # the right answers, Y" if port == 1 else ""
            self.lines.append(f"{name} = {call('keras.Input', self._inference.shapes[node][port], name=name)}{what}")

    def _variable(self, wire: Edge) -> str:
        return self._names[wire.source, wire.source_port]

    def outputs(self) -> list[str]:
        """What the losses are given, and what those in the network pass on."""
        wires = [self._graph.feeds(node)[0] for node in self.losses]
        return [*(self._variable(w) for w in wires if w is not None), *(self._names[n, 0] for n in self.inner)]


def _named(made: Code, name: str) -> Code:
    """The same call with the layer's name as its last argument."""
    inside = made[:-1]
    return Code(f"{inside}{'' if inside.endswith('(') else ', '}name={name!r})")


def _text(document: Document, info: DatasetInfo | None, title: str, writer: _Writer, preparing: str) -> str:
    """The whole program."""
    about = f"{title or document.title or 'A network'}: a network made with Layer Studio, for Keras 3."
    if info is not None:
        classes = f", {len(info.classes)} classes" if info.classes else ""
        about += f" It reads {info.title}: samples of shape {info.x_shape}{classes}."
    about = re.sub(r'[\\"\s]+', " ", about).strip()
    parts = [f'"""{about}"""\n']
    if writer.stored:
        parts.append("import pathlib\n")
    needs_numpy = writer.stored or any("numpy." in t for t in (preparing, *writer.lines, *writer.sources.values()))
    parts.append(("import keras\nimport numpy\n" if needs_numpy else "import keras\n") + "\n")
    if preparing:
        parts.append(f"{preparing}\n")
    parts += [f"{source}\n\n" for source in writer.sources.values()]
    model = f"model = keras.Model({_one_or_list(writer.inputs)}, {_one_or_list(writer.outputs())})"
    body = "\n    ".join((*writer.lines, model, *writer.frozen))
    parts.append(f'def build():\n    """The network, with weights to be trained."""\n    {body}\n    return model\n\n')
    parts.append(f"{_compiling(document, info, writer)}\n")
    if writer.stored:
        parts.append(f"{_LOADING.lstrip()}\n")
    parts.append(_MAIN_WITH_WEIGHTS if writer.stored else _MAIN)
    # Two empty lines between functions, however the parts before ended.
    return re.sub(r"\n{3,}(?=\S)", "\n\n\n", "\n".join(parts))


def _compiling(document: Document, info: DatasetInfo | None, writer: _Writer) -> str:
    """The functions ``compile_model`` and ``fit``."""
    training, losses, inner = document.training, list(writer.losses.values()), list(writer.inner.values())
    # How long the run is sets the pace of a schedule; files that bring a test part of their own have a few more steps.
    data = next((n.layer for n in document.graph.nodes if not n.layer.inputs), None)
    share = 1.0 - getattr(data, "validation", 0.0) - getattr(data, "test", 0.0)
    steps = math.ceil((info.samples if info else 0) * share / training.batch_size) * training.epochs
    optimizer, callbacks, remarks = optimizer_code(training, steps)
    try:
        codes = [loss_code(loss) for loss in losses]
    except NoTwin as problem:
        raise StorageError(f"{losses[0].type_name()} {problem}") from None
    metrics = metric_codes(training, losses[0]) if len(losses) == 1 and not inner else []
    arguments = [f"optimizer={optimizer}"]
    if codes:
        # Outputs whose loss is in the network are scored there.
        arguments.append(f"loss={_one_or_list([*codes, *('None' for _ in inner)])}")
    if any(loss.weight != 1.0 for loss in losses):
        arguments.append(f"loss_weights={[loss.weight for loss in losses] + [0.0 for _ in inner]!r}")
    if metrics:
        arguments.append(f"metrics=[{', '.join(metrics)}]")
    if inner:
        remarks = [*remarks, "What is right is in the network, where Keras has no metrics for it."]
    names = ["x", *(("y",) if losses else ()), *(("weights",) if writer.weighted else ())]
    given = [*names[:2], f"batch_size={training.batch_size}", f"epochs={training.epochs}"]
    if writer.weighted:
        given.append("sample_weight=weights")
    if callbacks:
        given.append(f"callbacks=[{', '.join(callbacks)}]")
    classes = class_weight(losses)
    if classes:
        given.append(f"class_weight={classes!r}")
    what = {"y": ", and their right answers", "weights": ", each counting by its weight"}
    about = "".join(what[name] for name in names[1:])
    notes = "".join(f"    # {remark}\n" for remark in remarks)
    return (
        'def compile_model(model):\n    """Say how the network is to be trained."""\n'
        f"{notes}    model.compile(\n        " + ",\n        ".join(arguments) + ",\n    )\n\n\n"
        f"def fit(model, {', '.join(names)}, **options):\n"
        f'    """Train on samples, as `prepare` gives them where it is there{about}."""\n'
        f"    return model.fit({', '.join(given)}, **options)\n"
    )


def _one_or_list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"
