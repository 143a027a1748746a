"""Limits on gradients: threads' gradients are added up first, then measured, then shortened.

A weight array lies in rows that are `stride` floats apart; what lies between is no part of it.
Each thread works on a share of each array's rows. Squares are added in blocks, in double
precision and always in the same order, so that a run repeats to the last bit.
"""

from __future__ import annotations

import math

from llvmlite import ir

from studio.kernels.jit import inline, kernel
from studio.kernels.lanewise import put
from studio.kernels.maths import maximum, minimum
from studio.kernels.numba_names import float32, float64, intrinsic
from studio.kernels.sharing import each
from studio.kernels.simd import (
    LANES,
    VECTOR,
    at,
    double_pointer,
    float_pointer,
    lane_numbers,
    load,
    select,
    splat,
    store,
    sum_lanes,
    vector,
)
from studio.kernels.slices import gradient_sum, slice_of, summands
from studio.kernels.state import THREAD, THREADS

#: Vectors whose squares are added in single precision before they go into the sum.
_BLOCK = 32


#: Most parts of an array, on a card: one group adds up all of them.
_MOST_PARTS = 32


def parts_of(rows: int, on_card: bool) -> int:
    """Into how many parts an array of so many rows is cut, of which each has a sum of squares."""
    return min(rows, _MOST_PARTS) if on_card else 1


@intrinsic
def _doubles_in(context, pointer):
    """A place among the floats, used for 64-bit floats."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType().as_pointer())

    return double_pointer(float_pointer), generate


@intrinsic
def _lane_numbers(context):
    """0, 1, 2, ..."""

    def generate(context, builder, signature, arguments):
        return lane_numbers(builder, VECTOR)

    return vector(), generate


@inline
def _rows_of(rows, state):
    """First row of this thread's share, and the first one after it."""
    share = -(-rows // state[THREADS])
    start = min(rows, state[THREAD] * share)
    return start, min(rows, start + share)


@kernel
def add_and_measure(arena, record, table, state):
    """First thread's gradient = sum of all threads'; keeps the sum of its squares in each part of this share."""
    begin, end = _rows_of(record[2], state)
    columns, row_stride = record[3], record[4]
    gradients, stride = at(arena, record[5]), record[6]
    squares, parts = _doubles_in(at(arena, record[7])), record[9]
    threads = state[THREADS]
    # Groups of a card share the rows out, in parts that are always the same.
    for part in each(parts):
        total = float64(0.0)
        for row in range(begin + part * (end - begin) // parts, begin + (part + 1) * (end - begin) // parts):
            block = splat(0.0)
            count = 0
            for c in range(0, columns, LANES):
                i = row * row_stride + c
                g = gradient_sum(gradients, stride, threads, i)
                put(at(gradients, i), g)
                g = select(_lane_numbers() < float32(columns - c), g, splat(0.0))
                block = block + g * g
                count += 1
                if count == _BLOCK:
                    total += float64(sum_lanes(block))
                    block = splat(0.0)
                    count = 0
            total += float64(sum_lanes(block))
        squares[record[8] + part] = total


@kernel
def find_scale(arena, record, table, state):
    """By how much some arrays' gradients, taken together, are to be shortened.

    All threads add the same numbers in the same order.
    """
    first, count = record[2], record[3]
    squares, stride = at(arena, record[4]), record[5]
    limit = arena[record[6]]
    total = float64(0.0)
    for number in range(first, first + count):
        for t in range(state[THREADS]):
            total += _doubles_in(at(squares, t * stride))[number]
    norm = math.sqrt(total)
    arena[record[7]] = float32(float64(limit) / norm) if norm > limit else float32(1.0)


@kernel
def scale_gradient(arena, record, table, state):
    """Shorten this thread's share of an array's gradient."""
    start, end = _rows_of(record[2], state)
    columns, row_stride = record[3], record[4]
    gradients, scale = at(arena, record[5]), arena[record[6]]
    if scale != 1.0:
        for row in each(start, end):
            for c in range(0, columns, LANES):
                place = at(gradients, row * row_stride + c)
                store(place, load(place) * scale)


@kernel
def clip_values(arena, record, table, state):
    """First thread's gradient = sum of all threads', with each number within the limit."""
    start, end = slice_of(record[2], state)
    gradients, stride = at(arena, record[3]), record[4]
    limit = splat(arena[record[5]])
    threads = summands(stride, state)
    for i in each(start, end, LANES):
        g = gradient_sum(gradients, stride, threads, i)
        store(at(gradients, i), maximum(minimum(g, limit), -limit))
