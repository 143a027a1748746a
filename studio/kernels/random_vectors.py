"""Counter-based random numbers, a vector at a time: the generator of `studio.kernels.random_numbers`.

Lane i of word j is word j of Philox's answer to the counter (first + i, block, step, key) under the key `seed`.
"""

from __future__ import annotations

from llvmlite import ir

from studio.kernels.numba_names import intrinsic, types
from studio.kernels.simd import (
    INTEGERS,
    LANES,
    VECTOR,
    broadcast,
    constant,
    filled,
    float_pointer,
    lane_numbers,
    store_bits,
    store_vector,
)

_i32 = ir.IntType(32)
#: How many masks one draw gives, each from half a word.
CHANCES = 8
LONG = ir.VectorType(ir.IntType(64), LANES)


def _multiply(builder, numbers, multiplier):
    """LLVM: the product of each lane's low half with a constant, and its high half."""
    product = builder.mul(builder.and_(numbers, filled(0xFFFFFFFF, LONG)), filled(multiplier, LONG))
    return builder.lshr(product, filled(32, LONG)), product


def _philox(builder, first, block, step, key, seed):
    """LLVM: four vectors of 64-bit lanes, the low halves of which are random."""
    # Words stay in 64-bit lanes, where multiplying is one instruction; the high halves of
    # the counters may hold anything, since only low halves are multiplied and kept.
    counters = [
        builder.add(broadcast(builder, first, LONG), lane_numbers(builder, LONG)),
        *(broadcast(builder, number, LONG) for number in (block, step, key)),
    ]
    key_0 = broadcast(builder, seed, LONG)
    key_1 = broadcast(builder, builder.lshr(seed, constant(32)), LONG)
    for _ in range(10):
        high_0, low_0 = _multiply(builder, counters[0], 0xD2511F53)
        high_1, low_1 = _multiply(builder, counters[2], 0xCD9E8D57)
        counters = [
            builder.xor(builder.xor(high_1, counters[1]), key_0),
            low_1,
            builder.xor(builder.xor(high_0, counters[3]), key_1),
            low_0,
        ]
        key_0 = builder.add(key_0, filled(0x9E3779B9, LONG))
        key_1 = builder.add(key_1, filled(0xBB67AE85, LONG))
    return counters


@intrinsic
def draw_uniforms(context, target, distance, first, block, step, key, seed):
    """Store four vectors of uniform numbers in [0, 1), `distance` floats apart: of each word the highest 24 bits."""

    def generate(context, builder, signature, arguments):
        target, distance, *counter = arguments
        for j, word in enumerate(_philox(builder, *counter)):
            bits = builder.lshr(builder.trunc(word, INTEGERS), filled(8, INTEGERS))
            number = builder.fmul(builder.sitofp(bits, VECTOR), filled(2.0**-24))
            store_vector(builder, number, builder.gep(target, [builder.mul(distance, constant(j))]))
        return context.get_dummy_value()

    whole = types.int64
    return types.void(float_pointer, whole, whole, whole, whole, whole, whole), generate


@intrinsic
def draw_chances(context, target, index, distance, limit, first, block, step, key, seed):
    """Keep eight masks, for `take_bits`, `distance` masks apart from the `index`-th on.

    Mask 2 j + h is true where half h of word j, the low half first, is at least `limit`, a number from 0 to 65535.
    """

    def generate(context, builder, signature, arguments):
        target, index, distance, limit, *counter = arguments
        shift = filled(16, INTEGERS)
        least = builder.shl(builder.trunc(limit, _i32), ir.Constant(_i32, 16))
        limits = broadcast(builder, least, INTEGERS)
        for j, word in enumerate(_philox(builder, *counter)):
            bits = builder.trunc(word, INTEGERS)
            # What stands below the half that is compared decides nothing, since the limit has zeros there.
            for h, half in enumerate((builder.shl(bits, shift), bits)):
                place = builder.add(index, builder.mul(distance, constant(2 * j + h)))
                store_bits(builder, builder.icmp_unsigned(">=", half, limits), target, place)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(float_pointer, whole, whole, whole, whole, whole, whole, whole, whole), generate
