"""How many floating point operations an expression of a kernel's text has."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from studio.kernels import maths

#: Functions whose value is as much work as an operation.
_SINGLE = ("where", "select", "maximum", "minimum", "absolute", "absolute_value", "sqrt", "square_root", "round_down")
#: What compares and chooses.
_DOUBLE = ("maximum", "minimum")
#: Functions that take numbers apart or put them together, and cost about an operation.
_BITS = ("times_power_of_two", "exponent_of", "mantissa_of")
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)


def _tree(function: Callable[..., Any]) -> ast.FunctionDef:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return next(n for n in tree.body if isinstance(n, ast.FunctionDef))


@functools.cache
def of_maths(name: str) -> int:
    """Operations of a function of `studio.kernels.maths` on one number."""
    if name in _DOUBLE:
        return 2
    if name in _SINGLE or name in _BITS:
        return 1
    body = getattr(maths, name if name.startswith("_") else f"_{name}")
    body = getattr(body, "py_func", body)
    tree = _tree(body)
    inner = next((n for n in tree.body if isinstance(n, ast.FunctionDef)), tree)
    return count(inner, {a.arg for a in inner.args.args}, {})


@functools.cache
def of_function(function: Callable[..., Any], numbers: int = 2) -> int:
    """Operations of a function such as a layer's derivative on one number of each argument.

    Only the first so many arguments are numbers of their own each time; the others stay the same.
    """
    try:
        tree = _tree(function)
    except OSError:
        return 0
    return count(tree, {a.arg for a in tree.args.args[:numbers]}, function.__globals__)


@functools.cache
def arguments_used(function: Callable[..., Any]) -> frozenset[str]:
    """Names of a function's parameters that its text needs."""
    try:
        tree = _tree(function)
    except OSError:
        return frozenset(inspect.signature(function).parameters)
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    return frozenset(used & set(inspect.signature(function).parameters))


def count(node: ast.AST, vectors: set[str], known: Mapping[str, Any]) -> int:
    """Operations of a piece of text, each line of it done once.

    Parameters
    ----------
    node : ast.AST
    vectors : set of str
        Names of numbers, as opposed to places and counts; those that the text assigns are added.
    known : mapping of str to object
        Functions that the text may call.
    """
    return _Counter(vectors, known).of(node)


class _Counter:
    def __init__(self, vectors: set[str], known: Mapping[str, Any]) -> None:
        self._vectors = vectors
        self._known = known
        self._called: set[str] = set()

    def of(self, node: ast.AST) -> int:
        if isinstance(node, ast.Assign):
            total = self.of(node.value)
            self._note(node)
            return total
        total = sum(self.of(child) for child in ast.iter_child_nodes(node))
        if isinstance(node, ast.BinOp) and isinstance(node.op, _OPERATORS):
            return total + self._is_number(node)
        if isinstance(node, ast.Compare | ast.UnaryOp):
            constant = isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)
            return total + (0 if constant else self._is_number(node))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            # The compiler does the same thing once.
            text = ast.unparse(node)
            if text in self._called:
                return 0
            self._called.add(text)
            return total + self._call(node.func.id)
        return total

    def _call(self, name: str) -> int:
        if name in _SINGLE or name in _BITS or name == "_log_near_one":
            return of_maths(name)
        if name in ("exp", "log", "tanh", "sigmoid", "softplus", "erf", "erfinv"):
            return of_maths(name)
        helper = self._known.get(name)
        body = getattr(helper, "py_func", helper)
        if inspect.isfunction(body) and body.__module__.split(".")[:2] != ["studio", "kernels"]:
            return of_function(body)
        return 0

    def _note(self, node: ast.Assign) -> None:
        (target,) = node.targets
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=True))
        for to, value in pairs:
            if isinstance(to, ast.Name) and self._is_number(value):
                self._vectors.add(to.id)

    def _is_number(self, node: ast.AST) -> bool:
        """Whether an expression is made of numbers, not of places."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return node.func.id not in ("at", "range", "max", "min", "float32")
        if isinstance(node, ast.Name):
            return node.id in self._vectors
        if isinstance(node, ast.BinOp):
            return self._is_number(node.left) or self._is_number(node.right)
        if isinstance(node, ast.Compare):
            return self._is_number(node.left) or any(self._is_number(c) for c in node.comparators)
        return isinstance(node, ast.UnaryOp) and self._is_number(node.operand)
