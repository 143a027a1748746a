"""The loss for class numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import float32

from studio.core.layer import Layer, Loss
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.jit import kernel
from studio.kernels.losses import EPSILON, add_to_sums
from studio.kernels.maths import exp, log, maximum, minimum, where
from studio.kernels.simd import LANES, at, load, splat, store, sum_lanes
from studio.kernels.state import TOTAL


@kernel
def from_logits(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = log sum exp(z) - z[label]; right where the largest score is the label's."""
    count, batch = record[2], record[3]
    total = splat(0.0)
    right = splat(0.0)
    for b in range(0, batch, LANES):
        z, label = at(arena, record[4] + b), load(at(arena, record[5] + b))
        valid = load(at(arena, record[6] + b))
        largest = load(z)
        best = splat(0.0)
        for n in range(1, count):
            score = load(at(z, n * batch))
            best = where(score > largest, splat(float32(n)), best)
            largest = maximum(largest, score)
        s = splat(0.0)
        own = splat(0.0)
        for n in range(count):
            score = load(at(z, n * batch)) - largest
            s = s + exp(score)
            own = where(label == float32(n), score, own)
        # Padding may hold anything, but 0 * finite is 0.
        total = total + valid * (log(s) - own)
        right = right + where(best == label, valid, 0.0)
        store(at(arena, record[7] + b), best)
    add_to_sums(state, record[8], sum_lanes(total), sum_lanes(right))


@kernel
def from_logits_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dz[n] = (softmax(z)[n] - [n is the label]) weight / samples"""
    count, batch = record[2], record[3]
    scale = arena[record[8]] / float32(state[TOTAL])
    for b in range(0, batch, LANES):
        z, label = at(arena, record[4] + b), load(at(arena, record[5] + b))
        dz = at(arena, record[7] + b)
        largest = load(z)
        for n in range(1, count):
            largest = maximum(largest, load(at(z, n * batch)))
        s = splat(0.0)
        for n in range(count):
            e = exp(load(at(z, n * batch)) - largest)
            s = s + e
            store(at(dz, n * batch), e)
        factor = load(at(arena, record[6] + b)) * scale
        share = factor / s
        for n in range(count):
            hit = where(label == float32(n), factor, 0.0)
            store(at(dz, n * batch), load(at(dz, n * batch)) * share - hit)


@kernel
def from_probabilities(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = -log(p[label] / sum of p), p kept away from 0 and 1 as Keras does."""
    count, batch = record[2], record[3]
    total = splat(0.0)
    right = splat(0.0)
    for b in range(0, batch, LANES):
        p, label = at(arena, record[4] + b), load(at(arena, record[5] + b))
        largest = load(p)
        best = splat(0.0)
        own = splat(0.0)
        for n in range(count):
            share = load(at(p, n * batch))
            best = where(share > largest, splat(float32(n)), best)
            largest = maximum(largest, share)
            own = where(label == float32(n), share, own)
        valid = load(at(arena, record[6] + b))
        total = total - valid * log(maximum(minimum(own, 1.0 - EPSILON), EPSILON))
        right = right + where(best == label, valid, 0.0)
        store(at(arena, record[7] + b), best)
    add_to_sums(state, record[8], sum_lanes(total), sum_lanes(right))


@kernel
def from_probabilities_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dp[n] = -[n is the label] / p[n] weight / samples"""
    count, batch = record[2], record[3]
    scale = arena[record[8]] / float32(state[TOTAL])
    for b in range(0, batch, LANES):
        label = load(at(arena, record[5] + b))
        factor = load(at(arena, record[6] + b)) * scale
        for n in range(count):
            p = load(at(arena, record[4] + n * batch + b))
            inside = where(p > EPSILON, where(p < 1.0 - EPSILON, factor / maximum(p, EPSILON), 0.0), 0.0)
            store(at(arena, record[7] + n * batch + b), where(label == float32(n), -inside, 0.0))


@dataclass(frozen=True)
class SparseCategoricalCrossentropy(Loss):
    """``-log p[label]``, averaged over the samples."""

    targets: ClassVar[tuple[str, ...]] = ("labels",)
    reads: ClassVar[str] = "softmax"
    has_accuracy: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("classification", "classes", "log loss", "cross-entropy")
    help: ClassVar[str] = (
        "For classes given as numbers. Small when the network gives the right class a high probability; "
        "large when it is sure and wrong."
    )
    formula: ClassVar[str] = "loss = −log p[label]"
    source: ClassVar[str] = "Keras: SparseCategoricalCrossentropy"
    keras: ClassVar[str] = "SparseCategoricalCrossentropy"
    torch: ClassVar[str] = "NLLLoss"

    def output_shape(self, *shapes: Shape) -> Shape:
        prediction, target = shapes
        if len(prediction) != 1 or prediction[0] < 2:
            raise ShapeProblem(
                f"gets predictions of {describe(prediction)}, needs one score a class: "
                "end with Dense, as many units as classes, and softmax."
            )
        if target != ():
            raise ShapeProblem(f"gets targets of {describe(target)}, needs one class number a sample.")
        return ()

    def check_classes(self, prediction: Shape, classes: int) -> None:
        if len(prediction) == 1 and 2 <= prediction[0] < classes:
            raise ShapeProblem(
                f"gets {prediction[0]} scores, but the data have {classes} classes: "
                f"give the last layer {classes} units."
            )

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        prediction, target = inputs
        logits = lowering.before_activation(prediction, "softmax")
        x = lowering.contiguous(logits if logits is not None else lowering.need(prediction))
        best = lowering.scratch(lowering.batch)
        lowering.set_predictions(best)
        sizes = (x.shape[-1], lowering.batch)
        places = (x.base, target.base, lowering.valid)
        forward, gradient = (
            (from_logits, from_logits_gradient)
            if logits is not None
            else (from_probabilities, from_probabilities_gradient)
        )
        lowering.emit(forward, *sizes, *places, best, lowering.sums())

        def backward() -> None:
            dx = lowering.gradient(x)
            if dx is not None:
                lowering.emit(gradient, *sizes, *places, dx.base, lowering.number("weight"))

        lowering.loss_backward(backward)
        return lowering.tensor(())

    def value(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        own = np.take_along_axis(prediction, target.astype(np.int64)[:, None], -1)[:, 0]
        return np.asarray(-np.log(np.clip(own, EPSILON, 1 - EPSILON)))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return ((cls(), ((7,), ())),)
