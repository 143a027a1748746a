"""Rows of a table, chosen by whole numbers, and sums over rows chosen alike."""

from __future__ import annotations

from studio.kernels.jit import inline, kernel
from studio.kernels.sharing import each, inner, outer
from studio.kernels.simd import (
    LANES,
    at,
    integers_in,
    load,
    prefetch,
    splat,
    store,
    sum_lanes,
    transpose_block,
)


@inline
def _choose(numbers, rows, stride, chosen):
    """Where the rows of a vector of samples begin; numbers beyond the table give its ends."""
    for lane in range(LANES):
        number = numbers[lane] + 0.5
        # Comparing first keeps what is no number (NaN) out of the conversion.
        if not number >= 0.0:
            chosen[lane] = 0
        elif number >= rows:
            chosen[lane] = (rows - 1) * stride
        else:
            chosen[lane] = int(number) * stride


@kernel
def look_up(arena, record, table, state):
    """y[t, :] = weights[x[t], :], for each sample."""
    steps, rows, columns, batch = record[2], record[3], record[4], record[5]
    x, weights, stride, y = at(arena, record[6]), at(arena, record[7]), record[8], at(arena, record[9])
    apart, whole = record[11], columns - columns % LANES
    for t in outer(steps):
        for b in inner(steps, 0, batch, LANES):
            chosen = integers_in(at(arena, record[10] + (t * batch + b) * apart))
            _choose(at(x, t * batch + b), rows, stride, chosen)
            target = at(y, t * columns * batch + b)
            for c in range(0, whole, LANES):
                transpose_block(at(weights, c), chosen, at(target, c * batch), batch)
            if whole < columns and columns >= LANES:
                c = columns - LANES
                transpose_block(at(weights, c), chosen, at(target, c * batch), batch)
            elif whole < columns:
                for c in range(columns):
                    for lane in range(LANES):
                        target[c * batch + lane] = weights[chosen[lane] + c]


@kernel
def sum_by_row(arena, record, table, state):
    """dw[i, :] = sum of dy[t, :] over the steps and samples whose number is i; steps in order."""
    steps, rows, columns, batch = record[2], record[3], record[4], record[5]
    x, gradient, stride, dy = at(arena, record[6]), at(arena, record[7]), record[8], at(arena, record[9])
    places, part, apart = at(table, record[12]), record[13], record[14]
    whole = columns - columns % LANES
    width = whole if whole == columns else whole + LANES
    # All columns at once, or a vector of them at a time for each group of a card.
    for begin in each(0, width, part):
        end = min(width, begin + part)
        chosen = integers_in(at(arena, record[10] + begin * apart))
        turned = at(arena, record[11] + begin * apart * LANES // 2)
        for row in range(rows):
            for c in range(begin, end, LANES):
                store(at(gradient, row * stride + c), splat(0.0))
        for t in range(steps):
            for b in range(0, batch, LANES):
                _choose(at(x, t * batch + b), rows, stride, chosen)
                source = at(dy, t * columns * batch + b)
                # What the next step needs comes nearer meanwhile.
                for c in range(begin, end):
                    prefetch(at(source, (columns + c) * batch))
                for c in range(begin, min(whole, end), LANES):
                    transpose_block(at(source, c * batch), places, at(turned, c - begin), part)
                # What stands behind the last column stays zero, as the weights' padding must.
                for c in range(max(begin, whole), min(columns, end)):
                    for lane in range(LANES):
                        turned[lane * part + c - begin] = source[c * batch + lane]
                for lane in range(LANES):
                    row, more = at(gradient, chosen[lane]), at(turned, lane * part - begin)
                    for c in range(begin, end, LANES):
                        store(at(row, c), load(at(row, c)) + load(at(more, c)))


@kernel
def add_to_samples(arena, record, table, state):
    """y[n] = x[n] + number[n], the same number for all samples."""
    features, batch = record[2], record[3]
    columns, stride = record[4], record[5]
    x, numbers, y = at(arena, record[6]), at(arena, record[7]), at(arena, record[8])
    for n in outer(features):
        number = splat(numbers[n // columns * stride + n % columns])
        for b in inner(features, 0, batch, LANES):
            store(at(y, n * batch + b), load(at(x, n * batch + b)) + number)


@kernel
def sum_over_samples(arena, record, table, state):
    """total[n] = sum over the samples of dy[n], which is 0 in padding."""
    features, batch = record[2], record[3]
    columns, stride = record[4], record[5]
    dy, totals = at(arena, record[6]), at(arena, record[7])
    for n in each(features):
        s = load(at(dy, n * batch))
        for b in range(LANES, batch, LANES):
            s = s + load(at(dy, n * batch + b))
        totals[n // columns * stride + n % columns] = sum_lanes(s)
