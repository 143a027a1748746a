"""Arrays as tiles, histograms and statistics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from studio.gui.widgets import tiles

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=40)
ARRAYS = hnp.arrays(np.float32, SHAPES, elements=st.floats(-10, 10, width=32))


@given(ARRAYS)
def test_tiles_hold_numbers_of_the_array(values):
    shown = tiles.weight_tiles(values)
    assert shown.values.ndim == 4
    assert shown.caption
    assert np.isin(shown.values[np.isfinite(shown.values)], np.append(values.ravel(), 0)).all()


def test_a_matrix_is_one_tile_with_a_row_for_each_input():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(tiles.weight_tiles(values).values[0, 0], values)


def test_kernels_have_a_row_for_each_output_map():
    values = np.arange(3 * 3 * 2 * 4, dtype=np.float32).reshape(3, 3, 2, 4)
    shown = tiles.weight_tiles(values)
    assert shown.values.shape == (4, 2, 3, 3)
    np.testing.assert_array_equal(shown.values[3, 1], values[:, :, 1, 3])


def test_a_large_matrix_keeps_the_strongest_of_each_block():
    values = np.zeros((512, 300), np.float32)
    values[511, 299] = -7
    shown = tiles.weight_tiles(values)
    assert max(shown.values.shape) <= tiles.MOST_CELLS
    assert shown.values[0, 0, -1, -1] == -7
    assert shown.reduced == (4, 3)


def test_what_is_left_out_is_counted():
    shown = tiles.weight_tiles(np.zeros((3, 3, 20, 32), np.float32))
    assert shown.values.shape[:2] == (16, 16)
    assert shown.left_out == 20 * 32 - 256


@given(ARRAYS)
def test_a_histogram_counts_every_number_up_to_a_limit(values):
    counts, low, high = tiles.histogram(values)
    if values.size <= tiles.MOST_COUNTED:
        assert counts.sum() == values.size
    else:
        assert tiles.MOST_COUNTED // 2 <= counts.sum() <= tiles.MOST_COUNTED
    assert low <= values.min()
    assert high >= values.max()
    assert low == 0 or low == -high


def test_the_range_of_a_large_array_has_room_for_its_one_outlier():
    values = np.zeros(1_000_003, np.float32)
    values[1], values[2] = -7.0, np.nan
    counts, low, high = tiles.histogram(values)
    assert (low, high) == (-7.0, 7.0)
    assert tiles.MOST_COUNTED // 2 <= counts.sum() <= tiles.MOST_COUNTED


def test_statistics_leave_out_what_is_not_a_number():
    found = tiles.statistics(np.array([3.0, -4.0, 0.0, np.nan, np.inf], np.float32))
    assert (found.count, found.broken, found.low, found.high, found.norm) == (5, 2, -4.0, 3.0, 5.0)
    assert found.zeros == pytest.approx(1 / 3)


@pytest.mark.parametrize(("activation", "share"), [("relu", 0.5), ("tanh", 0.25), ("linear", None)])
def test_saturation_follows_the_activation(activation, share):
    assert tiles.saturated(np.array([0.0, -0.0, 0.5, 0.99]), activation) == share


def test_colours_are_symmetric_about_zero():
    indices = tiles.color_indices(np.array([-2.0, 0.0, 2.0, np.nan]), 2.0, signed=True)
    assert list(indices) == [0, 128, 255, 128]
