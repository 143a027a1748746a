"""The loss for classes given as vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import real
from studio.core.layer import Layer
from studio.core.loss import ClassLoss, wired
from studio.core.lowering import Lowering, Scoring, Tensor
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.jit import kernel
from studio.kernels.loss_sums import add_part, in_parts, terms_of
from studio.kernels.losses import EPSILON, gradient_scale
from studio.kernels.maths import exp, log, maximum, minimum, where
from studio.kernels.numba_names import float32
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, load, splat, store


@in_parts(every_sample=True)
@kernel
def categorical_from_logits(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = sum over n of t[n] (log sum exp(z) - z[n]); right where the largest score is t's largest."""
    terms, count, batch = record[2], record[3], record[4]
    z_places, t_places = at(table, record[6]), at(table, record[8])
    w_places, counted_places = at(table, record[10]), at(table, record[12])
    smoothing = arena[record[16]]
    kept, spread = float32(1.0) - smoothing, smoothing / float32(count)
    runs, starts, pieces, columns, room = record[17], at(table, record[18]), record[19], record[20], at(arena, record[21])
    for run in outer(runs):
        for piece in inner(runs, 0, pieces, 1):
            total = splat(0.0)
            right = splat(0.0)
            for term in terms_of(run, runs, starts, terms):
                z_start, t_start = at(arena, record[5] + z_places[term]), at(arena, record[7] + t_places[term])
                w_start, counted_start = at(arena, record[9] + w_places[term]), at(arena, record[11] + counted_places[term])
                for b in range(piece * columns, (piece + 1) * columns, LANES):
                    z, t = at(z_start, b), at(t_start, b)
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
                        share = load(at(t, n * batch)) * kept + spread
                        loss = loss + share * (logarithm - (load(at(z, n * batch)) - largest))
                    # Padding may hold anything, but 0 * finite is 0.
                    total = total + load(at(w_start, b)) * loss
                    right = right + where(best == wanted, load(at(counted_start, b)), 0.0)
                    store(at(arena, record[13] + term * batch + b), best)
            add_part(state, room, run * pieces + piece, runs * pieces, record[14], float32(record[15]), total, right)


@kernel
def categorical_from_logits_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dz[n] = (softmax(z)[n] sum of t - t[n]) weight / terms"""
    terms, count, batch = record[2], record[3], record[4]
    z_places, t_places = at(table, record[6]), at(table, record[8])
    w_places, dz_places = at(table, record[10]), at(table, record[12])
    smoothing = arena[record[17]]
    kept, spread = float32(1.0) - smoothing, smoothing / float32(count)
    scale = gradient_scale(arena, record, state)
    for term in outer(terms):
        z_start, t_start = at(arena, record[5] + z_places[term]), at(arena, record[7] + t_places[term])
        w_start, dz_start = at(arena, record[9] + w_places[term]), at(arena, record[11] + dz_places[term])
        for b in inner(terms, 0, batch, LANES):
            z, t, dz = at(z_start, b), at(t_start, b), at(dz_start, b)
            largest = load(z)
            for n in range(1, count):
                largest = maximum(largest, load(at(z, n * batch)))
            s = splat(0.0)
            whole = splat(0.0)
            for n in range(count):
                e = exp(load(at(z, n * batch)) - largest)
                s = s + e
                whole = whole + load(at(t, n * batch)) * kept + spread
                store(at(dz, n * batch), e)
            factor = load(at(w_start, b)) * scale
            share = factor * whole / s
            for n in range(count):
                wanted = load(at(t, n * batch)) * kept + spread
                store(at(dz, n * batch), load(at(dz, n * batch)) * share - wanted * factor)


@in_parts(every_sample=True)
@kernel
def categorical_from_probabilities(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = -sum over n of t[n] log q[n], q = p / sum of p, kept away from 0 and 1 as Keras does."""
    terms, count, batch = record[2], record[3], record[4]
    p_places, t_places = at(table, record[6]), at(table, record[8])
    w_places, counted_places = at(table, record[10]), at(table, record[12])
    smoothing = arena[record[16]]
    kept, spread = float32(1.0) - smoothing, smoothing / float32(count)
    runs, starts, pieces, columns, room = record[17], at(table, record[18]), record[19], record[20], at(arena, record[21])
    for run in outer(runs):
        for piece in inner(runs, 0, pieces, 1):
            total = splat(0.0)
            right = splat(0.0)
            for term in terms_of(run, runs, starts, terms):
                p_start, t_start = at(arena, record[5] + p_places[term]), at(arena, record[7] + t_places[term])
                w_start, counted_start = at(arena, record[9] + w_places[term]), at(arena, record[11] + counted_places[term])
                for b in range(piece * columns, (piece + 1) * columns, LANES):
                    p, t = at(p_start, b), at(t_start, b)
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
                        share = load(at(t, n * batch)) * kept + spread
                        loss = loss - share * log(maximum(minimum(q, 1.0 - EPSILON), EPSILON))
                    total = total + load(at(w_start, b)) * loss
                    right = right + where(best == wanted, load(at(counted_start, b)), 0.0)
                    store(at(arena, record[13] + term * batch + b), best)
            add_part(state, room, run * pieces + piece, runs * pieces, record[14], float32(record[15]), total, right)


