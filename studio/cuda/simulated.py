"""Building blocks of kernels for numba-cuda's simulator, where each thread is a thread of Python.

A block of a launch is one group, so that threads of a group wait for each other as all threads of a block
do; the one block of a walk (`studio.cuda.walking`) has all groups. Pointers are addresses in this process's memory.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np
from numba import types

from studio.cuda import turns
from studio.cuda.translation import Translation
from studio.kernels import clipping, control, lanewise, random_vectors, scattered, sharing, simd, tiles
from studio.kernels.random_numbers import philox
from studio.kernels.simd import LANES

_CTYPES = {types.float32: ctypes.c_float, types.int64: ctypes.c_int64, types.float64: ctypes.c_double}


def _thread() -> Any:
    """This thread of the simulator."""
    return threading.current_thread()


def lane_number() -> int:
    """Which lane this thread holds."""
    return int(_thread().threadIdx.x) % LANES


def group_number() -> int:
    """Which group this thread belongs to."""
    return int(_thread().blockIdx.x) * _groups_of_block() + int(_thread().threadIdx.x) // LANES


def group_count() -> int:
    """How many groups there are."""
    return int(_thread()._manager._grid_dim[0]) * _groups_of_block()


def _groups_of_block() -> int:
    return int(_thread()._manager._block_dim[0]) // LANES


def wait() -> None:
    """All threads of the group come here."""
    if _groups_of_block() == 1:
        _thread().syncthreads()
    else:
        _barrier().wait()


def meet() -> None:
    """All threads of the block come here."""
    _thread().syncthreads()


#: By group: where its threads wait for each other.
_barriers: dict[tuple[int, int], threading.Barrier] = {}


def _barrier() -> threading.Barrier:
    key = id(_thread()._manager), group_number()
    if key not in _barriers:
        _barriers.setdefault(key, threading.Barrier(LANES))
    return _barriers[key]


class Place:
    """An address from which on numbers lie."""

    def __init__(self, address: int, kind: Any) -> None:
        self.address, self.kind = address, kind
        self._size = ctypes.sizeof(kind)

    def __getitem__(self, index: Any) -> Any:
        value = self.kind.from_address(self.address + self._size * int(index)).value
        return value if self.kind is ctypes.c_int64 else _FLOATS[self.kind](value)

    def __setitem__(self, index: Any, value: Any) -> None:
        # Nobody may still be about to read what was there.
        wait()
        if lane_number() == 0:
            self.put(int(index), value)
        wait()

    def put(self, index: int, value: Any) -> None:
        """Write a number, whoever this thread is."""
        self.kind.from_address(self.address + self._size * index).value = value

    def at(self, offset: Any) -> Place:
        """The place so many numbers further on."""
        return Place(self.address + self._size * int(offset), self.kind)


_FLOATS = {ctypes.c_float: np.float32, ctypes.c_double: np.float64}


class Lane:
    """This thread's lane of a vector of float32 numbers."""

    __slots__ = ("number",)

    def __init__(self, number: Any) -> None:
        self.number = np.float32(number)

    def __add__(self, other: Any) -> Lane:
        return Lane(self.number + _float(other))

    def __radd__(self, other: Any) -> Lane:
        return Lane(_float(other) + self.number)

    def __sub__(self, other: Any) -> Lane:
        return Lane(self.number - _float(other))

    def __rsub__(self, other: Any) -> Lane:
        return Lane(_float(other) - self.number)

    def __mul__(self, other: Any) -> Lane:
        return Lane(self.number * _float(other))

    def __rmul__(self, other: Any) -> Lane:
        return Lane(_float(other) * self.number)

    def __truediv__(self, other: Any) -> Lane:
        return Lane(self.number / _float(other))

    def __rtruediv__(self, other: Any) -> Lane:
        return Lane(_float(other) / self.number)

    def __neg__(self) -> Lane:
        return Lane(-self.number)

    def __gt__(self, other: Any) -> Bit:
        return Bit(self.number > _float(other))

    def __ge__(self, other: Any) -> Bit:
        return Bit(self.number >= _float(other))

    def __lt__(self, other: Any) -> Bit:
        return Bit(self.number < _float(other))

    def __le__(self, other: Any) -> Bit:
        return Bit(self.number <= _float(other))

    def __eq__(self, other: object) -> Bit:  # type: ignore[override]
        return Bit(self.number == _float(other))

    def __ne__(self, other: object) -> Bit:  # type: ignore[override]
        return Bit(self.number != _float(other))

    __hash__ = None  # type: ignore[assignment]


