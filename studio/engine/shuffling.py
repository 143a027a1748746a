"""The order of an epoch, as the runner makes it: to go on in the middle of one."""

from __future__ import annotations

import numpy as np

from studio.kernels.random_numbers import SHUFFLE_KEY, philox


def epoch_order(samples: int, seed: int, epoch: int) -> np.ndarray:
    """Order of the samples in an epoch; int64, the same as `studio.kernels.control.run` makes.

    Notes
    -----
    Fisher and Yates from the identity: for i from samples - 1 down to 1, swap with a place
    that depends on (seed, epoch, i) alone.
    """
    order = np.arange(samples, dtype=np.int64)
    if samples < 2:
        return order
    index = np.arange(samples - 1, 0, -1, dtype=np.uint64)
    filled = np.zeros(len(index), np.uint64)
    drawn, *_ = philox(
        index,
        filled,
        filled + np.uint64(epoch & 0xFFFFFFFF),
        filled + np.uint64(SHUFFLE_KEY),
        filled + np.uint64(seed & 0xFFFFFFFF),
        filled + np.uint64(seed >> 32),
    )
    places = ((drawn * (index + np.uint64(1))) >> np.uint64(32)).astype(np.int64)
    for i, j in zip(index.astype(np.int64), places, strict=True):
        order[i], order[j] = order[j], order[i]
    return order
