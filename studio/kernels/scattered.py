"""Reading floats that lie apart, a vector at a time."""

from __future__ import annotations

from llvmlite import ir

from studio.kernels.numba_names import intrinsic, types
from studio.kernels.simd import LANES, VECTOR, float_pointer, vector

_i32 = ir.IntType(32)
_i64 = ir.IntType(64)
_PLACES = ir.VectorType(_i32, LANES)


@intrinsic
def gather(context, pointer, rows, columns, row_stride, column_stride):
    """``pointer[rows * row_stride + columns * column_stride + lane]``: from each lane's own place.

    Rows and columns are whole numbers that lie in the array; so far from its start a float lies that
    32 bits count it.
    """

    def generate(context, builder, signature, arguments):
        pointer, rows, columns, row_stride, column_stride = arguments
        whole = [builder.fptosi(numbers, _PLACES) for numbers in (rows, columns)]
        zeros = ir.Constant(_PLACES, [0] * LANES)
        strides = []
        for stride in (row_stride, column_stride):
            one = builder.insert_element(zeros, builder.trunc(stride, _i32), ir.Constant(_i32, 0))
            strides.append(builder.shuffle_vector(one, zeros, zeros))
        parts = [builder.mul(n, stride) for n, stride in zip(whole, strides, strict=True)]
        places = builder.add(builder.add(*parts), ir.Constant(_PLACES, list(range(LANES))))
        found = ir.Constant(VECTOR, ir.Undefined)
        for i in range(LANES):
            lane = ir.Constant(_i32, i)
            place = builder.sext(builder.extract_element(places, lane), _i64)
            found = builder.insert_element(found, builder.load(builder.gep(pointer, [place])), lane)
        return found

    return vector(float_pointer, vector, vector, types.int64, types.int64), generate
