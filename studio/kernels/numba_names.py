"""What kernels are written with of Numba; in a process that only runs them, names that stand for it.

Kernels are compiled by other processes than the window's, which loads their machine code without
Numba. Importing it would be a good part of the window's start, and of its memory. There kernels keep
their text, which the window shows and reads, and cannot be compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from studio import kernels

_names: dict[str, Any]

if kernels.COMPILES_HERE:
    import numba
    from numba import core, extending
    from numba.core import imputils
    from numba.core.typing import templates

    _names = {
        "njit": numba.njit,
        "types": core.types,
        "cgutils": core.cgutils,
        "intrinsic": extending.intrinsic,
        "overload": extending.overload,
        "register_jitable": extending.register_jitable,
        "models": extending.models,
        "register_model": extending.register_model,
        "lower_builtin": imputils.lower_builtin,
        "AbstractTemplate": templates.AbstractTemplate,
        "infer_global": templates.infer_global,
        "typing_signature": templates.signature,
    }
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

    _names = {
        "njit": lambda **_: _Function,
        "types": _Absent,
        "cgutils": _Absent,
        "intrinsic": _Intrinsic,
        "overload": _unchanged,
        "register_jitable": lambda function: function,
        "models": _Absent,
        "register_model": _unchanged,
        "lower_builtin": _unchanged,
        "AbstractTemplate": _Absent,
        "infer_global": _unchanged,
        "typing_signature": _Absent,
    }

njit: Any = _names["njit"]
types: Any = _names["types"]
cgutils: Any = _names["cgutils"]
intrinsic: Any = _names["intrinsic"]
overload: Any = _names["overload"]
register_jitable: Any = _names["register_jitable"]
models: Any = _names["models"]
register_model: Any = _names["register_model"]
lower_builtin: Any = _names["lower_builtin"]
AbstractTemplate: Any = _names["AbstractTemplate"]
infer_global: Any = _names["infer_global"]
typing_signature: Any = _names["typing_signature"]

float32: Any = types.float32
float64: Any = types.float64
int64: Any = types.int64
uint64: Any = types.uint64
