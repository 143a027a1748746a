"""Counter-based random numbers, a vector at a time: the generator of `studio.kernels.random_numbers`.

Lane i of word j is word j of Philox's answer to the counter (first + i, block, step, key) under the key `seed`.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from studio.kernels.simd import LANES, VECTOR, constant, float_pointer, store_bits, store_vector

_i32 = ir.IntType(32)
#: How many masks one draw gives, each from half a word.
CHANCES = 8
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


def _philox(builder, first, block, step, key, seed):
    """LLVM: four vectors of 64-bit lanes, the low halves of which are random."""
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
    return counters


@intrinsic
def draw_uniforms(context, target, distance, first, block, step, key, seed):
    """Store four vectors of uniform numbers in [0, 1), `distance` floats apart: of each word the highest 24 bits."""

    def generate(context, builder, signature, arguments):
        target, distance, *counter = arguments
        for j, word in enumerate(_philox(builder, *counter)):
            bits = builder.lshr(builder.trunc(word, _INDICES), ir.Constant(_INDICES, [8] * LANES))
            number = builder.fmul(builder.sitofp(bits, VECTOR), ir.Constant(VECTOR, [2.0**-24] * LANES))
            store_vector(builder, number, builder.gep(target, [builder.mul(distance, constant(j))]))
        return context.get_dummy_value()

    whole = types.int64
    return types.void(float_pointer, whole, whole, whole, whole, whole, whole), generate


@intrinsic
def draw_chances(context, target, index, distance, limit, first, block, step, key, seed):
    """Keep eight masks as `put_bits` does, `distance` masks apart from the `index`-th on.

    Mask 2 j + h is true where half h of word j, the low half first, is at least `limit`, a number from 0 to 65535.
    """

    def generate(context, builder, signature, arguments):
        target, index, distance, limit, *counter = arguments
        shift = ir.Constant(_INDICES, [16] * LANES)
        one = builder.insert_element(
            ir.Constant(_INDICES, ir.Undefined), builder.shl(builder.trunc(limit, _i32), ir.Constant(_i32, 16)), ir.Constant(_i32, 0)
        )
        limits = builder.shuffle_vector(one, ir.Constant(_INDICES, ir.Undefined), ir.Constant(_INDICES, [0] * LANES))
        for j, word in enumerate(_philox(builder, *counter)):
            bits = builder.trunc(word, _INDICES)
            # What stands below the half that is compared decides nothing, since the limit has zeros there.
            for h, half in enumerate((builder.shl(bits, shift), bits)):
                place = builder.add(index, builder.mul(distance, constant(2 * j + h)))
                store_bits(builder, builder.icmp_unsigned(">=", half, limits), target, place)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(float_pointer, whole, whole, whole, whole, whole, whole, whole, whole), generate
