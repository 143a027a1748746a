"""The penalty on the size of weights."""

from __future__ import annotations

from studio.kernels.jit import kernel
from studio.kernels.maths import absolute, where
from studio.kernels.numba_names import float32
from studio.kernels.simd import LANES, at, doubles_at, load, splat, store, sum_lanes
from studio.kernels.state import PENALTY_SUM, SUMS, THREAD


@kernel
def penalize(arena, record, table, state):
    """loss += l1 sum|w| + l2 sum w**2; g += l1 sign(w) + 2 l2 w. Only the first thread does it."""
    if state[THREAD] == 0:
        floats, weights, gradients = record[2], at(arena, record[3]), at(arena, record[4])
        l1, l2 = arena[record[5]], arena[record[6]]
        if l1 != 0.0 or l2 != 0.0:
            total = splat(0.0)
            for i in range(0, floats, LANES):
                w = load(at(weights, i))
                total = total + absolute(w) * l1 + w * w * l2
                sign = where(w > 0, 1.0, where(w < 0, splat(-1.0), 0.0))
                store(at(gradients, i), load(at(gradients, i)) + sign * l1 + w * (l2 * float32(2.0)))
            doubles_at(state[SUMS])[PENALTY_SUM] += sum_lanes(total)
