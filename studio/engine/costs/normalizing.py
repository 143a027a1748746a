"""Costs of normalisation, over the minibatch and over each sample."""

from __future__ import annotations

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.formulas import Work, cost
from studio.kernels.simd import LANES

_BATCH = "studio.kernels.normalization"
_PARTS = "studio.kernels.channel_parts"
_SAMPLE = "studio.kernels.sample_normalization"


def _runs(a: Arguments) -> int:
    """Floats of one sum of each run and channel."""
    return a.runs * a.channels * LANES


def _numbers(a: Arguments) -> int:
    return a.channels * a.pixels * a.batch


@cost(_BATCH, "moments")
def _moments(a: Arguments) -> Work:
    # Once for the means, once for the distances from them.
    return Work(6 * _numbers(a), _numbers(a) + a.batch, 2 * a.padded)


@cost(_PARTS, "sum_squares_of_runs")
def _sum_squares_of_runs(a: Arguments) -> Work:
    return Work(4 * _numbers(a), _numbers(a) + a.batch + _runs(a), _runs(a))


@cost(_PARTS, "join_moments")
def _join_moments(a: Arguments) -> Work:
    return Work(2 * _runs(a), 2 * _runs(a), 2 * a.padded)


@cost(_PARTS, "sum_gradients_of_runs")
def _sum_gradients_of_runs(a: Arguments) -> Work:
    return Work(4 * _numbers(a), 2 * _numbers(a) + a.channels, 2 * _runs(a))


@cost(_PARTS, "join_gradients")
def _join_gradients(a: Arguments) -> Work:
    return Work(2 * _runs(a), 2 * _runs(a) + a.channels, 2 * a.padded)


@cost(_PARTS, "sum_runs")
def _sum_runs(a: Arguments) -> Work:
    return Work((1 + (a.masked != 0)) * _numbers(a), _numbers(a), _runs(a))


@cost(_PARTS, "add_runs")
def _add_runs(a: Arguments) -> Work:
    return Work(_runs(a), _runs(a), a.channels)


@cost(_BATCH, "batch_statistics")
def _batch_statistics(a: Arguments) -> Work:
    return Work(a.padded * (9 * a.threads + 10), a.padded * (2 * a.threads + 2), 4 * a.padded, 2 * a.padded)


@cost(_BATCH, "moving_statistics")
def _moving_statistics(a: Arguments) -> Work:
    return Work(4 * a.padded, 4 * a.padded, 4 * a.padded)


@cost(_BATCH, "normalize")
def _normalize(a: Arguments) -> Work:
    return Work(3 * _numbers(a), _numbers(a) + 3 * a.channels, _numbers(a))


@cost(_BATCH, "gradient_sums")
def _gradient_sums(a: Arguments) -> Work:
    return Work(4 * _numbers(a), 2 * _numbers(a) + 2 * a.channels, 2 * a.padded)


@cost(_BATCH, "gradient_shares")
def _gradient_shares(a: Arguments) -> Work:
    return Work(a.padded * (2 * a.threads + 2), a.padded * (2 * a.threads + 2), 2 * a.padded)


@cost(_BATCH, "normalize_backward")
def _normalize_backward(a: Arguments) -> Work:
    return Work(6 * _numbers(a), 2 * _numbers(a) + 4 * a.channels + a.batch, _numbers(a))


@cost(_BATCH, "scale_channels")
def _scale_channels(a: Arguments) -> Work:
    return Work(_numbers(a), _numbers(a) + a.channels, _numbers(a))


@cost(_SAMPLE, "normalize_rows")
def _normalize_rows(a: Arguments) -> Work:
    each = 8 if a.centred else 7
    return Work(each * _numbers(a), _numbers(a) + 2 * a.channels, _numbers(a) + 2 * a.pixels * a.batch)


@cost(_SAMPLE, "normalize_rows_backward")
def _normalize_rows_backward(a: Arguments) -> Work:
    each = 15 if a.wanted else 5
    read = 2 * _numbers(a) + 2 * a.pixels * a.batch + a.channels
    return Work(each * _numbers(a), read, a.wanted * _numbers(a) + 2 * a.channels)


def _grouped(a: Arguments) -> int:
    return a.groups * a.size * a.pixels * a.batch


@cost(_SAMPLE, "group_statistics")
def _group_statistics(a: Arguments) -> Work:
    return Work(4 * _grouped(a), _grouped(a), 2 * a.groups * a.batch)


@cost(_SAMPLE, "normalize_groups")
def _normalize_groups(a: Arguments) -> Work:
    return Work(4 * _grouped(a), _grouped(a) + 2 * a.groups * (a.batch + a.size), _grouped(a))


@cost(_SAMPLE, "group_gradient_sums")
def _group_gradient_sums(a: Arguments) -> Work:
    read = 2 * _grouped(a) + a.groups * (2 * a.batch + a.size)
    return Work(5 * _grouped(a), read, 2 * a.groups * (a.batch + a.size))


@cost(_SAMPLE, "normalize_groups_backward")
def _normalize_groups_backward(a: Arguments) -> Work:
    return Work(7 * _grouped(a), 2 * _grouped(a) + a.groups * (4 * a.batch + a.size), _grouped(a))
