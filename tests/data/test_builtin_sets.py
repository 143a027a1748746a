"""The built-in sets: what is written down of them is true, and loading is reproducible."""

from __future__ import annotations

import dataclasses
import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from sklearn import datasets

from studio.data import catalog, class_balance, describe, load
from studio.data.builtin import FACTS, _from_files, _from_library, arrays
from studio.data.loading import load_afresh
from studio.layers.data import Data

NAMES = [entry.name for entry in catalog()]


@pytest.mark.parametrize("name", FACTS)
def test_facts_are_those_of_scikit_learn(name):
    bunch = getattr(datasets, f"load_{name}")()
    facts = FACTS[name]
    assert facts.samples == len(bunch.data)
    if name == "digits":
        assert facts.x_shape == (*bunch.images.shape[1:], 1)
    else:
        assert facts.x_shape == bunch.data.shape[1:]
        assert facts.features == tuple(str(f) for f in bunch.feature_names)
    if name != "diabetes":
        assert facts.classes == tuple(str(c) for c in bunch.target_names)
        assert len(facts.classes) == bunch.target.max() + 1


@pytest.mark.parametrize("name", FACTS)
def test_numbers_in_the_files_are_those_of_scikit_learn(name):
    for found, expected in zip(_from_files(name), _from_library(name), strict=True):
        assert np.array_equal(found, expected)


def test_files_that_lie_elsewhere_are_read_by_scikit_learn(monkeypatch):
    spec = importlib.util.find_spec("sklearn")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name != "sklearn" else None)
    assert _from_files("iris") is None
    assert arrays("iris").x.shape == (150, 4)


@pytest.mark.parametrize("settings", [{}, {"one_hot": True, "standardize": False}, {"resize": 12}])
@pytest.mark.parametrize("name", NAMES)
def test_description_is_what_is_loaded(name, settings):
    layer = Data(source=name, **settings)
    info, dataset = describe(layer), load(layer)
    assert dataset.info == info
    parts = (dataset.train, dataset.validation, dataset.test)
    assert sum(len(p) for p in parts) == info.samples
    for part in parts:
        assert part.x.shape[1:] == info.x_shape
        assert part.y.shape == (len(part.x), *info.y_shape)
        for array in (part.x, part.y):
            assert array.dtype == np.float32
            assert array.flags.c_contiguous
            assert np.isfinite(array).all()
    labels = np.concatenate([p.y for p in parts])
    if info.target == "labels":
        assert set(np.unique(labels)) <= set(range(len(info.classes)))
        # Of a vocabulary some words or marks may not come.
        assert info.vocabulary or len(np.unique(labels)) == len(info.classes)
    elif info.target == "one_hot":
        assert (labels.sum(axis=-1) == 1).all()
        assert info.vocabulary or labels.reshape(-1, len(info.classes)).any(axis=0).all()
    else:
        assert info.classes == ()
        assert len(info.targets) == info.y_shape[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_node_gives_the_same_bits(name):
    layer = Data(source=name, seed=3)
    first, second = load_afresh(layer), load_afresh(layer)
    other = load_afresh(dataclasses.replace(layer, seed=4))
    for part in ("train", "validation", "test"):
        for array in ("x", "y"):
            a, b = (getattr(getattr(d, part), array) for d in (first, second))
            assert a.tobytes() == b.tobytes()
        assert getattr(first, part).x.tobytes() != getattr(other, part).x.tobytes()
    assert first.x_mean.tobytes() == second.x_mean.tobytes()


def test_a_loaded_set_is_shared_and_another_node_gets_its_own():
    layer = Data(source="iris")
    assert load(layer) is load(Data(source="iris"))
    assert load(layer) is not load(Data(source="iris", seed=1))


def test_digits_are_the_real_pictures():
    bunch = datasets.load_digits()
    dataset = load(Data(source="digits", standardize=False))
    parts = (dataset.train, dataset.validation, dataset.test)
    mine = np.concatenate([np.c_[p.x.reshape(len(p), -1) * 16, p.y] for p in parts])
    truth = np.c_[bunch.data, bunch.target].astype(np.float32)
    assert sorted(map(tuple, mine.tolist())) == sorted(map(tuple, truth.tolist()))


def test_original_units_come_back():
    bunch = datasets.load_diabetes(scaled=False)
    dataset = load(Data(source="diabetes"))
    parts = (dataset.train, dataset.validation, dataset.test)
    x = np.concatenate([p.x for p in parts]) * dataset.x_scale + dataset.x_mean
    y = np.concatenate([p.y for p in parts]) * dataset.y_scale + dataset.y_mean
    order, truth = np.lexsort(np.c_[x, y].round(2).T), np.lexsort(np.c_[bunch.data, bunch.target].round(2).T)
    np.testing.assert_allclose(x[order].sum(0), bunch.data[truth].sum(0), rtol=1e-5)
    np.testing.assert_allclose(np.sort(y[:, 0]), np.sort(bunch.target), rtol=1e-5)
    assert any("Answers" in note for note in dataset.info.notes)


def test_diabetes_answers_stay_as_they_are_without_standardize():
    dataset = load(Data(source="diabetes", standardize=False))
    assert dataset.train.y.max() > 300
    assert dataset.y_scale.tolist() == [1.0]
    assert dataset.info.notes == ()


def test_class_balance_counts_each_class_of_each_part():
    for one_hot in (False, True):
        balance = class_balance(load(Data(source="iris", one_hot=one_hot)))
        assert balance == {
            "train": {"setosa": 30, "versicolor": 30, "virginica": 30},
            "validation": {"setosa": 10, "versicolor": 10, "virginica": 10},
            "test": {"setosa": 10, "versicolor": 10, "virginica": 10},
        }
    assert class_balance(load(Data(source="diabetes"))) == {"train": {}, "validation": {}, "test": {}}


def test_the_catalog_lists_every_set_with_a_sentence():
    kinds = {entry.name: (entry.kind, entry.drawn) for entry in catalog()}
    assert kinds["spirals"] == ("2-D points", True)
    assert kinds["digits"] == ("Images", False)
    assert kinds["wine"] == ("Table", False)
    assert kinds["shapes"] == ("Images", True)
    assert kinds["waves"] == ("Sequences", True)
    assert kinds["reviews"] == ("Text", True)
    assert len(kinds) == 19
    for entry in catalog():
        assert entry.description.endswith(".")
        info = describe(Data(source=entry.name))
        assert (info.title, info.classes, info.plane) == (entry.title, entry.classes, entry.kind == "2-D points")


def test_describing_loads_no_large_library():
    code = (
        "import sys, studio.data as d; from studio.layers.data import Data\n"
        "for e in d.catalog(): d.describe(Data(source=e.name))\n"
        "d.load(Data(source='spirals')); d.load(Data(source='digits'))\n"
        "print([m for m in ('sklearn', 'scipy', 'numba', 'PySide6', 'pyqtgraph') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
