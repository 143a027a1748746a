"""The loss for yes or no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import float32

from studio.core.layer import Layer, Loss
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape
from studio.kernels.jit import inline, kernel
from studio.kernels.losses import EPSILON, add_to_sums
from studio.kernels.maths import absolute, log, maximum, minimum, sigmoid, softplus, where
from studio.kernels.simd import LANES, at, load, splat, store, sum_lanes
from studio.kernels.state import TOTAL


@inline
def count_right(scores, score_places, target, target_places, valid, best, count, batch, threshold):  # type: ignore[no-untyped-def]
    """Put each column's predicted class at `best`; how many of them are right.

    One number says 1 above the threshold; of several, the largest says which (Keras's rule).
    """
    right = splat(0.0)
    for b in range(0, batch, LANES):
        largest = load(at(scores, score_places[0] + b))
        wanted = load(at(target, target_places[0] + b))
        chosen = splat(0.0)
        if count == 1:
            chosen = where(largest > threshold, 1.0, splat(0.0))
        else:
            largest_target = wanted
            wanted = splat(0.0)
            for n in range(1, count):
                score, share = load(at(scores, score_places[n] + b)), load(at(target, target_places[n] + b))
                chosen = where(score > largest, splat(float32(n)), chosen)
                wanted = where(share > largest_target, splat(float32(n)), wanted)
                largest, largest_target = maximum(largest, score), maximum(largest_target, share)
        store(at(best, b), chosen)
        right = right + where(chosen == wanted, load(at(valid, b)), 0.0)
    return sum_lanes(right)


@kernel
def binary_from_logits(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = mean over the features of max(z, 0) - z t + log(1 + exp(-|z|))"""
    count, batch = record[2], record[3]
    z_places, t_places = at(table, record[5]), at(table, record[7])
    z_start, t_start, valid_start = at(arena, record[4]), at(arena, record[6]), at(arena, record[8])
    total = splat(0.0)
    for n in range(count):
        z_place, t_place = at(z_start, z_places[n]), at(t_start, t_places[n])
        for b in range(0, batch, LANES):
            z, t = load(at(z_place, b)), load(at(t_place, b))
            # Padding may hold anything, but 0 * finite is 0.
            total = total + load(at(valid_start, b)) * (maximum(z, 0.0) - z * t + softplus(-absolute(z)))
    best = at(arena, record[9])
    right = count_right(z_start, z_places, t_start, t_places, valid_start, best, count, batch, float32(0.0))
    add_to_sums(state, record[10], sum_lanes(total) / float32(count), right)


@kernel
def binary_from_logits_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dz = (sigmoid(z) - t) weight / features / samples"""
    count, batch = record[2], record[3]
    z_places, t_places, dz_places = at(table, record[5]), at(table, record[7]), at(table, record[10])
    scale = arena[record[11]] / (float32(count) * float32(state[TOTAL]))
    for n in range(count):
        z_place, t_place = at(arena, record[4] + z_places[n]), at(arena, record[6] + t_places[n])
        dz = at(arena, record[9] + dz_places[n])
        for b in range(0, batch, LANES):
            factor = load(at(arena, record[8] + b)) * scale
            store(at(dz, b), (sigmoid(load(at(z_place, b))) - load(at(t_place, b))) * factor)


@kernel
def binary_from_probabilities(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = mean over the features of -t log p - (1 - t) log(1 - p), p kept away from 0 and 1."""
    count, batch = record[2], record[3]
    p_places, t_places = at(table, record[5]), at(table, record[7])
    p_start, t_start, valid_start = at(arena, record[4]), at(arena, record[6]), at(arena, record[8])
    total = splat(0.0)
    for n in range(count):
        p_place, t_place = at(p_start, p_places[n]), at(t_start, t_places[n])
        for b in range(0, batch, LANES):
            p, t = load(at(p_place, b)), load(at(t_place, b))
            kept = maximum(minimum(p, 1.0 - EPSILON), EPSILON)
            loss = t * log(kept) + (1.0 - t) * log(1.0 - kept)
            total = total - load(at(valid_start, b)) * loss
    best = at(arena, record[9])
    right = count_right(p_start, p_places, t_start, t_places, valid_start, best, count, batch, float32(0.5))
    add_to_sums(state, record[10], sum_lanes(total) / float32(count), right)


@kernel
def binary_from_probabilities_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dp = (p - t) / (p (1 - p)) weight / features / samples; 0 where p is kept away from 0 and 1."""
    count, batch = record[2], record[3]
    p_places, t_places, dp_places = at(table, record[5]), at(table, record[7]), at(table, record[10])
    scale = arena[record[11]] / (float32(count) * float32(state[TOTAL]))
    for n in range(count):
        p_place, t_place = at(arena, record[4] + p_places[n]), at(arena, record[6] + t_places[n])
        dp = at(arena, record[9] + dp_places[n])
        for b in range(0, batch, LANES):
            p, t = load(at(p_place, b)), load(at(t_place, b))
            factor = load(at(arena, record[8] + b)) * scale
            kept = maximum(minimum(p, 1.0 - EPSILON), EPSILON)
            slope = (p - t) / (kept * (1.0 - kept)) * factor
            store(at(dp, b), where(p > EPSILON, where(p < 1.0 - EPSILON, slope, 0.0), 0.0))


@dataclass(frozen=True)
class BinaryCrossentropy(Loss):
    """``-t log p - (1 - t) log(1 - p)``, averaged over a sample's numbers and over the samples."""

    targets: ClassVar[tuple[str, ...]] = ("labels", "one_hot", "values")
    reads: ClassVar[str] = "sigmoid"
    has_accuracy: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("classification", "two classes", "log loss", "logistic", "multi-label")
    help: ClassVar[str] = (
        "For two classes, answered by one neuron with sigmoid. Small when the network gives "
        "the right answer a high probability; large when it is sure and wrong."
    )
    formula: ClassVar[str] = "loss = −t log p − (1 − t) log(1 − p)"
    source: ClassVar[str] = "D. R. Cox, The regression analysis of binary sequences (1958); Keras: BinaryCrossentropy"
    keras: ClassVar[str] = "BinaryCrossentropy"
    torch: ClassVar[str] = "BCELoss"

    def check_classes(self, prediction: Shape, classes: int) -> None:
        if classes > 2:
            raise ShapeProblem(
                f"is for two classes, but the data have {classes}: use SparseCategoricalCrossentropy instead.",
                Remedy("replace", "Use SparseCategoricalCrossentropy", type="SparseCategoricalCrossentropy"),
            )

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        prediction, target = inputs[0], lowering.need(inputs[1])
        logits = lowering.before_activation(prediction, "sigmoid")
        x = logits if logits is not None else lowering.need(prediction)
        sizes = (x.features, lowering.batch)
        places = (x.base, lowering.table(x.offsets()), target.base, lowering.table(target.offsets()), lowering.valid)
        forward, gradient = (
            (binary_from_logits, binary_from_logits_gradient)
            if logits is not None
            else (binary_from_probabilities, binary_from_probabilities_gradient)
        )
        best = lowering.scratch(lowering.batch)
        if len(x.shape) == 1:  # a picture is not a choice among classes
            lowering.set_predictions(best)
        lowering.emit(forward, *sizes, *places, best, lowering.sums())

        def backward() -> None:
            dx = lowering.gradient(x)
            if dx is not None:
                to = (dx.base, lowering.table(dx.offsets()))
                lowering.emit(gradient, *sizes, *places, *to, lowering.number("weight"))

        lowering.loss_backward(backward)
        return lowering.tensor(())

    def value(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        p = np.clip(prediction.reshape(len(prediction), -1), EPSILON, 1 - EPSILON)
        t = target.reshape(len(target), -1)
        return np.asarray((-t * np.log(p) - (1 - t) * np.log1p(-p)).mean(-1))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((1,), ())),
            (cls(weight=2.0), ((5,), (5,))),
            (cls(), ((3, 4, 2), (3, 4, 2))),
        )
