"""Products of matrices that each sample has of its own (attention's scores, cosine similarity).

Each sample multiplies other matrices, so nothing can be shared between the columns of the
batch; a tile of results stays in registers while the depth is run through. Of the second matrix
each vector of samples gets its rows side by side first: where they lie, a power of two apart,
they would push each other out of the nearest cache.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.core.lowering import Lowering, Ref, Tensor
from studio.kernels.jit import Kernel, generated, kernel
from studio.kernels.maths import maximum, sqrt
from studio.kernels.products import split_evenly
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, splat, store

#: Most rows and columns of a tile: sums, and what they are made from, fit into the registers.
TILE = (3, 3) if LANES == 8 else (4, 4)

_PRODUCT = '''"""y[i, j] = sum over k of a[i, k] * b[j, k], sample by sample, {rows} by {columns} at a time."""

from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, splat, store


def run(arena, record, table, state):
    row_blocks, column_blocks, depth, batch = record[2], record[3], record[4], record[5]
    a, a_rows, a_depth = at(arena, record[6]), at(table, record[7]), at(table, record[8])
    b, b_rows, first = at(arena, record[9]), record[10], record[11]
    y, y_rows, y_columns = at(arena, record[12]), at(table, record[13]), at(table, record[14])
    # What one vector of samples needs stays in the near caches.
    for v in range(0, batch, LANES):
        for i in each(0, row_blocks * {rows}, {rows}):
            for j in range(0, column_blocks * {columns}, {columns}):
{begin}
                for k in range(depth):
{load}
{multiply}
{store}
'''


def product_kernel(rows: int, columns: int) -> Kernel:
    """The kernel for tiles of `rows` by `columns`."""
    inner, deep, r, c = " " * 16, " " * 20, range(rows), range(columns)
    text = _PRODUCT.format(
        rows=rows,
        columns=columns,
        begin="\n".join(
            [f"{inner}a{i} = at(a, a_rows[i + {i}] + v)" for i in r]
            + [f"{inner}b{j} = at(b, (v * b_rows + (first + j + {j}) * LANES) * depth)" for j in c]
            + [f"{inner}s{i}{j} = splat(0.0)" for i in r for j in c]
        ),
        load="\n".join(
            [f"{deep}x{i} = load(at(a{i}, a_depth[k]))" for i in r]
            + [f"{deep}z{j} = load(at(b{j}, k * LANES))" for j in c]
        ),
        multiply="\n".join(f"{deep}s{i}{j} = s{i}{j} + x{i} * z{j}" for i in r for j in c),
        store="\n".join(
            f"{inner}store(at(y, y_rows[i + {i}] + y_columns[j + {j}] + v), s{i}{j})" for i in r for j in c
        ),
    )
    return generated(f"sample_product_{rows}x{columns}", text)


@kernel
def gather_rows(arena, record, table, state):
    """Rows of each vector of samples side by side: [batch / LANES][rows][depth][LANES]."""
    rows, depth, batch = record[2], record[3], record[4]
    source, source_rows, source_depth = at(arena, record[5]), at(table, record[6]), at(table, record[7])
    for i in each(rows):
        row = at(source, source_rows[i])
        for k in range(depth):
            come, target = at(row, source_depth[k]), at(arena, record[8] + (i * depth + k) * LANES)
            for v in range(0, batch, LANES):
                store(at(target, v * rows * depth), load(at(come, v)))


@dataclass(frozen=True, eq=False)
class Matrices:
    """A matrix a sample: where element (i, k) is, ``base + rows[i] + columns[k]``."""

    base: Ref
    rows: np.ndarray
    columns: np.ndarray

    @property
    def transposed(self) -> Matrices:
        """Rows as columns."""
        return Matrices(self.base, self.columns, self.rows)


def matrices(tensor: Tensor, axis: int) -> Matrices:
    """A tensor as matrices whose columns are one axis; all others together make the rows."""
    places = np.moveaxis(tensor.offsets().reshape(tensor.shape), axis, -1)
    return split_places(tensor.base, places.reshape(-1, tensor.shape[axis]))


def split_places(base: Ref, places: np.ndarray) -> Matrices:
    """Matrices from the offset of each element, int64 ``(rows, columns)``."""
    return Matrices(base, places[:, 0], places[0] - places[0, 0])


def packed(base: Ref, rows: int, columns: int, batch: int) -> Matrices:
    """Matrices without gaps, row by row."""
    return Matrices(base, np.arange(rows) * columns * batch, np.arange(columns) * batch)


def lower_product(lowering: Lowering, a: Matrices, b: Matrices, y: Matrices) -> None:
    """Emit ``y = a bᵀ``, sample by sample."""
    count, depth, batch = len(b.rows), len(b.columns), lowering.batch
    together = lowering.scratch(count * depth * batch)
    lowering.emit(gather_rows, count, depth, batch, b.base, lowering.table(b.rows), lowering.table(b.columns), together)
    a_rows = lowering.table(a.rows)
    y_rows, y_columns = lowering.table(y.rows), lowering.table(y.columns)
    for i, rows, row_blocks in split_evenly(len(a.rows), TILE[0]):
        for j, columns, column_blocks in split_evenly(len(b.rows), TILE[1]):
            lowering.emit(
                product_kernel(rows, columns),
                *(row_blocks, column_blocks, depth, batch),
                *(a.base, a_rows + i, lowering.table(a.columns)),
                *(together, count, j),
                *(y.base, y_rows + i, y_columns + j),
            )


@kernel
def normalize_vectors(arena, record, table, state):
    """n[i] = x[i] / |x[i]|; a vector shorter than 1e-7 is divided by that instead."""
    rows, depth, batch = record[2], record[3], record[4]
    x, x_rows, x_depth = at(arena, record[5]), at(table, record[6]), at(table, record[7])
    normal, inverses = at(arena, record[8]), at(arena, record[9])
    for i in each(rows):
        source, target = at(x, x_rows[i]), at(normal, i * depth * batch)
        for b in range(0, batch, LANES):
            total = splat(0.0)
            for k in range(depth):
                number = load(at(source, x_depth[k] + b))
                total = total + number * number
            inverse = 1.0 / sqrt(maximum(total, 1e-14))
            store(at(inverses, i * batch + b), inverse)
            for k in range(depth):
                store(at(target, k * batch + b), load(at(source, x_depth[k] + b)) * inverse)


@kernel
def normalize_vectors_backward(arena, record, table, state):
    """dx[i] = (g[i] - n[i] (g[i] · n[i])) / |x[i]|, g the gradient of n."""
    rows, depth, batch = record[2], record[3], record[4]
    gradients, normal, inverses = at(arena, record[5]), at(arena, record[6]), at(arena, record[7])
    dx, dx_rows, dx_depth = at(arena, record[8]), at(table, record[9]), at(table, record[10])
    for i in each(rows):
        gradient, along, target = at(gradients, i * depth * batch), at(normal, i * depth * batch), at(dx, dx_rows[i])
        for b in range(0, batch, LANES):
            total = splat(0.0)
            for k in range(depth):
                total = total + load(at(gradient, k * batch + b)) * load(at(along, k * batch + b))
            inverse = load(at(inverses, i * batch + b))
            for k in range(depth):
                rest = load(at(gradient, k * batch + b)) - load(at(along, k * batch + b)) * total
                store(at(target, dx_depth[k] + b), rest * inverse)
