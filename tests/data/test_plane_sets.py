"""The 2-D sets: shapes that can be learned, noise and size that do what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.data import load, plane
from studio.layers.data import Data

CLASSED = [n for n in plane.NAMES if n != "plane"]


def nearest_neighbour_accuracy(name: str, noise: float) -> float:
    """Accuracy of the nearest training point's class on the test part."""
    data = load(Data(source=name, samples=1000, noise=noise))
    distance = ((data.test.x[:, None] - data.train.x[None]) ** 2).sum(-1)
    return float((data.train.y[distance.argmin(1)] == data.test.y).mean())


@pytest.mark.parametrize("name", CLASSED)
def test_classes_can_be_told_apart_until_noise_mixes_them(name):
    clean, usual, noisy = (nearest_neighbour_accuracy(name, noise) for noise in (0.0, 0.1, 1.0))
    assert clean >= 0.97 if name != "checkerboard" else clean >= 0.9
    assert usual >= (0.98 if name not in ("checkerboard", "half-planes") else 0.85)
    assert noisy < clean


def test_one_straight_line_parts_the_half_planes():
    x, y = (lambda a: (a.x, a.y))(plane.arrays("half-planes", 400, 0.1, 0))
    design = np.c_[x, np.ones(len(x))]
    weights = np.linalg.lstsq(design, 2.0 * y - 1.0, rcond=None)[0]
    assert ((design @ weights > 0) == y).mean() == 1.0
    assert abs(weights[0] * weights[1]) > 0.1  # the line is tilted
    assert abs(weights[2]) > 0.05  # and needs its bias


@pytest.mark.parametrize("name", ["xor", "circles", "checkerboard"])
def test_no_straight_line_parts_the_others(name):
    data = plane.arrays(name, 400, 0.1, 0)
    design = np.c_[data.x, np.ones(len(data.x))]
    weights = np.linalg.lstsq(design, 2.0 * data.y - 1.0, rcond=None)[0]
    assert ((design @ weights > 0) == data.y).mean() < 0.75


@given(name=st.sampled_from(plane.NAMES), few=st.integers(10, 80), more=st.integers(0, 80), noise=st.floats(0, 1), seed=st.integers(0, 2**31 - 1))
@settings(max_examples=40, deadline=None)
def test_more_samples_keep_those_there_are(name, few, more, noise, seed):
    small, large = plane.arrays(name, few, noise, seed), plane.arrays(name, few + more, noise, seed)
    assert np.array_equal(small.x, large.x[:few])
    assert np.array_equal(small.y, large.y[:few])


@given(name=st.sampled_from(CLASSED), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_classes_are_balanced_and_points_near_the_square(name, seed):
    data = plane.arrays(name, 100, 0.1, seed)
    assert np.bincount(data.y).tolist() == [50, 50]
    assert np.abs(data.x).max() < 2.0


def test_noise_moves_the_same_points_further():
    at = {noise: plane.arrays("moons", 50, noise, 1).x for noise in (0.0, 0.1, 0.2)}
    np.testing.assert_allclose(at[0.2] - at[0.0], 2 * (at[0.1] - at[0.0]), atol=1e-12)


def test_the_landscape_is_smooth_with_noise_only_in_its_height():
    quiet, loud = plane.arrays("plane", 300, 0.0, 0), plane.arrays("plane", 300, 0.2, 0)
    assert np.array_equal(quiet.x, loud.x)
    np.testing.assert_allclose(quiet.y, plane.hills(quiet.x))
    assert 0.05 < np.std(loud.y - quiet.y) < 0.15
    x1, x2 = np.array([[0.25, -0.5]]).T
    expected = x1 - x2 / 2 + np.sin(np.pi * x1) * np.cos(np.pi * x2 / 2) / 2
    np.testing.assert_allclose(plane.hills(np.array([[0.25, -0.5]]))[:, 0], expected)


def test_the_size_is_what_the_node_says():
    assert len(load(Data(source="xor", samples=77, validation=0.0, test=0.0)).train) == 77


def test_the_first_points_of_a_seed_never_change():
    # Files store the seed only: points drawn by other versions must be the same.
    points = plane.arrays("spirals", 3, 0.1, 42).x
    assert points.shape == (3, 2)
    recorded = [
        [0.5014099915068494, 0.38588206920046175],
        [0.8118319031036699, -0.1182153154191633],
        [-0.2629167992499978, -0.07426316636582843],
    ]
    np.testing.assert_allclose(points, recorded, atol=1e-12)
