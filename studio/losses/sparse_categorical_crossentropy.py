"""The loss for class numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import integer
from studio.core.layer import Layer
from studio.core.loss import ClassLoss, wired
from studio.core.lowering import Lowering, Scoring, Tensor
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.jit import kernel
from studio.kernels.loss_sums import add_counted_part, in_parts, terms_of
from studio.kernels.losses import EPSILON, gradient_scale
from studio.kernels.maths import exp, log, maximum, minimum, where
from studio.kernels.numba_names import float32
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, load, splat, store


@in_parts(every_sample=False)
@kernel
def from_logits(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = log sum exp(z) - z[label]; right where the largest score is the label's."""
    terms, count, batch = record[2], record[3], record[4]
    z_places, label_places = at(table, record[6]), at(table, record[8])
    w_places, counted_places = at(table, record[10]), at(table, record[12])
    runs, starts, pieces, columns, room = record[16], at(table, record[17]), record[18], record[19], at(arena, record[20])
    for run in outer(runs):
        for piece in inner(runs, 0, pieces, 1):
            total = splat(0.0)
            right = splat(0.0)
            seen = splat(0.0)
            for term in terms_of(run, runs, starts, terms):
                z_start, label_start = at(arena, record[5] + z_places[term]), at(arena, record[7] + label_places[term])
                w_start, counted_start = at(arena, record[9] + w_places[term]), at(arena, record[11] + counted_places[term])
                for b in range(piece * columns, (piece + 1) * columns, LANES):
                    z, label = at(z_start, b), load(at(label_start, b))
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
                    counted = load(at(counted_start, b))
                    # Padding may hold anything, but 0 * finite is 0.
                    total = total + load(at(w_start, b)) * (log(s) - own)
                    right = right + where(best == label, counted, 0.0)
                    seen = seen + counted
                    store(at(arena, record[13] + term * batch + b), best)
            add_counted_part(state, room, run * pieces + piece, runs * pieces, record[14], float32(record[15]), total, right, seen)


@kernel
def from_logits_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dz[n] = (softmax(z)[n] - [n is the label]) weight / terms"""
    terms, count, batch = record[2], record[3], record[4]
    z_places, label_places = at(table, record[6]), at(table, record[8])
    w_places, dz_places = at(table, record[10]), at(table, record[12])
    scale = gradient_scale(arena, record, state)
    for term in outer(terms):
        z_start, label_start = at(arena, record[5] + z_places[term]), at(arena, record[7] + label_places[term])
        w_start, dz_start = at(arena, record[9] + w_places[term]), at(arena, record[11] + dz_places[term])
        for b in inner(terms, 0, batch, LANES):
            z, label, dz = at(z_start, b), load(at(label_start, b)), at(dz_start, b)
            largest = load(z)
            for n in range(1, count):
                largest = maximum(largest, load(at(z, n * batch)))
            s = splat(0.0)
            for n in range(count):
                e = exp(load(at(z, n * batch)) - largest)
                s = s + e
                store(at(dz, n * batch), e)
            factor = load(at(w_start, b)) * scale
            share = factor / s
            for n in range(count):
                hit = where(label == float32(n), factor, 0.0)
                store(at(dz, n * batch), load(at(dz, n * batch)) * share - hit)


@in_parts(every_sample=False)
@kernel
def from_probabilities(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = -log(p[label] / sum of p), kept away from 0 and 1 as Keras does."""
    terms, count, batch = record[2], record[3], record[4]
    p_places, label_places = at(table, record[6]), at(table, record[8])
    w_places, counted_places = at(table, record[10]), at(table, record[12])
    runs, starts, pieces, columns, room = record[16], at(table, record[17]), record[18], record[19], at(arena, record[20])
    for run in outer(runs):
        for piece in inner(runs, 0, pieces, 1):
            total = splat(0.0)
            right = splat(0.0)
            seen = splat(0.0)
            for term in terms_of(run, runs, starts, terms):
                p_start, label_start = at(arena, record[5] + p_places[term]), at(arena, record[7] + label_places[term])
                w_start, counted_start = at(arena, record[9] + w_places[term]), at(arena, record[11] + counted_places[term])
                for b in range(piece * columns, (piece + 1) * columns, LANES):
                    p, label = at(p_start, b), load(at(label_start, b))
                    largest = load(p)
                    best = splat(0.0)
                    own = splat(0.0)
                    s = splat(0.0)
                    for n in range(count):
                        share = load(at(p, n * batch))
                        s = s + share
                        best = where(share > largest, splat(float32(n)), best)
                        largest = maximum(largest, share)
                        own = where(label == float32(n), share, own)
                    counted = load(at(counted_start, b))
                    own = own / where(s == 0, 1.0, s)
                    total = total - load(at(w_start, b)) * log(maximum(minimum(own, 1.0 - EPSILON), EPSILON))
                    right = right + where(best == label, counted, 0.0)
                    seen = seen + counted
                    store(at(arena, record[13] + term * batch + b), best)
            add_counted_part(state, room, run * pieces + piece, runs * pieces, record[14], float32(record[15]), total, right, seen)


