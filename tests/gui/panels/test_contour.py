"""Contours lie on the level, and grids are read where they say."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.gui.panels.contour import contour, enlarged, sampled


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 30), st.integers(2, 30), st.integers(0, 10_000))
def test_every_end_lies_on_the_level(rows, columns, seed):
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    pieces = contour(values, 0.1)
    ends = pieces.reshape(-1, 2)
    np.testing.assert_allclose(sampled(values[..., None], ends[:, 0], ends[:, 1])[:, 0], 0.1, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 20), st.integers(0, 10_000))
def test_lines_only_end_at_the_border(size, seed):
    values = np.random.default_rng(seed).normal(size=(size, size))
    ends = np.round(contour(values, 0.0).reshape(-1, 2), 9)
    inside = (ends > 0).all(1) & (ends < size - 1).all(1)
    _, counts = np.unique(ends[inside], axis=0, return_counts=True)
    assert np.all(counts % 2 == 0)


def test_a_circle_has_its_radius():
    y, x = np.mgrid[-1:1:81j, -1:1:81j]
    ends = contour(np.hypot(x, y), 0.5).reshape(-1, 2) / 40 - 1
    np.testing.assert_allclose(np.hypot(ends[:, 0], ends[:, 1]), 0.5, atol=1e-3)


def test_a_flat_surface_has_none():
    assert len(contour(np.ones((5, 5)), 0.0)) == 0
    assert len(contour(np.ones((1, 5)), 0.0)) == 0


@given(st.integers(2, 12), st.integers(2, 12), st.integers(2, 50))
def test_enlarging_keeps_planes(rows, columns, size):
    y, x = np.mgrid[:rows, :columns]
    big = enlarged((2.0 * x + 3.0 * y)[..., None], size)
    v, u = np.mgrid[0 : rows - 1 : size * 1j, 0 : columns - 1 : size * 1j]
    np.testing.assert_allclose(big[..., 0], 2 * u + 3 * v, atol=1e-3)
