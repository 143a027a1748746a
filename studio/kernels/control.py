"""The runner, and the kernels that move samples and hold threads together."""

from __future__ import annotations

import platform

from llvmlite import ir

from studio.kernels.jit import inline, kernel
from studio.kernels.numba_names import cgutils, float32, int64, intrinsic, types, uint64
from studio.kernels.random_numbers import SHUFFLE_KEY, philox_inline
from studio.kernels.sharing import inner, middle, outer
from studio.kernels.simd import (
    LANES,
    at,
    doubles_at,
    float_pointer,
    floats_at,
    integer_pointer,
    integers_at,
    integers_in,
    prefetch,
    transpose_block,
)
from studio.kernels.state import (
    ARRAYS,
    BARRIER,
    BATCH,
    CLOCK,
    CLOCK_KIND,
    DONE,
    EPOCH,
    FAILED,
    FIRST,
    HALTED,
    ORDER,
    PASSED,
    PENALTY_STEPS,
    POSITION,
    SAMPLES,
    SEED,
    SHARD,
    SHUFFLE,
    STEP,
    STEPS,
    SUMS,
    THREAD,
    THREADS,
    TICKS,
    TOTAL,
    VALID,
    YIELD,
)

_X86 = platform.machine().lower() in ("x86_64", "amd64")
#: Control word of the vector unit: all exceptions masked; with denormals as zero, and without.
_FLUSH = 0x9FC0
_EXACT = 0x1F80
#: Whether the processor counts the time in a register that any program may read.
HAS_COUNTER = _X86
_BILLION = 1_000_000_000


@intrinsic
def _call(context, address, arena, record, table, state):
    def generate(context, builder, signature, arguments):
        i64 = ir.IntType(64)
        kind = ir.FunctionType(ir.VoidType(), [ir.FloatType().as_pointer(), *[i64.as_pointer()] * 3])
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(types.int64, float_pointer, integer_pointer, integer_pointer, integer_pointer), generate


@intrinsic
def _set_float_control(context, word):
    def generate(context, builder, signature, arguments):
        if _X86:
            i32 = ir.IntType(32)
            with builder.goto_entry_block():
                slot = builder.alloca(i32)
            builder.store(builder.trunc(arguments[0], i32), slot)
            byte = ir.IntType(8).as_pointer()
            kind = ir.FunctionType(ir.VoidType(), [byte])
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse.ldmxcsr")
            builder.call(function, [builder.bitcast(slot, byte)])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def _atomic_add(context, pointer, number):
    def generate(context, builder, signature, arguments):
        return builder.atomic_rmw("add", arguments[0], arguments[1], "seq_cst")

    return types.int64(integer_pointer, types.int64), generate


@intrinsic
def _atomic_load(context, pointer):
    def generate(context, builder, signature, arguments):
        return builder.load_atomic(arguments[0], "seq_cst", 8)

    return types.int64(integer_pointer), generate


@intrinsic
def _pause(context):
    """Tell the processor that this is a waiting loop."""

    def generate(context, builder, signature, arguments):
        if _X86:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def _yield_processor(context, address):
    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@inline
def _shuffle(order, samples, seed, epoch):
    """Fisher and Yates, from the identity, so that the order depends on seed and epoch alone."""
    for i in range(samples):
        order[i] = i
    low = uint64(0xFFFFFFFF)
    half = uint64(32)
    for i in range(samples - 1, 0, -1):
        a, _b, _c, _d = philox_inline(
            uint64(i), uint64(0), uint64(epoch) & low, uint64(SHUFFLE_KEY), uint64(seed) & low, uint64(seed) >> half
        )
        j = int64((a * uint64(i + 1)) >> half)
        kept = order[i]
        order[i] = order[j]
        order[j] = kept


@intrinsic
def _cycle_counter(context):
    """The processor's counter; 0 where a program may not read one, as on AArch64, where it traps."""

    def generate(context, builder, signature, arguments):
        i64 = ir.IntType(64)
        if not HAS_COUNTER:
            return ir.Constant(i64, 0)
        kind = ir.FunctionType(i64, [])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.readcyclecounter"), [])

    return types.int64(), generate


@intrinsic
def _system_clock(context, address, clock):
    """Nanoseconds of ``clock_gettime(clock, &(seconds, nanoseconds))``, the function at an address."""

    def generate(context, builder, signature, arguments):
        i32, i64 = ir.IntType(32), ir.IntType(64)
        pair = ir.ArrayType(i64, 2)
        with builder.goto_entry_block():
            slot = builder.alloca(pair)
        kind = ir.FunctionType(i32, [i32, pair.as_pointer()])
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        builder.call(function, [builder.trunc(arguments[1], i32), slot])
        found = builder.load(slot)
        seconds = builder.mul(builder.extract_value(found, 0), ir.Constant(i64, _BILLION))
        return builder.add(seconds, builder.extract_value(found, 1))

    return types.int64(types.int64, types.int64), generate


@inline
def _ticks(state):
    if state[CLOCK] != 0:
        return _system_clock(state[CLOCK], state[CLOCK_KIND])
    return _cycle_counter()


@inline
def _begin_step(state):
    """Begin a minibatch, and an epoch where it is the first one."""
    if state[POSITION] == 0 and state[SHUFFLE] != 0:
        _shuffle(integers_at(state[ORDER]), state[SAMPLES], state[SEED], state[EPOCH])
    _take_samples(state)


@inline
def _take_samples(state):
    """Which samples this minibatch and this thread's shard of it have."""
    position = state[POSITION]
    total = min(state[BATCH], state[SAMPLES] - position)
    first = state[THREAD] * state[SHARD]
    state[TOTAL] = total
    state[VALID] = min(max(total - first, 0), state[SHARD])
    state[FIRST] = position + first


