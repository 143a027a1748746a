"""GaussianNoise, GaussianDropout, AlphaDropout, SpatialDropout: which numbers are drawn."""

from __future__ import annotations

import zlib
from contextlib import closing

import numpy as np
import pytest
from scipy import special

from studio.core.layer import Layer
from studio.core.problems import ShapeProblem
from studio.kernels.random_numbers import philox
from studio.layers.alpha_dropout import AlphaDropout
from studio.layers.gaussian_dropout import GaussianDropout
from studio.layers.gaussian_noise import GaussianNoise
from studio.layers.spatial_dropout1d import SpatialDropout1D
from studio.layers.spatial_dropout2d import SpatialDropout2D
from studio.testing.rig import Outcome, Rig

SAMPLES, FEATURES = 33, 13


def train(layer: Layer, inputs: np.ndarray, threads: int = 1, step: int = 0) -> tuple[Outcome, str]:
    with closing(Rig(layer, [inputs], np.ones_like(inputs), len(inputs), threads)) as rig:
        return rig.train(first_step=step), rig.node


def uniforms(node: str, step: int) -> np.ndarray:
    """The generator's numbers for samples and features, in NumPy."""
    column = np.arange(SAMPLES, dtype=np.uint64)[:, None]
    block = np.arange(-(-FEATURES // 4), dtype=np.uint64)[None, :]
    zero = column * np.uint64(0) + block * np.uint64(0)
    key = np.uint64(zlib.crc32(node.encode()) & 0x7FFFFFFF)
    words = philox(column + zero, block + zero, zero + np.uint64(step), zero + key, zero, zero)
    return (np.stack(words, -1).reshape(SAMPLES, -1)[:, :FEATURES] >> np.uint64(8)) / 2.0**24


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_noise_is_the_normal_distribution_s_whatever_the_thread_count(threads: int) -> None:
    zeros = np.zeros((SAMPLES, FEATURES), np.float32)
    outcome, node = train(GaussianNoise(stddev=0.5), zeros, threads, step=5)
    expected = 0.5 * special.ndtri(uniforms(node, 5) + 2.0**-25)
    np.testing.assert_allclose(outcome.output, expected, rtol=2e-5, atol=2e-6)
    np.testing.assert_array_equal(outcome.inputs[0], np.ones_like(zeros))


def test_factors_of_gaussian_dropout_have_its_deviation() -> None:
    ones = np.ones((256, 40), np.float32)
    outcome, _ = train(GaussianDropout(rate=0.2), ones)
    error = 5 / np.sqrt(ones.size)
    assert abs(outcome.output.mean() - 1.0) < error
    assert abs(outcome.output.std() - 0.5) < error
    np.testing.assert_array_equal(outcome.inputs[0], outcome.output)


def test_alpha_dropout_keeps_mean_and_deviation() -> None:
    inputs = np.random.default_rng(0).normal(size=(256, 60)).astype(np.float32)
    outcome, _ = train(AlphaDropout(rate=0.3), inputs)
    error = 5 / np.sqrt(inputs.size)
    assert abs(outcome.output.mean()) < error
    assert abs(outcome.output.std() - 1.0) < 2 * error
    silent = outcome.inputs[0] == 0.0
    assert abs(silent.mean() - 0.3) < error
    assert np.ptp(outcome.output[silent]) < 1e-6
    slope = outcome.inputs[0][~silent]
    np.testing.assert_allclose(slope, (0.7 * (1 + 0.3 * 1.7580993408473766**2)) ** -0.5, rtol=1e-5)


@pytest.mark.parametrize(("layer", "shape"), [(SpatialDropout2D(rate=0.4), (5, 4, 9)), (SpatialDropout1D(rate=0.4), (6, 9))])
def test_whole_channels_fall_silent(layer: Layer, shape: tuple[int, ...]) -> None:
    ones = np.ones((65, *shape), np.float32)
    outcomes = [train(layer, ones, threads)[0] for threads in (1, 2)]
    np.testing.assert_array_equal(outcomes[0].output, outcomes[1].output)
    pixels = outcomes[0].output.reshape(65, -1, shape[-1])
    np.testing.assert_array_equal(pixels, np.broadcast_to(pixels[:, :1], pixels.shape))
    assert abs((pixels[:, 0] == 0).mean() - 0.4) < 5 * np.sqrt(0.24 / (65 * shape[-1]))


def test_spatial_dropout_says_what_it_needs() -> None:
    with pytest.raises(ShapeProblem, match=r"gets 7, needs a sequence"):
        SpatialDropout1D().output_shape((7,))
    with pytest.raises(ShapeProblem):
        SpatialDropout2D().output_shape((7, 3))
