"""What the kernels of all losses share: sums, weights of the terms, right answers.

A sample's prediction is cut into terms that are scored one by one: a number, or the scores of
one step or pixel. All losses' kernels get the same arguments, so that one lowering serves all
(`studio.engine.scoring`). Places are offsets of the terms, in floats:

======  =========================================  ====================================
record  forward                                    gradient
======  =========================================  ====================================
2-4     terms, numbers of a term, batch            the same
5-8     prediction and places, target and places   the same
9-10    weights of the terms and places            the same
11-12   which terms count, and places              gradient and places
13      predicted classes (one row a term)         weight of the loss
14      number of the loss's sums                  parts a sample's sum is divided by, or 0
15      parts a sample's sum is divided by         first thread's count of the terms
16      first of the loss's own numbers            distance to the next thread's
17                                                 first of the loss's own numbers
last    about parts (`studio.kernels.loss_sums`)
======  =========================================  ====================================
"""

from __future__ import annotations

import inspect
from typing import Any

from studio.kernels.jit import Kernel, generated, inline, kernel
from studio.kernels.loss_sums import add_counted, in_parts, keep_part, terms_of
from studio.kernels.maths import maximum, where
from studio.kernels.numba_names import float32
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, doubles_at, load, splat, store, sum_lanes
from studio.kernels.state import SUMS, SUMS_PER_LOSS, THREADS, TOTAL, VALID

#: Probabilities are kept this far from 0 and 1 (Keras's epsilon).
EPSILON = 1e-7
#: First of a loss's own numbers in the records of its two kernels.
FORWARD_NUMBERS, GRADIENT_NUMBERS = 16, 17


@inline
def add_to_sums(state, loss, total, right):
    """Add a shard's loss and right answers, where every sample counts."""
    add_counted(state, loss, total, right, float32(state[VALID]))


@inline
def gradient_scale(arena, record, state):
    """What a gradient is multiplied by, so that it is that of the mean over the minibatch."""
    parts = float32(record[14]) * float32(state[TOTAL])
    if record[14] == 0:
        # Where some terms do not count, it is the mean over those that do, of all threads.
        for thread in range(state[THREADS]):
            parts += arena[record[15] + thread * record[16]]
        parts = max(parts, float32(1.0))
    return arena[record[13]] / parts


# Weights of the terms ------------------------------------------------------------------------


@kernel
def mark_counted(arena: Any, record: Any, table: Any, state: Any) -> None:
    """1 for terms of real samples whose label is not the one to ignore, else 0; and how many."""
    terms, batch, ignored = record[2], record[3], float32(record[4])
    label_places = at(table, record[6])
    total = splat(0.0)
    for n in range(terms):
        label, counted = at(arena, record[5] + label_places[n]), at(arena, record[8] + n * batch)
        for b in range(0, batch, LANES):
            one = where(load(at(label, b)) == ignored, 0.0, load(at(arena, record[7] + b)))
            store(at(counted, b), one)
            total = total + one
    arena[record[9]] = sum_lanes(total)


@kernel
def weigh_samples(arena: Any, record: Any, table: Any, state: Any) -> None:
    """weight = weight so far * given weight"""
    terms, batch = record[2], record[3]
    before_places, given_places = at(table, record[5]), at(table, record[7])
    for n in outer(terms):
        before, given = at(arena, record[4] + before_places[n]), at(arena, record[6] + given_places[n])
        weight = at(arena, record[8] + n * batch)
        for b in inner(terms, 0, batch, LANES):
            store(at(weight, b), load(at(before, b)) * load(at(given, b)))


@kernel
def weigh_labels(arena: Any, record: Any, table: Any, state: Any) -> None:
    """weight = weight so far * weight of the class that the label names"""
    terms, batch, classes = record[2], record[3], record[9]
    before_places, label_places = at(table, record[5]), at(table, record[7])
    for n in outer(terms):
        before, label = at(arena, record[4] + before_places[n]), at(arena, record[6] + label_places[n])
        weight = at(arena, record[8] + n * batch)
        for b in inner(terms, 0, batch, LANES):
            wanted = load(at(label, b))
            factor = splat(1.0)
            for k in range(classes):
                factor = where(wanted == float32(k), splat(arena[record[10] + k]), factor)
            store(at(weight, b), load(at(before, b)) * factor)


@kernel
def weigh_one_hot(arena: Any, record: Any, table: Any, state: Any) -> None:
    """weight = weight so far * weight of the class with the largest target"""
    terms, batch, classes = record[2], record[3], record[9]
    before_places, target_places = at(table, record[5]), at(table, record[7])
    for n in outer(terms):
        before, target = at(arena, record[4] + before_places[n]), at(arena, record[6] + target_places[n])
        weight = at(arena, record[8] + n * batch)
        for b in inner(terms, 0, batch, LANES):
            largest = load(at(target, b))
            factor = splat(arena[record[10]])
            for k in range(1, classes):
                share = load(at(target, k * batch + b))
                factor = where(share > largest, splat(arena[record[10] + k]), factor)
                largest = maximum(largest, share)
            store(at(weight, b), load(at(before, b)) * factor)


@kernel
def weigh_binary(arena: Any, record: Any, table: Any, state: Any) -> None:
    """weight = weight so far * weight of class 1 where the target is above one half, else of class 0"""
    terms, batch = record[2], record[3]
    before_places, target_places = at(table, record[5]), at(table, record[7])
    for n in outer(terms):
        before, target = at(arena, record[4] + before_places[n]), at(arena, record[6] + target_places[n])
        weight = at(arena, record[8] + n * batch)
        for b in inner(terms, 0, batch, LANES):
            factor = where(load(at(target, b)) > 0.5, splat(arena[record[10] + 1]), splat(arena[record[10]]))
            store(at(weight, b), load(at(before, b)) * factor)


