"""Counter-based random numbers, a vector at a time: the generator of `studio.kernels.random_numbers`."""

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from studio.kernels.simd import LANES, VECTOR, constant, float_pointer, store_vector

_i32 = ir.IntType(32)
_INDICES = ir.VectorType(_i32, LANES)
_LONG = ir.VectorType(ir.IntType(64), LANES)


def _all(number):
    return ir.Constant(_LONG, [number] * LANES)


def _spread(builder, number):
    """LLVM: a 64-bit integer in each lane."""
    one = builder.insert_element(ir.Constant(_LONG, ir.Undefined), number, ir.Constant(_i32, 0))
    return builder.shuffle_vector(one, ir.Constant(_LONG, ir.Undefined), ir.Constant(_INDICES, [0] * LANES))


def _multiply(builder, numbers, multiplier):
    """LLVM: the product of each lane's low half with a constant, and its high half."""
    product = builder.mul(builder.and_(numbers, _all(0xFFFFFFFF)), _all(multiplier))
    return builder.lshr(product, _all(32)), product


@intrinsic
def draw_uniforms(context, target, distance, first, block, step, key, seed):
    """Store four vectors of uniform numbers in [0, 1), `distance` floats apart.

    Lane i of vector j is word j of Philox's answer to the counter (first + i, block, step,
    key) under the key `seed`, of which the highest 24 bits are taken.
    """

    def generate(context, builder, signature, arguments):
        target, distance, first, block, step, key, seed = arguments
        # Words stay in 64-bit lanes, where multiplying is one instruction; the high halves of
        # the counters may hold anything, since only low halves are multiplied and kept.
        counters = [
            builder.add(_spread(builder, first), ir.Constant(_LONG, list(range(LANES)))),
            _spread(builder, block),
            _spread(builder, step),
            _spread(builder, key),
        ]
        key_0 = _spread(builder, seed)
        key_1 = _spread(builder, builder.lshr(seed, constant(32)))
        for _ in range(10):
            high_0, low_0 = _multiply(builder, counters[0], 0xD2511F53)
            high_1, low_1 = _multiply(builder, counters[2], 0xCD9E8D57)
            counters = [
                builder.xor(builder.xor(high_1, counters[1]), key_0),
                low_1,
                builder.xor(builder.xor(high_0, counters[3]), key_1),
                low_0,
            ]
            key_0 = builder.add(key_0, _all(0x9E3779B9))
            key_1 = builder.add(key_1, _all(0xBB67AE85))
        for j, counter in enumerate(counters):
            bits = builder.lshr(builder.trunc(counter, _INDICES), ir.Constant(_INDICES, [8] * LANES))
            number = builder.fmul(builder.sitofp(bits, VECTOR), ir.Constant(VECTOR, [2.0**-24] * LANES))
            store_vector(builder, number, builder.gep(target, [builder.mul(distance, constant(j))]))
        return context.get_dummy_value()

    whole = types.int64
    return types.void(float_pointer, whole, whole, whole, whole, whole, whole), generate
