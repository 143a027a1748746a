"""The functions element-wise layers are written with.

Called with NumPy arrays they are NumPy's, in the arrays' precision: that is the tests'
oracle. Inside a kernel, on `studio.kernels.simd` vectors, they are polynomials with an error
of a few units in the last place of float32. The layer's text is the same for both.

References
----------
S. L. Moshier, Cephes Mathematical Library (expf, logf). The rational approximations of tanh
and erf are those of the Eigen library.
M. Giles, Approximating the erfinv function, GPU Computing Gems Jade Edition, 2011.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.kernels.numba_names import overload, register_jitable
from studio.kernels.simd import (
    MaskType,
    VectorType,
    absolute_value,
    exponent_of,
    mantissa_of,
    round_down,
    select,
    splat,
    square_root,
    times_power_of_two,
)


def where(condition: Any, x: Any, y: Any) -> Any:
    """`x` where the condition holds, else `y`."""
    return np.where(condition, x, y)


def maximum(x: Any, y: Any) -> Any:
    """The larger of two."""
    return np.maximum(x, y)


def minimum(x: Any, y: Any) -> Any:
    """The smaller of two."""
    return np.minimum(x, y)


def absolute(x: Any) -> Any:
    """|x|"""
    return np.abs(x)


def sqrt(x: Any) -> Any:
    """Square root."""
    return np.sqrt(x)


def exp(x: Any) -> Any:
    """e to the power of x."""
    return np.exp(x)


def log(x: Any) -> Any:
    """Natural logarithm of a positive number."""
    return np.log(x)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return np.tanh(x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), without overflow."""
    from scipy import special  # takes a tenth of a second, which no start needs

    return special.expit(x)


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(x, 0)


def erf(x: Any) -> Any:
    """The error function."""
    from scipy import special

    return special.erf(x)


def erfinv(x: Any) -> Any:
    """What `erf` gives x for, with -1 < x < 1; of even numbers it makes normal ones."""
    from scipy import special

    return special.erfinv(x)


@overload(where)
def _where(condition, x, y):
    if isinstance(condition, MaskType):
        return lambda condition, x, y: select(condition, x, y)
    return None


@overload(maximum)
def _maximum(x, y):
    if isinstance(x, VectorType) or isinstance(y, VectorType):
        # A NaN in x stays, so that failures are seen.
        return lambda x, y: select(x < y, y, x)
    return None


@overload(minimum)
def _minimum(x, y):
    if isinstance(x, VectorType) or isinstance(y, VectorType):
        return lambda x, y: select(x > y, y, x)
    return None


@overload(absolute)
def _absolute(x):
    return (lambda x: absolute_value(x)) if isinstance(x, VectorType) else None


@overload(sqrt)
def _sqrt(x):
    return (lambda x: square_root(x)) if isinstance(x, VectorType) else None


@overload(exp)
def _exp(x):
    if not isinstance(x, VectorType):
        return None

    def approximate(x):
        # Within these the result is a normal float; beyond, it stays at 1.2e-38 or 2.4e38.
        # NaN passes through both.
        x = select(x > 88.376, 88.376, x)
        x = select(x < -87.33, -87.33, x)
        n = round_down(x * 1.44269504 + 0.5)
        r = x - n * 0.693359375 + n * 2.12194440e-4
        # Of least relative error, 3e-9, for |r| <= log(2) / 2.
        p = splat(1.38146132608e-3)
        p = p * r + 8.36870982417e-3
        p = p * r + 4.16683873613e-2
        p = p * r + 1.66665206898e-1
        p = p * r + 4.99999934517e-1
        p = p * r + 1.0
        p = p * r + 1.0
        return times_power_of_two(p, n)

    return approximate


@register_jitable
def _log_near_one(m):
    """log(1 + m) for m from -0.293 to 0.415."""
    z = m * m
    p = splat(7.0376836292e-2)
    p = p * m - 1.1514610310e-1
    p = p * m + 1.1676998740e-1
    p = p * m - 1.2420140846e-1
    p = p * m + 1.4249322787e-1
    p = p * m - 1.6668057665e-1
    p = p * m + 2.0000714765e-1
    p = p * m - 2.4999993993e-1
    p = p * m + 3.3333331174e-1
    return m * z * p - z * 0.5 + m


