"""What the contract does not see of recurrent layers."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from studio.core.layer import Layer
from studio.core.problems import ShapeProblem
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
