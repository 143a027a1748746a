"""Standardising and resizing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.data import DataError, describe, load
from studio.data.facts import Arrays, Facts
from studio.data.prepare import prepare
from studio.data.resample import resample
from studio.layers.data import Data


def test_columns_are_standardised_by_the_training_part_alone():
    raw, done = load(Data(source="wine", standardize=False)), load(Data(source="wine"))
    mean, spread = raw.train.x.astype(np.float64).mean(0), raw.train.x.astype(np.float64).std(0)
    np.testing.assert_allclose(done.x_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(done.x_scale, spread, rtol=1e-5)
    for part in ("train", "validation", "test"):
        expected = (getattr(raw, part).x - mean) / spread
        np.testing.assert_allclose(getattr(done, part).x, expected, atol=1e-4)
    assert abs(done.validation.x.mean()) > 1e-3


def test_pictures_keep_their_look():
    raw, done = load(Data(source="digits", standardize=False)), load(Data(source="digits"))
    assert done.x_mean.shape == done.x_scale.shape == (1,)
    np.testing.assert_allclose(done.test.x * done.x_scale + done.x_mean, raw.test.x, atol=1e-6)
    assert done.train.x.std() == pytest.approx(1.0, abs=1e-5)


def test_a_column_that_never_changes_becomes_zero_not_noise():
    x = np.c_[np.full(20, 0.1), np.arange(20.0), np.full(20, 1e9) + np.arange(20) * 1e-7]
    facts = Facts("t", (3,), "values", 20, y_shape=(1,))
    dataset = prepare(facts, Arrays(x, np.arange(20.0)[:, None]), Data())
    assert np.abs(dataset.train.x[:, [0, 2]]).max() < 1e-5
    assert dataset.train.x[:, 1].std() == pytest.approx(1.0, abs=1e-5)


def test_large_offsets_lose_no_digits():
    x = (1.6e9 + np.arange(100.0))[:, None]  # seconds since 1970
    dataset = prepare(Facts("t", (1,), "values", 100, y_shape=(1,)), Arrays(x, x), Data())
    assert len(np.unique(dataset.train.x)) == len(dataset.train)
    assert dataset.train.x.std() == pytest.approx(1.0, abs=1e-5)


def test_gaps_get_the_mean_of_the_training_part():
    x = np.arange(40.0).reshape(20, 2)
    gaps = x.copy()
    gaps[::3, 1] = np.nan
    facts = Facts("t", (2,), "values", 20, y_shape=(1,))
    dataset = prepare(facts, Arrays(gaps, x[:, :1]), Data(standardize=False))
    known = {v for v in gaps[:, 1] if not np.isnan(v)}
    filled = {float(v) for part in (dataset.train, dataset.validation, dataset.test) for v in part.x[:, 1]} - known
    assert list(filled) == [pytest.approx(np.mean([v for v in dataset.train.x[:, 1] if v in known]))]


def test_numbers_too_large_are_refused():
    facts = Facts("t", (1,), "values", 10, y_shape=(1,))
    with pytest.raises(DataError, match="too large"):
        prepare(facts, Arrays(np.full((10, 1), 1e39), np.zeros((10, 1))), Data())


@given(side=st.integers(1, 40), height=st.integers(1, 20), width=st.integers(1, 20), value=st.floats(0, 1, width=32))
@settings(max_examples=60, deadline=None)
def test_resampling_keeps_what_is_even(side, height, width, value):
    even = np.full((2, height, width, 3), value, np.float32)
    done = resample(even, side)
    assert done.shape == (2, side, side, 3)
    assert done.dtype == np.float32
    np.testing.assert_allclose(done, value, atol=1e-5)


@given(side=st.integers(1, 33), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_resampling_stays_in_range_and_keeps_the_mean_when_halving(side, seed):
    generator = np.random.default_rng(seed)
    pictures = generator.random((3, 8, 8, 1), dtype=np.float32)
    done = resample(pictures, side)
    assert done.min() >= pictures.min() - 1e-6
    assert done.max() <= pictures.max() + 1e-6
    upside_down = resample(np.ascontiguousarray(pictures[:, ::-1]), side)
    np.testing.assert_allclose(upside_down[:, ::-1], done, atol=1e-5)


def test_resampling_is_bilinear():
    ramp = np.tile(np.arange(8, dtype=np.float32)[None, :, None, None], (1, 1, 8, 1))
    done = resample(ramp, 16)[0, :, 0, 0]
    expected = np.clip((np.arange(16) + 0.5) / 2 - 0.5, 0, 7)
    np.testing.assert_allclose(done, expected, atol=1e-6)
    shrunk = resample(ramp, 4)[0, :, 0, 0]
    np.testing.assert_allclose(shrunk[1:3], [2.5, 4.5], atol=1e-6)
    assert np.array_equal(resample(ramp, 8), ramp)


def test_pictures_of_many_pieces_are_resampled_the_same(monkeypatch):
    pictures = np.random.default_rng(0).random((50, 8, 8, 1), dtype=np.float32)
    at_once = resample(pictures, 28)
    monkeypatch.setattr("studio.data.resample._PIECE", 2000)
    assert resample(pictures, 28).tobytes() == at_once.tobytes()


def test_resize_is_for_pictures_only_and_bounded():
    assert describe(Data(source="digits", resize=28)).x_shape == (28, 28, 1)
    assert describe(Data(source="iris", resize=28)).x_shape == (4,)
