"""Growing curves: what is drawn stands for all points, and growing is cheap."""

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.gui.panels.curve import MOST_BUCKETS, Curve, reduced
from studio.gui.panels.smoothing import moving_average


def noisy(count, seed=0):
    random = np.random.default_rng(seed)
    return np.linspace(0.0, 10.0, count), 1 / (1 + np.arange(count)) + random.normal(0, 0.01, count)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30_000), st.lists(st.integers(1, 30_000), max_size=4), st.sampled_from([0.0, 0.9]))
def test_growing_in_pieces_draws_few_points_with_the_same_extremes(count, cuts, weight):
    epochs, values = noisy(count)
    curve = Curve()
    for end in [*sorted(c for c in cuts if c < count), count]:
        curve.update(epochs[:end], values[:end], weight)
    x, y = curve.visible(-1.0, 11.0)
    assert len(x) == len(y) <= 4 * MOST_BUCKETS + 2
    assert np.all(np.diff(x) >= 0)
    assert y.min() == values.min()
    assert y.max() == values.max()
    np.testing.assert_allclose(curve.smoothed, moving_average(values, weight), rtol=1e-9, atol=1e-12)


def test_a_part_is_drawn_from_its_own_points():
    epochs, values = noisy(100_000)
    curve = Curve()
    curve.update(epochs, values, 0.0)
    x, _ = curve.visible(5.0, 5.01)
    assert len(x) >= 100  # 10,000 points an epoch: nothing is left out in so short a piece
    assert x[0] <= 5.0
    assert x[-1] >= 5.01


def test_another_run_begins_afresh():
    curve = Curve()
    curve.update(*noisy(5000, seed=1), 0.5)
    epochs, values = noisy(6000, seed=2)
    curve.update(epochs, values, 0.5)
    np.testing.assert_allclose(curve.smoothed, moving_average(values, 0.5), rtol=1e-9)
    curve.update(epochs[:10], values[:10], 0.5)
    assert len(curve) == 10
    curve.update(np.empty(0), np.empty(0), 0.5)
    assert len(curve) == 0
    assert len(curve.visible(0, 1)[0]) == 0


def test_nearest_point():
    curve = Curve()
    curve.update(np.array([0.0, 1.0, 2.0]), np.array([3.0, 2.0, 1.0]), 0.0)
    assert curve.at(-5.0) == (0.0, 3.0, 3.0)
    assert curve.at(1.4) == (1.0, 2.0, 2.0)
    assert curve.at(1.6) == (2.0, 1.0, 1.0)
    assert curve.at(99.0) == (2.0, 1.0, 1.0)
    assert Curve().at(0.0) is None


def test_a_value_that_is_not_a_number_does_not_poison_what_follows():
    curve = Curve()
    curve.update(np.arange(4.0), np.array([1.0, np.nan, 1.0, 1.0]), 0.5)
    np.testing.assert_allclose(curve.smoothed, 1.0)


def test_a_million_points_cost_nothing_when_few_are_new():
    epochs, values = noisy(1_000_000)
    curve = Curve()
    curve.update(epochs[:-100], values[:-100], 0.9)
    began = time.perf_counter()
    for end in range(-99, 0):
        curve.update(epochs[:end], values[:end], 0.9)
        curve.visible(-1, 11)
        curve.visible(-1, 11, smooth=True)
    assert (time.perf_counter() - began) / 99 < 0.004


def test_reduced_keeps_short_curves_whole():
    epochs, values = noisy(2 * MOST_BUCKETS)
    x, y = reduced(epochs, values)
    assert np.array_equal(x, epochs)
    assert np.array_equal(y, values)
