"""One layer for each step: what it can take, which parameters count, and that it is Dense where that does the same."""

from __future__ import annotations

import numpy as np
import pytest

from studio.core import registry
from studio.core.problems import ShapeProblem
from studio.layers.time_distributed import TimeDistributed
from studio.testing.rig import Rig


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        ("Dense", (5,), "gets 5, needs steps x features for Dense: wire a sequence of them to it, or choose another layer."),
        ("Conv2D", (4, 4, 2), "gets 4 x 4 x 2, needs steps x rows x columns x channels for Conv2D"),
        ("Conv1D", (3, 2, 5), "has a Conv1D for each step that has a pattern larger than its 2 x 5 sequence"),
    ],
)
def test_what_a_step_must_be_is_said(layer: str, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ShapeProblem) as problem:
        TimeDistributed(layer=layer).output_shape(shape)
    assert str(problem.value).startswith(words)
    assert problem.value.remedy is None


def test_only_parameters_of_the_layer_count() -> None:
    assert TimeDistributed().idle() == {"filters", "kernel_size", "strides", "padding"}
    assert TimeDistributed(layer="Conv2D").idle() == {"units"}
    assert "activation" in TimeDistributed(layer="Flatten").idle()
    assert registry.layer("Bidirectional")(layer="SimpleRNN").idle() == {"recurrent_activation"}
    assert not registry.layer("Bidirectional")().idle()


def test_dense_for_each_step_is_what_dense_does_with_a_sequence() -> None:
    generator = np.random.default_rng(2)
    x = generator.normal(size=(9, 4, 3)).astype(np.float32)
    factors = generator.normal(size=(9, 4, 5)).astype(np.float32)
    kernel = generator.normal(size=(3, 5)).astype(np.float32)
    found = []
    for layer, name in ((TimeDistributed(units=5, activation="tanh"), "layer/kernel"), (registry.layer("Dense")(units=5, activation="tanh"), "kernel")):
        rig = Rig(layer, [x], factors, 9, weights={name: kernel})
        calls = [call.kernel.name for call in rig.network.train_plan.plan.calls]
        outcome = rig.train()
        rig.close()
        found.append((calls, outcome.output, outcome.inputs[0], outcome.weights[name]))
    for ours, plain in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, plain)
