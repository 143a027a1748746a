"""Pictures flipped, shifted and turned by chance: one affine map a sample, bilinear in between.

A map is six numbers a column: output pixel (r, c) shows what the input has at
``(m[0] r + m[1] c + m[2], m[3] r + m[4] c + m[5])``.
"""

from __future__ import annotations

import math

from studio.kernels.jit import inline, kernel
from studio.kernels.numba_names import float32
from studio.kernels.random_vectors import draw_uniforms
from studio.kernels.scattered import gather, scatter_add
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, absolute_value, at, load, round_down, select, splat, store, sum_lanes
from studio.kernels.state import SEED, SHARD, STEP, THREAD

#: What is shown outside the picture: a number, the nearest pixel, or the picture mirrored.
FILL_MODES = ("constant", "nearest", "reflect")


@kernel
def draw_sample_numbers(arena, record, table, state):
    """Four uniform numbers a sample, by its place in the whole minibatch: rows of a scratch."""
    batch, target, key = record[2], at(arena, record[3]), record[4]
    seed = record[5] if record[5] != 0 else state[SEED]
    first = state[THREAD] * state[SHARD]
    for b in range(0, batch, LANES):
        draw_uniforms(at(target, b), batch, first + b, 0, state[STEP], key, seed)


@kernel
def flip_maps(arena, record, table, state):
    """Maps that mirror half of the samples left to right, or upside down, or both."""
    batch, numbers, maps = record[2], at(arena, record[3]), at(arena, record[4])
    height, width, sideways, upside_down = record[5], record[6], record[7], record[8]
    for b in range(batch):
        across = sideways != 0 and numbers[b] < float32(0.5)
        down = upside_down != 0 and numbers[batch + b] < float32(0.5)
        maps[b] = float32(-1.0) if down else float32(1.0)
        maps[batch + b] = float32(0.0)
        maps[2 * batch + b] = float32(height - 1) if down else float32(0.0)
        maps[3 * batch + b] = float32(0.0)
        maps[4 * batch + b] = float32(-1.0) if across else float32(1.0)
        maps[5 * batch + b] = float32(width - 1) if across else float32(0.0)


@kernel
def translation_maps(arena, record, table, state):
    """Maps that shift by up to a share of the height and of the width, either way."""
    batch, numbers, maps = record[2], at(arena, record[3]), at(arena, record[4])
    height, width = float32(record[5]), float32(record[6])
    rows, columns = arena[record[7]] * height, arena[record[8]] * width
    for b in range(batch):
        maps[b] = float32(1.0)
        maps[batch + b] = float32(0.0)
        maps[2 * batch + b] = (float32(2.0) * numbers[b] - float32(1.0)) * rows
        maps[3 * batch + b] = float32(0.0)
        maps[4 * batch + b] = float32(1.0)
        maps[5 * batch + b] = (float32(2.0) * numbers[batch + b] - float32(1.0)) * columns


@kernel
def rotation_maps(arena, record, table, state):
    """Maps that turn about the middle by up to a share of a whole turn, either way."""
    batch, numbers, maps = record[2], at(arena, record[3]), at(arena, record[4])
    middle_row, middle_column = float32(record[5] - 1) * float32(0.5), float32(record[6] - 1) * float32(0.5)
    share = arena[record[7]]
    for b in range(batch):
        angle = (2.0 * numbers[b] - 1.0) * share * 2.0 * math.pi
        cosine, sine = float32(math.cos(angle)), float32(math.sin(angle))
        maps[b] = cosine
        maps[batch + b] = sine
        maps[2 * batch + b] = middle_row - cosine * middle_row - sine * middle_column
        maps[3 * batch + b] = -sine
        maps[4 * batch + b] = cosine
        maps[5 * batch + b] = middle_column + sine * middle_row - cosine * middle_column


@inline
def _within(place, count, mode):
    """The pixels that stand at places, whole numbers that may be outside; where there is none, the nearest one."""
    last = float32(count - 1)
    if mode == 2:
        both = float32(2 * count)
        place = place - both * round_down(place * (float32(1.0) / both))
        # The quotient may have been rounded to the next whole number.
        place = select(place < 0, place + both, place)
        place = select(place >= both, place - both, place)
        place = select(place > last, both - float32(1.0) - place, place)
    # Compared so that what is no number becomes one: it says where to read.
    place = select(place > 0, place, 0.0)
    return select(place < last, place, last)


@inline
def _share_inside(place, count, mode):
    """1 where there is a pixel, else 0."""
    if mode != 0:
        return splat(1.0)
    return select(place < 0, 0.0, select(place > float32(count - 1), 0.0, splat(1.0)))


@inline
def _off_pixels(maps, b, batch):
    """0 if the maps of a vector of samples lead from pixels to pixels, as those that only mirror do."""
    straight = absolute_value(absolute_value(load(at(maps, b))) - 1.0) + absolute_value(load(at(maps, batch + b)))
    straight = straight + absolute_value(load(at(maps, 3 * batch + b)))
    straight = straight + absolute_value(absolute_value(load(at(maps, 4 * batch + b))) - 1.0)
    row, column = load(at(maps, 2 * batch + b)), load(at(maps, 5 * batch + b))
    return sum_lanes(straight + (row - round_down(row)) + (column - round_down(column)))


