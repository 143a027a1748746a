"""Kernels' Python functions, bound to other building blocks than the processor's.

A function's globals say what it calls. `Translation` makes a copy of the function whose globals are
twins: building blocks are looked up in a table, the functions of `studio.kernels.maths` become their
polynomials, helper functions are translated in turn, and numbers stay as they are.
"""

from __future__ import annotations

import builtins
import dis
from collections.abc import Callable, Iterator, Mapping
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from numba.core import types
from numba.core.dispatcher import Dispatcher

from studio.kernels import maths
from studio.kernels.jit import Blocks
from studio.kernels.simd import mask, vector

#: Functions of `studio.kernels.maths`, and what gives their text for the types of their arguments.
_MATHS: dict[Any, Callable[[], Any]] = {
    maths.where: lambda: maths._where(mask, vector, vector),
    maths.maximum: lambda: maths._maximum(vector, vector),
    maths.minimum: lambda: maths._minimum(vector, vector),
    maths.absolute: lambda: maths._absolute(vector),
    maths.sqrt: lambda: maths._sqrt(vector),
    maths.exp: lambda: maths._exp(vector),
    maths.log: lambda: maths._log(vector),
    maths.tanh: lambda: maths._tanh(vector),
    maths.sigmoid: lambda: maths._sigmoid(vector),
    maths.softplus: lambda: maths._softplus(vector),
    maths.erf: lambda: maths._erf(vector),
    maths.erfinv: lambda: maths._erfinv(vector),
}


class NotTranslated(RuntimeError):
    """A kernel uses what has no twin here; one plain sentence."""


class Translation:
    """Translates functions, each of them once.

    Parameters
    ----------
    twins : mapping of object to object
        Building blocks of the processor, and what stands in their place.
    helper : callable
        What a translated helper function is made into, such as a device function.
    """

    def __init__(self, twins: Mapping[Any, Any], helper: Callable[[FunctionType], Any]) -> None:
        self._twins = {id(known): twin for known, twin in twins.items()}
        self._kept = list(twins)  # so that no id is given to something else
        self._helper = helper
        self._done: dict[int, tuple[Any, Any]] = {}

    def kernel(self, function: Callable[..., None]) -> FunctionType:
        """The twin of a kernel's function: it takes the same four arguments.

        Raises
        ------
        NotTranslated
            When a building block has no twin.
        """
        return self._copied(function)

    def twin(self, block: Any) -> Any:
        """What stands in a building block's place."""
        return self._twins[id(block)]

    def _copied(self, function: Any) -> FunctionType:
        known = function.__globals__
        found = {name: self._twin(known[name], function) for name in _names(function.__code__) if name in known}
        made = FunctionType(
            function.__code__,
            {"__builtins__": builtins, "__name__": function.__module__, **found},
            function.__name__,
            function.__defaults__,
            tuple(CellType(self._twin(cell.cell_contents, function)) for cell in function.__closure__ or ()),
        )
        made.__doc__, made.__module__ = function.__doc__, function.__module__
        return made

    def _twin(self, value: Any, user: Any) -> Any:
        if id(value) in self._twins:
            return self._twins[id(value)]
        if id(value) not in self._done:
            # The value is kept, so that its id stays its own.
            self._done[id(value)] = value, self._made(value, user)
        return self._done[id(value)][1]

    def _made(self, value: Any, user: Any) -> Any:
        if isinstance(value, Dispatcher):
            return self._helper(self._copied(value.py_func))
        try:
            text = _MATHS.get(value)
        except TypeError:
            text = None
        if text is not None:
            return self._helper(self._copied(text()))
        if isinstance(value, FunctionType):
            return self._helper(self._copied(value))
        if isinstance(value, (int, float, str, tuple, types.Type, ModuleType, type, BuiltinFunctionType, np.generic, np.ndarray)):
            return value
        raise NotTranslated(f"{user.__module__}.{user.__name__} uses {value!r}, which has no twin on a card.")


def function_of(blocks: Blocks, words: Mapping[str, Any]) -> FunctionType:
    """The function of a kernel's text for blocks of threads.

    Parameters
    ----------
    blocks : Blocks
    words : mapping of str to object
        What it may call.
    """
    known: dict[str, Any] = {"__name__": __name__, **words}
    exec(compile(blocks.text, "<blocks>", "exec"), known)
    function: FunctionType = known["run"]
    return function


def _names(code: CodeType) -> Iterator[str]:
    """All globals that a function and the functions inside it look up; attributes are no globals."""
    yield from (one.argval for one in dis.get_instructions(code) if one.opname == "LOAD_GLOBAL")
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
