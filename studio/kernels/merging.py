"""Kernels that join inputs number by number, made from the text of a layer's function and slopes.

Tensors are cut into runs, so that rows that lie apart and inputs that are repeated along an
axis (such as one number a map, for all pixels) are the same loop. Where nothing is repeated a
run is as long as a row, or as the whole tensor.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import numpy as np

from studio.core.lowering import Lowering, Ref, Tensor
from studio.core.merging import Merging, repeated
from studio.core.shapes import Shape
from studio.kernels.jit import Kernel, generated, kernel
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, splat, store

_HEADER = '''"""{title}"""

from studio.kernels.jit import inline
from studio.kernels.numba_names import float32
from studio.kernels.sharing import inner, middle, outer
from studio.kernels.simd import LANES, at, load, store
from {module} import {layer} as layer

maths = inline(layer.{maths})


def run(arena, record, table, state):
    runs, count, length, k = record[2], record[3], record[4], float32(record[5])
    a, a_runs, a_step = at(arena, record[6]), at(table, record[7]), record[8]
    b, b_runs, b_step = at(arena, record[9]), at(table, record[10]), record[11]
'''

_FORWARD = '''    y, y_runs, y_step = at(arena, record[12]), at(table, record[13]), record[14]
    for r in outer(runs):
        for n in middle(runs, 0, count):
            one, other = at(a, a_runs[r] + n * a_step), at(b, b_runs[r] + n * b_step)
            target = at(y, y_runs[r] + n * y_step)
            for i in inner(runs * count, 0, length, LANES):
                store(at(target, i), maths(load(at(one, i)), load(at(other, i)), k))
'''

_BACKWARD = '''    dy, dy_runs, dy_step = at(arena, record[12]), at(table, record[13]), record[14]
    dx, dx_runs, dx_step = at(arena, record[15]), at(table, record[16]), record[17]
    for r in outer(runs):
        for n in middle(runs, 0, count):
            one, other = at(a, a_runs[r] + n * a_step), at(b, b_runs[r] + n * b_step)
            gradient, target = at(dy, dy_runs[r] + n * dy_step), at(dx, dx_runs[r] + n * dx_step)
            for i in inner(runs * count, 0, length, LANES):
                slope = load(at(gradient, i)) * maths(load(at(one, i)), load(at(other, i)), k)
                store(at(target, i), {result})
'''


def _make(layer: type[Merging], maths: str, name: str, body: str) -> Kernel:
    # The maths' own text is part of the kernel's, so that a change of it makes a new kernel.
    title = f"{layer.__name__}: {name}.\n\n" + inspect.getsource(getattr(layer, maths)).replace('"""', "'''").replace("\\", "/")
    header = _HEADER.format(title=title, module=layer.__module__, layer=layer.__name__, maths=maths)
    return generated(f"{layer.__name__.lower()}_{name}", header + body)


def merge_kernel(layer: type[Merging]) -> Kernel:
    """y = function(a, b, k)"""
    return _make(layer, "function", "function", _FORWARD)


def slope_kernel(layer: type[Merging], which: str, added: bool) -> Kernel:
    """dx = dy * slope, or, for an input that is repeated, dx += dy * slope.

    Parameters
    ----------
    layer : type
    which : {"slope_a", "slope_b"}
    added : bool
        Whether to add to what is there.
    """
    if added:
        return _make(layer, which, f"{which}_added", _BACKWARD.format(result="load(at(target, i)) + slope"))
    return _make(layer, which, which, _BACKWARD.format(result="slope"))


@kernel
def clear_rows(arena, record, table, state):
    """target = 0, row by row."""
    rows, length = record[2], record[3]
    for row in outer(rows):
        target = at(arena, record[4] + row * record[5])
        for i in inner(rows, 0, length, LANES):
            store(at(target, i), splat(0.0))


def _runs(lowering: Lowering, shape: Shape, tensors: Sequence[Tensor]) -> tuple[int | Ref, ...]:
    """Sizes of the runs of tensors that are repeated to a shape, and the place of each."""
    if all(t.shape == shape for t in tensors):
        # The usual case needs no search: runs are rows, or all rows at once.
        rows = 1 if all(t.contiguous for t in tensors) else tensors[0].rows
        length = tensors[0].features // rows * lowering.batch
        places = [(np.arange(rows) * t.row_stride, 0) for t in tensors]
        count = 1
    else:
        offsets = [np.broadcast_to(t.offsets().reshape(t.shape), shape) for t in tensors]
        count, length, places = repeated(offsets, lowering.batch)
        rows = len(places[0][0])
    arguments: list[int | Ref] = [rows, count, length]
    for tensor, (starts, step) in zip(tensors, places, strict=True):
        arguments += [tensor.base, lowering.table(starts), step]
    return tuple(arguments)


def _merge_pair(lowering: Lowering, layer: type[Merging], a: Tensor, b: Tensor, y: Tensor, k: int) -> None:
    """Emit ``y = function(a, b, k)`` and what leads back."""
    sizes, places = _split(_runs(lowering, y.shape, (a, b, y)))
    lowering.emit(merge_kernel(layer), *sizes, k, *places)

    def backward(dy: Tensor) -> None:
        # a last, since it may take over what dy holds.
        for x, which, passes in ((b, "slope_b", False), (a, "slope_a", layer.passes[0])):
            if passes and x.shape == y.shape and lowering.alias_gradient(x, dy):
                continue
            dx = lowering.gradient(x)
            if dx is None:
                continue
            if x.shape != y.shape:
                lowering.emit(clear_rows, dx.rows, dx.row_length * lowering.batch, dx.base, dx.row_stride)
            sizes, places = _split(_runs(lowering, y.shape, (a, b, dy, dx)))
            lowering.emit(slope_kernel(layer, which, x.shape != y.shape), *sizes, k, *places)

    lowering.backward(y, backward)


def _split(arguments: tuple[int | Ref, ...]) -> tuple[tuple[int | Ref, ...], tuple[int | Ref, ...]]:
    return arguments[:3], arguments[3:]


def lower_merging(lowering: Lowering, layer: Merging, inputs: Sequence[Tensor]) -> Tensor:
    """Emit the whole of a merging layer: pair by pair, the last result being its output."""
    # Rows of pictures may lie apart; anything else must have no gaps.
    parts = [x if len(x.shape) == 3 else lowering.contiguous(x) for x in inputs]
    merged = parts[0]
    for k, part in enumerate(parts[1:], start=2):
        shape = layer.output_shape(merged.shape, part.shape)
        y = lowering.output(shape) if k == len(parts) else lowering.tensor(shape)
        _merge_pair(lowering, type(layer), merged, part, y, k)
        merged = y
    return merged
