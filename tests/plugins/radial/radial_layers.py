"""An example of a plug-in: a layer with weights and a kernel of its own, and an activation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core import registry
from studio.core.fields import choice, integer, real
from studio.core.layer import ElementWise, Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.jit import kernel
from studio.kernels.maths import exp, sqrt, where
from studio.kernels.simd import LANES, at, load, splat, store, sum_lanes


@kernel
def radial_forward(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y[u] = exp(-s |x - c[u]|²): a vector of samples at a time."""
    features, units, batch = record[2], record[3], record[4]
    x, places = at(arena, record[5]), at(table, record[6])
    centers, stride, sharpness = at(arena, record[7]), record[8], arena[record[9]]
    y = at(arena, record[10])
    for u in range(units):
        for b in range(0, batch, LANES):
            squares = splat(0.0)
            for f in range(features):
                distance = load(at(x, places[f] + b)) - centers[f * stride + u]
                squares = squares + distance * distance
            store(at(y, u * batch + b), exp(squares * -sharpness))


@kernel
def radial_backward(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dc[f, u] = the sum over samples of 2 s dy[u] y[u] (x[f] - c[f, u]); dx[f] = minus the sum over u."""
    features, units, batch = record[2], record[3], record[4]
    x, places = at(arena, record[5]), at(table, record[6])
    centers, stride, sharpness = at(arena, record[7]), record[8], arena[record[9]]
    y, dy, dy_places = at(arena, record[10]), at(arena, record[11]), at(table, record[12])
    slopes, wanted, dx, dx_places = at(arena, record[13]), record[14], at(arena, record[15]), at(table, record[16])
    for f in range(features):
        if wanted != 0:
            for b in range(0, batch, LANES):
                store(at(dx, dx_places[f] + b), splat(0.0))
        for u in range(units):
            total = splat(0.0)
            for b in range(0, batch, LANES):
                distance = load(at(x, places[f] + b)) - centers[f * stride + u]
                pull = load(at(dy, dy_places[u] + b)) * load(at(y, u * batch + b)) * distance * (2.0 * sharpness)
                total = total + pull
                if wanted != 0:
                    place = at(dx, dx_places[f] + b)
                    store(place, load(place) - pull)
            slopes[f * stride + u] = sum_lanes(total)


@dataclass(frozen=True)
class RadialBasis(Layer):
    """``yᵤ = exp(-s |x - cᵤ|²)``, with the centres c learned."""

    family: ClassVar[str] = "Core"
    icon: ClassVar[str] = "dense"
    keywords: ClassVar[tuple[str, ...]] = ("rbf", "gaussian", "bump", "distance", "prototype", "kernel")
    help: ClassVar[str] = (
        "Each neuron has a point of its own and answers where the input is near it: 1 right there, 0 far away. "
        "Training moves the points to where they are of use."
    )
    formula: ClassVar[str] = "yᵤ = exp(-s |x - cᵤ|²)"
    source: ClassVar[str] = "D. Broomhead, D. Lowe, Radial basis functions, multi-variable functional interpolation, 1988"
    keras_source: ClassVar[str] = '''
class RadialBasis(keras.layers.Layer):
    """Neurons that answer near a point of their own."""

    def __init__(self, units=32, sharpness=1.0, centers_initializer="lecun_normal", **options):
        super().__init__(**options)
        self.units, self.sharpness, self.centers_initializer = units, sharpness, centers_initializer

    def build(self, shape):
        self.centers = self.add_weight(
            shape=(shape[-1], self.units), initializer=self.centers_initializer, name="centers"
        )

    def call(self, x):
        distances = keras.ops.expand_dims(x, -1) - self.centers
        return keras.ops.exp(-self.sharpness * keras.ops.sum(distances**2, axis=1))
'''

    units: int = integer(32, 1, 4096, help="How many neurons, and so points, the layer has.")
    sharpness: float = real(
        1.0, 1e-3, 1e3, help="How fast an answer fades with the distance from the point.", live=True, logarithmic=True
    )
    centers_initializer: str = choice("lecun_normal", registry.initializer_names, help="Where the points are before training.")

    def summary(self) -> str:
        return f"RadialBasis · {self.units}"

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if len(shape) != 1:
            raise ShapeProblem(
                f"gets {describe(shape)}, needs a flat input: add Flatten before it.",
                Remedy("insert", "Add Flatten before it", type="Flatten"),
            )
        return (self.units,)

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        return (Weight("centers", (shapes[0][0], self.units), self.centers_initializer),)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        y = lowering.output((self.units,))
        centers, sharpness = lowering.weight("centers"), lowering.number("sharpness")
        forward = (
            *(x.features, self.units, lowering.batch),
            *(x.base, lowering.table(x.offsets())),
            *(centers.value, centers.stride, sharpness),
            y.base,
        )
        lowering.emit(radial_forward, *forward)

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(x)
            wanted = (1, dx.base, lowering.table(dx.offsets())) if dx is not None else (0, y.base, forward[4])
            lowering.emit(radial_backward, *forward, dy.base, lowering.table(dy.offsets()), centers.gradient, *wanted)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        distances = inputs[0][:, :, None] - weights["centers"]
        return np.exp(-self.sharpness * (distances**2).sum(1))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return ((cls(units=5), ((7,),)), (cls(units=1, sharpness=0.2), ((3,),)), (cls(units=17), ((2,),)))


@dataclass(frozen=True)
class Squareplus(ElementWise):
    """``y = (x + √(x² + b)) / 2``"""

    activation: ClassVar[str] = "squareplus"
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("smooth", "softplus", "rectifier")
    help: ClassVar[str] = "A ReLU with a round corner, made without exponentials. The larger b, the rounder."
    formula: ClassVar[str] = "y = (x + √(x² + b)) / 2"
    source: ClassVar[str] = "J. Barron, Squareplus: a softplus-like algebraic rectifier, 2021"
    in_place: ClassVar[bool] = False
    keras_source: ClassVar[str] = '''
class Squareplus(keras.layers.Layer):
    """A ReLU with a round corner."""

    def __init__(self, b=4.0, **options):
        super().__init__(**options)
        self.b = b

    def call(self, x):
        return (x + keras.ops.sqrt(x * x + self.b)) / 2
'''

    b: float = real(4.0, 1e-3, 100.0, help="How round the corner is; near 0 it is ReLU.", live=True)

    @staticmethod
    def function(x: Any, b: Any) -> Any:
        root = sqrt(x * x + b)
        # Left of 0 the sum would be a small difference of large numbers.
        return where(x > 0.0, (x + root) * 0.5, 0.5 * b / (root - x))

    @staticmethod
    def derivative(x: Any, y: Any, b: Any) -> Any:
        return 0.5 + 0.5 * x / sqrt(x * x + b)
