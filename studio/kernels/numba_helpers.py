"""Addresses of the functions of Numba's that machine code calls, also where Numba is not loaded."""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def numba_helpers() -> dict[str, int]:
    """By name: addresses of Numba's functions and of Python's exceptions, for kernels that report an error."""
    helpers, runtime = (_extension(name) for name in ("numba._helperlib", "numba.core.runtime._nrt_python"))
    found = {f"numba_{name}": int(address) for name, address in helpers.c_helpers.items()}
    found |= {name if name.startswith("_") else f"NRT_{name}": int(address) for name, address in runtime.c_helpers.items()}
    found["_Py_NoneStruct"] = id(None)
    errors = (one for one in vars(builtins).values() if isinstance(one, type) and issubclass(one, BaseException))
    return found | {f"PyExc_{error.__name__}": id(error) for error in errors}


def _extension(name: str) -> ModuleType:
    """A module of Numba's written in C; without the packages that it is in, unless they are there."""
    if name in sys.modules:
        return sys.modules[name]
    package = importlib.util.find_spec("numba")  # finds it without importing it
    if package is None or package.origin is None:
        raise ImportError("numba is not installed")
    finder = importlib.machinery.FileFinder(
        str(Path(package.origin).parent.joinpath(*name.split(".")[1:-1])),
        (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
    )
    spec = finder.find_spec(name)
    if spec is None or spec.loader is None:
        raise ImportError(f"{name} is not there")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
