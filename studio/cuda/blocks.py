"""Words of kernels' texts for blocks of threads (see `studio.kernels.jit.Blocks`), for numba-cuda.

A thread has numbers of its own in registers, and all threads of a block have floats in shared memory
for a while: what one has put there, the others see after the next `wait`. Several numbers of a thread
are a tuple, so that the compiler gives each a register.

References
----------
NVIDIA, CUDA C++ Programming Guide (shared memory, vector types); NVVM IR specification.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import cuda, types
from numba.cuda import cgutils
from numba.cuda.extending import _intrinsic, intrinsic

from studio.cuda.device import at, floats, integers

_f32 = ir.FloatType()
_i32, _i64 = ir.IntType(32), ir.IntType(64)
_FOUR = ir.VectorType(_f32, 4)
#: Bytes of four floats: where they begin if they are read or written at once.
_ALIGNED = 16
#: LLVM's number of shared memory.
_SHARED = 3
#: What `intrinsic` is, but for functions whose argument is a number that stands in the text.
_of_a_known_number = _intrinsic(target="cuda", prefer_literal=True)


def _tuple(count: int) -> Any:
    """So many floats."""
    return types.UniTuple(types.float32, count)


def _pack(builder: Any, numbers: list[Any]) -> Any:
    """LLVM: floats as a tuple."""
    made = ir.Constant(ir.ArrayType(_f32, len(numbers)), ir.Undefined)
    for i, number in enumerate(numbers):
        made = builder.insert_value(made, number, i)
    return made


def _unpack(builder: Any, numbers: Any) -> list[Any]:
    """LLVM: the floats of a tuple."""
    return [builder.extract_value(numbers, i) for i in range(numbers.type.count)]


def _register(name: str) -> Any:
    @intrinsic
    def read(context):
        def generate(context, builder, signature, arguments):
            kind = ir.FunctionType(_i32, [])
            function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.nvvm.read.ptx.sreg.{name}")
            return builder.zext(builder.call(function, []), _i64)

        return types.int64(), generate

    return read


@_of_a_known_number
def shared_floats(context, count):
    """So many floats of the block's shared memory, with anything in them; a kernel may ask once."""
    floats_there = count.literal_value

    def generate(context, builder, signature, arguments):
        kind = ir.ArrayType(_f32, floats_there)
        there = ir.GlobalVariable(builder.module, kind, builder.module.get_unique_name("shared"), addrspace=_SHARED)
        there.linkage, there.align, there.initializer = "internal", _ALIGNED, ir.Constant(kind, ir.Undefined)
        zero = ir.Constant(_i32, 0)
        return builder.addrspacecast(builder.gep(there, [zero, zero]), _f32.as_pointer())

    return floats(count), generate


@intrinsic
def anew(context, number):
    """The same whole number; what is worked out from it is not what was worked out from it before, and kept."""

    def generate(context, builder, signature, arguments):
        return builder.asm(ir.FunctionType(_i64, [_i64]), "mov.b64 $0, $1;", "=l,l", arguments, side_effect=True)

    return types.int64(types.int64), generate


@intrinsic
def quotient(context, number, divisor):
    """``number // divisor`` of whole numbers from 0 to 2**31, in 32 bits: a division of 64 bits is a long program."""

    def generate(context, builder, signature, arguments):
        number, divisor = (builder.trunc(one, _i32) for one in arguments)
        return builder.zext(builder.udiv(number, divisor), _i64)

    return types.int64(types.int64, types.int64), generate


def _if(builder: Any, condition: Any, read: Any, kind: Any = _f32) -> Any:
    """LLVM: what `read` makes if a condition holds, otherwise 0."""
    before = builder.block
    there, after = builder.append_basic_block("there"), builder.append_basic_block("read")
    builder.cbranch(condition, there, after)
    builder.position_at_end(there)
    number = read()
    builder.branch(after)
    builder.position_at_end(after)
    found = builder.phi(kind)
    found.add_incoming(ir.Constant(kind, 0), before)
    found.add_incoming(number, there)
    return found


@intrinsic
def get_if(context, condition, place, index):
    """The float at an index from a place on; 0, without looking, if a condition does not hold."""

    def generate(context, builder, signature, arguments):
        condition, place, index = arguments
        holds = context.cast(builder, condition, signature.args[0], types.boolean)
        return _if(builder, holds, lambda: builder.load(builder.gep(place, [index])))

    return types.float32(condition, floats, types.int64), generate


