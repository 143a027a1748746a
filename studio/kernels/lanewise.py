"""Blocks of kernels for cards in which no lane meets another, so that threads need not wait for each other."""

from __future__ import annotations

from studio.kernels.jit import inline
from studio.kernels.numba_names import intrinsic, types
from studio.kernels.simd import float_pointer, store_vector, vector


@intrinsic
def put(context, pointer, value):
    """`studio.kernels.simd.store` of what no other lane reads, as a number, in the same kernel.

    After each `store` all threads of a group wait for each other, and nothing that comes later is
    read any earlier; with this one nobody waits.
    """

    def generate(context, builder, signature, arguments):
        store_vector(builder, arguments[1], arguments[0])
        return context.get_dummy_value()

    return types.void(float_pointer, vector), generate


@inline
def divided(number, count):
    """Quotient and rest, for the number of a turn; a division of whole numbers is long on a card, so there is but one."""
    quotient = number // count
    return quotient, number - quotient * count
