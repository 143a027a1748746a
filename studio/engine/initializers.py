"""How weights are drawn before training: Keras's initializers, on our counter-based numbers."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable

import numpy as np

from studio.core.shapes import Shape
from studio.kernels.random_numbers import normal, uniform

#: The standard deviation of a normal distribution cut off at two deviations.
_TRUNCATED_DEVIATION = 0.87962566103423978


def fans(shape: Shape) -> tuple[float, float]:
    """Inputs and outputs a weight of this shape connects, as Keras counts them."""
    if len(shape) < 2:
        count = float(shape[0]) if shape else 1.0
        return count, count
    window = math.prod(shape[:-2])
    return float(window * shape[-2]), float(window * shape[-1])


_Draw = Callable[[Shape, int, int], np.ndarray]


def _uniform(limit: Callable[[float, float], float]) -> _Draw:
    def draw(shape: Shape, seed: int, key: int) -> np.ndarray:
        bound = limit(*fans(shape))
        return (2.0 * uniform(seed, key, math.prod(shape)) - 1.0) * bound

    return draw


def _truncated(deviation: Callable[[float, float], float]) -> _Draw:
    def draw(shape: Shape, seed: int, key: int) -> np.ndarray:
        from scipy.special import ndtri

        low, high = 0.02275013194817921, 0.9772498680518208  # the normal's share below -2 and +2
        numbers = ndtri(low + (high - low) * uniform(seed, key, math.prod(shape)))
        return np.asarray(numbers * deviation(*fans(shape)) / _TRUNCATED_DEVIATION)

    return draw


def _constant(value: float) -> _Draw:
    return lambda shape, seed, key: np.full(math.prod(shape), value)


#: Keras's names and definitions. X. Glorot and Y. Bengio, AISTATS 2010; K. He et al., ICCV
#: 2015; Y. LeCun et al., Efficient backprop, 1998.
INITIALIZERS: dict[str, _Draw] = {
    "glorot_uniform": _uniform(lambda i, o: math.sqrt(6.0 / (i + o))),
    "glorot_normal": _truncated(lambda i, o: math.sqrt(2.0 / (i + o))),
    "he_uniform": _uniform(lambda i, o: math.sqrt(6.0 / i)),
    "he_normal": _truncated(lambda i, o: math.sqrt(2.0 / i)),
    "lecun_uniform": _uniform(lambda i, o: math.sqrt(3.0 / i)),
    "lecun_normal": _truncated(lambda i, o: math.sqrt(1.0 / i)),
    "random_normal": lambda shape, seed, key: 0.05 * normal(seed, key, math.prod(shape)),
    "random_uniform": _uniform(lambda i, o: 0.05),
    "zeros": _constant(0.0),
    "ones": _constant(1.0),
}


def draw(initializer: str, shape: Shape, seed: int, node: str, name: str) -> np.ndarray:
    """Initial values of a weight.

    Parameters
    ----------
    initializer : str
        One of `INITIALIZERS`.
    seed : int
        Of the run.
    node, name : str
        Whose weight it is; equal layers get different numbers.

    Returns
    -------
    numpy.ndarray
        float32, of `shape`.
    """
    key = zlib.crc32(f"{node}/{name}".encode())
    return INITIALIZERS[initializer](shape, seed, key).reshape(shape).astype(np.float32)
