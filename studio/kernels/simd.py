"""A vector of floats as a Numba type, and the pointers and intrinsics kernels are made of.

Numba's own loops are often not vectorised; with an explicit vector type a kernel says what
it means. `LANES` follows the machine (see `studio.kernels.jit.lanes`).
"""

from __future__ import annotations

import functools
import operator

from llvmlite import ir

from studio.kernels.jit import lanes
from studio.kernels.numba_names import (
    AbstractTemplate,
    cgutils,
    infer_global,
    intrinsic,
    lower_builtin,
    models,
    register_model,
    types,
    typing_signature,
)

LANES = lanes()

_f32 = ir.FloatType()
_i32 = ir.IntType(32)
_i64 = ir.IntType(64)
_f64 = ir.DoubleType()
VECTOR = ir.VectorType(_f32, LANES)
INTEGERS = ir.VectorType(_i32, LANES)
_BITS = ir.VectorType(ir.IntType(1), LANES)

float_pointer = types.CPointer(types.float32)
integer_pointer = types.CPointer(types.int64)
double_pointer = types.CPointer(types.float64)

#: Flags of each floating point instruction; NaN and infinity are respected.
FLAGS = ("nsz", "arcp", "contract", "afn", "reassoc")


class VectorType(types.Type):
    """`LANES` float32 numbers."""

    def __init__(self) -> None:
        super().__init__(name=f"Vector{LANES}")


class MaskType(types.Type):
    """`LANES` truth values, the result of comparing vectors."""

    def __init__(self) -> None:
        super().__init__(name=f"Mask{LANES}")


vector = VectorType()
mask = MaskType()


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, VECTOR)


@register_model(MaskType)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _BITS)


# Building blocks for LLVM code -------------------------------------------------------------


def load_vector(builder, pointer):
    """LLVM: load a vector from an unaligned float pointer."""
    return builder.load(builder.bitcast(pointer, VECTOR.as_pointer()), align=4)


def store_vector(builder, value, pointer):
    """LLVM: store a vector to an unaligned float pointer."""
    builder.store(value, builder.bitcast(pointer, VECTOR.as_pointer()), align=4)


def broadcast(builder, scalar, kind=VECTOR):
    """LLVM: a vector with the same number in each lane."""
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.Constant(_i32, 0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), filled(0, INTEGERS))


def filled(number, kind=VECTOR):
    """LLVM: a vector with the same known number in each lane."""
    return ir.Constant(kind, [number] * LANES)


def lane_numbers(builder, kind):
    """LLVM: a vector of 0, 1, 2, ..."""
    return ir.Constant(kind, [float(i) if kind is VECTOR else i for i in range(LANES)])


def multiply_add(builder, x, y, z):
    """LLVM: ``x * y + z``, which the processor does in one instruction."""
    return builder.fadd(builder.fmul(x, y, flags=("contract",)), z, flags=("contract",))


def constant(number):
    """LLVM: a 64-bit integer."""
    return ir.Constant(_i64, number)


def horizontal_sum(builder, value):
    """LLVM: the sum of a vector's lanes."""
    name = f"llvm.vector.reduce.fadd.v{LANES}f32"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_f32, [_f32, VECTOR]), name)
    return builder.call(function, [ir.Constant(_f32, 0.0), value], fastmath=("reassoc",))


def _vector_function(builder, name, *arguments):
    kind = ir.FunctionType(VECTOR, [VECTOR] * len(arguments))
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}f32")
    return builder.call(function, list(arguments))


# Pointers ------------------------------------------------------------------------------------


@intrinsic
def at(context, pointer, offset):
    """The pointer `offset` elements further on."""
    if not isinstance(pointer, types.CPointer):
        return None

    def generate(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.int64), generate


def address_as(llvm_type, numba_type):
    """A function that takes an address, a whole number, for a pointer of this type."""

    @intrinsic
    def convert(context, address):
        def generate(context, builder, signature, arguments):
            return builder.inttoptr(arguments[0], llvm_type.as_pointer())

        return numba_type(types.int64), generate

    return convert


floats_at = address_as(_f32, float_pointer)
integers_at = address_as(_i64, integer_pointer)
doubles_at = address_as(_f64, double_pointer)


