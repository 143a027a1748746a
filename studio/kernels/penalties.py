"""The penalty on the size of weights."""

from __future__ import annotations

from studio.kernels.jit import kernel
from studio.kernels.lanewise import put
from studio.kernels.maths import absolute, where
from studio.kernels.numba_names import float32
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, doubles_at, load, splat, sum_lanes
from studio.kernels.state import PENALTY_SUM, SUMS, THREAD

#: Vectors of a part, and fewest and most parts, of an array that groups of a card share. One more call, for the
#: sums of the parts, takes as long as some vectors, also where there is no penalty.
_PART, _FEWEST, _MOST = 64, 8, 256


def parts_of(floats: int, lanes: int, on_card: bool) -> int:
    """Into how many parts an array of so many floats is cut."""
    parts = min(_MOST, floats // lanes // _PART)
    return parts if on_card and parts >= _FEWEST else 1


@kernel
def penalize(arena, record, table, state):
    """loss += l1 sum|w| + l2 sum w**2; g += l1 sign(w) + 2 l2 w. Only the first thread does it.

    The sums of several parts are kept for `add_penalty`.
    """
    if state[THREAD] == 0:
        floats, weights, gradients = record[2], at(arena, record[3]), at(arena, record[4])
        l1, l2 = arena[record[5]], arena[record[6]]
        parts, room = record[7], at(arena, record[8])
        if l1 != 0.0 or l2 != 0.0:
            vectors = (floats + LANES - 1) // LANES
            for part in each(parts):
                total = splat(0.0)
                for i in range(part * vectors // parts * LANES, (part + 1) * vectors // parts * LANES, LANES):
                    w = load(at(weights, i))
                    total = total + absolute(w) * l1 + w * w * l2
                    sign = where(w > 0, 1.0, where(w < 0, splat(-1.0), 0.0))
                    put(at(gradients, i), load(at(gradients, i)) + sign * l1 + w * (l2 * float32(2.0)))
                if parts == 1:
                    doubles_at(state[SUMS])[PENALTY_SUM] += sum_lanes(total)
                else:
                    put(at(room, part * LANES), total)


@kernel
def add_penalty(arena, record, table, state):
    """loss += the sums of the parts of `penalize`, in their order."""
    parts, room, l1, l2 = record[2], at(arena, record[3]), arena[record[4]], arena[record[5]]
    if l1 != 0.0 or l2 != 0.0:
        total = splat(0.0)
        for part in range(parts):
            total = total + load(at(room, part * LANES))
        doubles_at(state[SUMS])[PENALTY_SUM] += sum_lanes(total)
