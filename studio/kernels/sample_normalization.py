"""Normalising each sample by itself: along the last axis, or over groups of channels.

Statistics are of one sample, so that threads need not wait for each other. Everything works on
vectors over the batch: a mean or a deviation is as wide as the batch.

Two shapes of the same idea. *Rows*: each pixel (or step) has its own statistics over its
channels; they stay in the nearest cache while they are looked at. *Groups*: statistics over all
pixels of some channels; the picture streams by once for the statistics and once for the result,
and the sums of the gradients are kept for each channel, from which those of the groups follow.

The sum of squares is taken around a number near the mean, so that no digits are lost where the
mean is much larger than the deviation.
"""

from __future__ import annotations

from studio.core.lowering import Lowering, Ref, Tensor, WeightRef
from studio.kernels.jit import inline, kernel
from studio.kernels.maths import maximum, sqrt
from studio.kernels.numba_names import float32
from studio.kernels.sharing import each, inner, outer
from studio.kernels.simd import LANES, at, load, splat, store, sum_lanes

#: Pixels, spread over the picture, whose mean the squares are taken around.
SCOUTS = 8


@inline
def _scale(arena, has, place, c):
    """A channel's gamma, or 1 without one."""
    return arena[place + c] if has != 0 else float32(1.0)


@inline
def _shift(arena, has, place, c):
    """A channel's beta, or 0 without one."""
    return arena[place + c] if has != 0 else float32(0.0)


@kernel
def normalize_rows(arena, record, table, state):
    """y = (x - mean) / deviation * gamma + beta along the channels of each pixel.

    Without centring the mean counts as 0, and the deviation is the root of the mean square.
    """
    channels, pixels, batch, centred = record[2], record[3], record[4], record[5]
    x, x_pixels = at(arena, record[6]), at(table, record[7])
    y, y_pixels = at(arena, record[8]), at(table, record[9])
    epsilon, means, inverses = arena[record[10]], at(arena, record[11]), at(arena, record[12])
    share = float32(1.0) / float32(channels)
    whole = channels - channels % 2
    for p in outer(pixels):
        source, target = at(x, x_pixels[p]), at(y, y_pixels[p])
        mean_row, inverse_row = at(means, p * batch), at(inverses, p * batch)
        # Two vectors at a time, which wait for their sums and roots together; an odd one's pair is itself.
        for b in inner(pixels, 0, batch, 2 * LANES):
            other = min(b + LANES, batch - LANES)
            mean0, mean1 = splat(0.0), splat(0.0)
            if centred != 0:
                s0, s1, t0, t1 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
                for c in range(0, whole, 2):
                    one, two = at(source, c * batch + b), at(source, c * batch + other)
                    s0, s1 = s0 + load(one), s1 + load(at(one, batch))
                    t0, t1 = t0 + load(two), t1 + load(at(two, batch))
                if whole < channels:
                    s0, t0 = s0 + load(at(source, whole * batch + b)), t0 + load(at(source, whole * batch + other))
                mean0, mean1 = (s0 + s1) * share, (t0 + t1) * share
            q0, q1, r0, r1 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
            for c in range(0, whole, 2):
                one, two = at(source, c * batch + b), at(source, c * batch + other)
                d0, d1 = load(one) - mean0, load(at(one, batch)) - mean0
                e0, e1 = load(two) - mean1, load(at(two, batch)) - mean1
                q0, q1, r0, r1 = q0 + d0 * d0, q1 + d1 * d1, r0 + e0 * e0, r1 + e1 * e1
            if whole < channels:
                d0, e0 = load(at(source, whole * batch + b)) - mean0, load(at(source, whole * batch + other)) - mean1
                q0, r0 = q0 + d0 * d0, r0 + e0 * e0
            inverse0, inverse1 = 1.0 / sqrt((q0 + q1) * share + epsilon), 1.0 / sqrt((r0 + r1) * share + epsilon)
            store(at(mean_row, b), mean0)
            store(at(mean_row, other), mean1)
            store(at(inverse_row, b), inverse0)
            store(at(inverse_row, other), inverse1)
            for c in range(channels):
                scale, shift = _scale(arena, record[13], record[14], c), _shift(arena, record[15], record[16], c)
                i, j = c * batch + b, c * batch + other
                n0, n1 = (load(at(source, i)) - mean0) * inverse0, (load(at(source, j)) - mean1) * inverse1
                store(at(target, i), n0 * scale + shift)
                store(at(target, j), n1 * scale + shift)


