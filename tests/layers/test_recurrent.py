"""What the contract does not see of recurrent layers."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from studio.core.layer import Layer
from studio.core.problems import ShapeProblem
from studio.engine.commands import Watch
from studio.engine.views import take_views
from studio.layers.bidirectional import Bidirectional
from studio.layers.gru import GRU
from studio.layers.lstm import LSTM
from studio.layers.simple_rnn import SimpleRNN
from studio.testing.rig import Rig

STEPS, FEATURES = 4, 3


def _infer(layer: Layer, x: np.ndarray, padding: np.ndarray | None) -> np.ndarray:
    answers = np.zeros((len(x), *layer.output_shape(x.shape[1:], None)), np.float32)
    shapes = (x.shape[1:], None)
    weights = {w.name: np.full(w.shape, 0.1, np.float32) for w in layer.weights(*shapes)}
    with closing(Rig(layer, [x, padding], answers, len(x), weights=weights)) as rig:
        return rig.infer()


@pytest.mark.parametrize("layer", [LSTM(units=3), SimpleRNN(units=3)], ids=lambda layer: layer.type_name())
def test_padding_at_the_end_changes_nothing(layer: Layer) -> None:
    x = np.random.default_rng(0).normal(size=(5, STEPS, FEATURES)).astype(np.float32)
    words = np.ones((5, STEPS), np.float32)
    words[:, 2:] = 0.0
    assert np.allclose(_infer(layer, x, words), _infer(layer, x[:, :2], None), atol=1e-6)


def test_the_memory_starts_open() -> None:
    """Keras's unit_forget_bias: the second quarter of the bias is 1, the rest 0."""
    layer = LSTM(units=3)
    x = np.zeros((2, STEPS, FEATURES), np.float32)
    with closing(Rig(layer, [x, None], np.zeros((2, 3), np.float32), 2)) as rig:
        rig.network.draw_weights(5)
        weights = rig.network.node_weights(rig.node)
    assert weights["bias"].tolist() == [0.0] * 3 + [1.0] * 3 + [0.0] * 6
    recurrent = weights["recurrent_kernel"]
    assert np.allclose(recurrent @ recurrent.T, np.eye(3), atol=1e-6)  # orthogonal


def test_dropout_silences_the_same_inputs_in_all_steps() -> None:
    layer = SimpleRNN(units=1, activation="linear", use_bias=False, dropout=0.5, return_sequences=True)
    x = np.ones((16, STEPS, 1), np.float32)
    weights = {"kernel": np.ones((1, 1), np.float32), "recurrent_kernel": np.zeros((1, 1), np.float32)}
    with closing(Rig(layer, [x, None], np.zeros((16, STEPS, 1), np.float32), 16, weights=weights)) as rig:
        output = rig.train().output[..., 0]
    assert set(np.unique(output)) == {0.0, 2.0}
    assert (output == output[:, :1]).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeProblem, match="needs a sequence"):
        GRU().output_shape((4, 4, 2), None)
    with pytest.raises(ShapeProblem, match="one for each step"):
        GRU().output_shape((STEPS, FEATURES), (STEPS + 1,))


def _gates(layer: LSTM | GRU, x: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Gates by the layers' formulas, float64 ``(samples, units, steps, gates)``."""

    def sigmoid(number: np.ndarray) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-number)))

    samples, steps, _ = x.shape
    found = np.zeros((samples, layer.units, steps, layer.gates))
    h = c = np.zeros((samples, layer.units))
    for t in range(steps - 1, -1, -1) if layer.go_backwards else range(steps):
        if isinstance(layer, LSTM):
            sums = x[:, t] @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights["bias"]
            i, f, new, o = np.split(sums, 4, axis=1)
            i, f, new, o = sigmoid(i), sigmoid(f), np.tanh(new), sigmoid(o)
            c = f * c + i * new
            h = o * np.tanh(c)
            found[:, :, t] = np.stack([i, f, new, o], -1)
        else:
            kernels = np.split(weights["kernel"], 3, axis=1)
            u = np.split(weights["recurrent_kernel"], 3, axis=1)
            bias = np.split(weights["bias"], 3, axis=-1)
            ours = [b[0] if layer.reset_after else b for b in bias]
            theirs = [b[1] if layer.reset_after else 0.0 for b in bias]
            z, r = (sigmoid(x[:, t] @ kernels[n] + ours[n] + h @ u[n] + theirs[n]) for n in (0, 1))
            remembered = r * (h @ u[2] + theirs[2]) if layer.reset_after else (r * h) @ u[2]
            new = np.tanh(x[:, t] @ kernels[2] + ours[2] + remembered)
            h = z * h + (1 - z) * new
            found[:, :, t] = np.stack([z, r, new], -1)
    return found


@pytest.mark.parametrize(
    "layer",
    [
        LSTM(units=5),
        LSTM(units=3, go_backwards=True, return_sequences=True),
        GRU(units=3),
        GRU(units=5, reset_after=False, go_backwards=True),
    ],
    ids=["lstm", "lstm backwards", "gru", "gru before"],
)
def test_gates_can_be_seen_over_time(layer: LSTM | GRU) -> None:
    generator = np.random.default_rng(6)
    x = generator.normal(size=(3, STEPS, FEATURES)).astype(np.float32)
    weights = {w.name: generator.normal(size=w.shape).astype(np.float32) for w in layer.weights(x.shape[1:], None)}
    factors = np.ones((3, *layer.output_shape(x.shape[1:], None)), np.float32)
    with closing(Rig(layer, [x, None], factors, 3, weights=weights)) as rig:
        seen = take_views(rig.network, Watch(frozenset([rig.node]))).nodes[rig.node].extras["gates"]
    assert seen.shape == (3, layer.units, STEPS, layer.gates)
    assert len(layer.extra_names("gates")) == layer.gates
    assert np.allclose(seen, _gates(layer, x.astype(float), {n: w.astype(float) for n, w in weights.items()}), atol=1e-5)


def test_gates_of_both_directions_can_be_seen() -> None:
    layer = Bidirectional(layer="GRU", units=3)
    generator = np.random.default_rng(7)
    x = generator.normal(size=(3, STEPS, FEATURES)).astype(np.float32)
    weights = {w.name: generator.normal(size=w.shape).astype(np.float32) for w in layer.weights(x.shape[1:], None)}
    with closing(Rig(layer, [x, None], np.ones((3, 6), np.float32), 3, weights=weights)) as rig:
        seen = take_views(rig.network, Watch(frozenset([rig.node]))).nodes[rig.node].extras
    assert list(seen) == ["forward_layer/gates", "backward_layer/gates"]
    for name, part in layer.parts().items():
        own = {n.removeprefix(f"{name}/"): w.astype(float) for n, w in weights.items() if n.startswith(name)}
        assert np.allclose(seen[f"{name}/gates"], _gates(part, x.astype(float), own), atol=1e-5)  # type: ignore[arg-type]
    assert layer.extra_names("backward_layer/gates") == GRU.gate_names


def test_a_layer_without_gates_shows_none() -> None:
    assert SimpleRNN().extras((STEPS, FEATURES), None) == {}
