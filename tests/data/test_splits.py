"""Splits: each sample in exactly one part, classes in proportion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.data import DataError, describe, load
from studio.data.splits import split
from studio.layers.data import Data

shares = st.floats(0, 0.9).map(lambda v: round(v, 2))
class_sizes = st.lists(st.integers(1, 60), min_size=1, max_size=8)


@given(count=st.integers(1, 400), validation=shares, test=shares, seed=st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_parts_are_a_partition_with_a_training_sample(count, validation, test, seed):
    parts = split(count, None, validation, test, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    train, held, last = map(len, parts)
    assert train >= 1
    if validation + test < 1 and count >= 10:
        assert abs(last - count * test) <= 1
        assert abs(held - count * validation) <= 1


@given(sizes=class_sizes, validation=shares, test=shares, seed=st.integers(0, 99))
@settings(max_examples=120, deadline=None)
def test_classes_are_split_in_proportion(sizes, validation, test, seed):
    codes = np.repeat(np.arange(len(sizes)), sizes)
    parts = split(len(codes), codes, validation, test, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(codes)))
    counts = np.array([np.bincount(codes[p], minlength=len(sizes)) for p in parts])
    assert (counts[0] >= 1).all()
    if validation + test <= 0.5 and min(sizes) >= 10:
        total = len(codes)
        for row, share in ((1, validation), (2, test)):
            wanted = counts[row].sum() / total
            assert np.abs(counts[row] - np.array(sizes) * wanted).max() < 1.0 + 1e-9
            assert abs(counts[row].sum() - share * total) <= 1


@given(sizes=class_sizes, seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_the_same_seed_splits_the_same(sizes, seed):
    codes = np.repeat(np.arange(len(sizes)), sizes)
    first, second = (split(len(codes), codes, 0.2, 0.2, seed) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_parts_are_mixed_not_sorted_by_class():
    codes = np.repeat(np.arange(3), 50)
    for part in split(150, codes, 0.2, 0.2, 0):
        assert np.any(np.diff(codes[part]) < 0)


def test_another_seed_splits_otherwise():
    assert not np.array_equal(split(50, None, 0.2, 0.2, 0)[0], split(50, None, 0.2, 0.2, 1)[0])


@pytest.mark.parametrize("reader", [describe, load])
@pytest.mark.parametrize(("validation", "test"), [(0.9, 0.9), (0.5, 0.5), (0.1, 0.9)])
def test_shares_that_leave_nothing_are_refused(reader, validation, test):
    with pytest.raises(DataError, match=r"leave nothing to train on: make them smaller\.$"):
        reader(Data(source="iris", validation=validation, test=test))


def test_no_shares_train_on_everything():
    dataset = load(Data(source="iris", validation=0.0, test=0.0))
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (150, 0, 0)
    assert dataset.test.x.shape == (0, 4)
