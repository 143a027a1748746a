"""The loss for numbers: squared distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import float32

from studio.core.layer import Layer, Loss
from studio.core.lowering import Lowering, Tensor
from studio.core.shapes import Shape
from studio.kernels.jit import kernel
from studio.kernels.losses import add_to_sums
from studio.kernels.simd import LANES, at, load, splat, store, sum_lanes
from studio.kernels.state import TOTAL


@kernel
def squared_errors(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = mean over the features of (y - t)**2"""
    count, batch = record[2], record[3]
    y_places, t_places = at(table, record[5]), at(table, record[7])
    total = splat(0.0)
    for n in range(count):
        y, t = at(arena, record[4] + y_places[n]), at(arena, record[6] + t_places[n])
        part = splat(0.0)
        for b in range(0, batch, LANES):
            error = load(at(y, b)) - load(at(t, b))
            # Padding may hold anything, but 0 * finite is 0.
            part = part + load(at(arena, record[8] + b)) * error * error
        total = total + part
    add_to_sums(state, record[9], sum_lanes(total) / float32(count), float32(0.0))


@kernel
def squared_errors_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dy = 2 (y - t) weight / features / samples"""
    count, batch = record[2], record[3]
    y_places, t_places, dy_places = at(table, record[5]), at(table, record[7]), at(table, record[10])
    scale = float32(2.0) * arena[record[11]] / (float32(count) * float32(state[TOTAL]))
    for n in range(count):
        y, t = at(arena, record[4] + y_places[n]), at(arena, record[6] + t_places[n])
        dy = at(arena, record[9] + dy_places[n])
        for b in range(0, batch, LANES):
            factor = load(at(arena, record[8] + b)) * scale
            store(at(dy, b), (load(at(y, b)) - load(at(t, b))) * factor)


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """``(y - t)²``, averaged over a sample's numbers and over the samples."""

    targets: ClassVar[tuple[str, ...]] = ("values", "one_hot", "labels")
    keywords: ClassVar[tuple[str, ...]] = ("mse", "regression", "least squares", "l2", "autoencoder")
    help: ClassVar[str] = (
        "For numbers, such as prices or pictures. Squares how far each answer is off, "
        "so a few large errors count more than many small ones."
    )
    formula: ClassVar[str] = "loss = mean of (y − t)²"
    source: ClassVar[str] = "A.-M. Legendre, least squares (1805); Keras: MeanSquaredError"
    keras: ClassVar[str] = "MeanSquaredError"
    torch: ClassVar[str] = "MSELoss"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        y, target = lowering.need(inputs[0]), lowering.need(inputs[1])
        sizes = (y.features, lowering.batch)
        places = (
            *(y.base, lowering.table(y.offsets())),
            *(target.base, lowering.table(target.offsets())),
            lowering.valid,
        )
        lowering.emit(squared_errors, *sizes, *places, lowering.sums())

        def backward() -> None:
            dy = lowering.gradient(y)
            if dy is not None:
                to = (dy.base, lowering.table(dy.offsets()))
                lowering.emit(squared_errors_gradient, *sizes, *places, *to, lowering.number("weight"))

        lowering.loss_backward(backward)
        return lowering.tensor(())

    def value(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        errors = prediction.reshape(len(prediction), -1) - target.reshape(len(target), -1)
        return np.asarray((errors**2).mean(-1))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,), (7,))),
            (cls(weight=0.5), ((1,), ())),
            (cls(), ((3, 5, 2), (3, 5, 2))),
        )
