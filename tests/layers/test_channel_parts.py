"""Sums over pixels in parts, as convolutions and batch normalisation are lowered for a card; the processor runs them."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from studio.core.layer import Layer
from studio.layers.batch_normalization import BatchNormalization
from studio.layers.conv2d import Conv2D
from studio.layers.conv2d_transpose import Conv2DTranspose
from studio.testing.rig import Rig

#: More than a vector, and no whole number of them; minibatches of 21 and of 12.
SAMPLES, BATCH = 33, 21


def numbers(layer: Layer, inputs: np.ndarray) -> tuple[dict[str, np.ndarray], set[str]]:
    """What two minibatches of training give, and the kernels that did it."""
    generator = np.random.default_rng(4)
    shape = inputs.shape[1:]
    weights = {w.name: np.abs(generator.normal(size=w.shape)).astype(np.float32) for w in layer.weights(shape)}
    factors = generator.normal(size=(SAMPLES, *layer.output_shape(shape))).astype(np.float32)
    with closing(Rig(layer, [inputs], factors, BATCH, weights=weights)) as rig:
        found = {}
        for step in range(2):
            outcome = rig.train()
            assert outcome.padding == 0
            found |= {f"{step} output": outcome.output, f"{step} input": outcome.inputs[0]}
            found |= {f"{step} {name}": gradient for name, gradient in outcome.weights.items()}
        found |= {f"now {name}": value.copy() for name, value in rig.network.node_weights(rig.node).items()}
        return found, {call.kernel.name for call in rig.network.train_plan.plan.calls}


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (BatchNormalization(), (9, 7, 3)),
        (BatchNormalization(), (150, 40)),
        (BatchNormalization(center=False, scale=False), (3, 2, 70)),
        (Conv2D(filters=5, kernel_size=2), (9, 7, 3)),
        (Conv2DTranspose(filters=4, kernel_size=3), (4, 3, 2)),
    ],
    ids=["picture", "sequence", "many channels", "Conv2D", "Conv2DTranspose"],
)
def test_parts_come_to_the_whole_again_and_again(layer: Layer, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = np.random.default_rng(5).normal(1.5, 1.0, (SAMPLES, *shape)).astype(np.float32)
    here, _ = numbers(layer, inputs)
    monkeypatch.setenv("STUDIO_TEST_DEVICE", "cuda-lowering")
    there, kernels = numbers(layer, inputs)
    again, _ = numbers(layer, inputs)
    wanted = {"join_moments", "join_gradients"} if isinstance(layer, BatchNormalization) else {"sum_runs", "add_runs"}
    assert wanted <= kernels
    assert not kernels & {"moments", "gradient_sums", "sum_channels"}
    assert here.keys() == there.keys()
    for name, one in here.items():
        np.testing.assert_allclose(there[name], one, rtol=2e-4, atol=2e-4, err_msg=name)
        assert np.array_equal(there[name], again[name])


def test_small_spread_far_from_zero_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_TEST_DEVICE", "cuda-lowering")
    inputs = np.random.default_rng(2).normal(1000.0, 0.05, size=(64, 20, 3)).astype(np.float32)
    layer = BatchNormalization(epsilon=1e-7)
    with closing(Rig(layer, [inputs], inputs, 64)) as rig:
        outcome = rig.train()
    ones = {"gamma": np.ones(3), "beta": np.zeros(3)}
    expected = layer.reference([inputs[outcome.samples].astype(np.float64)], ones, training=True)
    # The inputs themselves are stored to 6e-5, a thousandth of their spread.
    np.testing.assert_allclose(outcome.output, expected, atol=5e-3)
