"""Windows that reduce pictures: largest and mean numbers, and their gradients.

Which pixels a window sees is in tables: ``starts[p]`` to ``starts[p + 1]`` are the entries of
pixel p, so that windows of any shape, stride and padding are the same loop. All channels of a
pixel and all columns of the batch are neighbours: `length` floats at a time.
"""

from __future__ import annotations

from numba import float32

from studio.kernels.jit import kernel
from studio.kernels.simd import LANES, at, load, select, splat, store


@kernel
def largest_in_windows(arena, record, table, state):
    """y[p] = the largest x[tap] over the taps of pixel p."""
    pixels, length = record[2], record[3]
    x, starts, taps = at(arena, record[4]), at(table, record[5]), at(table, record[6])
    y, y_pixels = at(arena, record[7]), at(table, record[8])
    for p in range(pixels):
        first, end = starts[p], starts[p + 1]
        target = at(y, y_pixels[p])
        for i in range(0, length, LANES):
            most = load(at(x, taps[first] + i))
            for t in range(first + 1, end):
                number = load(at(x, taps[t] + i))
                # A NaN wins and stays, so that failures are seen.
                most = select(number > most, number, most)
                most = select(number != number, number, most)
            store(at(target, i), most)


@kernel
def largest_in_windows_with_places(arena, record, table, state):
    """As `largest_in_windows`; places[p] says which of the taps it was (the first of equals)."""
    pixels, length = record[2], record[3]
    x, starts, taps = at(arena, record[4]), at(table, record[5]), at(table, record[6])
    y, y_pixels, places = at(arena, record[7]), at(table, record[8]), at(arena, record[9])
    for p in range(pixels):
        first, end = starts[p], starts[p + 1]
        target = at(y, y_pixels[p])
        for i in range(0, length, LANES):
            most = load(at(x, taps[first] + i))
            place = splat(0.0)
            for t in range(first + 1, end):
                number = load(at(x, taps[t] + i))
                larger = number > most
                place = select(larger, float32(t - first), place)
                most = select(larger, number, most)
                most = select(number != number, number, most)
            store(at(target, i), most)
            store(at(places, p * length + i), place)


@kernel
def spread_largest(arena, record, table, state):
    """dx[p] = sum of dy[o] over the windows o that found their largest number at p.

    Entries are pairs: a window's number, and which of its taps the pixel is.
    """
    pixels, length = record[2], record[3]
    dx, dx_pixels = at(arena, record[4]), at(table, record[5])
    starts, entries = at(table, record[6]), at(table, record[7])
    dy, dy_pixels, places = at(arena, record[8]), at(table, record[9]), at(arena, record[10])
    for p in range(pixels):
        first, end = starts[p], starts[p + 1]
        target = at(dx, dx_pixels[p])
        if end == first + 1:
            # Windows that do not overlap, the usual case, need no sum.
            found_in, tap = at(places, entries[2 * first] * length), float32(entries[2 * first + 1])
            source = at(dy, dy_pixels[entries[2 * first]])
            for i in range(0, length, LANES):
                store(at(target, i), select(load(at(found_in, i)) == tap, load(at(source, i)), 0.0))
            continue
        for i in range(0, length, LANES):
            total = splat(0.0)
            for e in range(first, end):
                window, tap = entries[2 * e], entries[2 * e + 1]
                found = load(at(places, window * length + i)) == float32(tap)
                total = total + select(found, load(at(dy, dy_pixels[window] + i)), 0.0)
            store(at(target, i), total)


@kernel
def means_of_windows(arena, record, table, state):
    """y[p] = the mean of x[tap] over the taps of pixel p."""
    pixels, length = record[2], record[3]
    x, starts, taps = at(arena, record[4]), at(table, record[5]), at(table, record[6])
    y, y_pixels = at(arena, record[7]), at(table, record[8])
    for p in range(pixels):
        first, end = starts[p], starts[p + 1]
        target = at(y, y_pixels[p])
        share = float32(1.0) / float32(end - first)
        for i in range(0, length, LANES):
            total = load(at(x, taps[first] + i))
            for t in range(first + 1, end):
                total = total + load(at(x, taps[t] + i))
            store(at(target, i), total * share)


@kernel
def spread_means(arena, record, table, state):
    """dx[p] = sum of dy[o] / taps of o, over the windows o that saw p.

    Entries are pairs: a window's number, and how many taps it has.
    """
    pixels, length = record[2], record[3]
    dx, dx_pixels = at(arena, record[4]), at(table, record[5])
    starts, entries = at(table, record[6]), at(table, record[7])
    dy, dy_pixels = at(arena, record[8]), at(table, record[9])
    for p in range(pixels):
        first, end = starts[p], starts[p + 1]
        target = at(dx, dx_pixels[p])
        if first == end:
            for i in range(0, length, LANES):
                store(at(target, i), splat(0.0))
        for e in range(first, end):
            source = at(dy, dy_pixels[entries[2 * e]])
            share = float32(1.0) / float32(entries[2 * e + 1])
            if e == first:
                for i in range(0, length, LANES):
                    store(at(target, i), load(at(source, i)) * share)
            else:
                for i in range(0, length, LANES):
                    store(at(target, i), load(at(target, i)) + load(at(source, i)) * share)


@kernel
def mean_of_pixels(arena, record, table, state):
    """y = the mean of x[p] over all pixels p."""
    pixels, length = record[2], record[3]
    x, x_pixels, y = at(arena, record[4]), at(table, record[5]), at(arena, record[6])
    share = float32(1.0) / float32(pixels)
    # The sums stay in the nearest cache while the picture streams by.
    for i in range(0, length, LANES):
        store(at(y, i), splat(0.0))
    whole = pixels - pixels % 4
    for p in range(0, whole, 4):
        a, b = at(x, x_pixels[p]), at(x, x_pixels[p + 1])
        c, d = at(x, x_pixels[p + 2]), at(x, x_pixels[p + 3])
        for i in range(0, length, LANES):
            four = (load(at(a, i)) + load(at(b, i))) + (load(at(c, i)) + load(at(d, i)))
            store(at(y, i), load(at(y, i)) + four)
    for p in range(whole, pixels):
        a = at(x, x_pixels[p])
        for i in range(0, length, LANES):
            store(at(y, i), load(at(y, i)) + load(at(a, i)))
    for i in range(0, length, LANES):
        store(at(y, i), load(at(y, i)) * share)


@kernel
def spread_mean(arena, record, table, state):
    """dx[p] = dy / pixels, for all pixels p."""
    pixels, length = record[2], record[3]
    dx, dx_pixels, dy = at(arena, record[4]), at(table, record[5]), at(arena, record[6])
    share = float32(1.0) / float32(pixels)
    for p in range(pixels):
        target = at(dx, dx_pixels[p])
        for i in range(0, length, LANES):
            store(at(target, i), load(at(dy, i)) * share)
