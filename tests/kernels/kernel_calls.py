"""Calling one kernel on NumPy arrays."""

from __future__ import annotations

import ctypes

import numpy as np

from studio.kernels.jit import Kernel, compile_ahead, generated
from studio.kernels.simd import LANES
from studio.kernels.state import STATE_LENGTH

_CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

_APPLY = '''"""y = {function}(x)"""

from studio.kernels.jit import inline
from studio.kernels.maths import *
from studio.kernels.simd import LANES, at, load, store


def run(arena, record, table, state):
    for i in range(0, record[2], LANES):
        store(at(arena, record[4] + i), {function}(load(at(arena, record[3] + i))))
'''


def call(
    kernel: Kernel, arena: np.ndarray, arguments: list[int], table: np.ndarray | None = None, state: np.ndarray | None = None
) -> np.ndarray:
    """Run a kernel with these arguments over an arena; returns the thread's state."""
    record = np.array([kernel.address, 2 + len(arguments), *arguments], np.int64)
    numbers = np.ascontiguousarray(np.zeros(1) if table is None else table, np.int64)
    state = np.zeros(STATE_LENGTH, np.int64) if state is None else state
    assert arena.dtype == np.float32
    _CALL(kernel.address)(arena.ctypes.data, record.ctypes.data, numbers.ctypes.data, state.ctypes.data)
    return state


def function_kernel(function: str) -> Kernel:
    """A kernel that applies a function of `studio.kernels.maths` to each number."""
    kernel = generated(f"test_{function}", _APPLY.format(function=function))
    compile_ahead([kernel])
    return kernel


def apply(function: str, x: np.ndarray) -> np.ndarray:
    """`function` of each number, as kernels compute it."""
    count = -(-len(x) // LANES) * LANES
    arena = np.zeros(2 * count, np.float32)
    arena[: len(x)] = x
    call(function_kernel(function), arena, [count, 0, count])
    return arena[count : count + len(x)].copy()
