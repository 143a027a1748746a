"""What the kernels of all losses share."""

from __future__ import annotations

from studio.kernels.jit import inline
from studio.kernels.simd import doubles_at, integers_at
from studio.kernels.state import FAILED, STEP, SUMS, SUMS_PER_LOSS, VALID

#: Probabilities are kept this far from 0 and 1 (Keras's epsilon).
EPSILON = 1e-7


@inline
def add_to_sums(state, loss, total, right):
    """Add a shard's loss and right answers; raise the flag if the loss is not finite."""
    sums = doubles_at(state[SUMS])
    first = loss * SUMS_PER_LOSS
    sums[first] += total
    sums[first + 1] += right
    sums[first + 2] += state[VALID]
    # No comparison with NaN holds.
    if not abs(total) <= 3.0e38:
        integers_at(state[FAILED])[0] = state[STEP] + 1
