"""How weights are drawn before training: Keras's initializers, on our counter-based numbers.

Beside them are some that learners should try and see fail: all weights equal, far too small,
far too large.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from studio.core.shapes import Shape
from studio.kernels.random_numbers import normal, uniform

#: The standard deviation of a normal distribution cut off at two deviations.
_TRUNCATED_DEVIATION = 0.87962566103423978

_Draw = Callable[[Shape, int, int], np.ndarray]


@dataclass(frozen=True)
class Initializer:
    """A way to draw the weights a training starts from.

    Parameters
    ----------
    help : str
        What a beginner reads: one to three short sentences.
    formula : str
        One line of mathematics in plain Unicode; n is the number of inputs a neuron has, m
        that of the neurons an input reaches.
    source : str
        The paper, and Keras's name where it has one.
    draw : callable
        Gives float64 numbers, as many as the shape has, for (shape, seed, key).
    is_random : bool
        Whether seed and key matter.
    """

    help: str
    formula: str
    source: str
    draw: _Draw
    is_random: bool = True


def fans(shape: Shape) -> tuple[float, float]:
    """Inputs and outputs a weight of this shape connects, as Keras counts them."""
    if len(shape) < 2:
        count = float(shape[0]) if shape else 1.0
        return count, count
    window = math.prod(shape[:-2])
    return float(window * shape[-2]), float(window * shape[-1])


def _uniform(limit: Callable[[float, float], float]) -> _Draw:
    def draw(shape: Shape, seed: int, key: int) -> np.ndarray:
        bound = limit(*fans(shape))
        return (2.0 * uniform(seed, key, math.prod(shape)) - 1.0) * bound

    return draw


def _normal(deviation: float) -> _Draw:
    return lambda shape, seed, key: deviation * normal(seed, key, math.prod(shape))


def _truncated(deviation: float, seed: int, key: int, count: int) -> np.ndarray:
    """Normal numbers of that deviation, none beyond two of them."""
    from scipy.special import ndtri

    low, high = 0.02275013194817921, 0.9772498680518208  # the normal's share below -2 and +2
    return np.asarray(deviation * ndtri(low + (high - low) * uniform(seed, key, count)))


def _scaled(deviation: Callable[[float, float], float]) -> _Draw:
    """Truncated, and widened to have the wanted deviation all the same."""

    def draw(shape: Shape, seed: int, key: int) -> np.ndarray:
        return _truncated(deviation(*fans(shape)) / _TRUNCATED_DEVIATION, seed, key, math.prod(shape))

    return draw


def _constant(value: float) -> _Draw:
    return lambda shape, seed, key: np.full(math.prod(shape), value)


def _orthogonal(shape: Shape, seed: int, key: int) -> np.ndarray:
    """Rows or columns, whichever are fewer, of length 1 and at right angles to each other."""
    columns = shape[-1] if shape else 1
    rows = math.prod(shape) // columns
    tall = (max(rows, columns), min(rows, columns))
    q, r = np.linalg.qr(normal(seed, key, math.prod(shape)).reshape(tall))
    q = q * np.sign(np.diag(r))
    return np.asarray(q if rows >= columns else q.T)


def _identity(shape: Shape, seed: int, key: int) -> np.ndarray:
    """1 where input and output have the same number, in the middle of a window; else 0."""
    values = np.zeros(shape)
    if len(shape) >= 2:
        values[tuple((n - 1) // 2 for n in shape[:-2])] = np.eye(shape[-2], shape[-1])
    return values


_GLOROT = "X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010"
_HE = "K. He et al., Delving deep into rectifiers, ICCV 2015"
_LECUN = "Y. LeCun et al., Efficient backprop, 1998"

#: By the name that layers' parameters give. Keras's names have Keras's definitions.
INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": Initializer(
        "Evenly spread numbers, smaller the more inputs and outputs there are, so that signals keep their size "
        "both ways. The usual choice, for tanh and sigmoid above all.",
        "w ~ U(−a, a), a = √(6 / (n + m))",
        f"{_GLOROT}; Keras: glorot_uniform",
        _uniform(lambda n, m: math.sqrt(6.0 / (n + m))),
    ),
    "glorot_normal": Initializer(
        "As glorot_uniform, but numbers near 0 are more frequent; none lies beyond two deviations.",
        "w ~ N(0, 2 / (n + m)), cut off at 2 deviations",
        f"{_GLOROT}; Keras: glorot_normal",
        _scaled(lambda n, m: math.sqrt(2.0 / (n + m))),
    ),
    "he_uniform": Initializer(
        "Evenly spread numbers, a little larger than glorot_uniform's. Made for relu, which silences half of what comes.",
        "w ~ U(−a, a), a = √(6 / n)",
        f"{_HE}; Keras: he_uniform",
        _uniform(lambda n, m: math.sqrt(6.0 / n)),
    ),
    "he_normal": Initializer(
        "As he_uniform, but numbers near 0 are more frequent; none lies beyond two deviations. Made for relu.",
        "w ~ N(0, 2 / n), cut off at 2 deviations",
        f"{_HE}; Keras: he_normal",
        _scaled(lambda n, m: math.sqrt(2.0 / n)),
    ),
    "lecun_uniform": Initializer(
        "Evenly spread numbers whose size follows from the number of inputs alone. Made for selu, and good for tanh.",
        "w ~ U(−a, a), a = √(3 / n)",
        f"{_LECUN}; Keras: lecun_uniform",
        _uniform(lambda n, m: math.sqrt(3.0 / n)),
    ),
    "lecun_normal": Initializer(
        "As lecun_uniform, but numbers near 0 are more frequent; none lies beyond two deviations. Made for selu.",
        "w ~ N(0, 1 / n), cut off at 2 deviations",
        f"{_LECUN}; Keras: lecun_normal",
        _scaled(lambda n, m: math.sqrt(1.0 / n)),
    ),
    "random_normal": Initializer(
        "Small numbers around 0, of the same size for every layer, however many inputs it has.",
        "w ~ N(0, 0.05²)",
        "Keras: random_normal",
        _normal(0.05),
    ),
    "random_uniform": Initializer(
        "Small, evenly spread numbers, of the same size for every layer, however many inputs it has.",
        "w ~ U(−0.05, 0.05)",
        "Keras: random_uniform",
        _uniform(lambda n, m: 0.05),
    ),
    "truncated_normal": Initializer(
        "As random_normal, but without the few that would be large: none lies beyond two deviations.",
        "w ~ N(0, 0.05²), cut off at 2 deviations",
        "Keras: truncated_normal",
        lambda shape, seed, key: _truncated(0.05, seed, key, math.prod(shape)),
    ),
    "orthogonal": Initializer(
        "A random turn: it keeps the length of what comes in, even over many layers or time steps. "
        "Made for deep and recurrent networks.",
        "W Wᵀ = 1 or Wᵀ W = 1",
        "A. Saxe, J. McClelland and S. Ganguli, Exact solutions to the nonlinear dynamics of learning, ICLR 2014; Keras: orthogonal",
        _orthogonal,
    ),
    "identity": Initializer(
        "The layer starts by passing its inputs on as they are.",
        "w = 1 from each input to the output of the same number, else 0",
        "Q. Le, N. Jaitly and G. Hinton, A simple way to initialize recurrent networks of rectified linear units, "
        "arXiv 1504.00941 (2015); Keras: identity",
        _identity,
        is_random=False,
    ),
    "zeros": Initializer(
        "All weights are 0. Right for biases; in a layer's kernel nothing could be learned, for all neurons stay equal.",
        "w = 0",
        "Keras: zeros",
        _constant(0.0),
        is_random=False,
    ),
    "ones": Initializer(
        "All weights are 1. Right for scales; in a layer's kernel all neurons would stay equal.",
        "w = 1",
        "Keras: ones",
        _constant(1.0),
        is_random=False,
    ),
    "all_equal": Initializer(
        "A bad start, to be tried: all weights are 0.1. All neurons of a layer do the same and get the same gradient, "
        "so they stay the same for ever: the layer is worth one neuron.",
        "w = 0.1",
        f"The symmetry that random weights break: D. Rumelhart, G. Hinton and R. Williams, Nature 323 (1986); {_GLOROT}",
        _constant(0.1),
        is_random=False,
    ),
    "too_small": Initializer(
        "A bad start, to be tried: weights are so small that signals and gradients fade away from layer to layer, "
        "and a deep network hardly begins to learn.",
        "w ~ N(0, 0.001²)",
        _GLOROT,
        _normal(0.001),
    ),
    "too_large": Initializer(
        "A bad start, to be tried: weights are so large that signals grow from layer to layer. "
        "tanh and sigmoid end at their limits, where they have no slope, and relu's numbers explode.",
        "w ~ N(0, 1)",
        _GLOROT,
        _normal(1.0),
    ),
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
    return INITIALIZERS[initializer].draw(shape, seed, key).reshape(shape).astype(np.float32)
