"""Pictures that are enlarged, framed with zeros or cut; rows of pixels at a time."""

from __future__ import annotations

import numpy as np

from studio.core.lowering import Lowering, Tensor
from studio.core.resize import Mixture
from studio.kernels.control import copy_rows
from studio.kernels.jit import kernel
from studio.kernels.numba_names import float32
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, splat, store


@kernel
def mix_pixels(arena, record, table, state):
    """y[p] = sum over the entries e of pixel p of x[e] * parts of e / whole; entries are pairs."""
    pixels, length, whole = record[2], record[3], float32(record[4])
    x, starts, entries = at(arena, record[5]), at(table, record[6]), at(table, record[7])
    y, y_pixels = at(arena, record[8]), at(table, record[9])
    for p in each(pixels):
        e, end = starts[p], starts[p + 1]
        target = at(y, y_pixels[p])
        fresh = True
        # Four at a time, which is all that a pixel of a larger picture has.
        while e + 4 <= end:
            own = at(entries, 2 * e)
            a, b, c, d = at(x, own[0]), at(x, own[2]), at(x, own[4]), at(x, own[6])
            k, m = float32(own[1]) / whole, float32(own[3]) / whole
            n, o = float32(own[5]) / whole, float32(own[7]) / whole
            if fresh:
                for i in range(0, length, LANES):
                    store(at(target, i), (load(at(a, i)) * k + load(at(b, i)) * m) + (load(at(c, i)) * n + load(at(d, i)) * o))
            else:
                for i in range(0, length, LANES):
                    four = (load(at(a, i)) * k + load(at(b, i)) * m) + (load(at(c, i)) * n + load(at(d, i)) * o)
                    store(at(target, i), load(at(target, i)) + four)
            fresh = False
            e += 4
        while e < end:
            source, share = at(x, entries[2 * e]), float32(entries[2 * e + 1]) / whole
            if fresh:
                for i in range(0, length, LANES):
                    store(at(target, i), load(at(source, i)) * share)
            else:
                for i in range(0, length, LANES):
                    store(at(target, i), load(at(target, i)) + load(at(source, i)) * share)
            fresh = False
            e += 1
        if fresh:
            for i in range(0, length, LANES):
                store(at(target, i), splat(0.0))


@kernel
def frame_rows(arena, record, table, state):
    """target = source with zeros around: rows above and below, and floats left and right in each row."""
    above, rows, below = record[2], record[3], record[4]
    left, length, right = record[5], record[6], record[7]
    target, target_step, source, source_step = at(arena, record[8]), record[9], at(arena, record[10]), record[11]
    width = left + length + right
    for row in each(above + rows + below):
        place = at(target, row * target_step)
        if row < above or row >= above + rows:
            for i in range(0, width, LANES):
                store(at(place, i), splat(0.0))
            continue
        inside = at(source, (row - above) * source_step)
        for i in range(0, left, LANES):
            store(at(place, i), splat(0.0))
        for i in range(0, length, LANES):
            store(at(place, left + i), load(at(inside, i)))
        for i in range(left + length, width, LANES):
            store(at(place, i), splat(0.0))


def mix(lowering: Lowering, mixture: Mixture, source: Tensor, target: Tensor) -> None:
    """Emit target = the mixture of the source's pixels."""
    pixels = target.pixel_offsets()
    entries = lowering.table(np.stack([source.pixel_offsets()[mixture.pixels], mixture.parts], 1))
    lowering.emit(
        mix_pixels,
        *(len(pixels), target.shape[2] * lowering.batch, mixture.whole),
        *(source.base, lowering.table(mixture.starts), entries),
        *(target.base, lowering.table(pixels)),
    )


def frame(lowering: Lowering, inner: Tensor, outer: Tensor, sides: tuple[int, int, int, int]) -> None:
    """Emit outer = inner with zeros around; sides are pixels above, below, left and right."""
    top, bottom, left, right = sides
    pixel = inner.shape[2] * lowering.batch
    lowering.emit(
        frame_rows,
        *(top, inner.shape[0], bottom),
        *(left * pixel, inner.shape[1] * pixel, right * pixel),
        *(outer.base, outer.row_stride, inner.base, inner.row_stride),
    )


def cut(lowering: Lowering, outer: Tensor, inner: Tensor, sides: tuple[int, int, int, int]) -> None:
    """Emit inner = outer without so many pixels above, below, left and right."""
    top, _bottom, left, _right = sides
    pixel = inner.shape[2] * lowering.batch
    start = outer.base + (top * outer.row_stride + left * pixel)
    lowering.emit(
        copy_rows, inner.shape[0], inner.shape[1] * pixel, inner.base, inner.row_stride, start, outer.row_stride
    )
