"""Exported programs, run by Keras: the same numbers as the layers' float64 references give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio.core.inference import Inference, infer
from studio.core.layer import Layer, Loss
from studio.data import describe_all
from studio.layers.random_mask import RandomMask
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
        if isinstance(layer, Loss):
            wire = graph.feeds(node)[0]
            return np.asarray(made[wire.source, wire.source_port])
        given = [None if w is None else made[w.source, w.source_port] for w in graph.feeds(node)]
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


def test_hidden_words_are_found_and_counted_as_here(tmp_path: Path) -> None:
    document = templates.load("masked-words")
    (hiding,) = (n.id for n in document.graph.nodes if n.layer.type_name() == "RandomMask")
    # All words hidden: no chance is left.
    rates = {"mask_selection_rate": 1.0, "mask_token_rate": 1.0}
    document = document.with_graph(document.graph.set_parameters(hiding, **rates))
    infos = describe_all(document.graph)
    inference = infer(document.graph, infos)
    weights, inputs = _weights(inference), _inputs(document.graph, inference, infos)
    (words,) = (v for (_, port), v in inputs.items() if port == 0)
    words[0, 5:] = 0
    program = keras_program(document, infos, weights)
    file, arrays = save_keras_program(tmp_path / "network.py", program)
    module: dict[str, Any] = {"__name__": "network"}
    exec(compile(file.read_text(), str(file), "exec"), module)
    model = module["build"]()
    module["load_weights"](model, arrays)
    module["compile_model"](model)
    answers = _reference(document.graph, inputs, weights)
    require_close(np.asarray(model(words)), answers, 1e-4, "hidden words")
    steps = np.arange(words.shape[1])
    right = np.stack([row[steps, true.astype(int)] for row, true in zip(answers, words, strict=True)])
    loss = float(np.mean(-np.log(right) * (words != 0)))
    assert model.evaluate(words, verbose=0) == pytest.approx(loss, rel=1e-4)
    history = module["fit"](model, words, verbose=0)
    assert history.history["loss"][-1] < 0.8 * history.history["loss"][0]


def test_words_are_hidden_as_often_as_here() -> None:
    module: dict[str, Any] = {}
    layer = RandomMask(vocabulary_size=40, mask_selection_rate=0.3, mask_token_rate=0.6, random_token_rate=0.2)
    exec(f"import keras\n{layer.keras_source}", module)
    theirs = module["RandomMask"](40, 0.3, 0.6, 0.2)
    words = np.tile(np.arange(40, dtype=np.float32), (500, 1))
    first, second, later = (tuple(map(np.asarray, theirs(words, training=t))) for t in (True, True, False))
    assert not np.array_equal(first[0], second[0])
    assert np.array_equal(later[0], np.asarray(theirs(words)[0]))
    ours = layer.chosen(words)
    for new, chosen in (first, second, later, ours):
        assert not chosen[:, 0].any()
        assert not (new[:, 1:] == 0).any()
        assert np.array_equal(new[chosen == 0], words[chosen == 0])
        assert chosen[:, 1:].mean() == pytest.approx(0.3, abs=0.015)
        assert (new[chosen != 0] == 40).mean() == pytest.approx(0.6, abs=0.03)
        assert (new == words)[chosen != 0].mean() == pytest.approx(0.2 + 0.2 / 39, abs=0.03)
