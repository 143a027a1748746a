"""Initializers beyond what the contract says of all: which numbers they give."""

from __future__ import annotations

import numpy as np

from studio.engine.initializers import draw


def test_identity_passes_numbers_on():
    np.testing.assert_array_equal(draw("identity", (3, 3), 0, "n", "kernel"), np.eye(3))
    np.testing.assert_array_equal(draw("identity", (2, 3), 0, "n", "kernel"), np.eye(2, 3))
    np.testing.assert_array_equal(draw("identity", (4,), 0, "n", "bias"), np.zeros(4))


def test_identity_of_a_window_is_its_middle():
    kernel = draw("identity", (3, 5, 2, 2), 0, "n", "kernel")
    np.testing.assert_array_equal(kernel[1, 2], np.eye(2))
    assert kernel.sum() == 2


def test_orthogonal_keeps_lengths():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(5, 7))
    square = draw("orthogonal", (7, 7), 0, "n", "kernel").astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(x @ square, axis=1), np.linalg.norm(x, axis=1), rtol=1e-5)


def test_bad_starts_are_as_bad_as_they_say():
    """A deep tanh network: signals fade, or are all at their limits, or all neurons are one."""
    x = np.random.default_rng(1).normal(size=(50, 64))
    for name, lowest, highest in (("too_small", 0.0, 1e-8), ("too_large", 0.75, 1.0), ("glorot_uniform", 0.1, 0.75)):
        y = x
        for i in range(5):
            y = np.tanh(y @ draw(name, (64, 64), 0, f"n{i}", "kernel"))
        assert lowest <= np.abs(y).mean() <= highest, name
    y = x @ draw("all_equal", (64, 64), 0, "n", "kernel")
    assert np.ptp(y, axis=1).max() < 1e-5
