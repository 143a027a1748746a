"""Runs the Python text of a kernel on memory that counts: what is computed, read and written.

Vectors hold no numbers; they only know that they are vectors. So the text runs in plain Python, with
intrinsics replaced, as slowly as that is.
"""

from __future__ import annotations

import inspect
import math
import types

import numpy as np

from studio.core.lowering import Ref
from studio.engine.costs.arithmetic import of_maths
from studio.engine.costs.drawing import DRAW
from studio.kernels import state as places
from studio.kernels.simd import LANES

#: Where the spaces of a plan lie in the counted memory, and the samples.
_SPACES = {"shared": 0, "private": 1 << 30, "first": 1 << 30, "stride": 0, "table": 0}
_SAMPLES = 1 << 40


class CannotCount(Exception):
    """The kernel's text is more than this can run, such as a microkernel."""


class Memory:
    """What happened to each float."""

    def __init__(self) -> None:
        self.first: dict[int, str] = {}
        self.written: set[int] = set()
        self.operations = 0

    def reads(self, place: int, count: int) -> None:
        for i in range(place, place + count):
            self.first.setdefault(i, "read")

    def writes(self, place: int, count: int) -> None:
        for i in range(place, place + count):
            self.first.setdefault(i, "written")
            self.written.add(i)


class Pointer:
    """A place in the arena."""

    def __init__(self, memory: Memory, offset: int = 0) -> None:
        self.memory, self.offset = memory, int(offset)

    def __getitem__(self, i):
        self.memory.reads(self.offset + int(i), 1)
        return Number(self.memory)

    def __setitem__(self, i, value):
        self.memory.writes(self.offset + int(i), 1)


class Table:
    """A place among integers."""

    def __init__(self, numbers, offset: int = 0) -> None:
        self.numbers, self.offset = numbers, int(offset)

    def __getitem__(self, i):
        return int(self.numbers[self.offset + int(i)])

    def __setitem__(self, i, value):
        pass


class Number:
    """A float that nobody knows."""

    lanes = 0
    __hash__ = None

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def _with(self, *others):
        lanes = max([self.lanes, *(getattr(o, "lanes", 0) for o in others)])
        self.memory.operations += lanes
        return (Vector if lanes else Number)(self.memory)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _with
    __pow__ = __rpow__ = __mod__ = __neg__ = __abs__ = __lt__ = __gt__ = __le__ = __ge__ = __eq__ = __ne__ = _with

    def __bool__(self) -> bool:
        return True

    def __int__(self) -> int:
        return 1

    __index__ = __int__

    def __float__(self) -> float:
        return 1.0


class Vector(Number):
    """As many as the machine's vectors have."""

    lanes = LANES


def _intrinsics(memory: Memory) -> dict:
    def at(place, i):
        return type(place)(getattr(place, "memory", None) or place.numbers, place.offset + int(i))

    def load(place):
        memory.reads(place.offset, LANES)
        return Vector(memory)

    def transpose_block(source, distance, target, step):
        for i in range(LANES):
            memory.reads(source.offset + distance[i], LANES)
            memory.writes(target.offset + i * int(step), LANES)

    def costing(count):
        def apply(*values):
            vector = any(isinstance(v, Vector) for v in values)
            memory.operations += count * LANES * vector
            return (Vector if vector else Number)(memory)

        return apply

    def chosen(of):
        return lambda *values: values[0] if any(isinstance(v, Number) for v in values) else of(*values)

    def take_bits(place, i):
        memory.reads(place.offset + int(i) * LANES // 32, 1)
        return Vector(memory)

    def draw_chances(target, index, distance, *_rest):
        # A comparison each, besides the draw.
        memory.operations += (DRAW + 8) * LANES
        for j in range(8):
            memory.writes(target.offset + (int(index) + int(distance) * j) * LANES // 32, 1)

    def draw_uniforms(target, distance, *_rest):
        memory.operations += DRAW * LANES
        for j in range(4):
            memory.writes(target.offset + int(distance) * j, LANES)

    found = {
        "at": at, "load": load, "transpose_block": transpose_block,
        "store": lambda place, value: memory.writes(place.offset, LANES),
        "put": lambda place, value: memory.writes(place.offset, LANES),
        "splat": lambda number: Vector(memory), "sum_lanes": lambda vector: Number(memory),
        "take_bits": take_bits, "draw_uniforms": draw_uniforms, "draw_chances": draw_chances, "prefetch": lambda place: None,
        "integers_in": lambda place: Table(np.zeros(1 << 16, np.int64)), "integers_at": lambda place: Table(np.arange(1 << 16)),
        "doubles_at": lambda place: [0.0] * 4096, "_doubles_in": lambda place: [1.0] * 4096,
        "floats_at": lambda place: Pointer(memory, _SAMPLES), "_lane_numbers": lambda: Vector(memory),
        "add_counted": lambda *a: None, "add_to_sums": lambda *a: None,
        "float32": lambda x: x if isinstance(x, Number) else float(x),
        "float64": lambda x: x if isinstance(x, Number) else float(x), "int64": int,
        "min": chosen(min), "max": chosen(max), "math": math,
    }  # fmt: skip
    for name in ("select", "where", "square_root", "absolute_value", "round_down", "sqrt", "absolute"):
        found[name] = costing(1)
    for name in ("maximum", "minimum", "exp", "log", "tanh", "sigmoid", "softplus", "erf", "erfinv"):
        found[name] = costing(of_maths(name))
    return found


def _counted(function, intrinsics: dict, done: dict):
    """The function, and those it calls, with the intrinsics replaced."""
    if function in done:
        return done[function]
    body = getattr(function, "py_func", function)
    names: dict = {"__builtins__": __builtins__}
    done[function] = types.FunctionType(body.__code__, names, body.__name__, body.__defaults__, body.__closure__)
    for name in body.__code__.co_names:
        value = intrinsics.get(name, body.__globals__.get(name))
        if name in intrinsics or isinstance(value, int | float | str | tuple | np.ndarray | type) or value is None:
            names.update({name: value} if value is not None else {})
        elif inspect.isfunction(getattr(value, "py_func", value)) and not name.startswith(("multiply_", "correlate_", "outer_", "tile")):
            names[name] = _counted(value, intrinsics, done)
        else:
            raise CannotCount(name)
    return done[function]


def count(call, plan, samples: int) -> tuple[int, int, int, int]:
    """Floating point operations, and floats that are only read, only written, and read and then written."""
    memory = Memory()
    function = _counted(call.kernel.function, _intrinsics(memory), {})
    record = [0, 0, *(a.offset + _SPACES[a.space] if isinstance(a, Ref) else int(a) for a in call.arguments)]
    state = [0] * places.STATE_LENGTH
    state[places.THREADS] = 1
    for place in (places.BATCH, places.TOTAL, places.VALID, places.SHARD):
        state[place] = samples
    function(Pointer(memory), record, Table(plan.table), state)
    read = {i for i, first in memory.first.items() if first == "read"}
    return memory.operations, len(read - memory.written), len(memory.written - read), len(read & memory.written)
