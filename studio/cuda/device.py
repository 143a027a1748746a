"""Building blocks of kernels for numba-cuda: `LANES` neighbouring threads of a warp are one vector.

Each thread holds one lane. Numbers that are no vectors are the same in all threads of a group; the
first of them writes, and all wait for each other after each write, so that what one has written the
others see. The processor's intrinsics are used as they are, but for the types and the few functions
that know what a vector is.
"""

from __future__ import annotations

import functools
import operator
from types import FunctionType
from typing import Any

from llvmlite import ir
from numba import cuda, types
from numba.core.extending import _Intrinsic
from numba.cuda import cgutils
from numba.cuda.extending import intrinsic, models, overload, register_model

from studio.cuda import turns
from studio.cuda.translation import Translation
from studio.kernels import control, lanewise, random_vectors, scattered, sharing, simd
from studio.kernels.simd import ARITHMETIC, COMPARISONS, LANES
from studio.kernels.tiles import TileShape

_f32, _f64 = ir.FloatType(), ir.DoubleType()
_i1, _i16, _i32, _i64 = (ir.IntType(n) for n in (1, 16, 32, 64))
#: Threads of a warp, of which LANES are a group.
WARP = 32


class PlaceType(types.Type):
    """A place in memory from which on numbers lie: what a pointer is on the processor."""

    def __init__(self, dtype: Any, element: ir.Type) -> None:
        self.dtype, self.element = dtype, element
        super().__init__(name=f"Place({dtype})")


class LaneType(types.Type):
    """This thread's lane of a vector of float32 numbers."""

    def __init__(self) -> None:
        super().__init__(name="Lane")


class BitType(types.Type):
    """This thread's lane of a vector of truth values."""

    def __init__(self) -> None:
        super().__init__(name="Bit")


floats, integers, doubles = PlaceType(types.float32, _f32), PlaceType(types.int64, _i64), PlaceType(types.float64, _f64)
lane, bit = LaneType(), BitType()


@register_model(PlaceType)
class _PlaceModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: PlaceType) -> None:
        super().__init__(manager, kind, kind.element.as_pointer())


@register_model(LaneType)
class _LaneModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: LaneType) -> None:
        super().__init__(manager, kind, _f32)


@register_model(BitType)
class _BitModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: BitType) -> None:
        super().__init__(manager, kind, _i1)


# LLVM of one lane --------------------------------------------------------------------------


def _register(builder: Any, name: str) -> Any:
    """LLVM: a special register, 32 bits."""
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_i32, []), f"llvm.nvvm.read.ptx.sreg.{name}")
    return builder.call(function, [])


def lane_number(builder: Any) -> Any:
    """LLVM: which lane this thread holds, 64 bits."""
    return builder.zext(builder.and_(_register(builder, "tid.x"), ir.Constant(_i32, LANES - 1)), _i64)


def _group(builder: Any) -> Any:
    """LLVM: a bit for each thread of the warp that belongs to this thread's group."""
    in_warp = builder.and_(_register(builder, "tid.x"), ir.Constant(_i32, WARP - LANES))
    return builder.shl(ir.Constant(_i32, (1 << LANES) - 1), in_warp)


def wait(builder: Any) -> None:
    """LLVM: all threads of the group come here, and see what the others have written."""
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [_i32]), "llvm.nvvm.bar.warp.sync"
    )
    builder.call(function, [_group(builder)])


