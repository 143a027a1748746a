"""Sums over all pixels and samples of each channel, for cards: in parts that many groups share.

The kernels of `studio.kernels.normalization` and `studio.kernels.products.sum_channels` are for one thread
with a whole shard: each channel is one turn, and a convolution has few. Here a channel's pixels are cut into
a fixed number of runs; each kernel leaves a sum of each run, and the next one adds them up, always in
the same order, so that runs of a network repeat to the last bit.

Sums lie as ``[run][channel][lane]``, and neighbouring turns have neighbouring channels, as memory has.
"""

from __future__ import annotations

import numpy as np

from studio.core.lowering import Lowering, Ref, Tensor
from studio.kernels.jit import inline, kernel
from studio.kernels.lanewise import divided, put
from studio.kernels.normalization import HEADER, gradient_sums, moments
from studio.kernels.numba_names import float32
from studio.kernels.products import sum_channels
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, splat, sum_lanes
from studio.kernels.state import VALID

#: Turns that keep a large card busy.
_ENOUGH = 2048
#: Most runs: each group that goes on adds up as many.
_MOST_RUNS = 64


@inline
def _added(sums, c, channels, runs):
    """The sum of a channel's runs, in their order."""
    total = splat(0.0)
    for run in range(runs):
        total = total + load(at(sums, (run * channels + c) * LANES))
    return total