@intrinsic
def integers_in(context, pointer):
    """A place among the floats, used for 64-bit integers."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], _i64.as_pointer())

    return integer_pointer(float_pointer), generate


@intrinsic
def load(context, pointer):
    """The vector at a float pointer."""

    def generate(context, builder, signature, arguments):
        return load_vector(builder, arguments[0])

    return vector(float_pointer), generate


@intrinsic
def store(context, pointer, value):
    """Put a vector at a float pointer."""

    def generate(context, builder, signature, arguments):
        store_vector(builder, arguments[1], arguments[0])
        return context.get_dummy_value()

    return types.void(float_pointer, vector), generate


# Arithmetic ----------------------------------------------------------------------------------


def _lift(context, builder, value, kind):
    """A number as a vector; a vector as it is."""
    if isinstance(kind, VectorType):
        return value
    return broadcast(builder, context.cast(builder, value, kind, types.float32))


def _is_operand(kind):
    return isinstance(kind, (VectorType, types.Number, types.Boolean))


@intrinsic
def splat(context, number):
    """A vector with the same number in each lane."""

    def generate(context, builder, signature, arguments):
        return _lift(context, builder, arguments[0], signature.args[0])

    return vector(number), generate


def _operator(python_operator, result, generate):
    """Let an operator take vectors, and numbers beside them.

    Each `@overload` would be a function of its own to compile; this way the instruction is written
    where the operator stands.
    """

    @infer_global(python_operator)
    class _Template(AbstractTemplate):
        def generic(self, arguments, keywords):
            if len(arguments) == 2 and all(map(_is_operand, arguments)) and any(isinstance(a, VectorType) for a in arguments):
                return typing_signature(result, *arguments)
            return None

    def lower(context, builder, signature, arguments):
        x, y = (_lift(context, builder, a, kind) for a, kind in zip(arguments, signature.args, strict=True))
        return generate(builder, x, y)

    lower_builtin(python_operator, VectorType, VectorType)(lower)
    for kind in (types.Number, types.Boolean):
        lower_builtin(python_operator, VectorType, kind)(lower)
        lower_builtin(python_operator, kind, VectorType)(lower)


def _arithmetic(instruction):
    return lambda builder, x, y: getattr(builder, instruction)(x, y, flags=FLAGS)


def _comparison(sign):
    # "Not equal" must hold for NaN, as everywhere else.
    if sign == "!=":
        return lambda builder, x, y: builder.fcmp_unordered(sign, x, y)
    return lambda builder, x, y: builder.fcmp_ordered(sign, x, y)


#: Python's operators, and the LLVM of each for two vectors, or two floats.
ARITHMETIC = {
    operator.add: _arithmetic("fadd"),
    operator.sub: _arithmetic("fsub"),
    operator.mul: _arithmetic("fmul"),
    operator.truediv: _arithmetic("fdiv"),
}
COMPARISONS = {
    operator.gt: _comparison(">"),
    operator.ge: _comparison(">="),
    operator.lt: _comparison("<"),
    operator.le: _comparison("<="),
    operator.eq: _comparison("=="),
    operator.ne: _comparison("!="),
}
for _python, _generate in ARITHMETIC.items():
    _operator(_python, vector, _generate)
for _python, _generate in COMPARISONS.items():
    _operator(_python, mask, _generate)


@infer_global(operator.neg)
class _NegativeTemplate(AbstractTemplate):
    def generic(self, arguments, keywords):
        return typing_signature(vector, vector) if arguments == (vector,) else None


@lower_builtin(operator.neg, VectorType)
def _negate(context, builder, signature, arguments):
    return builder.fneg(arguments[0])


@intrinsic
def select(context, condition, x, y):
    """`x` where the condition holds, else `y`, lane by lane."""

    def generate(context, builder, signature, arguments):
        left = _lift(context, builder, arguments[1], signature.args[1])
        right = _lift(context, builder, arguments[2], signature.args[2])
        return builder.select(arguments[0], left, right)

    return vector(mask, x, y), generate


_SHORT = ir.IntType(16)


def store_bits(builder, condition, pointer, index):
    """LLVM: keep a mask as the `index`-th 16-bit integer from a float pointer on."""
    bits = builder.bitcast(condition, ir.IntType(LANES))
    place = builder.gep(builder.bitcast(pointer, _SHORT.as_pointer()), [index])
    builder.store(bits if LANES == 16 else builder.zext(bits, _SHORT), place)


@intrinsic
def take_bits(context, pointer, index):
    """The mask that `store_bits` kept as the `index`-th 16-bit integer from a float pointer on."""

    def generate(context, builder, signature, arguments):
        pointer, index = arguments
        bits = builder.load(builder.gep(builder.bitcast(pointer, _SHORT.as_pointer()), [index]))
        return builder.bitcast(bits if LANES == 16 else builder.trunc(bits, ir.IntType(LANES)), _BITS)

    return mask(float_pointer, types.int64), generate


def _unary(name):
    @intrinsic
    def operate(context, x):
        def generate(context, builder, signature, arguments):
            return _vector_function(builder, name, arguments[0])

        return vector(vector), generate

    return operate


square_root = _unary("sqrt")
absolute_value = _unary("fabs")
round_down = _unary("floor")


@intrinsic
def times_power_of_two(context, x, n):
    """``x * 2**n`` for whole numbers n; x, not 0, and the product are normal floats."""

    def generate(context, builder, signature, arguments):
        bits = builder.bitcast(arguments[0], INTEGERS)
        exponents = builder.shl(builder.fptosi(arguments[1], INTEGERS), filled(23, INTEGERS))
        return builder.bitcast(builder.add(bits, exponents), VECTOR)

    return vector(vector, vector), generate


@intrinsic
def exponent_of(context, x):
    """e of ``x = m * 2**e`` with m in [0.5, 1), for positive normal x."""

    def generate(context, builder, signature, arguments):
        bits = builder.bitcast(arguments[0], INTEGERS)
        shifted = builder.lshr(bits, filled(23, INTEGERS))
        return builder.sitofp(builder.sub(shifted, filled(126, INTEGERS)), VECTOR)

    return vector(vector), generate


@intrinsic
def mantissa_of(context, x):
    """m of ``x = m * 2**e`` with m in [0.5, 1), for positive normal x."""

    def generate(context, builder, signature, arguments):
        bits = builder.bitcast(arguments[0], INTEGERS)
        kept = builder.and_(bits, filled(0x007FFFFF, INTEGERS))
        return builder.bitcast(builder.or_(kept, filled(0x3F000000, INTEGERS)), VECTOR)

    return vector(vector), generate


@intrinsic
def sum_lanes(context, x):
    """The sum of the lanes."""

    def generate(context, builder, signature, arguments):
        return horizontal_sum(builder, arguments[0])

    return types.float32(vector), generate


def prefetch_line(builder, pointer):
    """LLVM: ask for a cache line to be brought into the second cache."""
    byte = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, _i32, _i32, _i32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    read, second_cache, data = (ir.Constant(_i32, n) for n in (0, 2, 1))
    builder.call(function, [builder.bitcast(pointer, byte), read, second_cache, data])


@intrinsic
def prefetch(context, pointer):
    """Ask for a cache line to be brought into the second cache; what it holds does not change."""

    def generate(context, builder, signature, arguments):
        prefetch_line(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(float_pointer), generate


def four_columns(builder, rows, first):
    """LLVM: some columns of a square of numbers, whose rows begin at these places, as vectors."""
    if LANES < 4:
        return [load_vector(builder, rows[0])]

    # Every fourth row, four numbers of each, side by side: putting them there is a part of loading them.
    four = ir.VectorType(ir.FloatType(), 4)

    def beside(places):
        parts = []
        for place in places:
            part = builder.load(builder.bitcast(builder.gep(place, [constant(first)]), four.as_pointer()))
            part.align = 4
            parts.append(part)
        while len(parts) > 1:
            whole = list(range(2 * parts[0].type.count))
            parts = [_shuffled(builder, parts[i], parts[i + 1], whole) for i in range(0, len(parts), 2)]
        return parts[0]

    a, b, c, d = (beside(rows[i::4]) for i in range(4))
    # What is left is to transpose each square of four by four where it is.
    starts = range(0, LANES, 4)
    low = [k + i for i in starts for k in (0, LANES, 1, LANES + 1)]
    high = [k + i for i in starts for k in (2, LANES + 2, 3, LANES + 3)]
    front = [k + i for i in starts for k in (0, 1, LANES, LANES + 1)]
    back = [k + i for i in starts for k in (2, 3, LANES + 2, LANES + 3)]
    result = []
    for half in (low, high):
        left, right = _shuffled(builder, a, b, half), _shuffled(builder, c, d, half)
        result += [_shuffled(builder, left, right, front), _shuffled(builder, left, right, back)]
    return result


def _shuffled(builder, x, y, which):
    return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(_i32, len(which)), which))


@intrinsic
def transpose_block(context, source, distance, target, target_distance):
    """Transpose a square block of `LANES` rows of `LANES` floats.

    Row i starts at ``source + distance[i]``; column j goes to ``target + j * target_distance``. The
    value is the sum of the columns.
    """

    def generate(context, builder, signature, arguments):
        source, distance, target, target_distance = arguments
        rows = [builder.gep(source, [builder.load(builder.gep(distance, [constant(i)]))]) for i in range(LANES)]
        sums = []
        for first in range(0, LANES, 4):
            columns = four_columns(builder, rows, first)
            for i, column in enumerate(columns):
                store_vector(builder, column, builder.gep(target, [builder.mul(target_distance, constant(first + i))]))
            sums.append(functools.reduce(lambda x, y: builder.fadd(x, y, flags=FLAGS), columns))
        return functools.reduce(lambda x, y: builder.fadd(x, y, flags=FLAGS), sums)

    return vector(float_pointer, integer_pointer, float_pointer, types.int64), generate
