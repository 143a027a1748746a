"""The loss that asks the right class to lead by a margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.layer import Layer
from studio.core.loss import ClassLoss, wired
from studio.core.lowering import Lowering, Scoring, Tensor
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.jit import kernel
from studio.kernels.loss_sums import add_part, in_parts, terms_of
from studio.kernels.losses import gradient_scale
from studio.kernels.maths import maximum, where
from studio.kernels.numba_names import float32
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, load, splat, store


@in_parts(every_sample=True)
@kernel
def categorical_hinges(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = max(0, 1 + largest (1 - t) y - sum of t y)"""
    terms, count, batch = record[2], record[3], record[4]
    y_places, t_places, w_places = at(table, record[6]), at(table, record[8]), at(table, record[10])
    runs, starts, pieces, columns, room = record[16], at(table, record[17]), record[18], record[19], at(arena, record[20])
    for run in outer(runs):
        for piece in inner(runs, 0, pieces, 1):
            total = splat(0.0)
            for term in terms_of(run, runs, starts, terms):
                y_start, t_start = at(arena, record[5] + y_places[term]), at(arena, record[7] + t_places[term])
                w_start = at(arena, record[9] + w_places[term])
                for b in range(piece * columns, (piece + 1) * columns, LANES):
                    y, t = load(at(y_start, b)), load(at(t_start, b))
                    own, other = t * y, (1.0 - t) * y
                    for n in range(1, count):
                        y, t = load(at(y_start, n * batch + b)), load(at(t_start, n * batch + b))
                        own, other = own + t * y, maximum(other, (1.0 - t) * y)
                    # Padding may hold anything, but 0 * finite is 0.
                    total = total + load(at(w_start, b)) * maximum(other - own + 1.0, 0.0)
            add_part(state, room, run * pieces + piece, runs * pieces, record[14], float32(record[15]), total, splat(0.0))


@kernel
def categorical_hinges_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dy[n] = ((1 - t[n]) [n is the largest other] - t[n]) weight / terms where the margin is missed"""
    terms, count, batch = record[2], record[3], record[4]
    y_places, t_places, w_places = at(table, record[6]), at(table, record[8]), at(table, record[10])
    dy_places = at(table, record[12])
    scale = gradient_scale(arena, record, state)
    for term in outer(terms):
        y_start, t_start = at(arena, record[5] + y_places[term]), at(arena, record[7] + t_places[term])
        w_start, dy_start = at(arena, record[9] + w_places[term]), at(arena, record[11] + dy_places[term])
        for b in inner(terms, 0, batch, LANES):
            y, t = load(at(y_start, b)), load(at(t_start, b))
            own, other, rival = t * y, (1.0 - t) * y, splat(0.0)
            for n in range(1, count):
                y, t = load(at(y_start, n * batch + b)), load(at(t_start, n * batch + b))
                one = (1.0 - t) * y
                own, rival = own + t * y, where(one > other, splat(float32(n)), rival)
                other = maximum(other, one)
            factor = where(other - own + 1.0 > 0, load(at(w_start, b)) * scale, 0.0)
            for n in range(count):
                t = load(at(t_start, n * batch + b))
                store(at(dy_start, n * batch + b), (where(rival == float32(n), 1.0 - t, 0.0) - t) * factor)


@dataclass(frozen=True)
class CategoricalHinge(ClassLoss):
    """``max(0, 1 + largest other score - score of the class)``, averaged."""

    targets: ClassVar[tuple[str, ...]] = ("one_hot",)
    class_kind: ClassVar[str] = "one_hot"
    has_accuracy: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("classification", "classes", "margin", "support vector", "svm", "multi-class")
    help: ClassVar[str] = (
        "For classes given as vectors such as 0 0 1 0, answered by plain scores without softmax. Costs nothing "
        "once the right class leads all others by 1, so only close calls are learned from."
    )
    formula: ClassVar[str] = "loss = max(0, 1 + max (1 − t) y − Σ t y)"
    source: ClassVar[str] = "K. Crammer, Y. Singer, Multiclass kernel-based vector machines (2001); Keras: CategoricalHinge"
    keras: ClassVar[str] = "CategoricalHinge"
    torch: ClassVar[str] = "MultiMarginLoss"

    def check_target(self, prediction: Shape, target: Shape) -> None:
        if not target or target[-1] < 2:
            raise ShapeProblem(
                f"gets targets of {describe(target)}, needs a vector with one number a class: "
                "switch on one_hot in Data."
            )
        super().check_target(prediction, target)

    def output_shape(self, *shapes: Shape) -> Shape:
        super().output_shape(*shapes)
        self.check_class_weights(shapes[0][-1])
        return ()

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        y, target, weights = wired(inputs)
        return lowering.score(
            Scoring(
                *(categorical_hinges, categorical_hinges_gradient),
                lowering.need(y),
                lowering.need(target),
                weights,
                span=y.shape[-1],
                answers="threshold",
                class_weights=self.class_ref(lowering, y.shape[-1]),
                class_kind=self.class_kind,
            )
        )

    def term_values(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        own = (target * prediction).sum(-1)
        other = ((1 - target) * prediction).max(-1)
        return np.asarray(np.maximum(0.0, 1 + other - own))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,), (7,))),
            (cls(weight=3.0, class_weight="given", class_weights=(0.5, 2.0)), ((2,), (2,), ())),
            (cls(class_weight="balanced"), ((3, 5, 4), (3, 5, 4), (3, 5))),
        )
