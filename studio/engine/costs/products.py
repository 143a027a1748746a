"""Costs of matrix products, convolutions and the weights' gradients."""

from __future__ import annotations

import re

import numpy as np

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.formulas import Formula, Work, cost, each, family
from studio.kernels.jit import Kernel

_PRODUCTS = "studio.kernels.products"
_SAMPLES = "studio.kernels.sample_products"


def _groups(a: Arguments) -> int:
    return a.groups if "groups" in a else 1


@family(r"multiply_(\d+)x\d+(?:_grouped)?", "blocks", "pixels", "depth", "batch", "x_pixels", "offsets")
def _multiply(match: re.Match[str], kernel: Kernel) -> Formula:
    size = int(match[1])

    def formula(a: Arguments) -> Work:
        groups, outputs = _groups(a), a.blocks * size
        read = a.reached("x_pixels", a.pixels, "offsets", a.depth, a.batch)
        bias = outputs if a.bias_stride else 0
        sums = outputs * a.pixels * a.batch
        return Work(2.0 * groups * a.depth * sums, groups * (read + outputs * a.depth + bias), groups * sums)

    return formula


@family(r"correlate_(\d+)(?:_grouped)?", "blocks", "pixels", "depth", "batch", "x_pixels", "offsets")
def _correlate(match: re.Match[str], kernel: Kernel) -> Formula:
    size = int(match[1])

    def formula(a: Arguments) -> Work:
        groups, outputs = _groups(a), a.blocks * size
        read = a.reached("x_pixels", a.pixels, "offsets", a.depth, a.batch)
        gradients, weights = outputs * a.pixels * a.batch, outputs * a.depth
        return Work(2.0 * groups * a.depth * gradients, groups * (read + gradients), groups * weights)

    return formula


@family(r"multiply_tiled_\d+x\d+_[ko]", "tiles", "outputs", "pixels", "depth", "batch", "x_pixels", "offsets")
def _multiply_tiled(match: re.Match[str], kernel: Kernel) -> Formula:
    def formula(a: Arguments) -> Work:
        read = a.reached("x_pixels", a.pixels, "offsets", a.depth, a.batch)
        bias = a.outputs if a.bias_stride else 0
        sums = a.outputs * a.pixels * a.batch
        return Work(2.0 * a.groups * a.depth * sums, a.groups * (read + a.outputs * a.depth + bias), a.groups * sums)

    return formula


@family(r"correlate_tiled_\d+x\d+", "tiles", "outputs", "pixels", "depth", "batch", "slices", "x_pixels", "offsets")
def _correlate_tiled(match: re.Match[str], kernel: Kernel) -> Formula:
    def formula(a: Arguments) -> Work:
        read = a.reached("x_pixels", a.pixels, "offsets", a.depth, a.batch)
        gradients, weights = a.outputs * a.pixels * a.batch, a.outputs * a.depth
        return Work(2.0 * a.groups * a.depth * gradients, a.groups * (read + gradients), a.groups * a.slices * weights)

    return formula


@family(r"outer_(\d+)x\d+", "outputs", "padded", "pixels", "batch", "blocks", "smaller", "x_pixels", "offsets")
def _outer(match: re.Match[str], kernel: Kernel) -> Formula:
    inputs = int(match[1])

    def formula(a: Arguments) -> Work:
        depth, numbers = a.blocks * inputs + a.smaller * max(1, inputs - 1), a.pixels * a.batch
        read = a.reached("x_pixels", a.pixels, "offsets", depth, a.batch)
        # Besides the products there is the sum of the gradients, the bias's.
        return Work((2.0 * depth + 1) * a.outputs * numbers, read + a.outputs * numbers, a.outputs * (depth + 1))

    return formula


@family(r"collect_\d+x\d+x\d+", "groups", "outputs", "depth", "pixels", "batch")
def _collect(match: re.Match[str], kernel: Kernel) -> Formula:
    def formula(a: Arguments) -> Work:
        outputs = a.groups * a.outputs
        read = a.groups * a.reached("x_pixels", a.pixels, "offsets", a.depth, a.batch)
        bias = outputs if a.bias_step else 0
        sums = outputs * a.pixels * a.batch
        return Work(2.0 * a.depth * sums, read + outputs * a.depth + bias, sums)

    return formula


@family(r"weigh_(\d+)(_bias)?", "groups", "outputs", "blocks", "pixels", "batch")
def _weigh(match: re.Match[str], kernel: Kernel) -> Formula:
    terms, biased = int(match[1]), bool(match[2])

    def formula(a: Arguments) -> Work:
        outputs, depth, numbers = a.groups * a.outputs, a.blocks * terms, a.pixels * a.batch
        read = a.groups * a.reached("x_pixels", a.pixels, "offsets", depth, a.batch)
        return Work(outputs * numbers * (2.0 * depth + biased), read + outputs * numbers, outputs * (depth + biased))

    return formula


