"""Counter-based random numbers: the same for any thread count, device and after resume.

A number is a pure function of (seed, key, step, index), so nothing has to be stored and
nothing depends on who draws first.

References
----------
J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox4x32-10).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.kernels.jit import inline

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(
    counter_0: Any, counter_1: Any, counter_2: Any, counter_3: Any, key_0: Any, key_1: Any
) -> tuple[Any, Any, Any, Any]:
    """Four random 32-bit numbers; all arguments and results are uint64 below 2**32.

    Runs on NumPy arrays as it is and, through `philox_inline`, in kernels.
    """
    for _ in range(10):
        product_0 = counter_0 * _MULTIPLIER_0
        product_1 = counter_2 * _MULTIPLIER_1
        counter_0 = (product_1 >> _HALF) ^ counter_1 ^ key_0
        counter_1 = product_1 & _LOW
        counter_2 = (product_0 >> _HALF) ^ counter_3 ^ key_1
        counter_3 = product_0 & _LOW
        key_0 = (key_0 + _WEYL_0) & _LOW
        key_1 = (key_1 + _WEYL_1) & _LOW
    return counter_0, counter_1, counter_2, counter_3


philox_inline = inline(philox)

#: Keys of draws that belong to no node.
SHUFFLE_KEY = 0xFFFF0001
SPLIT_KEY = 0xFFFF0002


def uniform(seed: int, key: int, count: int, step: int = 0) -> np.ndarray:
    """`count` numbers in [0, 1) as float64, of 53 random bits each.

    Parameters
    ----------
    seed : int
        Of the run, 0 to 2**63 - 1.
    key : int
        Of the node or purpose, 0 to 2**32 - 1.
    count : int
    step : int
        Of the run; 0 for what is drawn before it.
    """
    index = np.arange(count, dtype=np.uint64)
    shape = np.zeros(count, np.uint64)
    first, second, _, _ = philox(
        index & _LOW,
        index >> _HALF,
        shape + np.uint64(step & 0xFFFFFFFF),
        shape + np.uint64(key & 0xFFFFFFFF),
        shape + np.uint64(seed & 0xFFFFFFFF),
        shape + np.uint64((seed >> 32) & 0xFFFFFFFF),
    )
    return np.asarray(((first >> np.uint64(5)) * 67108864.0 + (second >> np.uint64(6))) / 9007199254740992.0)


def normal(seed: int, key: int, count: int, step: int = 0) -> np.ndarray:
    """`count` standard normal numbers as float64 (Box and Muller)."""
    half = -(-count // 2)
    numbers = uniform(seed, key, 2 * half, step)
    radius = np.sqrt(-2.0 * np.log1p(-numbers[:half]))
    angle = 2.0 * np.pi * numbers[half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]
