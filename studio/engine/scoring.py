"""How a loss becomes kernel calls: what its terms weigh, its value, right answers, its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studio.core.lowering import Ref, Scoring, Tensor
from studio.kernels.losses import (
    count_right,
    mark_counted,
    slope_kernel,
    value_kernel,
    weigh_binary,
    weigh_labels,
    weigh_one_hot,
    weigh_samples,
)

if TYPE_CHECKING:
    from studio.core.lowering import Lowering

_CLASS_KERNELS = {"labels": weigh_labels, "one_hot": weigh_one_hot, "binary": weigh_binary}


def lower_scoring(lowering: Lowering, scoring: Scoring) -> Tensor:
    """Emit the calls of a loss; see `studio.core.lowering.Scoring`."""
    forward, gradient = scoring.forward, scoring.gradient
    if scoring.maths is not None:
        forward, gradient = value_kernel(scoring.maths, forward), slope_kernel(scoring.maths, gradient)
    x, target = scoring.prediction, scoring.target
    terms, batch = x.features // scoring.span, lowering.batch
    target_span = target.features // terms
    targets = (target.base, lowering.table(target.offsets().ravel()[::target_span]))
    everywhere = lowering.table(np.zeros(terms, np.int64))
    rows = lowering.table(np.arange(terms, dtype=np.int64) * batch)

    counted = (lowering.valid, everywhere)
    count: Ref | None = None
    if scoring.ignored is not None:
        marks, count = lowering.scratch(terms * batch), lowering.scratch(1)
        lowering.emit(mark_counted, terms, batch, scoring.ignored, *targets, lowering.valid, marks, count)
        counted = (marks, rows)

    weights = counted
    if scoring.weights is not None or scoring.class_weights is not None:
        place = lowering.scratch(terms * batch)
        if scoring.weights is not None:
            given = lowering.need(scoring.weights)
            offsets = np.repeat(given.offsets().ravel(), terms // given.features)
            lowering.emit(weigh_samples, terms, batch, *weights, given.base, lowering.table(offsets), place)
            weights = (place, rows)
        if scoring.class_weights is not None:
            classes = scoring.span if scoring.class_kind != "binary" else 2
            kernel = _CLASS_KERNELS[scoring.class_kind]
            lowering.emit(kernel, terms, batch, *weights, *targets, place, classes, scoring.class_weights)
            weights = (place, rows)

    answer_span = scoring.span if scoring.answers == "kernel" else (x.shape or (1,))[-1]
    answers = x.features // answer_span
    predicted = lowering.valid
    if scoring.answers:
        predicted = lowering.scratch(answers * batch)
        lowering.set_predictions(predicted, answers)
    places = (terms, scoring.span, batch, x.base, lowering.table(x.offsets().ravel()[:: scoring.span]), *targets, *weights)
    divisor, sums = scoring.divisor or terms, lowering.sums()
    lowering.emit(forward, *places, *counted, predicted, sums, divisor, *scoring.numbers)
    if scoring.answers == "threshold":
        chosen = (x.base, lowering.table(x.offsets().ravel()[::answer_span]))
        wanted = (target.base, lowering.table(target.offsets().ravel()[:: target.features // answers]))
        halves = round(2 * scoring.threshold)
        lowering.emit(
            count_right, answers, answer_span, batch, *chosen, *wanted, lowering.valid, predicted, sums, halves
        )

    def backward() -> None:
        dx = lowering.gradient(x)
        if dx is None:
            return
        to = (dx.base, lowering.table(dx.offsets().ravel()[:: scoring.span]))
        mean = (divisor, *lowering.shards(lowering.valid))
        if count is not None:
            lowering.barrier()  # all threads' counts are needed
            mean = (0, *lowering.shards(count))
        lowering.emit(gradient, *places, *to, lowering.number("weight"), *mean, *scoring.numbers)

    lowering.loss_backward(backward)
    return lowering.tensor(())
