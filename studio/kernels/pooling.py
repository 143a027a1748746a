"""Windows that reduce pictures: largest and mean numbers, and their gradients.

Which pixels a window sees is in tables: ``starts[p]`` to ``starts[p + 1]`` are the entries of
pixel p, so that windows of any shape, stride and padding are the same loop. All channels of a
pixel and all columns of the batch are neighbours: `length` floats at a time.
"""

from __future__ import annotations

import math

import numpy as np

from studio.core.lowering import Lowering, Tensor
from studio.core.pooling import pooling_tables
from studio.core.windows import Window
from studio.kernels.jit import inline, kernel
from studio.kernels.numba_names import float32
from studio.kernels.sharing import each, inner, outer
from studio.kernels.simd import LANES, at, load, select, splat, store


@kernel
def largest_in_windows(arena, record, table, state):
    """y[p] = the largest x[tap] over the taps of pixel p."""
    pixels, length = record[2], record[3]
    x, starts, taps = at(arena, record[4]), at(table, record[5]), at(table, record[6])
    y, y_pixels = at(arena, record[7]), at(table, record[8])
    for p in outer(pixels):
        first, end = starts[p], starts[p + 1]
        target = at(y, y_pixels[p])
        for i in inner(pixels, 0, length, LANES):
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
    for p in outer(pixels):
        first, end = starts[p], starts[p + 1]
        target = at(y, y_pixels[p])
        for i in inner(pixels, 0, length, LANES):
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
    for p in outer(pixels):
        first, end = starts[p], starts[p + 1]
        target = at(dx, dx_pixels[p])
        if end == first + 1:
            # Windows that do not overlap, the usual case, need no sum.
            found_in, tap = at(places, entries[2 * first] * length), float32(entries[2 * first + 1])
            source = at(dy, dy_pixels[entries[2 * first]])
            for i in inner(pixels, 0, length, LANES):
                store(at(target, i), select(load(at(found_in, i)) == tap, load(at(source, i)), 0.0))
            continue
        for i in inner(pixels, 0, length, LANES):
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
    for p in outer(pixels):
        first, end = starts[p], starts[p + 1]
        target = at(y, y_pixels[p])
        share = float32(1.0) / float32(end - first)
        for i in inner(pixels, 0, length, LANES):
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
    for p in outer(pixels):
        first, end = starts[p], starts[p + 1]
        target = at(dx, dx_pixels[p])
        if first == end:
            for i in inner(pixels, 0, length, LANES):
                store(at(target, i), splat(0.0))
        for e in range(first, end):
            source = at(dy, dy_pixels[entries[2 * e]])
            share = float32(1.0) / float32(entries[2 * e + 1])
            if e == first:
                for i in inner(pixels, 0, length, LANES):
                    store(at(target, i), load(at(source, i)) * share)
            else:
                for i in inner(pixels, 0, length, LANES):
                    store(at(target, i), load(at(target, i)) + load(at(source, i)) * share)


@kernel
def mean_of_pixels(arena, record, table, state):
    """y = the mean of x[p] over all pixels p."""
    pixels, length = record[2], record[3]
    x, x_pixels, y = at(arena, record[4]), at(table, record[5]), at(arena, record[6])
    share = float32(1.0) / float32(pixels)
    # The sums stay in the nearest cache while the picture streams by.
    for i in each(0, length, LANES):
        store(at(y, i), splat(0.0))
    whole = pixels - pixels % 4
    for p in range(0, whole, 4):
        a, b = at(x, x_pixels[p]), at(x, x_pixels[p + 1])
        c, d = at(x, x_pixels[p + 2]), at(x, x_pixels[p + 3])
        for i in each(0, length, LANES):
            four = (load(at(a, i)) + load(at(b, i))) + (load(at(c, i)) + load(at(d, i)))
            store(at(y, i), load(at(y, i)) + four)
    for p in range(whole, pixels):
        a = at(x, x_pixels[p])
        for i in each(0, length, LANES):
            store(at(y, i), load(at(y, i)) + load(at(a, i)))
    for i in each(0, length, LANES):
        store(at(y, i), load(at(y, i)) * share)


@kernel
def spread_mean(arena, record, table, state):
    """dx[p] = dy / pixels, for all pixels p."""
    pixels, length = record[2], record[3]
    dx, dx_pixels, dy = at(arena, record[4]), at(table, record[5]), at(arena, record[6])
    share = float32(1.0) / float32(pixels)
    for p in outer(pixels):
        target = at(dx, dx_pixels[p])
        for i in inner(pixels, 0, length, LANES):
            store(at(target, i), load(at(dy, i)) * share)


@inline
def _larger(most, place, number, p):
    """The larger of the largest so far and pixel p's number, and where it is."""
    place = select(number > most, p, place)
    # A NaN wins and stays, so that failures are seen.
    most = select(number > most, number, most)
    return select(number != number, number, most), place


