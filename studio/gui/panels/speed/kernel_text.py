"""The text of a kernel, with the texts of the functions of ours that it calls."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from studio.kernels.jit import Kernel

#: Functions that every kernel uses and whose names say what they do: places and vectors of numbers.
_PLAIN = "studio.kernels.simd"


def text_of(kernel: Kernel) -> str:
    """What is compiled: Numba's Python, generated or written by hand, then the functions it calls."""
    own = kernel.text.strip() or _source(kernel.function)
    parts = [own]
    for name, function in _called(kernel.function):
        source = _source(function)
        if source and source not in own:
            module = function.__module__.removeprefix("studio.").replace(".", "/")
            parts.append(f"# {name}, of studio/{module}.py:\n{source}")
    return "\n\n\n".join(parts) + "\n"


def _called(function: Any) -> Iterator[tuple[str, Any]]:
    """Functions of this program among the globals that a kernel names, as plain Python."""
    seen = set()
    for name in function.__code__.co_names:
        found = function.__globals__.get(name)
        # Numba keeps the Python function in its dispatcher, or in its intrinsic.
        plain = getattr(found, "py_func", None) or getattr(found, "_defn", None)
        module = getattr(plain, "__module__", "") or ""
        if plain is None or name in seen or not module.startswith("studio") or module == _PLAIN:
            continue
        seen.add(name)
        yield name, plain


def _source(function: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function)).strip()
    except (OSError, TypeError):  # a program that came without its sources
        return ""