class Bit:
    """This thread's lane of a vector of truth values, which no program may branch on."""

    __slots__ = ("holds",)

    def __init__(self, holds: Any) -> None:
        self.holds = bool(holds)

    def __bool__(self) -> bool:
        raise TypeError("A vector of truth values has no one truth value: use `select`.")


def _float(value: Any) -> Any:
    return value.number if isinstance(value, Lane) else np.float32(value)


# Twins ------------------------------------------------------------------------------------------


def at(place: Place, offset: Any) -> Place:
    return place.at(offset)


def load(place: Place) -> Lane:
    return Lane(place[lane_number()])


def store(place: Place, value: Lane) -> None:
    place.put(lane_number(), value.number)
    wait()


def put(place: Place, value: Lane) -> None:
    place.put(lane_number(), value.number)


def splat(number: Any) -> Lane:
    return Lane(_float(number))


def select(condition: Bit, x: Any, y: Any) -> Lane:
    return Lane(_float(x) if condition.holds else _float(y))


def put_bits(place: Place, index: Any, condition: Bit) -> None:
    bits = _together(int(condition.holds))
    if lane_number() == 0:
        word = sum(int(bit) << i for i, bit in enumerate(bits))
        ctypes.c_uint16.from_address(place.address + 2 * int(index)).value = word
    wait()


def take_bits(place: Place, index: Any) -> Bit:
    word = ctypes.c_uint16.from_address(place.address + 2 * int(index)).value
    return Bit(word >> lane_number() & 1)


_exchanges: dict[tuple[int, int], list[Any]] = {}


def _together(value: Any) -> list[Any]:
    """What all threads of the group hold."""
    board = _exchanges.setdefault((id(_thread()._manager), group_number()), [None] * LANES)
    board[lane_number()] = value
    wait()
    found = list(board)
    wait()
    return found


def sum_lanes(x: Lane) -> Any:
    numbers = [lane.number for lane in _together(x)]
    # Each thread adds the sum of the threads at twice the distance, as on a card.
    while len(numbers) > 1:
        half = len(numbers) // 2
        numbers = [a + b for a, b in zip(numbers[:half], numbers[half:], strict=True)]
    return numbers[0]


def transpose_block(source: Place, distance: Place, target: Place, target_distance: Any) -> Lane:
    here = lane_number()
    row = source.at(distance[here])
    numbers = [row[j] for j in range(LANES)]
    wait()
    for j, number in enumerate(numbers):
        target.put(j * int(target_distance) + here, number)
    wait()
    return Lane(sum(numbers))


def _of_one(function: Any) -> Any:
    return lambda x: Lane(function(x.number))


def prefetch(place: Place) -> None:
    return None


def lane_numbers() -> Lane:
    return Lane(lane_number())


def gather(place: Place, rows: Lane, columns: Lane, row_stride: Any, column_stride: Any) -> Lane:
    return Lane(place[int(rows.number) * row_stride + int(columns.number) * column_stride + lane_number()])


def scatter_add(place: Place, rows: Lane, columns: Lane, row_stride: Any, column_stride: Any, number: Lane) -> None:
    index = int(rows.number) * row_stride + int(columns.number) * column_stride + lane_number()
    place.put(index, place[index] + number.number)


def _words(first: Any, block: Any, step: Any, key: Any, seed: Any) -> list[int]:
    """This thread's lane of what `studio.kernels.random_vectors` draws."""
    low = (1 << 32) - 1
    counters = [int(first) + lane_number(), block, step, key, seed, int(seed) >> 32]
    return [int(word) for word in philox(*(np.uint64(int(number) & low) for number in counters))]


def draw_uniforms(target: Place, distance: Any, *counter: Any) -> None:
    for j, word in enumerate(_words(*counter)):
        target.put(j * int(distance) + lane_number(), np.float32(word >> 8) * np.float32(2.0**-24))
    wait()


