"""BatchNormalization: exact statistics of the whole minibatch, and the averages it keeps."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from studio.kernels.normalization import BLOCK
from studio.layers.batch_normalization import BatchNormalization
from studio.testing.rig import Rig


def expected_averages(layer: BatchNormalization, batches: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Keras's moving averages after these minibatches."""
    mean, variance = np.zeros(batches[0].shape[-1]), np.ones(batches[0].shape[-1])
    for batch in batches:
        numbers = batch.reshape(-1, batch.shape[-1]).astype(np.float64)
        mean = mean * layer.momentum + numbers.mean(0) * (1 - layer.momentum)
        variance = variance * layer.momentum + numbers.var(0) * (1 - layer.momentum)
    return mean, variance


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("shape", [(5,), (3, 4, 2)])
def test_moving_averages_follow_the_whole_minibatches(threads, shape):
    layer = BatchNormalization(momentum=0.8)
    inputs = np.random.default_rng(1).normal(2.0, 3.0, size=(20, *shape)).astype(np.float32)
    # Batches of 9, 9 and 2: with three threads, one has nothing to do in the last.
    with closing(Rig(layer, [inputs], inputs, 9, threads)) as rig:
        rig.train(steps=3)
        order = rig.network.train_plan.order[0][:20]
        weights = rig.network.node_weights(rig.node)
        mean, variance = expected_averages(layer, [inputs[order[i : i + 9]] for i in (0, 9, 18)])
        np.testing.assert_allclose(weights["moving_mean"], mean, rtol=1e-5)
        np.testing.assert_allclose(weights["moving_variance"], variance, rtol=1e-5)
        after = layer.reference([inputs], {k: v.astype(np.float64) for k, v in weights.items()})
        np.testing.assert_allclose(rig.infer(), after, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_small_spread_far_from_zero_is_not_lost(threads):
    # The naive mean of squares minus square of the mean would have no digit left.
    inputs = np.random.default_rng(2).normal(1000.0, 0.05, size=(64, 3)).astype(np.float32)
    layer = BatchNormalization(epsilon=1e-7)
    with closing(Rig(layer, [inputs], inputs, 64, threads)) as rig:
        outcome = rig.train()
        ones = {"gamma": np.ones(3), "beta": np.zeros(3)}
        expected = layer.reference([inputs[outcome.samples].astype(np.float64)], ones, training=True)
        # The inputs themselves are stored to 6e-5, a thousandth of their spread.
        np.testing.assert_allclose(outcome.output, expected, atol=3e-3)


@pytest.mark.parametrize("threads", [1, 2])
def test_large_pictures_are_counted_block_by_block(threads):
    shape = (45, 31, 6)
    inputs = np.random.default_rng(3).normal(size=(12, *shape)).astype(np.float32)
    inputs += np.linspace(-3, 3, shape[0], dtype=np.float32)[:, None, None]  # blocks have different means
    assert inputs.size > 4 * BLOCK
    layer = BatchNormalization()
    with closing(Rig(layer, [inputs], np.ones_like(inputs), 12, threads)) as rig:
        outcome = rig.train()
        ones = {"gamma": np.ones(6), "beta": np.zeros(6)}
        expected = layer.reference([inputs[outcome.samples].astype(np.float64)], ones, training=True)
        np.testing.assert_allclose(outcome.output, expected, atol=2e-5)


def test_equal_numbers_become_zero():
    inputs = np.full((7, 4), 3.25, np.float32)
    with closing(Rig(BatchNormalization(), [inputs], np.ones_like(inputs), 7, 2)) as rig:
        outcome = rig.train()
        np.testing.assert_array_equal(outcome.output, 0.0)
        np.testing.assert_allclose(outcome.inputs[0], 0.0, atol=1e-5)


def test_untrainable_averages_have_no_gradient():
    inputs = np.random.default_rng(4).normal(size=(6, 3)).astype(np.float32)
    with closing(Rig(BatchNormalization(), [inputs], inputs, 6)) as rig:
        assert set(rig.train().weights) == {"gamma", "beta"}