@kernel
def categorical_from_probabilities_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dp[m] = (u - u[m] / q[m]) / (sum of p) weight / terms, u[n] = t[n] where q[n] is not clipped."""
    terms, count, batch = record[2], record[3], record[4]
    p_places, t_places = at(table, record[6]), at(table, record[8])
    w_places, dp_places = at(table, record[10]), at(table, record[12])
    smoothing = arena[record[17]]
    kept, spread = float32(1.0) - smoothing, smoothing / float32(count)
    scale = gradient_scale(arena, record, state)
    for term in outer(terms):
        p_start, t_start = at(arena, record[5] + p_places[term]), at(arena, record[7] + t_places[term])
        w_start, dp_start = at(arena, record[9] + w_places[term]), at(arena, record[11] + dp_places[term])
        for b in inner(terms, 0, batch, LANES):
            p, t, dp = at(p_start, b), at(t_start, b), at(dp_start, b)
            s = load(p)
            for n in range(1, count):
                s = s + load(at(p, n * batch))
            inverse = 1.0 / where(s == 0, 1.0, s)
            u = splat(0.0)
            for n in range(count):
                q = load(at(p, n * batch)) * inverse
                share = load(at(t, n * batch)) * kept + spread
                inside = where(q > EPSILON, where(q < 1.0 - EPSILON, share, 0.0), 0.0)
                u = u + inside
                store(at(dp, n * batch), inside / maximum(q, EPSILON))
            factor = load(at(w_start, b)) * scale * inverse
            for n in range(count):
                store(at(dp, n * batch), (u - load(at(dp, n * batch))) * factor)


@dataclass(frozen=True)
class CategoricalCrossentropy(ClassLoss):
    """``-sum t log p``, averaged over steps or pixels and over the samples."""

    targets: ClassVar[tuple[str, ...]] = ("one_hot",)
    class_kind: ClassVar[str] = "one_hot"
    reads: ClassVar[str] = "softmax"
    domain: ClassVar[tuple[float, float]] = (0.0, 1.0)
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

    label_smoothing: float = real(
        0.0, 0.0, 1.0, help="Which share of each target is spread over all classes, so that nothing is quite sure.", live=True
    )

    def check_target(self, prediction: Shape, target: Shape) -> None:
        if not target or target[-1] < 2:
            raise ShapeProblem(
                f"gets targets of {describe(target)}, needs a vector with one number a class: "
                "switch on one_hot in Data."
            )
        if prediction != target and len(target) == 1:
            raise ShapeProblem(
                f"gets predictions of {describe(prediction)}, needs one score a class: "
                f"end with Dense, {target[0]} units, and softmax."
            )
        super().check_target(prediction, target)

    def output_shape(self, *shapes: Shape) -> Shape:
        super().output_shape(*shapes)
        self.check_class_weights(shapes[0][-1])
        return ()

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        prediction, target, weights = wired(inputs)
        logits = lowering.before_activation(prediction, "softmax")
        forward, gradient = (
            (categorical_from_logits, categorical_from_logits_gradient)
            if logits is not None
            else (categorical_from_probabilities, categorical_from_probabilities_gradient)
        )
        return lowering.score(
            Scoring(
                *(forward, gradient),
                logits if logits is not None else lowering.need(prediction),
                lowering.need(target),
                weights,
                span=prediction.shape[-1],
                numbers=[lowering.number("label_smoothing")],
                answers="kernel",
                class_weights=self.class_ref(lowering, prediction.shape[-1]),
                class_kind=self.class_kind,
            )
        )

    def term_values(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        p = prediction / prediction.sum(-1, keepdims=True)
        t = target * (1 - self.label_smoothing) + self.label_smoothing / target.shape[-1]
        return np.asarray(-(t * np.log(np.clip(p, EPSILON, 1 - EPSILON))).sum(-1))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,), (7,))),
            (cls(weight=3.0, label_smoothing=0.1), ((2,), (2,), ())),
            (cls(label_smoothing=0.3, class_weight="given", class_weights=(0.5, 3.0, 1.0)), ((5, 3), (5, 3), (5,))),
            (cls(class_weight="balanced"), ((3, 5, 4), (3, 5, 4), (3, 5, 1))),
        )