def draw_chances(target: Place, index: Any, distance: Any, limit: Any, *counter: Any) -> None:
    for j, word in enumerate(_words(*counter)):
        for h, half in enumerate((word & 0xFFFF, word >> 16)):
            put_bits(target, int(index) + (2 * j + h) * int(distance), Bit(half >= int(limit)))


def multiply_tile(outputs: int, vectors: int) -> Any:
    def tile(x, offsets, depth, weights, depth_stride, output_stride, resume, bias, y, y_stride):
        here = lane_number()
        for r in range(outputs):
            for v in range(vectors):
                place = y.at(r * y_stride + LANES * v)
                total = bias[r] if resume == 0 else place[here]
                for k in range(depth):
                    total += weights[k * depth_stride + r * output_stride] * x[offsets[k] + LANES * v + here]
                place.put(here, total)
        wait()

    return tile


def correlate_tile(outputs: int, inputs: int) -> Any:
    def tile(x, offsets, x_pixels, dy, dy_stride, dy_pixels, pixels, vectors, sums):
        here = lane_number()
        for r in range(outputs):
            for q in range(inputs):
                place = sums.at((q * outputs + r) * LANES)
                total = place[here]
                for p in range(pixels):
                    for v in range(vectors):
                        step = LANES * v + here
                        total += dy[r * dy_stride + dy_pixels[p] + step] * x[offsets[q] + x_pixels[p] + step]
                place.put(here, total)
        wait()

    return tile


def each(*bounds: Any) -> range:
    begin, end, step = (0, *bounds, 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    return turns.each(group_number(), group_count(), int(begin), int(end), int(step))


def outer(count: Any) -> range:
    return turns.outer(group_number(), group_count(), count)


def middle(around: Any, begin: Any, end: Any) -> range:
    return turns.middle(group_number(), group_count(), around, begin, end)


def inner(around: Any, begin: Any, end: Any, step: Any) -> range:
    return turns.inner(group_number(), group_count(), around, begin, end, step)


_TWINS: dict[Any, Any] = {
    sharing.each: each,
    sharing.outer: outer,
    sharing.inner: inner,
    sharing.middle: middle,
    control._atomic_load: lambda place: place[0],
    simd.at: at,
    simd.load: load,
    simd.store: store,
    lanewise.put: put,
    simd.splat: splat,
    simd.select: select,
    simd.take_bits: take_bits,
    simd.sum_lanes: sum_lanes,
    simd.transpose_block: transpose_block,
    simd.prefetch: prefetch,
    simd.square_root: _of_one(np.sqrt),
    simd.absolute_value: _of_one(np.abs),
    simd.round_down: _of_one(np.floor),
    simd.times_power_of_two: lambda x, n: Lane(np.ldexp(x.number, int(n.number))),
    simd.exponent_of: _of_one(lambda x: np.frexp(x)[1]),
    simd.mantissa_of: _of_one(lambda x: np.frexp(x)[0]),
    simd.floats_at: lambda address: Place(int(address), ctypes.c_float),
    simd.integers_at: lambda address: Place(int(address), ctypes.c_int64),
    simd.doubles_at: lambda address: Place(int(address), ctypes.c_double),
    simd.integers_in: lambda place: Place(place.address, ctypes.c_int64),
    clipping._doubles_in: lambda place: Place(place.address, ctypes.c_double),
    clipping._lane_numbers: lane_numbers,
    scattered.gather: gather,
    scattered.scatter_add: scatter_add,
    random_vectors.draw_uniforms: draw_uniforms,
    random_vectors.draw_chances: draw_chances,
    types.float32: np.float32,
    types.float64: np.float64,
    types.int64: int,
    types.uint64: np.uint64,
}
for _outputs in range(1, 17):
    for _other in range(1, 4):
        for _name, _make in (("multiply", multiply_tile), ("correlate", correlate_tile)):
            _known = getattr(tiles, f"{_name}_{_outputs}x{_other}", None)
            if _known is not None:
                _TWINS[_known] = _make(_outputs, _other)


class SimulatedTranslation(Translation):
    """Kernels for the simulator: Python as it is."""

    def __init__(self) -> None:
        super().__init__(_TWINS, lambda function: function)
