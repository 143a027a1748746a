"""What arguments a kernel takes, read from its text.

A kernel gets its arguments as numbers in a record, and would take any. So that a plan with a wrong
call is refused rather than run, which could write anywhere, this module finds out how many numbers
a kernel reads and what they are: places in the arena or the table, or whole numbers.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

#: Letters for arguments: a place in the arena, one in the table, a whole number, and what cannot be told.
FLOATS, TABLE, INTEGER, UNKNOWN = "fti?"
#: Instead of letters: a kernel whose text cannot be followed, such as one that takes any number of arguments.
ANY = "*"


class _Untold(Exception):
    """Which arguments are read does not follow from the text."""


def kinds_of(function: Callable[..., None], text: str = "") -> str:
    """One letter for each argument of a kernel, or `ANY`.

    Parameters
    ----------
    function : callable
        The kernel's Python function.
    text : str
        Source text of a generated kernel, which defines ``run``; empty for one written by hand.
    """
    name = "run" if text else function.__name__
    reader = _Reader(function.__globals__)
    try:
        source = text or textwrap.dedent(inspect.getsource(function))
        tree = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == name)
        parameters = [a.arg for a in tree.args.args]
        reader.read(tree, dict(zip(parameters, ("arena", "record", "table", "state"), strict=True)))
    except (_Untold, OSError, SyntaxError, StopIteration):
        return ANY
    return "".join(reader.kinds.get(i, UNKNOWN) for i in range(2, max(reader.kinds, default=1) + 1))


class _Reader:
    """Follows the record through a function and those it is passed to.

    In an environment a name stands for ``arena``, ``record`` or ``table``, for a whole number that is
    known, or for an argument: ``("argument", number)``.
    """

    def __init__(self, known: dict[str, Any]) -> None:
        self.known = known
        self.kinds: dict[int, str] = {}

    def read(self, tree: ast.FunctionDef, names: dict[str, Any]) -> None:
        for statement in tree.body:
            self._visit(statement, names)

    def _visit(self, node: ast.AST, names: dict[str, Any]) -> None:
        if isinstance(node, ast.Assign):
            self._assign(node, names)
        elif isinstance(node, ast.Call) and self._call(node, names):
            return
        elif isinstance(node, ast.Subscript):
            if self._argument(node, names) is not None:
                return
            self._place(names.get(_name(node.value), ""), node.slice, names)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for side in (node.left, node.right):
                self._note(side, INTEGER, names)
        for child in ast.iter_child_nodes(node):
            self._visit(child, names)

    def _assign(self, node: ast.Assign, names: dict[str, Any]) -> None:
        (target,) = node.targets
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=True))
        for to, value in pairs:
            if isinstance(to, ast.Name):
                number = self._argument(value, names)
                names[to.id] = None if number is None else ("argument", number)

    def _call(self, node: ast.Call, names: dict[str, Any]) -> bool:
        """Take care of a call's own meaning; whether its arguments are done with."""
        called = _name(node.func)
        if called == "at":
            self._place(names.get(_name(node.args[0]), ""), node.args[1], names)
        elif called == "range":
            for end in node.args:
                self._note(end, INTEGER, names)
        elif any(names.get(_name(a)) == "record" for a in node.args):
            helper = self.known.get(called)
            body = getattr(helper, "py_func", helper)
            if not callable(body):
                raise _Untold(called)
            tree = ast.parse(textwrap.dedent(inspect.getsource(body))).body[0]
            assert isinstance(tree, ast.FunctionDef)
            values = [self._value(a, names) for a in node.args]
            inner = _Reader(body.__globals__)
            inner.kinds = self.kinds
            inner.read(tree, dict(zip((a.arg for a in tree.args.args), values, strict=True)))
            return True
        return False

    def _place(self, where: Any, distance: ast.expr, names: dict[str, Any]) -> None:
        """Note what is added up to a place in the arena or the table."""
        if where not in ("arena", "table"):
            return
        if isinstance(distance, ast.BinOp) and isinstance(distance.op, ast.Add | ast.Sub):
            self._place(where, distance.left, names)
            self._place(where, distance.right, names)
        self._note(distance, FLOATS if where == "arena" else TABLE, names)

    def _note(self, node: ast.expr, kind: str, names: dict[str, Any]) -> None:
        number = self._argument(node, names)
        # A whole number may be part of a place; a place is never a factor or an end of counting.
        if number is not None and self.kinds.get(number, UNKNOWN) in (UNKNOWN, INTEGER):
            self.kinds[number] = kind

    def _argument(self, node: ast.expr, names: dict[str, Any]) -> int | None:
        """Which argument an expression is, noted as read; None if it is none."""
        known = names.get(_name(node))
        if isinstance(known, tuple):
            return int(known[1])
        if not isinstance(node, ast.Subscript) or names.get(_name(node.value)) != "record":
            return None
        number = self._value(node.slice, names)
        if not isinstance(number, int):
            raise _Untold(ast.unparse(node))
        self.kinds.setdefault(number, UNKNOWN)
        return number

    def _value(self, node: ast.expr, names: dict[str, Any]) -> Any:
        """What an expression stands for, as far as it is known."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return names[node.id] if node.id in names else self.known.get(node.id)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self._value(node.left, names), self._value(node.right, names)
            return left + right if isinstance(left, int) and isinstance(right, int) else None
        number = self._argument(node, names)
        return None if number is None else ("argument", number)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""
