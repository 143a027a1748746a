"""Samples as rows: the layout in which recurrent layers work, and the ways to it and back.

Everywhere else the numbers of one feature of all samples are neighbours. A recurrent layer's
sums run over features again and again with the same weights, so there the features of one
sample are neighbours: the weights are then vectors that need no turning, and their gradient is
the same product the other way round.

Weights are packed into panels of `PANEL` vectors, whose rows follow each other without gaps:
the form in which the microkernel reads them fastest.
"""

from __future__ import annotations

from studio.kernels.jit import function, kernel
from studio.kernels.numba_names import float32
from studio.kernels.random_vectors import draw_uniforms
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, splat, store, transpose_block
from studio.kernels.state import SEED, SHARD, STEP, THREAD

#: Rows and vectors of a tile whose sums fit into registers. Rows divide any number of columns.
ROWS, PANEL = (8, 2) if LANES == 16 else (4, 3)


@function
def turn_in(source, count, samples, batch, distance, target, row):
    """target[b, n] = source[n, b] for some samples b; `distance` holds multiples of `batch`, one a lane."""
    whole = count - count % LANES
    for n in range(0, whole, LANES):
        for b in range(0, samples, LANES):
            transpose_block(at(source, n * batch + b), distance, at(target, b * row + n), row)
    for n in range(whole, count):
        for b in range(samples):
            target[b * row + n] = source[n * batch + b]


@function
def turn_out(source, row, distance, count, samples, batch, target):
    """target[n, b] = source[b, n] for some samples b; `distance` holds multiples of `row`, one a lane."""
    whole = count - count % LANES
    for b in range(0, samples, LANES):
        for n in range(0, whole, LANES):
            transpose_block(at(source, b * row + n), distance, at(target, n * batch + b), batch)
    for n in range(whole, count):
        for b in range(samples):
            target[n * batch + b] = source[b * row + n]


@function
def fill(target, count, number):
    """`count` floats, in whole vectors, become the number."""
    for i in range(0, count, LANES):
        store(at(target, i), splat(number))


@kernel
def pack(arena, record, table, state):
    """Panels of weights: each row is `blocks` pieces of `length` floats, padded with zeros to `width`."""
    rows, blocks, length, width = record[2], record[3], record[4], record[5]
    source, source_row, source_block = at(arena, record[6]), record[7], record[8]
    target, panel, first = at(arena, record[9]), record[10], record[11]
    size = PANEL * LANES
    for k in each(rows):
        for block in range(blocks):
            piece = at(source, k * source_row + block * source_block)
            for j in range(0, width, LANES):
                column = first + block * width + j
                place = at(target, column // size * panel + k * size + column % size)
                if j + LANES <= length:
                    store(place, load(at(piece, j)))
                else:
                    for i in range(LANES):
                        place[i] = piece[j + i] if j + i < length else float32(0.0)


@kernel
def pack_turned(arena, record, table, state):
    """Panels of transposed weights: row ``block * width + j`` holds column j of that piece."""
    rows, blocks, length, width = record[2], record[3], record[4], record[5]
    source, source_row, source_block, distance = at(arena, record[6]), record[7], record[8], at(table, record[9])
    target, panel = at(arena, record[10]), record[11]
    size = PANEL * LANES
    for block in range(blocks):
        piece = at(source, block * source_block)
        for k in each(0, rows, LANES):
            panels = at(target, k // size * panel + block * width * size + k % size)
            for j in range(0, width, LANES):
                place = at(panels, j * size)
                if k + LANES <= rows and j + LANES <= length:
                    transpose_block(at(piece, k * source_row + j), distance, place, size)
                else:
                    for i in range(LANES):
                        for lane in range(LANES):
                            inside = j + i < length and k + lane < rows
                            place[i * size + lane] = piece[(k + lane) * source_row + j + i] if inside else float32(0.0)


@kernel
def unpack(arena, record, table, state):
    """The reverse of `pack`, from rows without panels: pieces come together again."""
    rows, blocks, length, width = record[2], record[3], record[4], record[5]
    source, source_row = at(arena, record[6]), record[7]
    target, target_row, target_block = at(arena, record[8]), record[9], record[10]
    whole = length - length % LANES
    for k in each(rows):
        for block in range(blocks):
            come = at(source, k * source_row + block * width)
            to = at(target, k * target_row + block * target_block)
            for j in range(0, whole, LANES):
                store(at(to, j), load(at(come, j)))
            for j in range(whole, length):
                to[j] = come[j]


@kernel
def draw_row_masks(arena, record, table, state):
    """mask[b, n] = 0 with probability `rate`, else 1 / (1 - rate); the same for all time steps.

    The numbers depend on the sample's place in the whole minibatch, not on the thread.
    """
    features, batch, row = record[2], record[3], record[4]
    mask, drawn = at(arena, record[5]), at(arena, record[6])
    rate, key, stream = arena[record[7]], record[8], record[10]
    seed = record[9] if record[9] != 0 else state[SEED]
    keep = float32(1.0) / (float32(1.0) - rate)
    first = state[THREAD] * state[SHARD]
    for n in range(0, features, 4):
        for b in range(0, batch, LANES):
            draw_uniforms(at(drawn, b), batch, first + b, stream + n // 4, state[STEP], key, seed)
        for b in range(batch):
            for i in range(min(4, features - n)):
                mask[b * row + n + i] = float32(0.0) if drawn[i * batch + b] < rate else keep