def _from_lane(builder: Any, value: Any, source: Any) -> Any:
    """LLVM: another lane's float."""
    result = ir.LiteralStructType([_i32, _i1])
    kind = ir.FunctionType(result, [_i32, _i32, _i32, _i32, _i32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.nvvm.shfl.sync.i32")
    # Mode 0 takes the lane with this number, within segments of LANES threads.
    segments = ir.Constant(_i32, (WARP - LANES) << 8 | (WARP - 1))
    found = builder.call(
        function, [_group(builder), ir.Constant(_i32, 0), builder.bitcast(value, _i32), builder.trunc(source, _i32), segments]
    )
    return builder.bitcast(builder.extract_value(found, 0), _f32)


def load_vector(builder: Any, pointer: Any) -> Any:
    """LLVM: this thread's lane of the vector at a float pointer."""
    return builder.load(builder.gep(pointer, [lane_number(builder)]))


def store_vector(builder: Any, value: Any, pointer: Any) -> None:
    """LLVM: put this thread's lane into the vector at a float pointer."""
    builder.store(value, builder.gep(pointer, [lane_number(builder)]))
    wait(builder)


def broadcast(builder: Any, scalar: Any, kind: Any = _f32) -> Any:
    """LLVM: a number that all lanes have is a vector already."""
    return scalar


def filled(number: Any, kind: Any = _f32) -> Any:
    """LLVM: a known number."""
    return ir.Constant(kind, number)


def lane_numbers(builder: Any, kind: Any) -> Any:
    """LLVM: which lane this thread holds, as a number of some type."""
    here = lane_number(builder)
    if kind is _f32:
        return builder.uitofp(here, kind)
    return here if kind is _i64 else builder.trunc(here, kind)


def horizontal_sum(builder: Any, value: Any) -> Any:
    """LLVM: the sum over all lanes, in the same order each time."""
    here = lane_number(builder)
    distance = LANES // 2
    while distance:
        other = builder.xor(here, ir.Constant(_i64, distance))
        value = builder.fadd(value, _from_lane(builder, value, other))
        distance //= 2
    return value


def _vector_function(builder: Any, name: str, *arguments: Any) -> Any:
    known = {"sqrt": "llvm.nvvm.sqrt.rn.f", "fabs": "llvm.nvvm.fabs.f", "floor": "llvm.nvvm.floor.f"}
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_f32, [_f32] * len(arguments)), known[name]
    )
    return builder.call(function, list(arguments))


# Blocks that are written anew ----------------------------------------------------------------


@intrinsic
def _get(context, place, index):
    def generate(context, builder, signature, arguments):
        return builder.load(builder.gep(arguments[0], [arguments[1]]))

    return place.dtype(place, types.int64), generate


@intrinsic
def _put(context, place, index, value):
    def generate(context, builder, signature, arguments):
        # Nobody may still be about to read what was there.
        wait(builder)
        first = builder.icmp_unsigned("==", lane_number(builder), ir.Constant(_i64, 0))
        with builder.if_then(first):
            builder.store(arguments[2], builder.gep(arguments[0], [arguments[1]]))
        wait(builder)
        return context.get_dummy_value()

    return types.void(place, types.int64, place.dtype), generate


@overload(operator.getitem)
def _getitem(place, index):
    if isinstance(place, PlaceType) and isinstance(index, types.Integer):
        return lambda place, index: _get(place, index)
    return None


@overload(operator.setitem)
def _setitem(place, index, value):
    if isinstance(place, PlaceType) and isinstance(index, types.Integer):
        return lambda place, index, value: _put(place, index, value)
    return None


def _lift(context: Any, builder: Any, value: Any, kind: Any) -> Any:
    """A number as a lane; a lane as it is."""
    return value if isinstance(kind, LaneType) else context.cast(builder, value, kind, types.float32)


def _is_operand(kind: Any) -> bool:
    return isinstance(kind, (LaneType, types.Number, types.Boolean))


def _operator(python_operator: Any, result: Any, generate_one: Any) -> None:
    @intrinsic
    def operate(context, x, y):
        def generate(context, builder, signature, arguments):
            left, right = (_lift(context, builder, a, k) for a, k in zip(arguments, signature.args, strict=True))
            return generate_one(builder, left, right)

        return result(x, y), generate

    @overload(python_operator)
    def implement(x, y):
        if _is_operand(x) and _is_operand(y) and (isinstance(x, LaneType) or isinstance(y, LaneType)):
            return lambda x, y: operate(x, y)
        return None


for _python, _generate in ARITHMETIC.items():
    _operator(_python, lane, _generate)
for _python, _generate in COMPARISONS.items():
    _operator(_python, bit, _generate)


@intrinsic
def _negative(context, x):
    def generate(context, builder, signature, arguments):
        return builder.fsub(ir.Constant(_f32, -0.0), arguments[0])

    return lane(lane), generate


@overload(operator.neg)
def _neg(x):
    return (lambda x: _negative(x)) if isinstance(x, LaneType) else None


