"""Which part of the weights a thread updates, and the sum of all threads' gradients for it."""

from __future__ import annotations

from studio.kernels.jit import inline
from studio.kernels.simd import LANES, at, load
from studio.kernels.state import THREAD, THREADS


@inline
def slice_of(floats, state):
    """Start and end of this thread's part of so many floats, in whole vectors."""
    vectors = floats // LANES
    share = -(-vectors // state[THREADS])
    start = min(vectors, state[THREAD] * share)
    return start * LANES, min(vectors, start + share) * LANES


@inline
def summands(stride, state):
    """How many gradients are to be added: one a thread, or one in all if that was done (stride 0)."""
    return state[THREADS] if stride != 0 else 1


@inline
def gradient_sum(gradients, stride, threads, i):
    """The gradient of all shards at place i, always added in the same order."""
    g = load(at(gradients, i))
    for t in range(1, threads):
        g = g + load(at(gradients, t * stride + i))
    return g
