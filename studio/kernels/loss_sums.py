"""Sums of a loss over terms and samples: at once, or, on a card, in parts that groups share.

A card adds up a fixed number of parts, whatever its size and however many groups there are; then some
groups add up neighbouring parts (`fold_parts`), and one adds up what these came to (`add_parts`), always in
the same order, so that runs repeat to the last bit.

Kernels that can work in parts (`in_parts`) have five more arguments, the last ones: how many runs of
neighbouring terms there are, table: where each begins, how many pieces the columns of a minibatch are cut
into, columns of a piece, and room for the parts' sums. On the processor there is one part,
whose sums go where the loss's are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from studio.core.lowering import Lowering, Ref
from studio.kernels.jit import Kernel, inline, kernel
from studio.kernels.lanewise import put
from studio.kernels.numba_names import float32, float64
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, doubles_at, integers_at, load, splat, sum_lanes
from studio.kernels.state import FAILED, STEP, SUMS, SUMS_PER_LOSS, VALID

#: Most parts on a card, about: enough for its multiprocessors, and few beside what a part adds up.
MOST_PARTS = 1024
#: Parts that one group adds up by itself.
_FEW = 16
#: Sums of a part: the loss, right answers and samples.
_SUMS = 3

#: Kernels that work in parts, which are kept so that their ids stay theirs, and whether every sample counts.
_in_parts: dict[int, tuple[Kernel, bool]] = {}


def in_parts(every_sample: bool) -> Callable[[Kernel], Kernel]:
    """Say of a kernel that it can work in parts (a decorator).

    Parameters
    ----------
    every_sample : bool
        Whether it adds all samples to those that were seen; else its parts have sums of samples too.
    """

    def register(made: Kernel) -> Kernel:
        _in_parts[id(made)] = made, every_sample
        return made

    return register


@inline
def terms_of(run, runs, starts, terms):
    """The terms of a run."""
    return range(starts[run], terms if run + 1 == runs else starts[run + 1])


@inline
def add_counted(state, loss, total, right, samples):
    """Add a shard's loss, right answers and samples; raise the flag if the loss is not finite."""
    sums = doubles_at(state[SUMS])
    first = loss * SUMS_PER_LOSS
    sums[first] += total
    sums[first + 1] += right
    sums[first + 2] += samples
    # No comparison with NaN holds.
    if not abs(total) <= 3.0e38:
        integers_at(state[FAILED])[0] = state[STEP] + 1


@inline
def samples_of(seen, terms):
    """How many samples so many terms each were seen of: the same number wherever it is worked out.

    In single precision several divisions by the same number may become multiplications, or not.
    """
    return float64(sum_lanes(seen)) / float64(terms)


@inline
def keep_part(room, part, total, right, seen):
    """Keep the sums of one of several parts."""
    put(at(room, _SUMS * part * LANES), total)
    put(at(room, (_SUMS * part + 1) * LANES), right)
    put(at(room, (_SUMS * part + 2) * LANES), seen)


@inline
def add_counted_part(state, room, part, parts, loss, divisor, total, right, seen):
    """Add a part's loss, right answers and samples, each divided by the terms of a sample."""
    if parts == 1:
        add_counted(state, loss, sum_lanes(total) / divisor, sum_lanes(right) / divisor, samples_of(seen, divisor))
    else:
        keep_part(room, part, total, right, seen)


@inline
def add_part(state, room, part, parts, loss, divisor, total, right):
    """Add a part's loss and right answers, each divided by the terms of a sample, where every sample counts."""
    if parts == 1:
        add_counted(state, loss, sum_lanes(total) / divisor, sum_lanes(right) / divisor, float32(state[VALID]))
    else:
        keep_part(room, part, total, right, splat(0.0))


@kernel
def fold_parts(arena, record, table, state):
    """Sums of neighbouring parts, which become as many parts."""
    parts, folds, source, target = record[2], record[3], at(arena, record[4]), at(arena, record[5])
    for turn in each(_SUMS * folds):
        fold, which = turn // _SUMS, turn % _SUMS
        total = splat(0.0)
        for part in range(fold * parts // folds, (fold + 1) * parts // folds):
            total = total + load(at(source, (_SUMS * part + which) * LANES))
        put(at(target, turn * LANES), total)


@kernel
def add_parts(arena, record, table, state):
    """Add the parts' sums to the loss's; where every sample counts these are not among them."""
    parts, room, loss, divisor, every = record[2], at(arena, record[3]), record[4], float32(record[5]), record[6]
    total, right, seen = splat(0.0), splat(0.0), splat(0.0)
    for part in range(parts):
        total = total + load(at(room, _SUMS * part * LANES))
        right = right + load(at(room, (_SUMS * part + 1) * LANES))
        seen = seen + load(at(room, (_SUMS * part + 2) * LANES))
    samples = float64(state[VALID]) if every != 0 else samples_of(seen, divisor)
    add_counted(state, loss, sum_lanes(total) / divisor, sum_lanes(right) / divisor, samples)


def emit_in_parts(lowering: Lowering, made: Kernel, terms: int, arguments: Sequence[int | Ref], loss: int, divisor: int) -> None:
    """Emit a kernel that adds to a loss's sums, and what its parts need if it has some.

    Parameters
    ----------
    lowering : Lowering
    made : Kernel
        It is emitted as it is if it cannot work in parts.
    terms : int
    arguments : sequence
        All but those about parts.
    loss : int
        Number of the loss's sums.
    divisor : int
        What sums over terms are divided by.
    """
    if id(made) not in _in_parts:
        lowering.emit(made, *arguments)
        return
    pieces = lowering.batch // lowering.lanes if lowering.on_card else 1
    runs = min(terms, max(1, MOST_PARTS // pieces)) if lowering.on_card else 1
    parts, length = runs * pieces, _SUMS * lowering.lanes
    room = lowering.scratch(parts * length) if parts > 1 else lowering.zeros(1)
    starts = lowering.table(np.arange(runs) * terms // runs)
    lowering.emit(made, *arguments, runs, starts, pieces, lowering.batch // pieces, room)
    if parts > _FEW:
        folded = lowering.scratch(_FEW * length)
        lowering.emit(fold_parts, parts, _FEW, room, folded)
        room, parts = folded, _FEW
    if parts > 1:
        _, every = _in_parts[id(made)]
        lowering.emit(add_parts, parts, room, loss, divisor, int(every))