def store_bits(builder, condition, place, index):
    """LLVM: keep a mask, a bit a thread, as the `index`-th 16-bit integer from a float place on."""
    kind = ir.FunctionType(_i32, [_i32, _i1])
    ballot = cgutils.get_or_insert_function(builder.module, kind, "llvm.nvvm.vote.ballot.sync")
    votes = builder.call(ballot, [_group(builder), condition])
    shift = builder.and_(_register(builder, "tid.x"), ir.Constant(_i32, WARP - LANES))
    bits = builder.trunc(builder.lshr(votes, shift), _i16)
    if LANES < 16:
        bits = builder.and_(bits, ir.Constant(_i16, (1 << LANES) - 1))
    with builder.if_then(builder.icmp_unsigned("==", lane_number(builder), ir.Constant(_i64, 0))):
        builder.store(bits, builder.gep(builder.bitcast(place, _i16.as_pointer()), [index]))
    wait(builder)


@intrinsic
def take_bits(context, place, index):
    """This thread's bit of the mask that `store_bits` kept."""

    def generate(context, builder, signature, arguments):
        place, index = arguments
        bits = builder.load(builder.gep(builder.bitcast(place, _i16.as_pointer()), [index]))
        return builder.trunc(builder.lshr(bits, builder.trunc(lane_number(builder), _i16)), _i1)

    return bit(floats, types.int64), generate


@intrinsic
def transpose_block(context, source, distance, target, target_distance):
    """Transpose a square block of `LANES` rows: each thread takes a row, which becomes a column.

    The value is the sum of the row.
    """

    def generate(context, builder, signature, arguments):
        source, distance, target, target_distance = arguments
        here = lane_number(builder)
        row = builder.gep(source, [builder.load(builder.gep(distance, [here]))])
        # All rows are read before the first is written: source and target may be the same.
        numbers = [builder.load(builder.gep(row, [ir.Constant(_i64, j)])) for j in range(LANES)]
        wait(builder)
        for j, number in enumerate(numbers):
            place = builder.gep(target, [builder.add(builder.mul(target_distance, ir.Constant(_i64, j)), here)])
            builder.store(number, place)
        wait(builder)
        return functools.reduce(lambda x, y: builder.fadd(x, y), numbers)

    return lane(floats, integers, floats, types.int64), generate


@intrinsic
def put(context, place, value):
    """The twin of `studio.kernels.lanewise.put`: this thread's lane, and nobody waits."""

    def generate(context, builder, signature, arguments):
        builder.store(arguments[1], builder.gep(arguments[0], [lane_number(builder)]))
        return context.get_dummy_value()

    return types.void(floats, lane), generate


@intrinsic
def prefetch(context, place):
    """Nothing: other groups work while one waits for memory."""

    def generate(context, builder, signature, arguments):
        return context.get_dummy_value()

    return types.void(floats), generate


@intrinsic
def _get_first(context, place):
    """The number at a place: kernels come one after the other, so that nobody writes it meanwhile."""

    def generate(context, builder, signature, arguments):
        return builder.load(arguments[0])

    return place.dtype(place), generate