def _pixels_of_rows(a: Arguments, rows: int) -> np.ndarray:
    """Where the windows begin that a kernel looks at by so many rows, or one less, at a time."""
    tiles = a.tiles + a.fewer
    firsts, widths = a.integers("x_starts", tiles), a.integers("widths", tiles)
    columns = a.integers("x_columns", int(widths.max()))
    sizes = [rows] * a.tiles + [rows - 1] * a.fewer
    found = [np.add.outer(first + np.arange(size) * a.x_row, columns[:width]) for first, width, size in zip(firsts, widths, sizes, strict=True)]
    return np.concatenate([places.ravel() for places in found])


@family(r"collect_rows_(\d+)x(\d+)_(\d+)(_more)?", "count", "outputs", "tiles", "fewer", "batch")
def _collect_rows(match: re.Match[str], kernel: Kernel) -> Formula:
    high, wide, rows = int(match[1]), int(match[2]), int(match[3])

    def formula(a: Arguments) -> Work:
        starts, terms = _pixels_of_rows(a, rows), high * wide
        # A window's places are rows and columns of pixels.
        read = a.count // a.outputs * a.batch * len(_seen(starts, high, wide, a))
        bias = a.count if a.bias_step else 0
        sums = a.count * len(starts) * a.batch
        # Of a window that is cut into bands, all but the first go on from what is there.
        read += sums if match[4] else 0
        return Work(2.0 * terms * sums, read + a.count * terms + bias, sums)

    return formula


def _seen(starts: np.ndarray, high: int, wide: int, a: Arguments) -> np.ndarray:
    """Where pixels are that windows of so many rows and columns cover."""
    steps = a.integers("x_columns", wide)
    return np.unique(starts[:, None, None] + np.arange(high)[:, None] * a.x_row + steps)


@family(r"weigh_(\d+)x(\d+)_(\d+)(_bias)?", "groups", "outputs", "tiles", "fewer", "batch")
def _weigh_rows(match: re.Match[str], kernel: Kernel) -> Formula:
    high, wide, rows, biased = int(match[1]), int(match[2]), int(match[3]), bool(match[4])

    def formula(a: Arguments) -> Work:
        outputs, terms = a.groups * a.outputs, high * wide
        starts = _pixels_of_rows(a, rows)
        numbers = len(starts) * a.batch
        read = a.groups * a.covered(starts, "offsets", terms, a.batch)
        return Work(outputs * numbers * (2.0 * terms + biased), read + outputs * numbers, outputs * (terms + biased))

    return formula


@family(r"sample_product_(\d+)x(\d+)", "row_blocks", "column_blocks", "depth", "batch")
def _sample_product(match: re.Match[str], kernel: Kernel) -> Formula:
    def formula(a: Arguments) -> Work:
        rows, columns = a.row_blocks * int(match[1]), a.column_blocks * int(match[2])
        sums = rows * columns * a.batch
        return Work(2.0 * a.depth * sums, (rows + columns) * a.depth * a.batch, sums)

    return formula


cost(_PRODUCTS, "transpose")(each(lambda a: a.rows * a.batch, 0, 1, 1))
cost(_PRODUCTS, "pack")(each(lambda a: a.groups * a.rows * a.count * a.columns, 0, 1, 1))
cost(_SAMPLES, "gather_rows")(each(lambda a: a.rows * a.depth * a.batch, 0, 1, 1))


@cost("studio.kernels.card_tiles", "add_slices")
def _add_slices(a: Arguments) -> Work:
    sums = a.groups * a.rows * a.columns
    return Work((a.slices - 1) * sums, a.slices * sums, sums)


@cost(_PRODUCTS, "sum_rows")
def _sum_rows(a: Arguments) -> Work:
    return Work((a.rows - 1) * a.columns, a.rows * a.columns, a.columns)


@cost(_PRODUCTS, "sum_channels")
def _sum_channels(a: Arguments) -> Work:
    n = a.channels * a.pixels * a.batch
    return Work(n, n, a.channels)


@cost(_SAMPLES, "normalize_vectors")
def _normalize_vectors(a: Arguments) -> Work:
    vectors = a.rows * a.batch
    return Work(vectors * (3 * a.depth + 4), vectors * a.depth, vectors * (a.depth + 1))


@cost(_SAMPLES, "normalize_vectors_backward")
def _normalize_vectors_backward(a: Arguments) -> Work:
    vectors = a.rows * a.batch
    return Work(vectors * 5 * a.depth, vectors * (2 * a.depth + 1), vectors * a.depth)
