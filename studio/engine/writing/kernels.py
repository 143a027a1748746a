"""Kernels of plans that write: they read what was written so far, and choose what comes next.

Each column of the batch writes a text of its own; all are equally long. What is known of them is
a list of numbers of words, ``history[i][column]``. A cursor of three floats says how long the
list is (0), where in it the window begins that the network sees (1), and which step of the window
is next (2), where steps are computed one by one.
"""

from __future__ import annotations

from typing import Any

from studio.kernels.jit import kernel
from studio.kernels.maths import exp, log, maximum, where
from studio.kernels.numba_names import float32, int64
from studio.kernels.random_vectors import draw_uniforms
from studio.kernels.simd import LANES, at, load, splat, store
from studio.kernels.state import SEED

KNOWN, START, STEP, CURSOR_LENGTH = 0, 1, 2, 3
#: Key of the draws: they belong to no node.
WRITING_KEY = 0xFFFF0003


@kernel
def read_window(arena: Any, record: Any, table: Any, state: Any) -> None:
    """The window's numbers: what is known, then filling; a full window moves on by a part of it."""
    steps, batch, kept = record[2], record[3], record[4]
    history, cursor, target = at(arena, record[5]), at(arena, record[6]), at(arena, record[7])
    known, start = int64(cursor[0]), int64(cursor[1])
    if known - start > steps:
        start = known - kept
        cursor[1] = float32(start)
    for t in range(steps):
        for b in range(0, batch, LANES):
            place = at(target, t * batch + b)
            if start + t < known:
                store(place, load(at(history, (start + t) * batch + b)))
            else:
                store(place, splat(0.0))


@kernel
def read_step(arena: Any, record: Any, table: Any, state: Any) -> None:
    """The next number of the window and the number of its step; a full window begins anew, further on."""
    steps, batch, kept = record[2], record[3], record[4]
    history, cursor = at(arena, record[5]), at(arena, record[6])
    target, step = at(arena, record[7]), at(arena, record[8])
    known, start = int64(cursor[0]), int64(cursor[1])
    if known - start > steps:
        start = known - kept
        cursor[1] = float32(start)
        cursor[2] = float32(0.0)
    at_step = int64(cursor[2])
    for b in range(0, batch, LANES):
        store(at(target, b), load(at(history, (start + at_step) * batch + b)))
        store(at(step, b), splat(cursor[2]))


@kernel
def choose(arena: Any, record: Any, table: Any, state: Any) -> None:
    """Write the next number: drawn by the scores of its step, or the likeliest one at temperature 0.

    Scores are logits, or probabilities, whose logarithm counts.
    """
    count, batch, logits, one_by_one, ahead, most = record[2], record[3], record[4], record[5], record[6], record[7]
    scores, places, allowed = at(arena, record[8]), at(table, record[9]), at(table, record[10])
    history, cursor, uniforms = at(arena, record[11]), at(arena, record[12]), at(arena, record[13])
    temperature, steps = arena[record[14]], record[15]
    known, start = int64(cursor[0]), int64(cursor[1])
    at_step = known - start - ahead
    if one_by_one != 0:
        at_step = int64(cursor[2])
        cursor[2] = float32(at_step + 1)
        if start + at_step + 1 != known:
            return  # it only reads again what the window begins with
        at_step = 0
    if known >= most or at_step >= steps:
        return
    cursor[0] = float32(known + 1)
    here = at(scores, places[at_step])
    for b in range(0, batch, LANES):
        largest, best = splat(-1e30), splat(float32(allowed[0]))
        for i in range(count):
            z = load(at(here, allowed[i] * batch + b))
            if logits == 0:
                z = log(maximum(z, 1e-30))
            best = where(z > largest, splat(float32(allowed[i])), best)
            largest = maximum(largest, z)
        if temperature > 0:
            draw_uniforms(uniforms, LANES, b, known, 0, WRITING_KEY, state[SEED])
            warmth = float32(1.0) / temperature
            total = splat(0.0)
            for i in range(count):
                z = load(at(here, allowed[i] * batch + b))
                if logits == 0:
                    z = log(maximum(z, 1e-30))
                total = total + exp((z - largest) * warmth)
            wanted = load(uniforms) * total
            before = splat(0.0)
            for i in range(count):
                z = load(at(here, allowed[i] * batch + b))
                if logits == 0:
                    z = log(maximum(z, 1e-30))
                # The last one that begins before the drawn place covers it.
                best = where(wanted >= before, splat(float32(allowed[i])), best)
                before = before + exp((z - largest) * warmth)
        store(at(history, known * batch + b), best)


@kernel
def keep_step(arena: Any, record: Any, table: Any, state: Any) -> None:
    """memory[step] = x, and 1 for each step so far, 0 for later ones."""
    features, batch, steps = record[2], record[3], record[4]
    x, memory, seen = at(arena, record[5]), at(arena, record[6]), at(arena, record[7])
    step = int64(arena[record[8]])
    target = at(memory, step * features * batch)
    for i in range(0, features * batch, LANES):
        store(at(target, i), load(at(x, i)))
    for t in range(steps):
        for b in range(0, batch, LANES):
            store(at(seen, t * batch + b), splat(float32(1.0)) if t <= step else splat(float32(0.0)))


@kernel
def add_row(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y = x + weight[step], the same for all samples."""
    features, batch, stride = record[2], record[3], record[4]
    x, y = at(arena, record[5]), at(arena, record[6])
    row = at(arena, record[7] + int64(arena[record[8]]) * stride)
    for n in range(features):
        number = splat(row[n])
        for b in range(0, batch, LANES):
            store(at(y, n * batch + b), load(at(x, n * batch + b)) + number)


@kernel
def add_number(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y = x + number[step] / 2**24, the numbers from a table."""
    features, batch = record[2], record[3]
    x, y = at(arena, record[4]), at(arena, record[5])
    numbers = at(table, record[6] + int64(arena[record[7]]) * features)
    for n in range(features):
        number = splat(float32(numbers[n]) * float32(2.0**-24))
        for b in range(0, batch, LANES):
            store(at(y, n * batch + b), load(at(x, n * batch + b)) + number)
