"""Exported programs, run by Keras: the same numbers as the layers' float64 references give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio.core.inference import Inference, infer
from studio.core.layer import Layer, Loss
from studio.data import describe_all
from studio.storage import templates
from studio.storage.exports import keras_program, save_keras_program
from studio.testing.declarations import require_close

SAMPLES = 2


def _weights(inference: Inference) -> dict[tuple[str, str], np.ndarray]:
    """Numbers that leave no layer's output constant; variances are positive."""
    generator = np.random.default_rng(3)
    found = {}
    for node, declared in inference.weights.items():
        for weight in declared:
            drawn = generator.normal(size=weight.shape) * 0.3
            found[node, weight.name] = (np.abs(drawn) + 0.5 if weight.name.endswith("variance") else drawn).astype(np.float32)
    return found


def _inputs(graph: Any, inference: Inference, infos: Any) -> dict[tuple[str, int], np.ndarray]:
    """Samples for each port of each Data node."""
    generator = np.random.default_rng(4)
    found = {}
    for node in graph.nodes:
        if node.layer.inputs:
            continue
        info = infos[node.id]
        for port, shape in enumerate(inference.shapes[node.id]):
            words = len(info.vocabulary) if port == 0 else len(info.classes)
            drawn = generator.integers(0, words, (SAMPLES, *shape)) if words else generator.normal(size=(SAMPLES, *shape))
            found[node.id, port] = drawn.astype(np.float32)
    return found


def _reference(graph: Any, inputs: dict[tuple[str, int], np.ndarray], weights: dict[tuple[str, str], np.ndarray]) -> np.ndarray:
    """What the loss is given, in float64."""
    made: dict[tuple[str, int], Any] = {key: value.astype(np.float64) for key, value in inputs.items()}
    for node in graph.order:
        layer: Layer = graph.node(node).layer
        if not layer.inputs:
            continue
        given = [None if w is None else made[w.source, w.source_port] for w in graph.feeds(node)]
        if isinstance(layer, Loss):
            return np.asarray(given[0])
        own = {name: w.astype(np.float64) for (owner, name), w in weights.items() if owner == node}
        made[node, 0] = layer.reference(given, own)  # type: ignore[arg-type]
    raise AssertionError("no loss")


@pytest.mark.parametrize(
    "name", ["iris", "forecast", "xception", "text-classifier", "translation"]
)
def test_a_template_exported_to_keras_computes_the_same(name: str, tmp_path: Path) -> None:
    document = templates.load(name)
    infos = describe_all(document.graph)
    inference = infer(document.graph, infos)
    weights, inputs = _weights(inference), _inputs(document.graph, inference, infos)
    program = keras_program(document, infos, weights, name)
    file, arrays = save_keras_program(tmp_path / "network.py", program)
    module: dict[str, Any] = {"__name__": "network"}
    exec(compile(file.read_text(), str(file), "exec"), module)
    model = module["build"]()
    module["load_weights"](model, arrays)
    module["compile_model"](model)
    used = [inputs[key] for key in _used(document.graph)]
    theirs = np.asarray(model(used if len(used) > 1 else used[0]))
    require_close(theirs, _reference(document.graph, inputs, weights), 1e-4, name)
    assert sum(v.size for v in program.weights.values()) == sum(w.size for w in weights.values())


def _used(graph: Any) -> list[tuple[str, int]]:
    """Ports of Data that layers read, in the order of the model's inputs."""
    found = []
    for node in graph.order:
        if not graph.node(node).layer.inputs:
            wires = [w for w in graph.outgoing(node) if not isinstance(graph.node(w.target).layer, Loss)]
            found += sorted({(node, w.source_port) for w in wires})
    return found