@overload(log)
def _log(x):
    if not isinstance(x, VectorType):
        return None

    def approximate(x):
        e = exponent_of(x)
        m = mantissa_of(x)
        small = m < 0.707106781186547524
        e = select(small, e - 1.0, e)
        m = select(small, m + m, m) - 1.0
        result = _log_near_one(m) - e * 2.12194440e-4 + e * 0.693359375
        return select(x > 0, result, select(x == 0, -np.inf, np.nan))

    return approximate


@overload(tanh)
def _tanh(x):
    if not isinstance(x, VectorType):
        return None

    def approximate(x):
        small = absolute_value(x) < 0.0004
        original = x
        x = select(x > 7.90531110763549805, 7.90531110763549805, x)
        x = select(x < -7.90531110763549805, -7.90531110763549805, x)
        x2 = x * x
        p = splat(-2.76076847742355e-16)
        p = p * x2 + 2.00018790482477e-13
        p = p * x2 - 8.60467152213735e-11
        p = p * x2 + 5.12229709037114e-08
        p = p * x2 + 1.48572235717979e-05
        p = p * x2 + 6.37261928875436e-04
        p = p * x2 + 4.89352455891786e-03
        q = splat(1.19825839466702e-06)
        q = q * x2 + 1.18534705686654e-04
        q = q * x2 + 2.26843463243900e-03
        q = q * x2 + 4.89352518554385e-03
        return select(small, original, x * p / q)

    return approximate


@overload(sigmoid)
def _sigmoid(x):
    if not isinstance(x, VectorType):
        return None

    def approximate(x):
        # exp(-|x|) keeps relative precision where tanh would have lost it.
        t = exp(-absolute_value(x))
        return select(x >= 0, 1.0, t) / (1.0 + t)

    return approximate


@overload(softplus)
def _softplus(x):
    if not isinstance(x, VectorType):
        return None

    def approximate(x):
        t = exp(-absolute_value(x))
        # 1 + t loses the digits of a small t.
        return select(x > 0, x, 0.0) + select(t < 0.414, _log_near_one(t), log(1.0 + t))

    return approximate


@overload(erf)
def _erf(x):
    if not isinstance(x, VectorType):
        return None

    def approximate(x):
        x = select(x > 4.0, 4.0, x)
        x = select(x < -4.0, -4.0, x)
        x2 = x * x
        p = splat(-2.72614225801306e-10)
        p = p * x2 + 2.77068142495902e-08
        p = p * x2 - 2.10102402082508e-06
        p = p * x2 - 5.69250639462346e-05
        p = p * x2 - 7.34990630326855e-04
        p = p * x2 - 2.95459980854025e-03
        p = p * x2 - 1.60960333262415e-02
        q = splat(-1.45660718464996e-05)
        q = q * x2 - 2.13374055278905e-04
        q = q * x2 - 1.68282697438203e-03
        q = q * x2 - 7.37332916720468e-03
        q = q * x2 - 1.42647390514189e-02
        return x * p / q

    return approximate


@overload(erfinv)
def _erfinv(x):
    if not isinstance(x, VectorType):
        return None

    def approximate(x):
        w = -log((1.0 - x) * (1.0 + x))
        near = w - 2.5
        p = splat(2.81022636e-08)
        p = p * near + 3.43273939e-07
        p = p * near - 3.5233877e-06
        p = p * near - 4.39150654e-06
        p = p * near + 0.00021858087
        p = p * near - 0.00125372503
        p = p * near - 0.00417768164
        p = p * near + 0.246640727
        p = p * near + 1.50140941
        far = square_root(select(w < 5.0, 5.0, w)) - 3.0
        q = splat(-0.000200214257)
        q = q * far + 0.000100950558
        q = q * far + 0.00134934322
        q = q * far - 0.00367342844
        q = q * far + 0.00573950773
        q = q * far - 0.0076224613
        q = q * far + 0.00943887047
        q = q * far + 1.00167406
        q = q * far + 2.83297682
        return select(w < 5.0, p, q) * x

    return approximate
