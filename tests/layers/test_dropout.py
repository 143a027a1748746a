"""Dropout: which numbers are silenced, how many, and what that depends on."""

from __future__ import annotations

import zlib
from contextlib import closing

import numpy as np
import pytest

from studio.kernels.random_numbers import philox
from studio.layers.dropout import Dropout
from studio.testing.rig import Outcome, Rig

SAMPLES, FEATURES = 33, 13


def train(layer: Dropout, threads: int = 1, step: int = 0, seed: int = 0, samples: int = SAMPLES) -> tuple[Outcome, str]:
    """One minibatch of ones, whose output is the mask itself."""
    inputs = np.ones((samples, FEATURES), np.float32)
    with closing(Rig(layer, [inputs], np.ones_like(inputs), samples, threads)) as rig:
        rig.network.go_to(step, 0, 0, seed)
        rig.network.training = rig.network.training.replace(seed=seed)
        return rig.train(first_step=step), rig.node


def mask(layer: Dropout, **more: int) -> np.ndarray:
    return train(layer, **more)[0].output


def test_mask_is_the_generators_numbers_whatever_the_thread_count():
    layer = Dropout(rate=0.3)
    outcome, node = train(layer, step=5, seed=7)
    column = np.arange(SAMPLES, dtype=np.uint64)[:, None]
    block = np.arange(-(-FEATURES // 8), dtype=np.uint64)[None, :]
    zero = column * np.uint64(0) + block * np.uint64(0)
    key = np.uint64(zlib.crc32(node.encode()) & 0x7FFFFFFF)
    words = philox(column + zero, block + zero, zero + np.uint64(5), zero + key, zero + np.uint64(7), zero)
    # Of each word the low half decides about one feature, the high half about the next.
    halves = np.stack([half for word in words for half in (word & np.uint64(0xFFFF), word >> np.uint64(16))], -1)
    limit = round(0.3 * 2**16)
    expected = np.where(halves.reshape(SAMPLES, -1)[:, :FEATURES] < limit, 0.0, 1.0 / (1.0 - limit / 2**16))
    np.testing.assert_allclose(outcome.output, expected, rtol=1e-6)
    np.testing.assert_array_equal(outcome.inputs[0], outcome.output)
    for threads in (2, 3):
        np.testing.assert_array_equal(mask(layer, step=5, seed=7, threads=threads), outcome.output)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.99])
def test_share_of_silent_neurons_is_the_rate(rate):
    numbers = np.concatenate([mask(Dropout(rate=rate), step=s, samples=256) for s in range(4)])
    silent = float((numbers == 0.0).mean())
    # Five standard errors; the numbers repeat, so this cannot fail by chance.
    assert abs(silent - rate) <= 5 * np.sqrt(rate * (1 - rate) / numbers.size)
    # The mean stays exactly, by the factor of the rate that 16 bits can have.
    counted = round(rate * 2**16) / 2**16
    np.testing.assert_allclose(numbers[numbers != 0.0], 1.0 / (1.0 - counted), rtol=1e-5)
    assert abs(counted - rate) <= 2.0**-17


def test_neighbours_fall_silent_independently():
    kept = np.stack([mask(Dropout(rate=0.3), step=s, samples=256) for s in range(4)]) != 0.0
    centred = (kept - kept.mean()).reshape(4 * 256, FEATURES)
    # Features that share a word, or a draw, no more than others.
    together = centred.T @ centred / len(centred) / kept.var()
    off = together[~np.eye(FEATURES, dtype=bool)]
    assert np.abs(off).max() < 5 / np.sqrt(len(centred))
    assert abs((centred[:-1] * centred[1:]).mean() / kept.var()) < 5 / np.sqrt(centred.size)


def test_masks_differ_between_steps_seeds_samples_and_features():
    layer = Dropout(rate=0.5)
    first = mask(layer)
    for other in (mask(layer, step=1), mask(layer, seed=1), mask(Dropout(rate=0.5, seed=1))):
        # Independent masks agree at about half of the places.
        assert 0.35 < (first == other).mean() < 0.65
    # Two of 33 samples have the same 13 chances in one case of sixteen; more of them hardly ever.
    assert len(np.unique(first, axis=0)) >= SAMPLES - 1
    assert len(np.unique(first, axis=1).T) == FEATURES


def test_own_seed_does_not_follow_the_trainings():
    layer = Dropout(rate=0.5, seed=3)
    np.testing.assert_array_equal(mask(layer, seed=0), mask(layer, seed=1))


def test_nothing_happens_after_training():
    inputs = np.random.default_rng(0).normal(size=(5, 4, 3, 2)).astype(np.float32)
    with closing(Rig(Dropout(rate=0.9), [inputs], inputs, 5)) as rig:
        np.testing.assert_array_equal(rig.infer(), inputs)