@inline
def _add_to_sums(place, g0, g1, n0, n1):
    """A channel's sum of dy, and of dy times the normalised x, have two vectors added."""
    store(place, load(place) + (g0 + g1))
    store(at(place, LANES), load(at(place, LANES)) + (g0 * n0 + g1 * n1))


@kernel
def normalize_rows_backward(arena, record, table, state):
    """Gradients of `normalize_rows`: of x where it is wanted, and of gamma and beta.

    With g = dy gamma and n the normalised x: ``dx = (g - mean(g) - n mean(g n)) / deviation``.
    In padding columns dy is 0, so nothing is added there and dx is 0.
    """
    channels, pixels, batch, centred = record[2], record[3], record[4], record[5]
    x, x_pixels = at(arena, record[6]), at(table, record[7])
    dy, dy_pixels = at(arena, record[8]), at(table, record[9])
    wanted, dx, dx_pixels = record[10], at(arena, record[11]), at(table, record[12])
    means, inverses, sums = at(arena, record[13]), at(arena, record[14]), at(arena, record[15])
    has_scale, scales = record[16], record[17]
    scale_gradient, shift_gradient = at(arena, record[18]), at(arena, record[19])
    share = float32(1.0) / float32(channels)
    # Groups of a card share the pixels, and then the channels, whose sums no one can add to with others.
    shared = record[20]
    for i in range(0, 2 * channels * LANES if shared == 0 else 0, LANES):
        store(at(sums, i), splat(0.0))
    for p in each(pixels):
        source, gradient = at(x, x_pixels[p]), at(dy, dy_pixels[p])
        mean_row, inverse_row = at(means, p * batch), at(inverses, p * batch)
        # Two vectors at a time, so that the sums are fetched half as often; the second of an odd
        # one's pair adds nothing.
        for b in range(0, batch, 2 * LANES):
            other = min(b + LANES, batch - LANES)
            counts = float32(1.0) if other > b else float32(0.0)
            mean0, inverse0 = load(at(mean_row, b)), load(at(inverse_row, b))
            mean1, inverse1 = load(at(mean_row, other)), load(at(inverse_row, other))
            if wanted != 0:
                s0, s1, t0, t1 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
                q0, q1, r0, r1 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
                for c in range(0, channels - 1, 2):
                    i, j = c * batch + b, c * batch + other
                    scale = _scale(arena, has_scale, scales, c)
                    g0, h0 = load(at(gradient, i)) * scale, load(at(gradient, j)) * scale
                    s0, q0 = s0 + g0, q0 + g0 * (load(at(source, i)) - mean0)
                    t0, r0 = t0 + h0, r0 + h0 * (load(at(source, j)) - mean1)
                    i, j = i + batch, j + batch
                    scale = _scale(arena, has_scale, scales, c + 1)
                    g1, h1 = load(at(gradient, i)) * scale, load(at(gradient, j)) * scale
                    s1, q1 = s1 + g1, q1 + g1 * (load(at(source, i)) - mean0)
                    t1, r1 = t1 + h1, r1 + h1 * (load(at(source, j)) - mean1)
                if channels % 2 != 0:
                    c = channels - 1
                    i, j = c * batch + b, c * batch + other
                    scale = _scale(arena, has_scale, scales, c)
                    g0, h0 = load(at(gradient, i)) * scale, load(at(gradient, j)) * scale
                    s0, q0 = s0 + g0, q0 + g0 * (load(at(source, i)) - mean0)
                    t0, r0 = t0 + h0, r0 + h0 * (load(at(source, j)) - mean1)
                # What the mean and the deviation of each sample take back.
                lost0, turned0 = splat(0.0), (q0 + q1) * inverse0 * share
                lost1, turned1 = splat(0.0), (r0 + r1) * inverse1 * share
                if centred != 0:
                    lost0, lost1 = (s0 + s1) * share, (t0 + t1) * share
                target = at(dx, dx_pixels[p])
                for c in range(channels):
                    i, j, scale = c * batch + b, c * batch + other, _scale(arena, has_scale, scales, c)
                    g0, g1 = load(at(gradient, i)), load(at(gradient, j))
                    n0, n1 = (load(at(source, i)) - mean0) * inverse0, (load(at(source, j)) - mean1) * inverse1
                    store(at(target, i), (g0 * scale - (lost0 + n0 * turned0)) * inverse0)
                    store(at(target, j), (g1 * scale - (lost1 + n1 * turned1)) * inverse1)
                    if shared == 0:
                        _add_to_sums(at(sums, 2 * c * LANES), g0, g1 * counts, n0, n1)
            elif shared == 0:
                for c in range(channels):
                    i, j = c * batch + b, c * batch + other
                    g0, g1 = load(at(gradient, i)), load(at(gradient, j))
                    n0, n1 = (load(at(source, i)) - mean0) * inverse0, (load(at(source, j)) - mean1) * inverse1
                    _add_to_sums(at(sums, 2 * c * LANES), g0, g1 * counts, n0, n1)
    for c in each(channels):
        if shared != 0:
            plain, weighted = splat(0.0), splat(0.0)
            for p in range(pixels):
                for b in range(0, batch, LANES):
                    i, g = p * batch + b, load(at(dy, dy_pixels[p] + c * batch + b))
                    normal = (load(at(x, x_pixels[p] + c * batch + b)) - load(at(means, i))) * load(at(inverses, i))
                    plain, weighted = plain + g, weighted + g * normal
            store(at(sums, 2 * c * LANES), plain)
            store(at(sums, (2 * c + 1) * LANES), weighted)
        shift_gradient[c] = sum_lanes(load(at(sums, 2 * c * LANES)))
        scale_gradient[c] = sum_lanes(load(at(sums, (2 * c + 1) * LANES)))


