"""Initializers draw from the distributions that Keras's draw from."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from studio.core import registry
from studio.core.shapes import Shape
from studio.engine.initializers import draw
from studio.testing.initializers import expected_distribution

#: Initializers that are not compared with Keras, and why.
NOT_COMPARED = {
    "all_equal": "deliberately bad, for lessons",
    "too_small": "deliberately bad, for lessons",
    "too_large": "deliberately bad, for lessons",
}
SHAPES: tuple[Shape, ...] = ((60, 90), (3, 3, 8, 24))
NAMES = sorted(set(registry.initializer_names()) - set(NOT_COMPARED))
#: Keras knows the identity for matrices only.
CASES = [(name, shape) for name in NAMES for shape in SHAPES if name != "identity" or len(shape) == 2]


def test_every_initializer_is_compared() -> None:
    assert set(NOT_COMPARED) <= set(registry.initializer_names())
    assert all(keras.initializers.get(name) is not None for name in NAMES)


@pytest.mark.parametrize(("name", "shape"), CASES, ids=str)
def test_spread_and_bounds_are_keras_s(name: str, shape: Shape) -> None:
    keras.utils.set_random_seed(2)
    theirs = np.asarray(keras.initializers.get(name)(shape), np.float64)
    ours = draw(name, shape, 3, "n1", "kernel").astype(np.float64)
    if name in ("zeros", "ones", "identity"):
        np.testing.assert_array_equal(ours, theirs)
        return
    # Five standard errors of a spread; both always draw the same numbers, so this cannot fail by chance.
    error = 5.0 / math.sqrt(2 * ours.size)
    assert ours.std() == pytest.approx(theirs.std(), rel=2 * error)
    if name == "orthogonal":
        for each in (ours, theirs):
            matrix = each.reshape(-1, shape[-1])
            few = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
            np.testing.assert_allclose(few @ few.T, np.eye(len(few)), atol=1e-5)
        return
    expected = expected_distribution(name, shape)
    assert expected is not None
    deviation, bound = expected
    for each in (ours, theirs):
        assert each.std() == pytest.approx(deviation, rel=error)
        assert abs(each.mean()) < 5.0 * deviation / math.sqrt(each.size)
        if math.isfinite(bound):
            assert 0.97 * bound < np.abs(each).max() <= bound * (1 + 1e-5)