@kernel
def sample_pictures(arena, record, table, state):
    """y = x at the places that the maps say, bilinear between pixels."""
    height, width, channels, batch = record[2], record[3], record[4], record[5]
    x, x_row, y, y_row = at(arena, record[6]), record[7], at(arena, record[8]), record[9]
    maps, mode, fill = at(arena, record[10]), record[11], arena[record[12]]
    pixel = channels * batch
    for b in range(0, batch, LANES):
        m0, m1, m2 = load(at(maps, b)), load(at(maps, batch + b)), load(at(maps, 2 * batch + b))
        m3, m4, m5 = load(at(maps, 3 * batch + b)), load(at(maps, 4 * batch + b)), load(at(maps, 5 * batch + b))
        if _off_pixels(maps, b, batch) == 0.0:
            # One pixel instead of four.
            for r in each(height):
                first_row, first_column = m0 * float32(r) + m2, m3 * float32(r) + m5
                for c in range(width):
                    row, column = m1 * float32(c) + first_row, m4 * float32(c) + first_column
                    r0, c0 = _within(row, height, mode), _within(column, width, mode)
                    shown = _share_inside(row, height, mode) * _share_inside(column, width, mode) > 0.0
                    for k in range(channels):
                        p = gather(at(x, k * batch + b), r0, c0, x_row, pixel)
                        store(at(y, r * y_row + c * pixel + k * batch + b), select(shown, p, fill))
            continue
        for r in each(height):
            first_row, first_column = m0 * float32(r) + m2, m3 * float32(r) + m5
            for c in range(width):
                row, column = m1 * float32(c) + first_row, m4 * float32(c) + first_column
                top, left = round_down(row), round_down(column)
                down, across = row - top, column - left
                r0, r1 = _within(top, height, mode), _within(top + 1.0, height, mode)
                c0, c1 = _within(left, width, mode), _within(left + 1.0, width, mode)
                above, below = _share_inside(top, height, mode), _share_inside(top + 1.0, height, mode)
                before, behind = _share_inside(left, width, mode), _share_inside(left + 1.0, width, mode)
                for k in range(channels):
                    source = at(x, k * batch + b)
                    p = gather(source, r0, c0, x_row, pixel) - fill
                    q = gather(source, r0, c1, x_row, pixel) - fill
                    s = gather(source, r1, c0, x_row, pixel) - fill
                    t = gather(source, r1, c1, x_row, pixel) - fill
                    p, q = p * before, q * behind
                    s, t = s * before, t * behind
                    upper = (p + across * (q - p)) * above
                    lower = (s + across * (t - s)) * below
                    store(at(y, r * y_row + c * pixel + k * batch + b), upper + down * (lower - upper) + fill)


@kernel
def sample_pictures_backward(arena, record, table, state):
    """dx: each output's gradient goes back to the pixels that it was made of."""
    height, width, channels, batch = record[2], record[3], record[4], record[5]
    dx, dx_row, dy, dy_row = at(arena, record[6]), record[7], at(arena, record[8]), record[9]
    maps, mode = at(arena, record[10]), record[11]
    pixel = channels * batch
    # First all is cleared, then added to. Where groups of a card share the samples, each clears its own.
    shared = record[12]
    for r in range(height if shared == 0 else 0):
        for i in range(0, width * pixel, LANES):
            store(at(dx, r * dx_row + i), splat(0.0))
    for b in each(0, batch, LANES):
        for r in range(height if shared != 0 else 0):
            for i in range(b, width * pixel, batch):
                store(at(dx, r * dx_row + i), splat(0.0))
        m0, m1, m2 = load(at(maps, b)), load(at(maps, batch + b)), load(at(maps, 2 * batch + b))
        m3, m4, m5 = load(at(maps, 3 * batch + b)), load(at(maps, 4 * batch + b)), load(at(maps, 5 * batch + b))
        mirrors = _off_pixels(maps, b, batch) == 0.0
        for r in range(height):
            first_row, first_column = m0 * float32(r) + m2, m3 * float32(r) + m5
            for c in range(width):
                row, column = m1 * float32(c) + first_row, m4 * float32(c) + first_column
                top, left = round_down(row), round_down(column)
                down, across = row - top, column - left
                r0, c0 = _within(top, height, mode), _within(left, width, mode)
                above, before = _share_inside(top, height, mode), _share_inside(left, width, mode)
                above, before = above * (1.0 - down), before * (1.0 - across)
                r1, c1 = _within(top + 1.0, height, mode), _within(left + 1.0, width, mode)
                below, behind = _share_inside(top + 1.0, height, mode) * down, _share_inside(left + 1.0, width, mode) * across
                for k in range(channels):
                    target = at(dx, k * batch + b)
                    g = load(at(dy, r * dy_row + c * pixel + k * batch + b))
                    upper = g * above
                    scatter_add(target, r0, c0, dx_row, pixel, upper * before)
                    # Maps that only mirror lead to one pixel instead of four.
                    if not mirrors:
                        lower = g * below
                        scatter_add(target, r0, c1, dx_row, pixel, upper * behind)
                        scatter_add(target, r1, c0, dx_row, pixel, lower * before)
                        scatter_add(target, r1, c1, dx_row, pixel, lower * behind)


#: For `studio.core.augmentation.Augmentation.kernels`.
PICTURE_KERNELS = (draw_sample_numbers, sample_pictures, sample_pictures_backward)
