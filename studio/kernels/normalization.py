"""Normalising channels with the statistics of a whole minibatch, however many threads share it.

Each thread works out count, mean and sum of squared distances of its shard, in blocks that
stay in the nearest cache; after a barrier every thread combines all threads' in the same
order, so that all have the same numbers to the last bit.

Arrays of one number a channel are `padded` floats long, whole vectors. A thread's moments are
its count, then, from `HEADER` on, means and squared distances; the statistics are mean,
1 / deviation, scale and shift.

References
----------
T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise algorithm for
computing sample variances", 1979.
"""

from __future__ import annotations

from studio.kernels.jit import inline, kernel
from studio.kernels.maths import sqrt
from studio.kernels.numba_names import float32
from studio.kernels.sharing import each, inner, outer
from studio.kernels.simd import LANES, at, load, splat, store, sum_lanes
from studio.kernels.state import THREAD, THREADS, VALID

#: Floats before the first array of a thread's moments.
HEADER = 16
#: Floats of a picture that are looked at twice in a row.
BLOCK = 8192


@kernel
def moments(arena, record, table, state):
    """Count, mean and squared distances from the mean, of each channel in this shard."""
    channels, pixels, batch, padded = record[2], record[3], record[4], record[5]
    x, x_pixels, valid = at(arena, record[6]), at(table, record[7]), at(arena, record[8])
    result, sums, centres = at(arena, record[9]), at(arena, record[10]), at(arena, record[11])
    means, squares, seen = at(result, HEADER), at(result, HEADER + padded), float32(0.0)
    for c in each(padded):
        means[c] = 0.0
        squares[c] = 0.0
    if state[VALID] > 0:
        chunk = max(1, BLOCK // (channels * batch))
        for start in range(0, pixels, chunk):
            end = min(start + chunk, pixels)
            for c in each(channels):
                store(at(sums, c * LANES), splat(0.0))
            for p in range(start, end):
                for c in each(channels):
                    place = at(x, x_pixels[p] + c * batch)
                    total = load(at(sums, c * LANES))
                    for b in range(0, batch, LANES):
                        total = total + load(at(place, b)) * load(at(valid, b))
                    store(at(sums, c * LANES), total)
            count = float32((end - start) * state[VALID])
            for c in each(channels):
                centres[c] = sum_lanes(load(at(sums, c * LANES))) / count
                store(at(sums, c * LANES), splat(0.0))
            for p in range(start, end):
                for c in each(channels):
                    place = at(x, x_pixels[p] + c * batch)
                    total = load(at(sums, c * LANES))
                    for b in range(0, batch, LANES):
                        distance = (load(at(place, b)) - centres[c]) * load(at(valid, b))
                        total = total + distance * distance
                    store(at(sums, c * LANES), total)
            share = count / (seen + count)
            for c in each(channels):
                move = centres[c] - means[c]
                squares[c] += sum_lanes(load(at(sums, c * LANES))) + move * move * (seen * share)
                means[c] += move * share
            seen += count
    result[0] = seen


@inline
def _put_statistics(statistics, padded, i, mean, variance, arena, record, first):
    """Mean, 1 / deviation, scale and shift of a vector of channels.

    ``record[first:]`` is epsilon, whether there is a gamma, gamma, whether there is a beta, beta.
    """
    inverse = 1.0 / sqrt(variance + arena[record[first]])
    scale = inverse
    if record[first + 1] != 0:
        scale = scale * load(at(arena, record[first + 2] + i))
    shift = splat(0.0)
    if record[first + 3] != 0:
        shift = load(at(arena, record[first + 4] + i))
    store(at(statistics, i), mean)
    store(at(statistics, padded + i), inverse)
    store(at(statistics, 2 * padded + i), scale)
    store(at(statistics, 3 * padded + i), shift)


@kernel
def batch_statistics(arena, record, table, state):
    """Statistics of the minibatch from all threads' moments; the first thread keeps moving averages."""
    padded, first, stride = record[2], at(arena, record[3]), record[4]
    statistics, counted = at(arena, record[5]), at(arena, record[6])
    momentum = arena[record[7]]
    moving_mean, moving_variance = at(arena, record[8]), at(arena, record[9])
    total = float32(0.0)
    for t in range(state[THREADS]):
        total += at(first, t * stride)[0]
    counted[0] = total
    for i in range(0, padded, LANES):
        count = at(first, 0)[0]
        mean, squares = load(at(first, HEADER + i)), load(at(first, HEADER + padded + i))
        for t in range(1, state[THREADS]):
            other = at(first, t * stride)
            # A thread without samples adds nothing: its share is 0.
            share = other[0] / (count + other[0])
            move = load(at(other, HEADER + i)) - mean
            squares = squares + load(at(other, HEADER + padded + i)) + move * move * (count * share)
            mean = mean + move * share
            count += other[0]
        variance = squares * (float32(1.0) / total)
        _put_statistics(statistics, padded, i, mean, variance, arena, record, 10)
        if state[THREAD] == 0:
            rest = float32(1.0) - momentum
            store(at(moving_mean, i), load(at(moving_mean, i)) * momentum + mean * rest)
            store(at(moving_variance, i), load(at(moving_variance, i)) * momentum + variance * rest)


@kernel
def moving_statistics(arena, record, table, state):
    """Statistics from the moving averages, for use after training."""
    padded, statistics = record[2], at(arena, record[3])
    for i in range(0, padded, LANES):
        mean, variance = load(at(arena, record[4] + i)), load(at(arena, record[5] + i))
        _put_statistics(statistics, padded, i, mean, variance, arena, record, 6)


@kernel
def normalize(arena, record, table, state):
    """y = (x - mean) scale + shift, channel by channel."""
    channels, pixels, batch, padded = record[2], record[3], record[4], record[5]
    x, x_pixels = at(arena, record[6]), at(table, record[7])
    y, y_pixels = at(arena, record[8]), at(table, record[9])
    means = at(arena, record[10])
    scales, shifts = at(means, 2 * padded), at(means, 3 * padded)
    for p in outer(pixels):
        for c in inner(pixels, 0, channels, 1):
            source, target = at(x, x_pixels[p] + c * batch), at(y, y_pixels[p] + c * batch)
            mean, scale, shift = splat(means[c]), splat(scales[c]), splat(shifts[c])
            for b in range(0, batch, LANES):
                store(at(target, b), (load(at(source, b)) - mean) * scale + shift)


@kernel
def gradient_sums(arena, record, table, state):
    """Per channel of this shard: the sums of dy, and of dy times the normalised x."""
    channels, pixels, batch, padded = record[2], record[3], record[4], record[5]
    x, x_pixels = at(arena, record[6]), at(table, record[7])
    dy, dy_pixels = at(arena, record[8]), at(table, record[9])
    means, result, sums = at(arena, record[10]), at(arena, record[11]), at(arena, record[12])
    for c in each(padded):
        result[c] = 0.0
        result[padded + c] = 0.0
    for c in each(channels):
        store(at(sums, 2 * c * LANES), splat(0.0))
        store(at(sums, (2 * c + 1) * LANES), splat(0.0))
    for p in range(pixels):
        for c in each(channels):
            source, gradient = at(x, x_pixels[p] + c * batch), at(dy, dy_pixels[p] + c * batch)
            mean = splat(means[c])
            plain, weighted = load(at(sums, 2 * c * LANES)), load(at(sums, (2 * c + 1) * LANES))
            for b in range(0, batch, LANES):
                # In the padding dy is 0, so nothing else has to be known of it.
                g = load(at(gradient, b))
                plain = plain + g
                weighted = weighted + g * (load(at(source, b)) - mean)
            store(at(sums, 2 * c * LANES), plain)
            store(at(sums, (2 * c + 1) * LANES), weighted)
    for c in each(channels):
        result[c] = sum_lanes(load(at(sums, 2 * c * LANES)))
        result[padded + c] = sum_lanes(load(at(sums, (2 * c + 1) * LANES))) * means[padded + c]


@kernel
def gradient_shares(arena, record, table, state):
    """What each sample's gradient gives up, since it moves the mean and the deviation of all.

    With the statistics of the minibatch's n numbers a channel: ``scale * sum(dy) / n`` and
    ``scale / deviation * sum(dy * normalised x) / n``.
    """
    padded, first, stride = record[2], at(arena, record[3]), record[4]
    statistics, counted, shares = at(arena, record[5]), at(arena, record[6]), at(arena, record[7])
    share = float32(1.0) / counted[0]
    for i in range(0, padded, LANES):
        plain, weighted = load(at(first, i)), load(at(first, padded + i))
        for t in range(1, state[THREADS]):
            plain = plain + load(at(first, t * stride + i))
            weighted = weighted + load(at(first, t * stride + padded + i))
        scale = load(at(statistics, 2 * padded + i)) * share
        store(at(shares, i), plain * scale)
        store(at(shares, padded + i), weighted * scale * load(at(statistics, padded + i)))


@kernel
def normalize_backward(arena, record, table, state):
    """dx = dy scale - share of the mean - (x - mean) share of the deviation, for real samples."""
    channels, pixels, batch, padded = record[2], record[3], record[4], record[5]
    x, x_pixels = at(arena, record[6]), at(table, record[7])
    dy, dy_pixels = at(arena, record[8]), at(table, record[9])
    dx, dx_pixels = at(arena, record[10]), at(table, record[11])
    means, shares, valid = at(arena, record[12]), at(arena, record[13]), at(arena, record[14])
    for p in outer(pixels):
        for c in inner(pixels, 0, channels, 1):
            source, gradient = at(x, x_pixels[p] + c * batch), at(dy, dy_pixels[p] + c * batch)
            target = at(dx, dx_pixels[p] + c * batch)
            mean, scale = splat(means[c]), splat(means[2 * padded + c])
            of_mean, of_deviation = splat(shares[c]), splat(shares[padded + c])
            for b in range(0, batch, LANES):
                lost = of_mean + (load(at(source, b)) - mean) * of_deviation
                store(at(target, b), (load(at(gradient, b)) * scale - lost) * load(at(valid, b)))


@kernel
def scale_channels(arena, record, table, state):
    """dx = dy scale: the gradient where the statistics are fixed."""
    channels, pixels, batch, padded = record[2], record[3], record[4], record[5]
    dy, dy_pixels = at(arena, record[6]), at(table, record[7])
    dx, dx_pixels = at(arena, record[8]), at(table, record[9])
    scales = at(arena, record[10] + 2 * padded)
    for p in outer(pixels):
        for c in inner(pixels, 0, channels, 1):
            source, target = at(dy, dy_pixels[p] + c * batch), at(dx, dx_pixels[p] + c * batch)
            scale = splat(scales[c])
            for b in range(0, batch, LANES):
                store(at(target, b), load(at(source, b)) * scale)
