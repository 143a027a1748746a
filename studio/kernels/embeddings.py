"""Rows of a table, chosen by whole numbers, and sums over rows chosen alike."""

from __future__ import annotations

from studio.kernels.jit import inline, kernel
from studio.kernels.simd import LANES, at, integers_in, load, splat, store, sum_lanes, transpose_block


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
    chosen = integers_in(at(arena, record[10]))
    whole = columns - columns % LANES
    for t in range(steps):
        for b in range(0, batch, LANES):
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
    chosen, turned, places = integers_in(at(arena, record[10])), at(arena, record[11]), at(table, record[12])
    for i in range(0, rows * stride, LANES):
        store(at(gradient, i), splat(0.0))
    whole = columns - columns % LANES
    width = whole if whole == columns else whole + LANES
    for t in range(steps):
        for b in range(0, batch, LANES):
            _choose(at(x, t * batch + b), rows, stride, chosen)
            source = at(dy, t * columns * batch + b)
            for c in range(0, whole, LANES):
                transpose_block(at(source, c * batch), places, at(turned, c), width)
            # What stands behind the last column stays zero, as the weights' padding must.
            for c in range(whole, columns):
                for lane in range(LANES):
                    turned[lane * width + c] = source[c * batch + lane]
            for lane in range(LANES):
                row, more = at(gradient, chosen[lane]), at(turned, lane * width)
                for c in range(0, width, LANES):
                    store(at(row, c), load(at(row, c)) + load(at(more, c)))


@kernel
def add_to_samples(arena, record, table, state):
    """y[n] = x[n] + number[n], the same number for all samples."""
    features, batch = record[2], record[3]
    columns, stride = record[4], record[5]
    x, numbers, y = at(arena, record[6]), at(arena, record[7]), at(arena, record[8])
    for n in range(features):
        number = splat(numbers[n // columns * stride + n % columns])
        for b in range(0, batch, LANES):
            store(at(y, n * batch + b), load(at(x, n * batch + b)) + number)


@kernel
def sum_over_samples(arena, record, table, state):
    """total[n] = sum over the samples of dy[n], which is 0 in padding."""
    features, batch = record[2], record[3]
    columns, stride = record[4], record[5]
    dy, totals = at(arena, record[6]), at(arena, record[7])
    for n in range(features):
        s = load(at(dy, n * batch))
        for b in range(LANES, batch, LANES):
            s = s + load(at(dy, n * batch + b))
        totals[n // columns * stride + n % columns] = sum_lanes(s)
