"""Gradients of weights from turned output gradients, at sizes that fit nothing."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_calls import call

from studio.kernels.correlations import outer_kernel
from studio.kernels.simd import LANES
from studio.kernels.tiles import SHAPE

generator = np.random.default_rng(5)


@pytest.mark.parametrize(
    ("inputs", "vectors", "blocks", "smaller"), [(1, 1, 1, 0), (1, 2, 3, 0), (2, 1, 1, 1), (SHAPE.outputs, 2, 2, 1), (SHAPE.single, 1, 1, 1)]
)
@pytest.mark.parametrize(("pixels", "near"), [(1, 1), (5, 2), (4, 4)])
@pytest.mark.parametrize("missing", [0, 3])
def test_gradients_of_weights_and_bias(
    inputs: int, vectors: int, blocks: int, smaller: int, pixels: int, near: int, missing: int
) -> None:
    batch, padded = 2 * LANES, 2 * vectors * LANES
    outputs, depth = padded - missing, blocks * inputs + smaller * max(1, inputs - 1)
    x = generator.normal(size=(pixels, depth, batch)).astype(np.float32)
    dy = generator.normal(size=(pixels, outputs, batch)).astype(np.float32)
    # The inputs in another order, as a window's would be; nothing may be written but the results.
    order = generator.permutation(depth)
    stride, guard = padded + 5, 7.0
    room = near * batch * padded + (depth + 1) * padded
    arena = np.concatenate([x.ravel(), dy.ravel(), np.full(depth * stride + outputs + 64 + room, guard, np.float32)])
    dy_at, weights_at = x.size, x.size + dy.size
    bias_at = weights_at + depth * stride
    turned_at = bias_at + outputs + 64
    table = np.concatenate([
        np.arange(pixels) * depth * batch,
        order * batch,
        np.arange(pixels) * outputs * batch,
        np.minimum(np.arange(padded), outputs - 1) * batch,
    ])  # fmt: skip
    call(
        outer_kernel(inputs, vectors),
        arena,
        [
            *(outputs, padded, pixels, batch, near, blocks, smaller),
            *(0, 0, pixels),
            *(dy_at, pixels + depth, 2 * pixels + depth),
            *(weights_at, stride, bias_at),
            *(turned_at, turned_at + near * batch * padded),
            *(0, depth * batch),
        ],
        table,
    )
    rows = arena[weights_at:bias_at].reshape(depth, stride)
    expected = np.einsum("pkb,pob->ko", x[:, order].astype(np.float64), dy)
    np.testing.assert_allclose(rows[:, :outputs], expected, atol=3e-5 * np.sqrt(pixels))
    np.testing.assert_allclose(arena[bias_at : bias_at + outputs], dy.sum((0, 2), np.float64), atol=3e-5 * np.sqrt(pixels))
    assert (rows[:, outputs:] == guard).all()
    assert (arena[bias_at + outputs : turned_at] == guard).all()