@kernel
def sum_runs(arena, record, table, state):
    """sums[run, c] = sum over the run's pixels and the batch of source[pixel, c], of real samples if `masked`."""
    channels, pixels, batch, runs = record[2], record[3], record[4], record[5]
    source, offsets, sums = at(arena, record[6]), at(table, record[7]), at(arena, record[8])
    masked, valid = record[9], at(arena, record[10])
    for turn in each(runs * channels):
        run, c = divided(turn, channels)
        total = splat(0.0)
        for p in range(run * pixels // runs, (run + 1) * pixels // runs):
            place = at(source, offsets[p] + c * batch)
            for b in range(0, batch, LANES):
                number = load(at(place, b))
                total = total + (number * load(at(valid, b)) if masked != 0 else number)
        put(at(sums, turn * LANES), total)


@kernel
def add_runs(arena, record, table, state):
    """total[c] = sum over runs."""
    channels, runs, sums, total = record[2], record[3], at(arena, record[4]), at(arena, record[5])
    for c in each(channels):
        total[c] = sum_lanes(_added(sums, c, channels, runs))


@kernel
def sum_squares_of_runs(arena, record, table, state):
    """squares[run, c] = sum over the run's pixels and real samples of (x - mean of the channel)²."""
    channels, pixels, batch, runs = record[2], record[3], record[4], record[5]
    x, x_pixels, valid = at(arena, record[6]), at(table, record[7]), at(arena, record[8])
    sums, squares = at(arena, record[9]), at(arena, record[10])
    count = max(float32(1.0), float32(pixels * state[VALID]))
    for turn in each(runs * channels):
        run, c = divided(turn, channels)
        mean = sum_lanes(_added(sums, c, channels, runs)) / count
        total = splat(0.0)
        for p in range(run * pixels // runs, (run + 1) * pixels // runs):
            place = at(x, x_pixels[p] + c * batch)
            for b in range(0, batch, LANES):
                distance = (load(at(place, b)) - mean) * load(at(valid, b))
                total = total + distance * distance
        put(at(squares, turn * LANES), total)


@kernel
def join_moments(arena, record, table, state):
    """Count, mean and squared distances from the mean, as `studio.kernels.normalization.moments` leaves them."""
    channels, pixels, padded, runs = record[2], record[3], record[4], record[5]
    result, sums, squares = at(arena, record[6]), at(arena, record[7]), at(arena, record[8])
    count = float32(pixels * state[VALID])
    for c in each(padded):
        mean, distances = float32(0.0), float32(0.0)
        if c < channels:
            mean = sum_lanes(_added(sums, c, channels, runs)) / max(float32(1.0), count)
            distances = sum_lanes(_added(squares, c, channels, runs))
        result[HEADER + c] = mean
        result[HEADER + padded + c] = distances
        if c == 0:
            result[0] = count


@kernel
def sum_gradients_of_runs(arena, record, table, state):
    """Of each run and channel: the sums of dy, and of dy times the distance of x from the mean."""
    channels, pixels, batch, runs = record[2], record[3], record[4], record[5]
    x, x_pixels = at(arena, record[6]), at(table, record[7])
    dy, dy_pixels = at(arena, record[8]), at(table, record[9])
    means, plain_sums, weighted_sums = at(arena, record[10]), at(arena, record[11]), at(arena, record[12])
    for turn in each(runs * channels):
        run, c = divided(turn, channels)
        mean, plain, weighted = splat(means[c]), splat(0.0), splat(0.0)
        for p in range(run * pixels // runs, (run + 1) * pixels // runs):
            source, gradient = at(x, x_pixels[p] + c * batch), at(dy, dy_pixels[p] + c * batch)
            for b in range(0, batch, LANES):
                # In the padding dy is 0, so nothing else has to be known of it.
                g = load(at(gradient, b))
                plain = plain + g
                weighted = weighted + g * (load(at(source, b)) - mean)
        put(at(plain_sums, turn * LANES), plain)
        put(at(weighted_sums, turn * LANES), weighted)


@kernel
def join_gradients(arena, record, table, state):
    """Sums of dy and of dy times the normalised x, as `studio.kernels.normalization.gradient_sums` leaves them."""
    channels, padded, runs = record[2], record[3], record[4]
    inverse, result = at(arena, record[5]), at(arena, record[6])
    plain_sums, weighted_sums = at(arena, record[7]), at(arena, record[8])
    for c in each(padded):
        plain, weighted = float32(0.0), float32(0.0)
        if c < channels:
            plain = sum_lanes(_added(plain_sums, c, channels, runs))
            weighted = sum_lanes(_added(weighted_sums, c, channels, runs)) * inverse[c]
        result[c] = plain
        result[padded + c] = weighted


# Lowering ------------------------------------------------------------------------------------


def _runs(lowering: Lowering, channels: int, pixels: int) -> int:
    """How many runs to cut the pixels into; one leaves all to a kernel that makes the sums at once."""
    return min(pixels, _MOST_RUNS, max(1, _ENOUGH // channels)) if lowering.on_card else 1


def lower_channel_sums(
    lowering: Lowering, channels: int, batch: int, source: tuple[Ref, np.ndarray], total: Ref
) -> None:
    """Emit ``total[c] = sum over pixels and batch of source[pixel, c]``.

    Parameters
    ----------
    lowering : Lowering
    channels, batch : int
        Channels of a pixel, which lie a minibatch of so many columns apart.
    source : (Ref, numpy.ndarray)
        Where distances are counted from, and where each pixel begins.
    total : Ref
    """
    base, pixels = source
    runs = _runs(lowering, channels, len(pixels))
    sums = lowering.scratch(runs * channels * lowering.lanes)
    if runs == 1:
        lowering.emit(sum_channels, channels, len(pixels), batch, base, lowering.table(pixels), total, sums)
        return
    lowering.emit(sum_runs, channels, len(pixels), batch, runs, base, lowering.table(pixels), sums, 0, lowering.valid)
    lowering.emit(add_runs, channels, runs, sums, total)


def lower_moments(lowering: Lowering, x: Tensor, padded: int, result: Ref) -> None:
    """Emit count, mean and squared distances of each channel; see `studio.kernels.normalization`."""
    channels, pixels = x.shape[-1], x.pixel_offsets()
    runs = _runs(lowering, channels, len(pixels))
    length = runs * channels * lowering.lanes
    sums, places = lowering.scratch(2 * length), (x.base, lowering.table(pixels))
    sizes = (channels, len(pixels), lowering.batch)
    if runs == 1:
        lowering.emit(moments, *sizes, padded, *places, lowering.valid, result, sums, lowering.scratch(padded))
        return
    lowering.emit(sum_runs, *sizes, runs, *places, sums, 1, lowering.valid)
    lowering.emit(sum_squares_of_runs, *sizes, runs, *places, lowering.valid, sums, sums + length)
    lowering.emit(join_moments, channels, len(pixels), padded, runs, result, sums, sums + length)


def lower_gradient_sums(lowering: Lowering, x: Tensor, dy: Tensor, padded: int, statistics: Ref, result: Ref) -> None:
    """Emit the sums of gradients that `studio.kernels.normalization` needs of each channel."""
    channels, pixels = x.shape[-1], x.pixel_offsets()
    runs = _runs(lowering, channels, len(pixels))
    length = runs * channels * lowering.lanes
    sums = lowering.scratch(2 * length)
    places = (x.base, lowering.table(pixels), dy.base, lowering.table(dy.pixel_offsets()))
    sizes = (channels, len(pixels), lowering.batch)
    if runs == 1:
        lowering.emit(gradient_sums, *sizes, padded, *places, statistics, result, sums)
        return
    lowering.emit(sum_gradients_of_runs, *sizes, runs, *places, statistics, sums, sums + length)
    lowering.emit(join_gradients, channels, padded, runs, statistics + padded, result, sums, sums + length)
