"""The microkernels and the loops around them, at sizes that fit nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_calls import call

from studio.kernels.jit import compile_ahead
from studio.kernels.products import multiply_kernel, split_evenly, sum_rows, transpose, vectors_for
from studio.kernels.simd import LANES
from studio.kernels.tiles import SHAPE

generator = np.random.default_rng(3)


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    kernels = [multiply_kernel(r, v) for r in range(1, SHAPE.outputs + 1) for v in range(1, SHAPE.vectors + 1)]
    compile_ahead([*kernels, transpose, sum_rows])


@given(st.integers(1, 5000), st.integers(1, 12))
def test_outputs_are_cut_into_equal_blocks(count: int, most: int) -> None:
    runs = split_evenly(count, most)
    assert len(runs) <= 2
    covered = [n for first, size, blocks in runs for n in range(first, first + size * blocks)]
    assert covered == list(range(count))
    assert all(1 <= size <= most for _, size, _ in runs)


@given(st.integers(1, 64))
def test_vectors_divide_the_columns(vectors: int) -> None:
    chosen = vectors_for(vectors * LANES)
    assert 1 <= chosen <= SHAPE.vectors
    assert vectors % chosen == 0


@pytest.mark.parametrize("outputs", range(1, SHAPE.outputs + 1))
@pytest.mark.parametrize("vectors", range(1, SHAPE.vectors + 1))
@pytest.mark.parametrize(("depth", "blocks", "pixels"), [(1, 1, 1), (2, 1, 3), (3, 3, 1), (17, 2, 2), (301, 1, 1)])
def test_products(outputs: int, vectors: int, depth: int, blocks: int, pixels: int) -> None:
    batch = 2 * vectors * LANES
    x = generator.normal(size=(pixels, depth, batch)).astype(np.float32)
    w = generator.normal(size=(depth, blocks * outputs)).astype(np.float32)
    bias = generator.normal(size=blocks * outputs).astype(np.float32)
    # The rows of x in another order, as a window's pixels would be; nothing may be written beyond y.
    order = generator.permutation(depth)
    guard = 64
    y_floats = pixels * blocks * outputs * batch
    arena = np.concatenate([x.ravel(), w.ravel(), bias, np.full(y_floats + 2 * guard, 7.0, np.float32)])
    x_at, w_at, bias_at = 0, x.size, x.size + w.size
    y_at = bias_at + bias.size + guard
    table = np.concatenate([
        np.arange(pixels) * depth * batch,
        order * batch,
        np.arange(pixels) * blocks * outputs * batch,
    ])  # fmt: skip
    call(
        multiply_kernel(outputs, vectors),
        arena,
        [
            *(blocks, outputs, pixels, depth, batch),
            *(x_at, 0, pixels),
            *(w_at, blocks * outputs, 1),
            *(bias_at, 1),
            *(y_at, pixels + depth, batch),
        ],
        table,
    )
    found = arena[y_at : y_at + y_floats].reshape(pixels, blocks * outputs, batch)
    expected = np.einsum("pkb,ko->pob", x[:, order].astype(np.float64), w) + bias[:, None]
    assert np.abs(found - expected).max() <= 2e-6 * depth * 4
    assert (arena[y_at - guard : y_at] == 7.0).all()
    assert (arena[y_at + y_floats :] == 7.0).all()


@pytest.mark.parametrize("rows", [1, LANES - 1, LANES, LANES + 1, 3 * LANES + 5])
@pytest.mark.parametrize("blocks", [1, 3])
def test_transposition(rows: int, blocks: int) -> None:
    batch = blocks * LANES
    width = -(-rows // LANES) * LANES
    source = generator.normal(size=(rows, batch)).astype(np.float32)
    order = generator.permutation(rows)
    arena = np.concatenate([source.ravel(), np.zeros(batch * width, np.float32)])
    call(transpose, arena, [rows, batch, 0, 0, source.size, width], order * batch)
    found = arena[source.size :].reshape(batch, width)
    assert np.array_equal(found[:, :rows], source[order].T)


@pytest.mark.parametrize(("rows", "vectors"), [(1, 1), (2, 3), (37, 2)])
def test_sums_of_rows(rows: int, vectors: int) -> None:
    columns = vectors * LANES
    source = generator.normal(size=(rows, columns + 5)).astype(np.float32)
    arena = np.concatenate([source.ravel(), np.zeros(columns, np.float32)])
    call(sum_rows, arena, [rows, columns, columns + 5, 0, source.size])
    assert np.allclose(arena[source.size :], source[:, :columns].sum(0), atol=1e-5)
