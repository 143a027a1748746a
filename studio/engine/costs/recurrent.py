"""Costs of recurrent layers, whose kernels go through all time steps."""

from __future__ import annotations

import ast
import functools
import re

from studio.engine.costs.arguments import Arguments, names_of
from studio.engine.costs.arithmetic import count
from studio.engine.costs.formulas import Formula, Work, family
from studio.kernels.jit import Kernel
from studio.kernels.simd import LANES


@functools.cache
def _of_step(kernel: Kernel) -> int:
    """Operations of a step's maths on one unit of one sample: those of the loops over units."""
    tree = next(n for n in ast.parse(kernel.text).body if isinstance(n, ast.FunctionDef) and n.name == "run")
    loops = [n for n in ast.walk(tree) if isinstance(n, ast.For) and ast.unparse(n.iter) == "range(0, width, LANES)"]
    return sum(count(statement, set(), kernel.function.__globals__) for loop in loops for statement in loop.body)


def _groups(kernel: Kernel, name: str) -> list[str]:
    return [n for n in names_of(kernel) if re.fullmatch(rf"{name}_\d+", n)]


def _weights(a: Arguments) -> list[tuple[int, int]]:
    """Rows and columns of each group's weights."""
    groups = [name.removeprefix("vectors_") for name in _groups(a.kernel, "vectors")]
    return [(getattr(a, f"depth_{g}"), getattr(a, f"vectors_{g}") * LANES) for g in groups]


def _history(a: Arguments) -> int:
    """Floats that one kernel leaves for the other: rows, gates, outputs and states of all steps."""
    states = a.width * (3 if a.cs != a.hs else 1)
    return a.steps * a.batch * (a.row + a.columns + states)


@family(r".+_forward", "steps", "batch", "units", "width", "inputs", "gates", "hs")
def _forward(match: re.Match[str], kernel: Kernel) -> Formula:
    def formula(a: Arguments) -> Work:
        weights = _weights(a)
        done = a.steps * sum(2.0 * rows * columns for rows, columns in weights)
        # Before the first step there is nothing to remember.
        done -= 2.0 * a.units * sum(columns for _, columns in weights)
        moved = a.steps * a.batch * a.inputs + sum(rows * columns for rows, columns in weights)
        written = (a.steps if a.sequences else 1) * a.batch * a.units
        return Work(a.batch * (done + a.steps * a.width * _of_step(kernel)), moved, written + _history(a))

    return formula


@family(r".+_backward", "steps", "batch", "units", "width", "inputs", "gates", "hs", "all_dh")
def _backward(match: re.Match[str], kernel: Kernel) -> Formula:
    def formula(a: Arguments) -> Work:
        weights = _weights(a)
        size = sum(rows * columns for rows, columns in weights)
        back = sum(getattr(a, name) for name in _groups(kernel, "back_depth"))
        done = (a.steps - 1) * 2.0 * a.width * back
        read = (a.steps if a.sequences else 1) * a.batch * a.units + back * a.width
        written = 0.0
        if a.inputs_matter:
            done += a.steps * 2.0 * a.inputs * a.x_depth
            read += a.inputs * a.x_depth
            written += a.steps * a.batch * a.inputs
        if a.weights_matter:
            done += a.steps * 2.0 * size
            written += size
        # Gates become their gradients in place.
        gates = a.steps * a.batch * a.columns
        return Work(a.batch * (done + a.steps * a.width * _of_step(kernel)), read + _history(a) - gates, written, gates)

    return formula


@family(r".+_weights", "steps", "batch", "row", "columns", "gradient_rows_0", "all_dh")
def _of_weights(match: re.Match[str], kernel: Kernel) -> Formula:
    def formula(a: Arguments) -> Work:
        size = sum(rows * columns for rows, columns in _weights(a))
        return Work(a.steps * a.batch * 2.0 * size, a.steps * a.batch * (a.row + a.columns), size)

    return formula


@family(r".+_gates", "steps", "batch", "units", "gates", "candidate")
def _shown(match: re.Match[str], kernel: Kernel) -> Formula:
    def formula(a: Arguments) -> Work:
        numbers = a.steps * a.gates * a.units * a.batch
        return Work(0.0, numbers, numbers)

    return formula
