"""Moving averages against the plain loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.gui.panels.smoothing import moving_average

numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


def plain(values, weight, start=None):
    average, out = values[0] if start is None else start, []
    for value in values:
        average = weight * average + (1 - weight) * value
        out.append(average)
    return np.array(out)


@given(st.lists(numbers, min_size=1, max_size=300), st.floats(0.0, 0.999))
def test_equals_the_plain_loop(values, weight):
    np.testing.assert_allclose(
        moving_average(np.array(values), weight), plain(values, weight), rtol=1e-9, atol=1e-6
    )


@given(st.integers(1, 20_000), st.floats(0.01, 0.99))
def test_long_curves_equal_the_plain_loop(count, weight):
    values = np.sin(np.arange(count) * 0.1) + 1
    np.testing.assert_allclose(moving_average(values, weight), plain(values, weight), rtol=1e-9)


@given(st.lists(numbers, min_size=2, max_size=200), st.data())
def test_goes_on_where_it_stopped(values, data):
    cut = data.draw(st.integers(1, len(values) - 1))
    whole = moving_average(np.array(values), 0.9)
    first = moving_average(np.array(values[:cut]), 0.9)
    rest = moving_average(np.array(values[cut:]), 0.9, start=float(first[-1]))
    np.testing.assert_allclose(np.concatenate([first, rest]), whole, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("weight", [-0.1, 1.0, 2.0])
def test_refuses_weights_that_never_settle(weight):
    with pytest.raises(ValueError, match="from 0 to below 1"):
        moving_average(np.ones(3), weight)
