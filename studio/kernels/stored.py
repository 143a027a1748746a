"""Samples of a mapped file become columns of the arena: read, converted and put in place at once."""

from __future__ import annotations

from llvmlite import ir

from studio.kernels.jit import inline, kernel
from studio.kernels.numba_names import float32, float64, int64, intrinsic, types
from studio.kernels.simd import (
    LANES,
    VECTOR,
    address_as,
    at,
    doubles_at,
    floats_at,
    integers_at,
    integers_in,
    load,
    store,
    transpose_block,
    vector,
)
from studio.kernels.state import ARRAYS, FIRST, FORMS, ORDER, POSITION, VALID

#: Places of a form: kind of numbers, addresses of the file's numbers, of the rows (uint32), of mean
#: and 1 / scale (float32), of mean and scale (float64), and of room for `LANES` samples (float32).
KIND, RAW, ROWS, MEAN, INVERSE, WIDE_MEAN, WIDE_SCALE, ROOM = range(8)
FORM_LENGTH = 16
#: Kinds of numbers, as NumPy writes them; their places are what `KIND` says.
KINDS = ("u1", "i1", "i2", "u2", "f4", "i4", "f8", "i8")

_bytes_at = address_as(ir.IntType(8), types.CPointer(types.uint8))
_signed_bytes_at = address_as(ir.IntType(8), types.CPointer(types.int8))
_shorts_at = address_as(ir.IntType(16), types.CPointer(types.int16))
_unsigned_shorts_at = address_as(ir.IntType(16), types.CPointer(types.uint16))
_words_at = address_as(ir.IntType(32), types.CPointer(types.int32))
_rows_at = address_as(ir.IntType(32), types.CPointer(types.uint32))


@intrinsic
def _load_numbers(context, pointer):
    """`LANES` numbers of any of the short types as floats."""
    kind = pointer.dtype

    def generate(context, builder, signature, arguments):
        element = arguments[0].type.pointee
        place = builder.bitcast(arguments[0], ir.VectorType(element, LANES).as_pointer())
        # In a file numbers may lie anywhere.
        numbers = builder.load(place, align=1)
        if isinstance(kind, types.Float):
            return numbers
        convert = builder.sitofp if kind.signed else builder.uitofp
        return convert(numbers, VECTOR)

    return vector(pointer), generate


@inline
def _narrow(source, target, length, form):
    mean, inverse = floats_at(form[MEAN]), floats_at(form[INVERSE])
    whole = length - length % LANES
    for i in range(0, whole, LANES):
        store(at(target, i), (_load_numbers(at(source, i)) - load(at(mean, i))) * load(at(inverse, i)))
    for i in range(whole, length):
        target[i] = (float32(source[i]) - mean[i]) * inverse[i]


@inline
def _wide(source, target, length, form):
    mean, scale = doubles_at(form[WIDE_MEAN]), doubles_at(form[WIDE_SCALE])
    for i in range(length):
        target[i] = float32((float64(source[i]) - mean[i]) / scale[i])


@inline
def _fetch(form, row, length, target):
    """One sample of the file as float32."""
    kind, first = form[KIND], row * length
    if kind == 0:
        _narrow(at(_bytes_at(form[RAW]), first), target, length, form)
    elif kind == 1:
        _narrow(at(_signed_bytes_at(form[RAW]), first), target, length, form)
    elif kind == 2:
        _narrow(at(_shorts_at(form[RAW]), first), target, length, form)
    elif kind == 3:
        _narrow(at(_unsigned_shorts_at(form[RAW]), first), target, length, form)
    elif kind == 4:
        _narrow(at(floats_at(form[RAW]), first), target, length, form)
    elif kind == 5:
        _wide(at(_words_at(form[RAW]), first), target, length, form)
    elif kind == 6:
        _wide(at(doubles_at(form[RAW]), first), target, length, form)
    else:
        _wide(at(integers_at(form[RAW]), first), target, length, form)


@inline
def _put_columns(source, columns, target, row_length, batch):
    """`LANES` samples' piece of `row_length` numbers becomes as many rows of `LANES` columns."""
    whole = row_length - row_length % LANES
    for f in range(0, whole, LANES):
        transpose_block(at(source, f), columns, at(target, f * batch), batch)
    if whole < row_length:
        if row_length >= LANES:
            f = row_length - LANES
            transpose_block(at(source, f), columns, at(target, f * batch), batch)
        else:
            for f in range(row_length):
                for lane in range(LANES):
                    target[f * batch + lane] = source[columns[lane] + f]


@kernel
def gather_stored(arena, record, table, state):
    """As `studio.kernels.control.gather`, where some samples are on the disk.

    Of the order, only places from this minibatch on may be looked at. Samples in memory are
    taken from there.
    """
    array, rows, row_length, row_stride, batch = record[2], record[3], record[4], record[5], record[6]
    target, distance = at(arena, record[7]), integers_in(at(arena, record[8]))
    order = integers_at(state[ORDER])
    length = rows * row_length
    valid = state[VALID]
    first = state[FIRST] if valid > 0 else state[POSITION]
    for b in range(batch):
        distance[b] = order[first + b if b < valid else first]
    form = integers_at(state[FORMS + array])
    on_disk = state[FORMS + array] != 0
    source = floats_at(form[ROOM] if on_disk else state[ARRAYS + array])
    for b in range(0, batch, LANES):
        columns = at(distance, b)
        for lane in range(LANES):
            if on_disk:
                _fetch(form, int64(_rows_at(form[ROWS])[columns[lane]]), length, at(source, lane * length))
                columns[lane] = lane * length
            else:
                columns[lane] *= length
        for row in range(rows):
            _put_columns(at(source, row * row_length), columns, at(target, row * row_stride + b), row_length, batch)
