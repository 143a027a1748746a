"""Threads that wait for each other, and samples that are fetched from the data."""

from __future__ import annotations

import ctypes
import threading

import numpy as np
import pytest
from kernel_calls import call, function_kernel

from studio.kernels import control, state
from studio.kernels.jit import compile_ahead
from studio.kernels.simd import LANES


def states(count: int) -> tuple[list[np.ndarray], np.ndarray]:
    counter = np.zeros(8, np.int64)
    library = ctypes.CDLL(None)
    made = []
    for thread in range(count):
        one = np.zeros(state.STATE_LENGTH, np.int64)
        one[state.THREAD], one[state.THREADS] = thread, count
        one[state.BARRIER] = counter.ctypes.data
        one[state.YIELD] = ctypes.cast(library.sched_yield, ctypes.c_void_p).value or 0
        made.append(one)
    return made, counter


@pytest.mark.parametrize("count", [2, 3])
def test_no_thread_passes_a_barrier_before_all_are_there(count: int) -> None:
    """Each thread counts its rounds; between two barriers all counts must be equal."""
    compile_ahead([control.barrier])
    own, _counter = states(count)
    rounds = np.zeros(count, np.int64)
    wrong: list[tuple[int, ...]] = []
    arena = np.zeros(LANES, np.float32)

    def work(thread: int) -> None:
        for number in range(1, 401):
            rounds[thread] = number
            call(control.barrier, arena, [], state=own[thread])
            if not (rounds == number).all():
                wrong.append(tuple(rounds))
            call(control.barrier, arena, [], state=own[thread])

    threads = [threading.Thread(target=work, args=(t,)) for t in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert not any(t.is_alive() for t in threads)
    assert wrong == []
    assert all(one[state.PASSED] == 800 for one in own)


def test_a_single_thread_never_waits() -> None:
    own, counter = states(1)
    call(control.barrier, np.zeros(LANES, np.float32), [], state=own[0])
    assert counter[0] == 0


@pytest.mark.parametrize("features", [1, 2, LANES - 1, LANES, LANES + 1, 3 * LANES - 1])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("valid", [0, 1, LANES + 3, 2 * LANES])
def test_samples_become_columns(features: int, rows: int, valid: int) -> None:
    batch, gap = 2 * LANES, 5 * LANES
    generator = np.random.default_rng(1)
    samples = generator.normal(size=(50, rows * features)).astype(np.float32)
    order = generator.permutation(50).astype(np.int64)
    one = np.zeros(state.STATE_LENGTH, np.int64)
    one[state.ARRAYS] = samples.ctypes.data
    one[state.ORDER] = order.ctypes.data
    one[state.VALID], one[state.FIRST] = valid, 4
    stride = features * batch + gap
    arena = np.full(rows * stride + 4 * batch, 9.0, np.float32)
    call(control.gather, arena, [0, rows, features, stride, batch, 0, rows * stride], state=one)
    # Padding repeats the first sample of the shard; an empty shard, the first of the epoch.
    chosen = [order[4 + b] if b < valid else order[4 if valid else 0] for b in range(batch)]
    for row in range(rows):
        found = arena[row * stride : row * stride + features * batch].reshape(features, batch)
        assert np.array_equal(found, samples[chosen, row * features : (row + 1) * features].T)
        gap_after = arena[row * stride + features * batch : (row + 1) * stride]
        assert (gap_after == 9.0).all()


@pytest.mark.parametrize("valid", [0, 1, LANES, LANES + 1])
def test_columns_with_samples_are_marked(valid: int) -> None:
    one = np.zeros(state.STATE_LENGTH, np.int64)
    one[state.VALID] = valid
    arena = np.full(2 * LANES, 9.0, np.float32)
    call(control.mark_valid, arena, [2 * LANES, 0], state=one)
    assert np.array_equal(arena, np.arange(2 * LANES) < valid)


def test_generated_kernels_have_one_address_for_one_text() -> None:
    one, other = function_kernel("tanh"), function_kernel("tanh")
    assert one is other
    assert one.address == other.address
    assert one.is_loaded
    assert one.is_ready
    assert function_kernel("exp").address != one.address


@pytest.mark.parametrize(("failed_step", "done"), [(0, 5), (1, 1), (2, 2), (3, 3), (9, 5)])
def test_a_failure_stops_all_threads_after_the_same_step(failed_step: int, done: int) -> None:
    """A thread that is ahead may fail in the next step before this one looks: not its turn yet."""
    compile_ahead([control.run])
    failed, order = np.array([failed_step]), np.arange(10)
    one = np.zeros(state.STATE_LENGTH, np.int64)
    one[state.FAILED], one[state.ORDER] = failed.ctypes.data, order.ctypes.data
    one[state.SUMS] = (sums := np.zeros(state.SUMS_LENGTH)).ctypes.data
    one[state.SAMPLES], one[state.BATCH], one[state.SHARD] = 10, 2, 1
    one[state.THREADS], one[state.THREAD], one[state.STEPS] = 2, 0, 5
    record = np.zeros(1, np.int64)  # a plan without calls
    kernel = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)(control.run.address)
    kernel(0, record.ctypes.data, 0, one.ctypes.data)
    assert one[state.DONE] == one[state.STEP] == done
    assert sums[state.PENALTY_STEPS] == done
