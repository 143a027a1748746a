"""The contract of an initializer."""

from __future__ import annotations

import math

import numpy as np

from studio.core.shapes import Shape
from studio.engine.initializers import INITIALIZERS, draw
from studio.testing.declarations import require

#: A list, a matrix, the patterns of a convolution.
SHAPES: tuple[Shape, ...] = ((3001,), (64, 48), (3, 3, 16, 32))
#: The spread of a normal distribution of which only what is within two deviations is kept.
CUT_OFF_SPREAD = 0.8796256610342398
_MODES = {"glorot": (1.0, "mean"), "he": (2.0, "in"), "lecun": (1.0, "in")}


def expected_distribution(name: str, shape: Shape) -> tuple[float, float] | None:
    """Standard deviation and largest size that the initializer of that name gives, Keras's where it has one.

    Parameters
    ----------
    name : str
        Such as ``he_normal``.
    shape : Shape
        Of the weight.

    Returns
    -------
    (float, float) or None
        None for a name that is not known here; a bound may be infinite.

    Notes
    -----
    Keras's `VarianceScaling`: variance ``scale / n`` with n the inputs, or the mean of inputs
    and outputs; uniform within ``sqrt(3 variance)``, or normal, cut off at two deviations and
    widened to have that variance.
    """
    fixed = {
        "zeros": (0.0, 0.0),
        "ones": (0.0, 1.0),
        "random_uniform": (0.05 / math.sqrt(3), 0.05),
        "random_normal": (0.05, math.inf),
        "truncated_normal": (0.05 * CUT_OFF_SPREAD, 0.1),
        "too_small": (0.001, math.inf),
        "too_large": (1.0, math.inf),
    }
    if name in fixed:
        return fixed[name]
    family, _, distribution = name.partition("_")
    if family not in _MODES or distribution not in ("uniform", "normal"):
        return None
    window = math.prod(shape[:-2])
    inputs, outputs = (shape[0], shape[0]) if len(shape) == 1 else (window * shape[-2], window * shape[-1])
    scale, mode = _MODES[family]
    deviation = math.sqrt(scale / (inputs if mode == "in" else (inputs + outputs) / 2))
    return deviation, deviation * (math.sqrt(3) if distribution == "uniform" else 2 / CUT_OFF_SPREAD)


def check_initializer(name: str) -> None:
    """Check what is said of a registered initializer, its mean, spread and bound, and that it repeats.

    Parameters
    ----------
    name : str
        One of `studio.core.registry.initializer_names`.

    Raises
    ------
    AssertionError
        When something does not hold; says what.
    """
    declared = INITIALIZERS[name]
    for attribute in ("help", "formula", "source"):
        require(bool(getattr(declared, attribute).strip()), f"{name} has no {attribute}.")
    require(declared.help.endswith("."), f"{name}: help must be whole sentences.")
    for shape in SHAPES:
        values = draw(name, shape, 3, "n1", "kernel")
        what = f"{name} for {shape}"
        require(values.shape == shape and values.dtype == np.float32, f"{what} gives {values.dtype} {values.shape}.")
        require(bool(np.isfinite(values).all()), f"{what} gives numbers that are not finite.")
        require(np.array_equal(values, draw(name, shape, 3, "n1", "kernel")), f"{what} gives other numbers each time.")
        others = [draw(name, shape, 3, "n2", "kernel"), draw(name, shape, 3, "n1", "other"), draw(name, shape, 4, "n1", "kernel")]
        for other in others:
            same = np.array_equal(values, other)
            require(same != declared.is_random, f"{what} gives {'the same' if same else 'other'} numbers for another node, weight or seed.")
        expected = expected_distribution(name, shape)
        if expected is not None:
            _check_moments(values.astype(np.float64).ravel(), *expected, name == "ones", what)
        if name == "orthogonal":
            _check_right_angles(values.astype(np.float64).reshape(-1, shape[-1]), what)


def _check_moments(values: np.ndarray, deviation: float, bound: float, ones: bool, what: str) -> None:
    # Five standard errors of mean and spread: the numbers repeat, so this cannot fail by chance.
    error = 5.0 / math.sqrt(len(values))
    mean, spread, largest = float(values.mean()), float(values.std()), float(np.abs(values).max())
    require(abs(mean - ones) <= error * deviation, f"{what} has the mean {mean:.4g}, not {int(ones)}.")
    require(abs(spread - deviation) <= error * deviation, f"{what} has the spread {spread:.5g}, not {deviation:.5g}.")
    require(largest <= bound * (1 + 1e-6), f"{what} reaches {largest:.5g}, beyond {bound:.5g}.")
    if math.isfinite(bound):
        require(largest >= 0.9 * bound, f"{what} reaches only {largest:.5g} of {bound:.5g}.")


def _check_right_angles(matrix: np.ndarray, what: str) -> None:
    few = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    error = float(np.abs(few @ few.T - np.eye(len(few))).max())
    require(error < 1e-5, f"{what} has rows or columns that are not at right angles and of length 1 (off by {error:.2g}).")