@kernel
def group_statistics(arena, record, table, state):
    """Mean and 1 / deviation of each group of `size` channels over all pixels."""
    groups, size, pixels, batch = record[2], record[3], record[4], record[5]
    x, x_pixels = at(arena, record[6]), at(table, record[7])
    epsilon, means, inverses, sums = arena[record[8]], at(arena, record[9]), at(arena, record[10]), at(arena, record[11])
    step = max(1, pixels // SCOUTS)
    scouts = -(-pixels // step)
    many, part = record[12], record[13]
    ends = (groups + many - 1) // many
    # All groups and samples at once, or a part of them for each group of threads of a card.
    for turn in each(ends * ((batch + part - 1) // part)):
        first, start = turn % ends * many, turn // ends * part
        last, end = min(groups, first + many), min(batch, start + part)
        for group in range(first, last):
            for i in range(group * batch + start, group * batch + end, LANES):
                store(at(means, i), splat(0.0))
                store(at(inverses, i), splat(0.0))
                store(at(sums, i), splat(0.0))
        for p in range(0, pixels, step):
            for group in range(first, last):
                source = at(x, x_pixels[p] + group * size * batch)
                for b in range(start, end, LANES):
                    total = load(at(means, group * batch + b))
                    for c in range(size):
                        total = total + load(at(source, c * batch + b))
                    store(at(means, group * batch + b), total)
        share = float32(1.0) / float32(scouts * size)
        for group in range(first, last):
            for i in range(group * batch + start, group * batch + end, LANES):
                store(at(means, i), load(at(means, i)) * share)
        whole = pixels - pixels % 2
        for p in range(0, whole, 2):
            one, other = at(x, x_pixels[p]), at(x, x_pixels[p + 1])
            for group in range(first, last):
                for b in range(start, end, LANES):
                    near, i = load(at(means, group * batch + b)), group * size * batch + b
                    total, squares = load(at(sums, group * batch + b)), load(at(inverses, group * batch + b))
                    for _c in range(size):
                        d0, d1 = load(at(one, i)) - near, load(at(other, i)) - near
                        total, squares = total + (d0 + d1), squares + (d0 * d0 + d1 * d1)
                        i += batch
                    store(at(sums, group * batch + b), total)
                    store(at(inverses, group * batch + b), squares)
        for p in range(whole, pixels):
            one = at(x, x_pixels[p])
            for group in range(first, last):
                for b in range(start, end, LANES):
                    near, i = load(at(means, group * batch + b)), group * size * batch + b
                    total, squares = load(at(sums, group * batch + b)), load(at(inverses, group * batch + b))
                    for _c in range(size):
                        d0 = load(at(one, i)) - near
                        total, squares = total + d0, squares + d0 * d0
                        i += batch
                    store(at(sums, group * batch + b), total)
                    store(at(inverses, group * batch + b), squares)
        share = float32(1.0) / float32(pixels * size)
        for group in range(first, last):
            for i in range(group * batch + start, group * batch + end, LANES):
                move = load(at(sums, i)) * share
                # Rounding may leave a little less than nothing of the variance.
                variance = maximum(load(at(inverses, i)) * share - move * move, 0.0)
                store(at(means, i), load(at(means, i)) + move)
                store(at(inverses, i), 1.0 / sqrt(variance + epsilon))


@kernel
def normalize_groups(arena, record, table, state):
    """y = (x - mean) / deviation * gamma + beta, with the statistics of the channel's group."""
    groups, size, pixels, batch = record[2], record[3], record[4], record[5]
    x, x_pixels = at(arena, record[6]), at(table, record[7])
    y, y_pixels = at(arena, record[8]), at(table, record[9])
    means, inverses = at(arena, record[10]), at(arena, record[11])
    for p in each(pixels):
        for group in range(groups):
            for c in range(group * size, (group + 1) * size):
                scale, shift = _scale(arena, record[12], record[13], c), _shift(arena, record[14], record[15], c)
                source, target = at(x, x_pixels[p] + c * batch), at(y, y_pixels[p] + c * batch)
                for b in range(0, batch, LANES):
                    i = group * batch + b
                    normal = (load(at(source, b)) - load(at(means, i))) * load(at(inverses, i))
                    store(at(target, b), normal * scale + shift)


@kernel
def group_gradient_sums(arena, record, table, state):
    """For each channel and sample, over the pixels: the sums of dy and of dy (x - mean).

    Then the gradients of beta and gamma, and for each group and sample what dx gives up.
    """
    groups, size, pixels, batch = record[2], record[3], record[4], record[5]
    x, x_pixels = at(arena, record[6]), at(table, record[7])
    dy, dy_pixels = at(arena, record[8]), at(table, record[9])
    means, inverses, sums, shares = at(arena, record[10]), at(arena, record[11]), at(arena, record[12]), at(arena, record[13])
    has_scale, scales = record[14], record[15]
    scale_gradient, shift_gradient = at(arena, record[16]), at(arena, record[17])
    length = groups * size * batch
    weighted_sums, of_deviation = at(sums, length), at(shares, groups * batch)
    # All groups at once, or one for each group of threads of a card.
    for first in each(0, groups, record[18]):
        last = min(groups, first + record[18])
        for i in range(first * size * batch, last * size * batch, LANES):
            store(at(sums, i), splat(0.0))
            store(at(weighted_sums, i), splat(0.0))
        # Two pixels at a time; the second of an odd one's pair adds nothing.
        for p in range(0, pixels, 2):
            other = min(p + 1, pixels - 1)
            counts = float32(1.0) if p + 1 < pixels else float32(0.0)
            x0, x1 = at(x, x_pixels[p]), at(x, x_pixels[other])
            g0, g1 = at(dy, dy_pixels[p]), at(dy, dy_pixels[other])
            i = first * size * batch
            for group in range(first, last):
                mean_row = at(means, group * batch)
                for _c in range(size):
                    for b in range(0, batch, LANES):
                        mean, one, two = load(at(mean_row, b)), load(at(g0, i)), load(at(g1, i)) * counts
                        moved = one * (load(at(x0, i)) - mean) + two * (load(at(x1, i)) - mean)
                        store(at(sums, i), load(at(sums, i)) + (one + two))
                        store(at(weighted_sums, i), load(at(weighted_sums, i)) + moved)
                        i += LANES
        share = float32(1.0) / float32(pixels * size)
        for group in range(first, last):
            for b in range(0, batch, LANES):
                store(at(shares, group * batch + b), splat(0.0))
                store(at(of_deviation, group * batch + b), splat(0.0))
            for c in range(group * size, (group + 1) * size):
                scale = _scale(arena, has_scale, scales, c) * share
                plain, weighted = splat(0.0), splat(0.0)
                for b in range(0, batch, LANES):
                    i = group * batch + b
                    s, w = load(at(sums, c * batch + b)), load(at(weighted_sums, c * batch + b)) * load(at(inverses, i))
                    plain, weighted = plain + s, weighted + w
                    store(at(shares, i), load(at(shares, i)) + s * scale)
                    store(at(of_deviation, i), load(at(of_deviation, i)) + w * scale)
                shift_gradient[c] = sum_lanes(plain)
                scale_gradient[c] = sum_lanes(weighted)


@kernel
def normalize_groups_backward(arena, record, table, state):
    """dx = (dy gamma - share of the mean - n share of the deviation) / deviation, n the normalised x."""
    groups, size, pixels, batch = record[2], record[3], record[4], record[5]
    x, x_pixels = at(arena, record[6]), at(table, record[7])
    dy, dy_pixels = at(arena, record[8]), at(table, record[9])
    dx, dx_pixels = at(arena, record[10]), at(table, record[11])
    means, inverses, shares = at(arena, record[12]), at(arena, record[13]), at(arena, record[14])
    of_deviation = at(shares, groups * batch)
    for p in each(pixels):
        for group in range(groups):
            for c in range(group * size, (group + 1) * size):
                scale = _scale(arena, record[15], record[16], c)
                source, gradient = at(x, x_pixels[p] + c * batch), at(dy, dy_pixels[p] + c * batch)
                target = at(dx, dx_pixels[p] + c * batch)
                for b in range(0, batch, LANES):
                    i = group * batch + b
                    inverse = load(at(inverses, i))
                    normal = (load(at(source, b)) - load(at(means, i))) * inverse
                    lost = load(at(shares, i)) + normal * load(at(of_deviation, i))
                    store(at(target, b), (load(at(gradient, b)) * scale - lost) * inverse)


# Lowering ------------------------------------------------------------------------------------


def affine(lowering: Lowering, gamma: WeightRef | None, beta: WeightRef | None) -> tuple[int | Ref, ...]:
    """Arguments that say whether there is a gamma and where, and the same of beta."""
    nowhere = lowering.zeros(1)
    return (
        *((1, gamma.value) if gamma else (0, nowhere)),
        *((1, beta.value) if beta else (0, nowhere)),
    )


def gradient_place(lowering: Lowering, weight: WeightRef | None, channels: int) -> Ref:
    """Where a gradient of `channels` numbers goes; a place nobody looks at if nobody wants it."""
    return weight.gradient if weight is not None and weight.trainable else lowering.scratch(channels)


def lower_rows(
    lowering: Lowering, tensor: Tensor, centred: bool, gamma: WeightRef | None, beta: WeightRef | None
) -> Tensor:
    """Emit normalisation along the last axis; the live number is called ``epsilon``."""
    # Rows of pictures may lie apart; anything else must have no gaps.
    x = tensor if len(tensor.shape) == 3 else lowering.contiguous(tensor)
    y = lowering.output(x.shape)
    channels, batch = x.shape[-1], lowering.batch
    pixels = x.features // channels
    sizes = (channels, pixels, batch, int(centred))
    source = (x.base, lowering.table(x.pixel_offsets()))
    means, inverses = lowering.scratch(pixels * batch), lowering.scratch(pixels * batch)
    lowering.emit(
        normalize_rows,
        *(*sizes, *source, y.base, lowering.table(y.pixel_offsets())),
        *(lowering.number("epsilon"), means, inverses),
        *affine(lowering, gamma, beta),
    )

    def backward(dy: Tensor) -> None:
        dx = lowering.gradient(x)
        target = (1, dx.base, lowering.table(dx.pixel_offsets())) if dx else (0, y.base, source[1])
        lowering.emit(
            normalize_rows_backward,
            *(*sizes, *source, dy.base, lowering.table(dy.pixel_offsets()), *target),
            *(means, inverses, lowering.scratch(2 * channels * lowering.lanes)),
            *affine(lowering, gamma, None)[:2],
            *(gradient_place(lowering, gamma, channels), gradient_place(lowering, beta, channels), int(lowering.on_card)),
        )

    lowering.backward(y, backward)
    return y
