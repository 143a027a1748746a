"""The loss for classes given as vectors."""

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
def categorical_from_logits(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = sum over n of t[n] (log sum exp(z) - z[n]); right where the largest score is t's largest."""
    count, batch = record[2], record[3]
    total = splat(0.0)
    right = splat(0.0)
    for b in range(0, batch, LANES):
        z, t = at(arena, record[4] + b), at(arena, record[5] + b)
        valid = load(at(arena, record[6] + b))
        largest, largest_target = load(z), load(t)
        best, wanted = splat(0.0), splat(0.0)
        for n in range(1, count):
            score, share = load(at(z, n * batch)), load(at(t, n * batch))
            best = where(score > largest, splat(float32(n)), best)
            wanted = where(share > largest_target, splat(float32(n)), wanted)
            largest, largest_target = maximum(largest, score), maximum(largest_target, share)
        s = splat(0.0)
        for n in range(count):
            s = s + exp(load(at(z, n * batch)) - largest)
        logarithm = log(s)
        loss = splat(0.0)
        for n in range(count):
            loss = loss + load(at(t, n * batch)) * (logarithm - (load(at(z, n * batch)) - largest))
        # Padding may hold anything, but 0 * finite is 0.
        total = total + valid * loss
        right = right + where(best == wanted, valid, 0.0)
        store(at(arena, record[7] + b), best)
    add_to_sums(state, record[8], sum_lanes(total), sum_lanes(right))


@kernel
def categorical_from_logits_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dz[n] = (softmax(z)[n] sum of t - t[n]) weight / samples"""
    count, batch = record[2], record[3]
    scale = arena[record[8]] / float32(state[TOTAL])
    for b in range(0, batch, LANES):
        z, t, dz = at(arena, record[4] + b), at(arena, record[5] + b), at(arena, record[7] + b)
        largest = load(z)
        for n in range(1, count):
            largest = maximum(largest, load(at(z, n * batch)))
        s = splat(0.0)
        whole = splat(0.0)
        for n in range(count):
            e = exp(load(at(z, n * batch)) - largest)
            s = s + e
            whole = whole + load(at(t, n * batch))
            store(at(dz, n * batch), e)
        factor = load(at(arena, record[6] + b)) * scale
        share = factor * whole / s
        for n in range(count):
            store(at(dz, n * batch), load(at(dz, n * batch)) * share - load(at(t, n * batch)) * factor)


@kernel
def categorical_from_probabilities(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = -sum over n of t[n] log q[n], q = p / sum of p, kept away from 0 and 1 as Keras does."""
    count, batch = record[2], record[3]
    total = splat(0.0)
    right = splat(0.0)
    for b in range(0, batch, LANES):
        p, t = at(arena, record[4] + b), at(arena, record[5] + b)
        valid = load(at(arena, record[6] + b))
        s, largest, largest_target = load(p), load(p), load(t)
        best, wanted = splat(0.0), splat(0.0)
        for n in range(1, count):
            score, share = load(at(p, n * batch)), load(at(t, n * batch))
            s = s + score
            best = where(score > largest, splat(float32(n)), best)
            wanted = where(share > largest_target, splat(float32(n)), wanted)
            largest, largest_target = maximum(largest, score), maximum(largest_target, share)
        loss = splat(0.0)
        for n in range(count):
            q = load(at(p, n * batch)) / where(s == 0, 1.0, s)
            loss = loss - load(at(t, n * batch)) * log(maximum(minimum(q, 1.0 - EPSILON), EPSILON))
        total = total + valid * loss
        right = right + where(best == wanted, valid, 0.0)
        store(at(arena, record[7] + b), best)
    add_to_sums(state, record[8], sum_lanes(total), sum_lanes(right))


@kernel
def categorical_from_probabilities_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dp[m] = (u - u[m] / q[m]) / (sum of p) weight / samples, u[n] = t[n] where q[n] is not clipped."""
    count, batch = record[2], record[3]
    scale = arena[record[8]] / float32(state[TOTAL])
    for b in range(0, batch, LANES):
        p, t, dp = at(arena, record[4] + b), at(arena, record[5] + b), at(arena, record[7] + b)
        s = load(p)
        for n in range(1, count):
            s = s + load(at(p, n * batch))
        inverse = 1.0 / where(s == 0, 1.0, s)
        u = splat(0.0)
        for n in range(count):
            q = load(at(p, n * batch)) * inverse
            inside = where(q > EPSILON, where(q < 1.0 - EPSILON, load(at(t, n * batch)), 0.0), 0.0)
            u = u + inside
            store(at(dp, n * batch), inside / maximum(q, EPSILON))
        factor = load(at(arena, record[6] + b)) * scale * inverse
        for n in range(count):
            store(at(dp, n * batch), (u - load(at(dp, n * batch))) * factor)


@dataclass(frozen=True)
class CategoricalCrossentropy(Loss):
    """``-sum t log p``, averaged over the samples."""

    targets: ClassVar[tuple[str, ...]] = ("one_hot",)
    reads: ClassVar[str] = "softmax"
    has_accuracy: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("classification", "classes", "log loss", "cross-entropy", "one hot")
    help: ClassVar[str] = (
        "For classes given as vectors such as 0 0 1 0. Small when the network gives the right class "
        "a high probability; large when it is sure and wrong."
    )
    formula: ClassVar[str] = "loss = −Σ t log p"
    source: ClassVar[str] = "J. Bridle, Training stochastic model recognition algorithms, 1990; Keras: CategoricalCrossentropy"
    keras: ClassVar[str] = "CategoricalCrossentropy"
    torch: ClassVar[str] = "CrossEntropyLoss"

    def output_shape(self, *shapes: Shape) -> Shape:
        prediction, target = shapes
        if len(target) != 1 or target[0] < 2:
            raise ShapeProblem(
                f"gets targets of {describe(target)}, needs a vector with one number a class: "
                "switch on one_hot in Data."
            )
        if prediction != target:
            raise ShapeProblem(
                f"gets predictions of {describe(prediction)}, needs one score a class: "
                f"end with Dense, {target[0]} units, and softmax."
            )
        return ()

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        prediction, target = inputs[0], lowering.contiguous(lowering.need(inputs[1]))
        logits = lowering.before_activation(prediction, "softmax")
        x = lowering.contiguous(logits if logits is not None else lowering.need(prediction))
        best = lowering.scratch(lowering.batch)
        lowering.set_predictions(best)
        sizes = (x.features, lowering.batch)
        places = (x.base, target.base, lowering.valid)
        forward, gradient = (
            (categorical_from_logits, categorical_from_logits_gradient)
            if logits is not None
            else (categorical_from_probabilities, categorical_from_probabilities_gradient)
        )
        lowering.emit(forward, *sizes, *places, best, lowering.sums())

        def backward() -> None:
            dx = lowering.gradient(x)
            if dx is not None:
                lowering.emit(gradient, *sizes, *places, dx.base, lowering.number("weight"))

        lowering.loss_backward(backward)
        return lowering.tensor(())

    def value(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        p = prediction / prediction.sum(-1, keepdims=True)
        return np.asarray(-(target * np.log(np.clip(p, EPSILON, 1 - EPSILON))).sum(-1))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return ((cls(), ((7,), (7,))), (cls(weight=3.0), ((2,), (2,))))