@inline
def _end_step(state):
    """Count the minibatch; whether a loss was not finite."""
    if state[THREAD] == 0:
        doubles_at(state[SUMS])[PENALTY_STEPS] += 1.0
    state[DONE] += 1
    state[STEP] += 1
    state[POSITION] += state[TOTAL]
    if state[POSITION] >= state[SAMPLES]:
        state[POSITION] = 0
        state[EPOCH] += 1
    # All threads passed a barrier after this step's losses, so all see them; another thread
    # may already be in the next step and have failed there, which is not our turn yet.
    failed_step = _atomic_load(integers_at(state[FAILED]))
    return failed_step != 0 and failed_step <= state[STEP]


@kernel
def run(arena, record, table, state):
    """Run a plan for ``state[STEPS]`` minibatches, or until a loss is not finite.

    ``record[0]`` is the number of calls; each that follows is an address, its own length,
    and its arguments.
    """
    _set_float_control(_FLUSH)
    state[DONE] = 0
    for _ in range(state[STEPS]):
        _begin_step(state)
        call = at(record, 1)
        for _op in range(record[0]):
            _call(call[0], arena, call, table, state)
            call = at(call, call[1])
        if _end_step(state):
            break
    _set_float_control(_EXACT)


@kernel
def shuffle(arena, record, table, state):
    """Put the order of the samples of this epoch where ``state[ORDER]`` is, as `run` does."""
    _shuffle(integers_at(state[ORDER]), state[SAMPLES], state[SEED], state[EPOCH])


@kernel
def begin_step(arena, record, table, state):
    """What `run` does before a minibatch, where a card does the calls one by one; its samples are in order already."""
    _take_samples(state)


@kernel
def end_step(arena, record, table, state):
    """What `run` does after a minibatch, where a card does the calls one by one."""
    if _end_step(state):
        state[HALTED] = 1


@kernel
def run_timed(arena, record, table, state):
    """As `run`, call for call; what each call takes is added to this thread's ticks."""
    _set_float_control(_FLUSH)
    ticks = integers_at(state[TICKS])
    state[DONE] = 0
    for _ in range(state[STEPS]):
        _begin_step(state)
        call = at(record, 1)
        before = _ticks(state)
        for op in range(record[0]):
            _call(call[0], arena, call, table, state)
            now = _ticks(state)
            ticks[op] += now - before
            before = now
            call = at(call, call[1])
        if _end_step(state):
            break
    _set_float_control(_EXACT)


@kernel
def read_clock(arena, record, table, state):
    """Read the clock ``record[0]`` times in a row into this thread's ticks."""
    ticks = integers_at(state[TICKS])
    for i in range(record[0]):
        ticks[i] = _ticks(state)


@kernel
def barrier(arena, record, table, state):
    """Wait until all threads are here."""
    if state[THREADS] > 1:
        counter = integers_at(state[BARRIER])
        state[PASSED] += 1
        target = state[PASSED] * state[THREADS]
        _atomic_add(counter, 1)
        turns = 0
        while _atomic_load(counter) < target:
            turns += 1
            if turns < 300:
                _pause()
            else:
                _yield_processor(state[YIELD])


@kernel
def mark_valid(arena, record, table, state):
    """1 for the columns that hold real samples, 0 for the padding."""
    batch, target = record[2], at(arena, record[3])
    for b in range(batch):
        target[b] = float32(1.0) if b < state[VALID] else float32(0.0)


#: Floats of a sample that are asked for before their turn: samples lie anywhere, so that no processor guesses them.
AHEAD = 128


@kernel
def gather(arena, record, table, state):
    """Fetch this shard's samples: rows of the data set become columns of the arena.

    Padding columns repeat the first sample: finite numbers that nothing counts.
    """
    array, rows, row_length, row_stride, batch = record[2], record[3], record[4], record[5], record[6]
    target, distance = at(arena, record[7]), integers_in(at(arena, record[8]))
    source = floats_at(state[ARRAYS + array])
    order = integers_at(state[ORDER])
    length = rows * row_length
    valid = state[VALID]
    first = state[FIRST] if valid > 0 else 0
    for b in range(batch):
        distance[b] = order[first + b if b < valid else first] * length
    whole, vectors = row_length - row_length % LANES, batch // LANES
    for row in outer(rows):
        for vector in middle(rows, 0, vectors):
            b = vector * LANES
            columns = at(distance, b)
            place = at(target, row * row_stride + b)
            for f in inner(rows * vectors, 0, whole, LANES):
                for lane in range(LANES):
                    prefetch(at(source, columns[lane] + row * row_length + f + AHEAD))
                transpose_block(at(source, row * row_length + f), columns, at(place, f * batch), batch)
            if whole < row_length:
                if row_length >= LANES:
                    f = row_length - LANES
                    transpose_block(at(source, row * row_length + f), columns, at(place, f * batch), batch)
                else:
                    for f in inner(rows * vectors, 0, row_length, 1):
                        for lane in range(LANES):
                            place[f * batch + lane] = source[columns[lane] + row * row_length + f]


@kernel
def add_into(arena, record, table, state):
    """target += source, row by row: gradients of a tensor's several consumers."""
    rows, length = record[2], record[3]
    for row in outer(rows):
        target = at(arena, record[4] + row * record[5])
        source = at(arena, record[6] + row * record[7])
        for i in inner(rows, 0, length, 1):
            target[i] += source[i]


@kernel
def copy_rows(arena, record, table, state):
    """target = source, row by row."""
    rows, length = record[2], record[3]
    for row in outer(rows):
        target = at(arena, record[4] + row * record[5])
        source = at(arena, record[6] + row * record[7])
        for i in inner(rows, 0, length, 1):
            target[i] = source[i]