@intrinsic
def whole_if(context, condition, place):
    """The whole number at a place; 0, without looking, if a condition does not hold."""

    def generate(context, builder, signature, arguments):
        condition, place = arguments
        holds = context.cast(builder, condition, signature.args[0], types.boolean)
        return _if(builder, holds, lambda: builder.load(place), _i64)

    return types.int64(condition, integers), generate


@intrinsic
def get_through(context, condition, place, offsets, index):
    """The float as far from a place as the `index`-th offset says; 0, without looking, if a condition does not hold."""

    def generate(context, builder, signature, arguments):
        condition, place, offsets, index = arguments
        holds = context.cast(builder, condition, signature.args[0], types.boolean)
        return _if(builder, holds, lambda: builder.load(builder.gep(place, [builder.load(builder.gep(offsets, [index]))])))

    return types.float32(condition, floats, integers, types.int64), generate


@intrinsic
def put(context, place, index, number):
    """This thread's float goes to an index from a place on."""

    def generate(context, builder, signature, arguments):
        place, index, number = arguments
        builder.store(number, builder.gep(place, [index]))
        return context.get_dummy_value()

    return types.void(floats, types.int64, types.float32), generate


@intrinsic
def get_four(context, place, index):
    """Four floats in a row, which lie at a multiple of four in shared memory."""

    def generate(context, builder, signature, arguments):
        place, index = arguments
        four = builder.load(builder.bitcast(builder.gep(place, [index]), _FOUR.as_pointer()), align=_ALIGNED)
        return _pack(builder, [builder.extract_element(four, ir.Constant(_i32, i)) for i in range(4)])

    return _tuple(4)(floats, types.int64), generate


@intrinsic
def put_run(context, place, four, count):
    """The first `count` of four floats go to a place, at once if all go and the place is at a multiple of four."""

    def generate(context, builder, signature, arguments):
        place, four, count = arguments
        numbers = _unpack(builder, four)
        low = builder.and_(builder.ptrtoint(place, _i64), ir.Constant(_i64, _ALIGNED - 1))
        whole = builder.icmp_signed(">=", count, ir.Constant(_i64, 4))
        with builder.if_else(builder.and_(whole, builder.icmp_unsigned("==", low, ir.Constant(_i64, 0)))) as (at_once, each):
            with at_once:
                vector: Any = ir.Constant(_FOUR, ir.Undefined)
                for i, number in enumerate(numbers):
                    vector = builder.insert_element(vector, number, ir.Constant(_i32, i))
                builder.store(vector, builder.bitcast(place, _FOUR.as_pointer()), align=_ALIGNED)
            with each:
                for i, number in enumerate(numbers):
                    with builder.if_then(builder.icmp_signed("<", ir.Constant(_i64, i), count)):
                        builder.store(number, builder.gep(place, [ir.Constant(_i64, i)]))
        return context.get_dummy_value()

    return types.void(floats, _tuple(4), types.int64), generate


@intrinsic
def joined(context, one, other):
    """The floats of two tuples as one."""

    def generate(context, builder, signature, arguments):
        return _pack(builder, [number for numbers in arguments for number in _unpack(builder, numbers)])

    return _tuple(one.count + other.count)(one, other), generate


@_of_a_known_number
def zeros(context, count):
    """So many floats, all 0."""
    wanted = count.literal_value

    def generate(context, builder, signature, arguments):
        return ir.Constant(ir.ArrayType(_f32, wanted), [0.0] * wanted)

    return _tuple(wanted)(count), generate


@intrinsic
def plus(context, numbers, number):
    """A float added to each of several."""

    def generate(context, builder, signature, arguments):
        return _pack(builder, [builder.fadd(one, arguments[1]) for one in _unpack(builder, arguments[0])])

    return numbers(numbers, types.float32), generate


@intrinsic
def add_products(context, sums, left, right):
    """``sums[i, j] + left[i] * right[j]``, each rounded once; the sums row by row."""

    def generate(context, builder, signature, arguments):
        sums, left, right = (_unpack(builder, numbers) for numbers in arguments)
        pairs = [(x, y) for x in left for y in right]
        return _pack(builder, [builder.fma(x, y, z) for (x, y), z in zip(pairs, sums, strict=True)])

    return sums(sums, left, right), generate


#: By name: what the texts may say besides Python.
WORDS: dict[str, Any] = {
    "thread_number": _register("tid.x"),
    "block_number": _register("ctaid.x"),
    "wait": cuda.syncthreads,
    "at": at,
    **{one.__name__: one for one in (shared_floats, anew, quotient, get_if, whole_if, get_through, put, get_four, put_run, joined, zeros, plus, add_products)},
}
