"""What kernels are written with of Numba; in a process that only runs them, names that stand for it.

Kernels are compiled by other processes than the window's, which loads their machine code without
Numba. Importing it would be a good part of the window's start, and of its memory. There kernels keep
their text, which the window shows and reads, and cannot be compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any

from studio import kernels

if TYPE_CHECKING or kernels.COMPILES_HERE:
    from numba import core, njit
    from numba.core import cgutils
    from numba.core.imputils import lower_builtin
    from numba.core.typing.templates import AbstractTemplate, infer_global
    from numba.core.typing.templates import signature as typing_signature
    from numba.extending import intrinsic, models, overload, register_jitable, register_model

    # Some of its names are made when it is imported.
    types: Any = core.types
else:

    class _Kind(type):
        """Has an attribute of any name, which stands for something of Numba as the class itself does."""

        def __getattr__(cls, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return _Absent

        def __call__(cls, *_: Any, **__: Any) -> Any:
            return _Absent

    class _Absent(metaclass=_Kind):
        """Stands for a type, a value or a base class of Numba's."""

    class _Function:
        """A function that kernels call: its text, which can also be run by Python."""

        def __init__(self, function: FunctionType) -> None:
            self.py_func = function

        def __call__(self, *arguments: Any) -> Any:
            return self.py_func(*arguments)

    class _Intrinsic:
        """A function whose text writes LLVM."""

        def __init__(self, function: FunctionType) -> None:
            self._defn = function

    def _unchanged(*_: Any, **__: Any) -> Callable[[Any], Any]:
        """A decorator that leaves what it decorates as it is."""
        return lambda decorated: decorated

    types = cgutils = models = AbstractTemplate = typing_signature = _Absent
    intrinsic = _Intrinsic
    overload = register_model = lower_builtin = infer_global = _unchanged

    def njit(**_: Any) -> type[_Function]:
        """A decorator for functions that kernels call."""
        return _Function

    def register_jitable(function: FunctionType) -> FunctionType:
        """A decorator that leaves a function as it is, too."""
        return function


float32: Any = types.float32
float64: Any = types.float64
int64: Any = types.int64
uint64: Any = types.uint64

__all__ = [
    "AbstractTemplate", "cgutils", "float32", "float64", "infer_global", "int64", "intrinsic", "lower_builtin",
    "models", "njit", "overload", "register_jitable", "register_model", "types", "typing_signature", "uint64",
]  # fmt: skip
