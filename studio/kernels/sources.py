"""Which program text a kernel's machine code depends on, so that a change of it is noticed.

A kernel calls functions of other modules, and uses their constants. Machine code is kept under a
hash of the texts of all modules that its own module imports, those they import, and so on: a change
in one file makes the kernels that can see it new, and leaves the others.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

#: Packages of this one whose modules may hold what kernels call.
_OURS = ("studio.kernels", "studio.layers", "studio.losses", "studio.engine.optimizers")
#: Modules that are about kernels but have no part in their machine code.
_MACHINERY = frozenset(f"studio.kernels.{name}" for name in ("ahead", "arguments", "cache", "compile_worker", "jit", "numba_helpers", "sources"))
#: Libraries, whose versions count as a whole (`studio.kernels.cache.machine`).
_LIBRARIES = frozenset(
    {"numba", "numpy", "llvmlite", "scipy", "sklearn", "studio", "PySide6", "pyqtgraph", "PIL", "platformdirs", "safetensors"}
)
_FROM = re.compile(r"^from ([\w.]+) import (.*)$", re.MULTILINE)


def digest_of(module: str, text: str = "") -> str:
    """A hash of everything a kernel may see.

    Parameters
    ----------
    module : str
        The module it is defined in, which is imported.
    text : str
        Of a generated kernel, its source, in place of its module's.
    """
    hashed = hashlib.sha256(text.encode())
    names: set[str] = set()
    for start in filter(_counts, _imported(text, "", False)) if text else [module]:
        names |= modules_seen_by(start)
    for name in sorted(names):
        hashed.update(name.encode() + b"\n" + _digest_of_file(name))
    return hashed.hexdigest()


@functools.cache
def modules_seen_by(module: str) -> frozenset[str]:
    """The module and all that it may take functions and constants for kernels from."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or name in _MACHINERY or _file_of(name) is None:
            continue
        found.add(name)
        ours = _is_ours(name)
        for other in _imported(_text_of(name), name, not ours):
            if _counts(other):
                waiting.append(other)
    return frozenset(found)


def _counts(name: str) -> bool:
    return name.startswith(_OURS) if _is_ours(name) else _may_change(name)


def _is_ours(name: str) -> bool:
    return name == "studio" or name.startswith("studio.")


@functools.cache
def _may_change(name: str) -> bool:
    """Whether a module is of a plug-in, rather than of Python or of a library."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top in _LIBRARIES:
        return False
    return _file_of(name) is not None


def _file_of(name: str) -> Path | None:
    path = getattr(sys.modules.get(name), "__file__", None)
    return Path(path) if path is not None and path.endswith(".py") else None


@functools.cache
def _text_of(name: str) -> str:
    path = _file_of(name)
    return "" if path is None else path.read_text(encoding="utf-8", errors="replace")


@functools.cache
def _digest_of_file(name: str) -> bytes:
    return hashlib.sha256(_text_of(name).encode()).digest()


def _imported(text: str, module: str, thorough: bool) -> list[str]:
    """Names of modules, of those imported in this process, that a text imports.

    Parameters
    ----------
    text : str
        A module's text, or a generated kernel's.
    module : str
        The module's name, for relative imports.
    thorough : bool
        Whether imports may be written in any way. Those of this package are absolute and on one
        line, or open a parenthesis on it, and are then found a hundred times faster.
    """
    pairs = list(_anyhow(text, module)) if thorough else [(m[1], _names(m[2])) for m in _FROM.finditer(text)]
    found: list[str] = []
    for source, names in pairs:
        found.append(source)
        found += [f"{source}.{name}" for name in names]
    return [name for name in dict.fromkeys(found) if name in sys.modules]


def _names(text: str) -> list[str]:
    return [part.split()[0] for part in text.partition("#")[0].strip("() ").split(",") if part.strip()]


def _anyhow(text: str, module: str) -> list[tuple[str, list[str]]]:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return []
    found: list[tuple[str, list[str]]] = []
    is_package = hasattr(sys.modules.get(module), "__path__")
    for statement in _at_import(tree.body):
        if isinstance(statement, ast.Import):
            found += [(alias.name, []) for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            source = statement.module or ""
            if statement.level:
                parts = module.split(".")
                parts = parts[: len(parts) - statement.level + is_package]
                source = ".".join([*parts, source] if source else parts)
            found.append((source, [alias.name for alias in statement.names]))
    return found


def _at_import(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """The statements that run when a module is imported, and so make its globals, in all branches."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            continue
        yield statement
        yield from _at_import([n for n in ast.iter_child_nodes(statement) if isinstance(n, ast.stmt | ast.ExceptHandler)])
