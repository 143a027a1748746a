"""Kernels for element-wise maths, made from the text of a layer's function and derivative."""

from __future__ import annotations

import inspect
from typing import Any

from studio.kernels.jit import Kernel, generated

_HEADER = '''"""{title}"""

from studio.kernels.jit import inline
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, load, store
from {module} import {layer} as layer

maths = inline(layer.{maths})

'''

_FORWARD = '''
def run(arena, record, table, state):
    rows, length = record[2], record[3]
{numbers}
    for row in outer(rows):
        x = at(arena, record[4] + row * record[5])
        y = at(arena, record[6] + row * record[7])
        for i in inner(rows, 0, length, LANES):
            store(at(y, i), maths(load(at(x, i)){arguments}))
'''

_BACKWARD = '''
def run(arena, record, table, state):
    rows, length = record[2], record[3]
{numbers}
    for row in outer(rows):
        x = at(arena, record[4] + row * record[5])
        y = at(arena, record[6] + row * record[7])
        dy = at(arena, record[8] + row * record[9])
        dx = at(arena, record[10] + row * record[11])
        for i in inner(rows, 0, length, LANES):
            store(at(dx, i), load(at(dy, i)) * maths(load(at(x, i)), load(at(y, i)){arguments}))
'''


def _make(layer: type[Any], maths: str, body: str, first_number: int) -> Kernel:
    names = list(inspect.signature(layer.function).parameters)[1:]
    numbers = "\n".join(f"    {n} = arena[record[{first_number + i}]]" for i, n in enumerate(names)) or "    # no numbers"
    # The maths' own text is part of the kernel's, so that a change of it makes a new kernel.
    title = f"{layer.__name__}: {maths}.\n\n" + inspect.getsource(getattr(layer, maths)).replace('"""', "'''").replace("\\", "/")
    header = _HEADER.format(title=title, module=layer.__module__, layer=layer.__name__, maths=maths)
    arguments = "".join(f", {n}" for n in names)
    return generated(f"{layer.__name__.lower()}_{maths}", header + body.format(numbers=numbers, arguments=arguments))


def forward_kernel(layer: type[Any]) -> Kernel:
    """y = function(x) for the curve of an `studio.core.layer.ElementWise` layer."""
    return _make(layer, "function", _FORWARD, 8)


def backward_kernel(layer: type[Any]) -> Kernel:
    """dx = dy * derivative(x, y)."""
    return _make(layer, "derivative", _BACKWARD, 12)