@kernel
def largest_of_pixels(arena, record, table, state):
    """y = the largest x[p] over all pixels p; places says which p it was (the first of equals)."""
    pixels, length = record[2], record[3]
    x, x_pixels, y, places = at(arena, record[4]), at(table, record[5]), at(arena, record[6]), at(arena, record[7])
    for i in each(0, length, LANES):
        store(at(y, i), load(at(x, x_pixels[0] + i)))
        store(at(places, i), splat(0.0))
    # What is largest so far stays in the nearest cache while the picture streams by, four pixels at a time.
    p = 1
    while p + 4 <= pixels:
        first, second = at(x, x_pixels[p]), at(x, x_pixels[p + 1])
        third, fourth = at(x, x_pixels[p + 2]), at(x, x_pixels[p + 3])
        for i in each(0, length, LANES):
            most, place = load(at(y, i)), load(at(places, i))
            most, place = _larger(most, place, load(at(first, i)), float32(p))
            most, place = _larger(most, place, load(at(second, i)), float32(p + 1))
            most, place = _larger(most, place, load(at(third, i)), float32(p + 2))
            most, place = _larger(most, place, load(at(fourth, i)), float32(p + 3))
            store(at(y, i), most)
            store(at(places, i), place)
        p += 4
    while p < pixels:
        source = at(x, x_pixels[p])
        for i in each(0, length, LANES):
            most, place = _larger(load(at(y, i)), load(at(places, i)), load(at(source, i)), float32(p))
            store(at(y, i), most)
            store(at(places, i), place)
        p += 1


@kernel
def spread_largest_of_pixels(arena, record, table, state):
    """dx[p] = dy where pixel p was the largest, else 0."""
    pixels, length = record[2], record[3]
    dx, dx_pixels, dy, places = at(arena, record[4]), at(table, record[5]), at(arena, record[6]), at(arena, record[7])
    for p in outer(pixels):
        target, place = at(dx, dx_pixels[p]), float32(p)
        for i in inner(pixels, 0, length, LANES):
            store(at(target, i), select(load(at(places, i)) == place, load(at(dy, i)), 0.0))


def pool_largest(lowering: Lowering, window: Window, x: Tensor, y: Tensor) -> None:
    """Emit y = the largest number of each place of the window, and its backward pass.

    Parameters
    ----------
    x, y : Tensor
        A picture and its windows; or a sequence, over which the window goes as over one row.
    """
    tables = pooling_tables(window)
    windows, length = window.output[0] * window.output[1], x.shape[-1] * lowering.batch
    forward = (
        *(windows, length),
        *(x.base, lowering.table(tables.starts), lowering.table(x.pixel_offsets()[tables.pixels])),
        *(y.base, lowering.table(y.pixel_offsets())),
    )
    if not (lowering.training and x.differentiable):
        lowering.emit(largest_in_windows, *forward)
        return
    places = lowering.scratch(windows * length)
    lowering.emit(largest_in_windows_with_places, *forward, places)

    def backward(dy: Tensor) -> None:
        dx = lowering.gradient(x)
        if dx is None:
            return
        entries = np.stack([tables.seen_windows, tables.seen_places], 1)
        lowering.emit(
            spread_largest,
            *(math.prod(window.picture), length),
            *(dx.base, lowering.table(dx.pixel_offsets())),
            *(lowering.table(tables.seen_starts), lowering.table(entries)),
            *(dy.base, lowering.table(dy.pixel_offsets()), places),
        )

    lowering.backward(y, backward)


def pool_means(lowering: Lowering, window: Window, x: Tensor, y: Tensor) -> None:
    """Emit y = the mean of what each place of the window sees, and its backward pass."""
    tables = pooling_tables(window)
    length = x.shape[-1] * lowering.batch
    lowering.emit(
        means_of_windows,
        *(window.output[0] * window.output[1], length),
        *(x.base, lowering.table(tables.starts), lowering.table(x.pixel_offsets()[tables.pixels])),
        *(y.base, lowering.table(y.pixel_offsets())),
    )

    def backward(dy: Tensor) -> None:
        dx = lowering.gradient(x)
        if dx is None:
            return
        entries = np.stack([tables.seen_windows, tables.seen_counts], 1)
        lowering.emit(
            spread_means,
            *(math.prod(window.picture), length),
            *(dx.base, lowering.table(dx.pixel_offsets())),
            *(lowering.table(tables.seen_starts), lowering.table(entries)),
            *(dy.base, lowering.table(dy.pixel_offsets())),
        )

    lowering.backward(y, backward)


def pool_largest_of_all(lowering: Lowering, x: Tensor, y: Tensor) -> None:
    """Emit y = the largest number of each channel, and its backward pass."""
    sizes = (math.prod(x.shape[:-1]), x.shape[-1] * lowering.batch)
    places = lowering.scratch(sizes[1])
    lowering.emit(largest_of_pixels, *sizes, x.base, lowering.table(x.pixel_offsets()), y.base, places)

    def backward(dy: Tensor) -> None:
        dx = lowering.gradient(x)
        if dx is not None:
            offsets = lowering.table(dx.pixel_offsets())
            lowering.emit(spread_largest_of_pixels, *sizes, dx.base, offsets, dy.base, places)

    lowering.backward(y, backward)


def pool_mean_of_all(lowering: Lowering, x: Tensor, y: Tensor) -> None:
    """Emit y = the mean of each channel, and its backward pass."""
    sizes = (math.prod(x.shape[:-1]), x.shape[-1] * lowering.batch)
    lowering.emit(mean_of_pixels, *sizes, x.base, lowering.table(x.pixel_offsets()), y.base)

    def backward(dy: Tensor) -> None:
        dx = lowering.gradient(x)
        if dx is not None:
            lowering.emit(spread_mean, *sizes, dx.base, lowering.table(dx.pixel_offsets()), dy.base)

    lowering.backward(y, backward)
