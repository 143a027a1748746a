"""Reading and changing floats that lie apart, a vector at a time."""

from __future__ import annotations

from llvmlite import ir

from studio.kernels.numba_names import intrinsic, types
from studio.kernels.simd import INTEGERS as _PLACES
from studio.kernels.simd import LANES, VECTOR, broadcast, float_pointer, lane_numbers, vector

_i32 = ir.IntType(32)
_i64 = ir.IntType(64)


def _places_of(builder, rows, columns, row_stride, column_stride):
    """LLVM: how far from the start the float of each lane lies, one number a lane."""
    whole = [builder.fptosi(numbers, _PLACES) for numbers in (rows, columns)]
    strides = [broadcast(builder, builder.trunc(stride, _i32), _PLACES) for stride in (row_stride, column_stride)]
    parts = [builder.mul(n, stride) for n, stride in zip(whole, strides, strict=True)]
    places = builder.add(builder.add(*parts), lane_numbers(builder, _PLACES))
    lanes = [ir.Constant(_i32, i) for i in range(LANES)]
    return [(lane, builder.sext(builder.extract_element(places, lane), _i64)) for lane in lanes]


@intrinsic
def gather(context, pointer, rows, columns, row_stride, column_stride):
    """``pointer[rows * row_stride + columns * column_stride + lane]``: from each lane's own place.

    Rows and columns are whole numbers that lie in the array; so far from its start a float lies that
    32 bits count it.
    """

    def generate(context, builder, signature, arguments):
        found = ir.Constant(VECTOR, ir.Undefined)
        for lane, place in _places_of(builder, *arguments[1:]):
            found = builder.insert_element(found, builder.load(builder.gep(arguments[0], [place])), lane)
        return found

    return vector(float_pointer, vector, vector, types.int64, types.int64), generate


@intrinsic
def scatter_add(context, pointer, rows, columns, row_stride, column_stride, numbers):
    """Add to what `gather` reads: each lane to its own place, which no other lane has."""

    def generate(context, builder, signature, arguments):
        for lane, place in _places_of(builder, *arguments[1:5]):
            target = builder.gep(arguments[0], [place])
            builder.store(builder.fadd(builder.load(target), builder.extract_element(arguments[5], lane)), target)
        return context.get_dummy_value()

    return types.void(float_pointer, vector, vector, types.int64, types.int64, vector), generate
