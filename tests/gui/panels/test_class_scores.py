"""Output layers of every form give shares of classes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from studio.gui.panels.class_scores import class_numbers, class_scores


@given(st.integers(2, 6), st.integers(1, 9), st.integers(0, 999), st.floats(0.1, 50))
def test_shares_sum_to_one_and_keep_the_winner(classes, samples, seed, scale):
    output = np.random.default_rng(seed).normal(size=(samples, classes)) * scale
    scores = class_scores(output, classes)
    np.testing.assert_allclose(scores.sum(-1), 1.0)
    assert np.array_equal(scores.argmax(-1), output.argmax(-1))


def test_probabilities_stay_as_they_are():
    p = np.array([[0.25, 0.75], [0.9, 0.1]], np.float32)
    np.testing.assert_allclose(class_scores(p, 2), p, atol=1e-6)
    np.testing.assert_allclose(class_scores(p[:, 1:], 2), p, atol=1e-6)


def test_class_numbers_of_each_kind_of_target():
    assert class_numbers(np.array([0.0, 2.0, 1.0]), 3).tolist() == [0, 2, 1]
    assert class_numbers(np.array([[0.0], [1.0]]), 2).tolist() == [0, 1]
    assert class_numbers(np.array([[0, 1, 0], [0, 0, 1.0]]), 3).tolist() == [1, 2]
    assert class_numbers(np.array([-1.0, 1.0]), 2).tolist() == [0, 1]