# Right answers -------------------------------------------------------------------------------


@in_parts(every_sample=False)
@kernel
def count_right(arena: Any, record: Any, table: Any, state: Any) -> None:
    """Predicted classes, one row a term, and how many are right.

    One number says 1 above the threshold (given in halves), whatever the two classes are called in
    the targets (0 or -1, and 1); of several, the largest says which (Keras's rule).
    """
    terms, count, batch = record[2], record[3], record[4]
    score_places, target_places = at(table, record[6]), at(table, record[8])
    threshold = float32(0.5) * float32(record[12])
    runs, starts, pieces, columns, room = record[13], at(table, record[14]), record[15], record[16], at(arena, record[17])
    for run in outer(runs):
        for piece in inner(runs, 0, pieces, 1):
            right = splat(0.0)
            for n in terms_of(run, runs, starts, terms):
                score, target = at(arena, record[5] + score_places[n]), at(arena, record[7] + target_places[n])
                for b in range(piece * columns, (piece + 1) * columns, LANES):
                    largest, largest_target = load(at(score, b)), load(at(target, b))
                    chosen, wanted = splat(0.0), splat(0.0)
                    if count == 1:
                        chosen = where(largest > threshold, 1.0, chosen)
                        wanted = where(largest_target > 0.5, 1.0, wanted)
                    else:
                        for k in range(1, count):
                            one, share = load(at(score, k * batch + b)), load(at(target, k * batch + b))
                            chosen = where(one > largest, splat(float32(k)), chosen)
                            wanted = where(share > largest_target, splat(float32(k)), wanted)
                            largest, largest_target = maximum(largest, one), maximum(largest_target, share)
                    store(at(arena, record[10] + n * batch + b), chosen)
                    right = right + where(chosen == wanted, load(at(arena, record[9] + b)), 0.0)
            if runs * pieces == 1:
                doubles_at(state[SUMS])[record[11] * SUMS_PER_LOSS + 1] += sum_lanes(right) / float32(terms)
            else:
                keep_part(room, run * pieces + piece, splat(0.0), right, splat(0.0))


# Losses of single numbers --------------------------------------------------------------------

_HEADER = '''"""{title}"""

from studio.kernels.jit import inline
from studio.kernels.loss_sums import add_part, terms_of
from studio.kernels.losses import gradient_scale
from studio.kernels.numba_names import float32
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, load, splat, store
from {module} import {loss} as loss

maths = inline(loss.{maths})

'''

_FORWARD = '''
def run(arena, record, table, state):
    terms, batch = record[2], record[4]
{numbers}
    y_places, t_places, w_places = at(table, record[6]), at(table, record[8]), at(table, record[10])
{parts}
    for run in outer(runs):
        for piece in inner(runs, 0, pieces, 1):
            total = splat(0.0)
            for n in terms_of(run, runs, starts, terms):
                y, t, w = at(arena, record[5] + y_places[n]), at(arena, record[7] + t_places[n]), at(arena, record[9] + w_places[n])
                part = splat(0.0)
                for b in range(piece * columns, (piece + 1) * columns, LANES):
                    # Padding may hold anything, but 0 * finite is 0.
                    part = part + load(at(w, b)) * maths(load(at(y, b)), load(at(t, b)){arguments})
                total = total + part
            add_part(state, room, run * pieces + piece, runs * pieces, record[14], float32(record[15]), total, splat(0.0))
'''

_PARTS = '    runs, starts, pieces, columns, room = record[{}], at(table, record[{}]), record[{}], record[{}], at(arena, record[{}])'

_GRADIENT = '''
def run(arena, record, table, state):
    terms, batch = record[2], record[4]
{numbers}
    y_places, t_places, w_places = at(table, record[6]), at(table, record[8]), at(table, record[10])
    dy_places = at(table, record[12])
    scale = gradient_scale(arena, record, state)
    for n in outer(terms):
        y, t, w = at(arena, record[5] + y_places[n]), at(arena, record[7] + t_places[n]), at(arena, record[9] + w_places[n])
        dy = at(arena, record[11] + dy_places[n])
        for b in inner(terms, 0, batch, LANES):
            factor = load(at(w, b)) * scale
            store(at(dy, b), maths(load(at(y, b)), load(at(t, b)){arguments}) * factor)
'''


def _make(loss: type[Any], maths: str, body: str, first_number: int) -> Kernel:
    names = loss.number_names()
    numbers = "\n".join(f"    {n} = arena[record[{first_number + i}]]" for i, n in enumerate(names)) or "    # no numbers"
    # The maths' own text is part of the kernel's, so that a change of it makes a new kernel.
    title = f"{loss.__name__}: {maths}.\n\n" + inspect.getsource(getattr(loss, maths)).replace('"""', "'''").replace("\\", "/")
    header = _HEADER.format(title=title, module=loss.__module__, loss=loss.__name__, maths=maths)
    arguments = "".join(f", {n}" for n in names)
    parts = _PARTS.format(*range(first_number + len(names), first_number + len(names) + 5))
    return generated(f"{loss.__name__.lower()}_{maths}", header + body.format(numbers=numbers, arguments=arguments, parts=parts))


def value_kernel(loss: type[Any], maths: str) -> Kernel:
    """Loss of an `studio.core.loss.ElementWiseLoss` class; `maths` names its function."""
    return in_parts(every_sample=True)(_make(loss, maths, _FORWARD, FORWARD_NUMBERS))


def slope_kernel(loss: type[Any], maths: str) -> Kernel:
    """Gradient of an `studio.core.loss.ElementWiseLoss` class; `maths` names its derivative."""
    return _make(loss, maths, _GRADIENT, GRADIENT_NUMBERS)
