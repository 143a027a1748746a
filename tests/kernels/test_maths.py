"""The functions kernels are written with, against float64, in units in the last place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_calls import apply
from scipy import special

from studio.kernels import maths

#: Largest error in units in the last place of float32, and below which size nothing counts:
#: the smallest normal float32, where the processor is told to round to 0.
FUNCTIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "exp": (np.exp, 2),
    "log": (np.log, 2),
    "tanh": (np.tanh, 5),
    "sigmoid": (special.expit, 3),
    "softplus": (lambda x: np.logaddexp(x, 0.0), 3),
    "erf": (special.erf, 5),
    "erfinv": (special.erfinv, 6),
    "sqrt": (np.sqrt, 1),
    "absolute": (np.abs, 0),
}
SMALLEST = float(np.finfo(np.float32).tiny)


def spread(low: float, high: float, count: int = 40_001) -> np.ndarray:
    """Evenly spread numbers and powers of ten of both signs, within the bounds."""
    powers = 10.0 ** np.linspace(-38, 38, 4001)
    numbers = np.concatenate([np.linspace(max(low, -1e3), min(high, 1e3), count), powers, -powers, [0.0]])
    return numbers[(numbers >= low) & (numbers <= high)].astype(np.float32)


def errors(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Distance in units in the last place of the expected number's float32."""
    unit = np.spacing(np.maximum(np.abs(expected), SMALLEST).astype(np.float32)).astype(np.float64)
    error = np.abs(found.astype(np.float64) - expected) / unit
    # Among the very smallest numbers intermediate results are no longer normal floats.
    tiny = np.abs(expected) < 1e3 * SMALLEST
    return np.where(tiny & (np.abs(found - expected) <= SMALLEST), 0.0, error)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("exp", -87.3, 88.3),
        ("log", 1.2e-38, 3e38),
        ("tanh", -3e38, 3e38),
        ("sigmoid", -87.0, 3e38),
        ("softplus", -87.0, 3e38),
        ("erf", -3e38, 3e38),
        ("erfinv", -0.99999994, 0.99999994),
        ("sqrt", 0.0, 3e38),
        ("absolute", -3e38, 3e38),
    ],
)
def test_errors_are_a_few_units_in_the_last_place(name: str, low: float, high: float) -> None:
    function, allowed = FUNCTIONS[name]
    x = spread(low, high)
    found, expected = apply(name, x), function(x.astype(np.float64))
    error = errors(found, expected)
    worst = int(error.argmax())
    assert error[worst] <= allowed, f"{name}({x[worst]!r}) is {found[worst]!r}, not {expected[worst]!r}: {error[worst]:.1f}"


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_what_is_undefined_stays_undefined(name: str) -> None:
    assert np.isnan(apply(name, np.array([np.nan, 1.0], np.float32))[0])


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("exp", np.inf, np.inf),
        ("exp", -np.inf, 0.0),
        ("exp", 1e4, np.inf),
        ("exp", -1e4, 0.0),
        ("exp", 0.0, 1.0),
        ("log", 0.0, -np.inf),
        ("log", -1.0, np.nan),
        ("log", -np.inf, np.nan),
        ("log", 1.0, 0.0),
        ("tanh", np.inf, 1.0),
        ("tanh", -np.inf, -1.0),
        ("tanh", 0.0, 0.0),
        ("sigmoid", np.inf, 1.0),
        ("sigmoid", -np.inf, 0.0),
        ("sigmoid", 0.0, 0.5),
        ("softplus", -np.inf, 0.0),
        ("softplus", np.inf, np.inf),
        ("erf", np.inf, 1.0),
        ("erf", -np.inf, -1.0),
        ("sqrt", np.inf, np.inf),
        ("sqrt", -1.0, np.nan),
        ("absolute", -np.inf, np.inf),
    ],
)
def test_limits(name: str, x: float, expected: float) -> None:
    found = float(apply(name, np.array([x], np.float32))[0])
    if np.isnan(expected):
        assert np.isnan(found)
    elif np.isinf(expected) and name == "exp":
        assert found >= 2.4e38  # it stays there
    else:
        assert found == pytest.approx(expected, abs=3e-7)


@given(st.floats(-30.0, 30.0, width=32), st.floats(-30.0, 30.0, width=32))
def test_functions_rise_with_their_argument(one: float, other: float) -> None:
    x = np.array(sorted([one, other]), np.float32)
    for name in ("exp", "tanh", "sigmoid", "softplus", "erf"):
        low, high = apply(name, x).astype(np.float64)
        assert high >= low - 1e-6 * max(1.0, abs(low))


@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_odd_functions_are_odd(name: str) -> None:
    x = spread(0.0, 1e3)
    assert np.array_equal(apply(name, -x), -apply(name, x))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_numpy_runs_the_same_text(name: str) -> None:
    x = np.array([0.25, 0.5, 0.75])
    assert np.allclose(getattr(maths, name)(x), FUNCTIONS[name][0](x), rtol=1e-14)


def test_choices_between_two() -> None:
    x, y = np.array([1.0, -2.0, 3.0]), np.array([0.5, 0.5, 4.0])
    assert np.array_equal(maths.maximum(x, y), [1.0, 0.5, 4.0])
    assert np.array_equal(maths.minimum(x, y), [0.5, -2.0, 3.0])
    assert np.array_equal(maths.where(x > 0, x, y), [1.0, 0.5, 3.0])
