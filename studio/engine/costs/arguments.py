"""Arguments of a kernel call by the names that the kernel's text gives them."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from studio.core.lowering import Ref
from studio.engine.plan import Call
from studio.kernels.jit import Kernel

#: Numbers of a record before a call's arguments.
_HEADER = 2


@functools.cache
def names_of(kernel: Kernel) -> Mapping[str, int]:
    """By name: which argument of a kernel it is, counted from 0.

    A name is what an argument, or the place that it says, is assigned to. What is not assigned
    but given to a function that takes the thread's state has the name of that function's
    parameter; the end of a loop has the name of what is counted, and an s: ``groups`` for
    ``for group in range(record[18])``.
    """
    name = "run" if kernel.text else kernel.function.__name__
    try:
        source = kernel.text or textwrap.dedent(inspect.getsource(kernel.function))
        tree = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == name)
    except (OSError, SyntaxError, StopIteration):
        return {}  # a program without sources, such as a frozen one
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target, value in _pairs(node):
                number = _number(value)
                if isinstance(target, ast.Name) and number is not None:
                    found.setdefault(target.id, number)
        elif isinstance(node, ast.Call):
            _note_parameters(node, kernel.function, found)
        elif isinstance(node, ast.For) and isinstance(node.iter, ast.Call) and isinstance(node.target, ast.Name):
            number = _record(node.iter.args[-1])
            if number is not None:
                found.setdefault(f"{node.target.id}s", number)
    return found


def _pairs(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    (target,) = node.targets
    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
        return list(zip(target.elts, node.value.elts, strict=True))
    return [(target, node.value)]


def _record(node: ast.expr) -> int | None:
    """Which argument ``record[i]`` is."""
    if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "record"):
        return None
    number = node.slice.value if isinstance(node.slice, ast.Constant) else None
    return number - _HEADER if isinstance(number, int) else None


def _number(node: ast.expr) -> int | None:
    """Which argument ``record[i]``, the place ``at(arena, record[i])`` or the number ``arena[record[i]]`` is."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "at" and len(node.args) == 2:
            place = node.args[1]
            return _record(place.left if isinstance(place, ast.BinOp) else place)
        if len(node.args) == 1:
            return _number(node.args[0])  # the same seen in another way, such as integers_in(at(arena, record[8]))
    if isinstance(node, ast.Subscript) and _record(node.slice) is not None:
        return _record(node.slice)
    return _record(node)


def _note_parameters(node: ast.Call, function: Callable[..., None], found: dict[str, int]) -> None:
    if not isinstance(node.func, ast.Name) or not any(isinstance(a, ast.Name) and a.id == "state" for a in node.args):
        return
    helper: Any = function.__globals__.get(node.func.id)
    body = getattr(helper, "py_func", helper)
    if not inspect.isfunction(body):
        return
    for parameter, argument in zip(inspect.signature(body).parameters, node.args, strict=False):
        number = _record(argument)
        if number is not None:
            found.setdefault(parameter, number)


class Arguments:
    """A call's arguments as attributes: whole numbers as they are, places as distances.

    Parameters
    ----------
    call : Call
    table : numpy.ndarray
        int64; the plan's.
    threads : int
        How many share the plan's work.

    Raises
    ------
    AttributeError
        For a name that the kernel's text does not have.
    """

    def __init__(self, call: Call, table: np.ndarray, threads: int) -> None:
        self.kernel = call.kernel
        self.threads = threads
        self._names = names_of(call.kernel)
        self._values = call.arguments
        self._table = table

    def __getattr__(self, name: str) -> int:
        number = self._names.get(name)
        if number is None or number >= len(self._values):
            raise AttributeError(f"The kernel {self.kernel.name} has no argument that its text calls {name}.")
        value = self._values[number]
        return value.offset if isinstance(value, Ref) else int(value)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def integers(self, name: str, count: int) -> np.ndarray:
        """The first `count` integers of the table that an argument says."""
        first = getattr(self, name)
        return self._table[first : first + count]

    def distinct(self, name: str, count: int) -> int:
        """How many different places a list of so many names."""
        return len(np.unique(self.integers(name, count)))

    def filled(self, name: str, count: int) -> int:
        """How many of so many lists, which begin where a list of starts says, have an entry."""
        return int(np.count_nonzero(np.diff(self.integers(name, count + 1))))

    def same(self, one: str, other: str) -> bool:
        """Whether two arguments are the same place, so that what is read there is written there."""
        return self._values[self._names[one]] == self._values[self._names[other]]

    def summands(self) -> int:
        """How many threads' gradients an update adds up: all, or one if that was done before."""
        return self.threads if isinstance(self._values[self._names["stride"]], Ref) else 1

    def share(self, count: int) -> float:
        """A thread's part of so many numbers."""
        return count / self.threads

    def reached(self, places: str, many: int, distances: str, count: int, batch: int) -> int:
        """How many different floats lie at a list of places and a list of distances from each.

        Windows of neighbouring pixels overlap: what they share counts once.
        """
        return self.covered(self.integers(places, many), distances, count, batch)

    def covered(self, starts: np.ndarray, distances: str, count: int, batch: int) -> int:
        """The same for places that are known, int64."""
        moves = self.integers(distances, count)
        # Distances mostly come in runs, such as the channels of a pixel, and runs overlap as a whole
        # if places are so far apart.
        ends = np.flatnonzero(np.diff(moves) != batch) + 1
        run = int(np.gcd.reduce(np.concatenate([[count], ends, np.diff(starts) // batch]))) if count else 1
        return _sums(starts.tobytes(), moves[::run].tobytes()) * run * batch


@functools.lru_cache(256)
def _sums(first: bytes, second: bytes) -> int:
    """How many different sums there are of a number of one list and a number of the other."""
    starts, moves = np.unique(np.frombuffer(first, np.int64)), np.unique(np.frombuffer(second, np.int64))
    if not len(starts) or not len(moves):
        return 0
    unit = int(np.gcd.reduce(np.concatenate([np.diff(starts), np.diff(moves), [0]]))) or 1
    starts, moves = (starts - starts[0]) // unit, (moves - moves[0]) // unit
    seen = np.zeros(int(starts[-1] + moves[-1]) + 1, bool)
    for move in moves:
        seen[starts + move] = True
    return int(seen.sum())