@kernel
def from_probabilities_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dp[n] = (1 - [n is the label] / q) / (sum of p) weight / terms where q = p[label] / sum is not clipped"""
    terms, count, batch = record[2], record[3], record[4]
    p_places, label_places = at(table, record[6]), at(table, record[8])
    w_places, dp_places = at(table, record[10]), at(table, record[12])
    scale = gradient_scale(arena, record, state)
    for term in outer(terms):
        p_start, label_start = at(arena, record[5] + p_places[term]), at(arena, record[7] + label_places[term])
        w_start, dp_start = at(arena, record[9] + w_places[term]), at(arena, record[11] + dp_places[term])
        for b in inner(terms, 0, batch, LANES):
            p, label = at(p_start, b), load(at(label_start, b))
            s, own = splat(0.0), splat(0.0)
            for n in range(count):
                share = load(at(p, n * batch))
                s = s + share
                own = where(label == float32(n), share, own)
            inverse = 1.0 / where(s == 0, 1.0, s)
            q = own * inverse
            factor = load(at(w_start, b)) * scale * inverse
            inside = where(q > EPSILON, where(q < 1.0 - EPSILON, factor, 0.0), 0.0)
            hit = inside / maximum(q, EPSILON)
            for n in range(count):
                store(at(dp_start, n * batch + b), inside - where(label == float32(n), hit, 0.0))


@dataclass(frozen=True)
class SparseCategoricalCrossentropy(ClassLoss):
    """``-log p[label]``, averaged over steps or pixels and over the samples."""

    targets: ClassVar[tuple[str, ...]] = ("labels",)
    reads: ClassVar[str] = "softmax"
    domain: ClassVar[tuple[float, float]] = (0.0, 1.0)
    has_accuracy: ClassVar[bool] = True
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = (
        "classification", "classes", "log loss", "cross-entropy", "segmentation", "next token", "per pixel", "per step",
    )  # fmt: skip
    help: ClassVar[str] = (
        "For classes given as numbers, one a sample, or one a step or pixel. Small when the network gives "
        "the right class a high probability; large when it is sure and wrong."
    )
    formula: ClassVar[str] = "loss = −log p[label]"
    source: ClassVar[str] = "Keras: SparseCategoricalCrossentropy"
    keras: ClassVar[str] = "SparseCategoricalCrossentropy"
    torch: ClassVar[str] = "NLLLoss"

    ignore_class: int = integer(
        -1, -1, 1_000_000,
        help="The class that does not count, such as the one that fills up short sentences; -1: all classes count.",
    )  # fmt: skip

    def check_target(self, prediction: Shape, target: Shape) -> None:
        if not prediction or prediction[-1] < 2:
            raise ShapeProblem(
                f"gets predictions of {describe(prediction)}, needs one score a class: "
                "end with Dense, as many units as classes, and softmax."
            )
        if target not in (prediction[:-1], (*prediction[:-1], 1)):
            wanted = f"{describe(prediction[:-1])} class numbers" if len(prediction) > 1 else "one class number"
            raise ShapeProblem(
                f"gets targets of {describe(target)}, needs {wanted} a sample for predictions of {describe(prediction)}."
            )

    def check_classes(self, prediction: Shape, classes: int) -> None:
        if prediction and 2 <= prediction[-1] < classes:
            raise ShapeProblem(
                f"gets {prediction[-1]} scores, but the data have {classes} classes: "
                f"give the last layer {classes} units."
            )

    def output_shape(self, *shapes: Shape) -> Shape:
        super().output_shape(*shapes)
        self.check_class_weights(shapes[0][-1])
        return ()

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        prediction, target, weights = wired(inputs)
        logits = lowering.before_activation(prediction, "softmax")
        forward, gradient = (
            (from_logits, from_logits_gradient)
            if logits is not None
            else (from_probabilities, from_probabilities_gradient)
        )
        return lowering.score(
            Scoring(
                *(forward, gradient),
                logits if logits is not None else lowering.need(prediction),
                lowering.need(target),
                weights,
                span=prediction.shape[-1],
                answers="kernel",
                class_weights=self.class_ref(lowering, prediction.shape[-1]),
                ignored=self.ignore_class if self.ignore_class >= 0 else None,
            )
        )

    def term_values(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        labels = target.astype(np.int64).reshape(*prediction.shape[:-1], 1)
        own = np.take_along_axis(prediction / prediction.sum(-1, keepdims=True), labels, -1)[..., 0]
        return np.asarray(-np.log(np.clip(own, EPSILON, 1 - EPSILON)))

    def term_weights(self, prediction: np.ndarray, target: np.ndarray, weights: np.ndarray) -> np.ndarray:
        factors = super().term_weights(prediction, target, weights)
        if self.ignore_class < 0:
            return factors
        counted = (target != self.ignore_class).reshape(len(target), -1)
        # The mean is over the terms that count.
        share = counted * (counted.size / max(1, counted.sum()))
        return np.asarray(np.repeat(factors, counted.shape[1] // factors.shape[1], 1) * share)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,), ())),
            (cls(weight=0.5), ((5, 3), (5,))),
            (cls(), ((3, 5, 4), (3, 5, 1))),
            (cls(ignore_class=0), ((5, 3), (5,), (5,))),
            (cls(ignore_class=2, class_weight="balanced"), ((3, 5, 4), (3, 5))),
            (cls(class_weight="given", class_weights=(0.5, 2.0, 1.0)), ((3,), (), (1,))),
        )
