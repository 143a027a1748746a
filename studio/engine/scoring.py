"""How a loss becomes kernel calls: what its terms weigh, its value, right answers, its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from studio.core.lowering import Ref, Scoring, Tensor
from studio.kernels.jit import kernel
from studio.kernels.loss_sums import emit_in_parts, samples_of
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
from studio.kernels.maths import maximum, where
from studio.kernels.numba_names import float32
from studio.kernels.simd import LANES, at, doubles_at, load, splat, sum_lanes
from studio.kernels.state import SUMS, SUMS_PER_LOSS

if TYPE_CHECKING:
    from studio.core.lowering import Lowering

_CLASS_KERNELS = {"labels": weigh_labels, "one_hot": weigh_one_hot, "binary": weigh_binary}


@kernel
def leave_out(arena: Any, record: Any, table: Any, state: Any) -> None:
    """Take answers whose weight is 0 out of those that were counted: no question was asked there."""
    answers, count, batch, labelled = record[2], record[3], record[4], record[5]
    counted_places, given_places, target_places = at(table, record[7]), at(table, record[9]), at(table, record[11])
    right, samples = splat(0.0), splat(0.0)
    for n in range(answers):
        counted, given = at(arena, record[6] + counted_places[n]), at(arena, record[8] + given_places[n])
        target, predicted = at(arena, record[10] + target_places[n]), at(arena, record[12] + n * batch)
        for b in range(0, batch, LANES):
            wanted = load(at(target, b))
            if count > 1:
                largest = wanted
                wanted = splat(0.0)
                for k in range(1, count):
                    share = load(at(target, k * batch + b))
                    wanted = where(share > largest, splat(float32(k)), wanted)
                    largest = maximum(largest, share)
            elif labelled == 0:
                wanted = where(wanted > 0.5, splat(1.0), splat(0.0))
            left_out = where(load(at(given, b)) == 0.0, load(at(counted, b)), 0.0)
            samples = samples + left_out
            right = right + where(load(at(predicted, b)) == wanted, left_out, 0.0)
    sums, first = doubles_at(state[SUMS]), record[13] * SUMS_PER_LOSS
    sums[first + 1] -= sum_lanes(right) / float32(answers)
    sums[first + 2] -= samples_of(samples, answers)
    sums[first + 3] += samples_of(samples, answers)


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
    divisor, sums = scoring.divisor or terms, lowering.sums()
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
    wanted_span = target.features // answers
    wanted = (target.base, lowering.table(target.offsets().ravel()[::wanted_span]))
    predicted = lowering.valid
    if scoring.answers:
        predicted = lowering.scratch(answers * batch)
        lowering.set_predictions(predicted, answers)
    places = (terms, scoring.span, batch, x.base, lowering.table(x.offsets().ravel()[:: scoring.span]), *targets, *weights)
    arguments: tuple[Any, ...] = (*places, *counted, predicted, sums, divisor, *scoring.numbers)
    emit_in_parts(lowering, forward, terms, arguments, sums, divisor)
    if scoring.answers == "threshold":
        chosen = (x.base, lowering.table(x.offsets().ravel()[::answer_span]))
        halves = round(2 * scoring.threshold)
        arguments = (answers, answer_span, batch, *chosen, *wanted, lowering.valid, predicted, sums, halves)
        emit_in_parts(lowering, count_right, answers, arguments, sums, answers)
    if scoring.answers and scoring.weights is not None:
        offsets = np.repeat(scoring.weights.offsets().ravel(), answers // scoring.weights.features)
        asked = counted if answers == terms else (lowering.valid, lowering.table(np.zeros(answers, np.int64)))
        labelled = int(scoring.answers == "kernel")
        lowering.emit(
            leave_out, answers, wanted_span, batch, labelled, *asked,
            *(scoring.weights.base, lowering.table(offsets), *wanted, predicted, sums),
        )  # fmt: skip

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