@intrinsic
def at(context, place, offset):
    """The place `offset` numbers further on."""

    def generate(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return place(place, types.int64), generate


def _address_as(kind: PlaceType) -> Any:
    @intrinsic
    def convert(context, address):
        def generate(context, builder, signature, arguments):
            return builder.inttoptr(arguments[0], kind.element.as_pointer())

        return kind(types.int64), generate

    return convert


def _place_of(builder, place, rows, columns, row_stride, column_stride):
    """LLVM: a pointer to the float of this thread's lane."""
    parts = [
        builder.mul(builder.fptosi(number, _i64), stride)
        for number, stride in ((rows, row_stride), (columns, column_stride))
    ]
    return builder.gep(place, [builder.add(builder.add(*parts), lane_number(builder))])


@intrinsic
def gather(context, place, rows, columns, row_stride, column_stride):
    """``place[rows * row_stride + columns * column_stride + lane]``."""

    def generate(context, builder, signature, arguments):
        return builder.load(_place_of(builder, *arguments))

    return lane(floats, lane, lane, types.int64, types.int64), generate


@intrinsic
def scatter_add(context, place, rows, columns, row_stride, column_stride, number):
    """Add to what `gather` reads."""

    def generate(context, builder, signature, arguments):
        target = _place_of(builder, *arguments[:5])
        builder.store(builder.fadd(builder.load(target), arguments[5]), target)
        return context.get_dummy_value()

    return types.void(floats, lane, lane, types.int64, types.int64, lane), generate


# Loops that groups share ---------------------------------------------------------------------


def _grid(builder, name):
    """LLVM: a special register as 64 bits."""
    return builder.zext(_register(builder, name), _i64)


@intrinsic
def group_number(context):
    """Which group of the grid this thread belongs to."""

    def generate(context, builder, signature, arguments):
        first = builder.mul(_grid(builder, "ctaid.x"), _grid(builder, "ntid.x"))
        thread = builder.add(first, _grid(builder, "tid.x"))
        return builder.udiv(thread, ir.Constant(_i64, LANES))

    return types.int64(), generate


@intrinsic
def group_count(context):
    """How many groups the grid has."""

    def generate(context, builder, signature, arguments):
        threads = builder.mul(_grid(builder, "nctaid.x"), _grid(builder, "ntid.x"))
        return builder.udiv(threads, ir.Constant(_i64, LANES))

    return types.int64(), generate


_turns_of_each, _turns_of_outer = cuda.jit(device=True)(turns.each), cuda.jit(device=True)(turns.outer)
_turns_of_middle, _turns_of_inner = cuda.jit(device=True)(turns.middle), cuda.jit(device=True)(turns.inner)


def each(*bounds):
    """The twin of `studio.kernels.sharing.each`; called by Python, it is that of one group alone."""
    return range(*bounds)


@overload(each)
def _each(*bounds):
    if len(bounds) == 1:
        return lambda *bounds: _turns_of_each(group_number(), group_count(), 0, bounds[0], 1)
    if len(bounds) == 2:
        return lambda *bounds: _turns_of_each(group_number(), group_count(), bounds[0], bounds[1], 1)
    return lambda *bounds: _turns_of_each(group_number(), group_count(), bounds[0], bounds[1], bounds[2])


@cuda.jit(device=True)
def outer(count):
    """The twin of `studio.kernels.sharing.outer`."""
    return _turns_of_outer(group_number(), group_count(), count)


@cuda.jit(device=True)
def middle(around, begin, end):
    """The twin of `studio.kernels.sharing.middle`."""
    return _turns_of_middle(group_number(), group_count(), around, begin, end)


@cuda.jit(device=True)
def inner(around, begin, end, step):
    """The twin of `studio.kernels.sharing.inner`."""
    return _turns_of_inner(group_number(), group_count(), around, begin, end, step)


_TWINS: dict[Any, Any] = {
    sharing.each: each,
    sharing.outer: outer,
    sharing.inner: inner,
    sharing.middle: middle,
    simd.VECTOR: _f32,
    simd.INTEGERS: _i32,
    random_vectors.LONG: _i64,
    simd._BITS: _i1,
    simd.float_pointer: floats,
    simd.integer_pointer: integers,
    simd.double_pointer: doubles,
    simd.vector: lane,
    simd.mask: bit,
    simd.load_vector: load_vector,
    simd.store_vector: store_vector,
    simd.broadcast: broadcast,
    simd.horizontal_sum: horizontal_sum,
    simd.filled: filled,
    simd.lane_numbers: lane_numbers,
    simd._vector_function: _vector_function,
    simd._lift: _lift,
    simd.at: at,
    simd.floats_at: _address_as(floats),
    simd.integers_at: _address_as(integers),
    simd.doubles_at: _address_as(doubles),
    simd.store_bits: store_bits,
    simd.take_bits: take_bits,
    simd.transpose_block: transpose_block,
    simd.prefetch: prefetch,
    lanewise.put: put,
    scattered.gather: gather,
    scattered.scatter_add: scatter_add,
    control._atomic_load: _get_first,
}


#: Modules whose plain functions are parts of intrinsics, which write LLVM.
_LLVM_WRITERS = ("studio.kernels.simd", "studio.kernels.tiles", "studio.kernels.random_vectors")


class DeviceTranslation(Translation):
    """Kernels for cards, of numba-cuda."""

    def __init__(self) -> None:
        super().__init__(_TWINS, lambda function: cuda.jit(device=True, fastmath=False)(function))

    def _made(self, value: Any, user: Any) -> Any:
        if isinstance(value, (ir.Type, TileShape)):
            return value
        if isinstance(value, _Intrinsic):
            return intrinsic(self._copied(value._defn))
        if isinstance(value, FunctionType) and value.__module__ in _LLVM_WRITERS:
            return self._copied(value)
        return super()._made(value, user)
