"""The loss for numbers that forgives outliers: absolute distances."""

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
from studio.kernels.maths import absolute, where
from studio.kernels.simd import LANES, at, load, splat, store, sum_lanes
from studio.kernels.state import TOTAL


@kernel
def absolute_errors(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = mean over the features of |y - t|"""
    count, batch = record[2], record[3]
    y_places, t_places = at(table, record[5]), at(table, record[7])
    total = splat(0.0)
    for n in range(count):
        y, t = at(arena, record[4] + y_places[n]), at(arena, record[6] + t_places[n])
        part = splat(0.0)
        for b in range(0, batch, LANES):
            error = load(at(y, b)) - load(at(t, b))
            # Padding may hold anything, but 0 * finite is 0.
            part = part + load(at(arena, record[8] + b)) * absolute(error)
        total = total + part
    add_to_sums(state, record[9], sum_lanes(total) / float32(count), float32(0.0))


@kernel
def absolute_errors_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dy = sign(y - t) weight / features / samples"""
    count, batch = record[2], record[3]
    y_places, t_places, dy_places = at(table, record[5]), at(table, record[7]), at(table, record[10])
    scale = arena[record[11]] / (float32(count) * float32(state[TOTAL]))
    for n in range(count):
        y, t = at(arena, record[4] + y_places[n]), at(arena, record[6] + t_places[n])
        dy = at(arena, record[9] + dy_places[n])
        for b in range(0, batch, LANES):
            factor = load(at(arena, record[8] + b)) * scale
            error = load(at(y, b)) - load(at(t, b))
            store(at(dy, b), where(error > 0, factor, where(error < 0, -factor, error * 0.0)))


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """``|y - t|``, averaged over a sample's numbers and over the samples."""

    targets: ClassVar[tuple[str, ...]] = ("values", "one_hot", "labels")
    keywords: ClassVar[tuple[str, ...]] = ("mae", "regression", "l1", "robust")
    help: ClassVar[str] = (
        "For numbers, such as prices. Adds up how far each answer is off; "
        "a few wild samples disturb it less than they disturb squared errors."
    )
    formula: ClassVar[str] = "loss = mean of |y − t|"
    source: ClassVar[str] = "R. J. Boscovich, least absolute deviations (1757); Keras: MeanAbsoluteError"
    keras: ClassVar[str] = "MeanAbsoluteError"
    torch: ClassVar[str] = "L1Loss"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        y, target = lowering.need(inputs[0]), lowering.need(inputs[1])
        sizes = (y.features, lowering.batch)
        places = (
            *(y.base, lowering.table(y.offsets())),
            *(target.base, lowering.table(target.offsets())),
            lowering.valid,
        )
        lowering.emit(absolute_errors, *sizes, *places, lowering.sums())

        def backward() -> None:
            dy = lowering.gradient(y)
            if dy is not None:
                to = (dy.base, lowering.table(dy.offsets()))
                lowering.emit(absolute_errors_gradient, *sizes, *places, *to, lowering.number("weight"))

        lowering.loss_backward(backward)
        return lowering.tensor(())

    def value(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        errors = prediction.reshape(len(prediction), -1) - target.reshape(len(target), -1)
        return np.asarray(np.abs(errors).mean(-1))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,), (7,))),
            (cls(weight=0.5), ((1,), ())),
            (cls(), ((3, 5, 2), (3, 5, 2))),
        )
