"""Features go to other places: joining, cutting and reordering tensors."""

from __future__ import annotations

import numpy as np

from studio.core.lowering import Lowering, Tensor
from studio.kernels.jit import kernel
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, load, store


@kernel
def copy_runs(arena, record, table, state):
    """target = source, in runs of equal length at places of their own."""
    runs, length = record[2], record[3]
    target, target_places = at(arena, record[4]), at(table, record[5])
    source, source_places = at(arena, record[6]), at(table, record[7])
    for run in outer(runs):
        to, come = at(target, target_places[run]), at(source, source_places[run])
        for i in inner(runs, 0, length, LANES):
            store(at(to, i), load(at(come, i)))


def copy_features(lowering: Lowering, target: Tensor, to: np.ndarray, source: Tensor, come: np.ndarray) -> None:
    """Emit a copy of features from and to these offsets, in the longest runs there are."""
    to, come = to.ravel(), come.ravel()
    ends = [np.flatnonzero(np.diff(places) != lowering.batch) + 1 for places in (to, come)]
    length = int(np.gcd.reduce(np.concatenate([[len(to)], *ends])))
    lowering.emit(
        copy_runs,
        *(len(to) // length, length * lowering.batch),
        *(target.base, lowering.table(to[::length])),
        *(source.base, lowering.table(come[::length])),
    )
