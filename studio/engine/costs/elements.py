"""Costs of what is done number by number: activations, and layers that join inputs."""

from __future__ import annotations

import re

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.arithmetic import arguments_used, of_function
from studio.engine.costs.formulas import Formula, Work, cost, family
from studio.kernels.jit import Kernel


def _maths(kernel: Kernel, numbers: int = 2) -> tuple[int, frozenset[str], list[str]]:
    """Operations of the maths a kernel is made from, the arguments it needs, and all of them in order."""
    body = kernel.function.__globals__["maths"].py_func
    return of_function(body, numbers), arguments_used(body), list(body.__code__.co_varnames[: body.__code__.co_argcount])


@family(r".+_function", "rows", "length")
def _forward(match: re.Match[str], kernel: Kernel) -> Formula:
    done, _, _ = _maths(kernel, 1)

    def formula(a: Arguments) -> Work:
        n = a.rows * a.length
        return Work(n * done, 0, 0, n) if a.same("x", "y") else Work(n * done, n, n)

    return formula


@family(r".+_derivative", "rows", "length")
def _backward(match: re.Match[str], kernel: Kernel) -> Formula:
    done, used, order = _maths(kernel)
    read = sum(name in used for name in order[:2])

    def formula(a: Arguments) -> Work:
        n = a.rows * a.length
        if a.same("dy", "dx"):
            return Work(n * (done + 1), n * read, 0, n)
        return Work(n * (done + 1), n * (1 + read), n)

    return formula


def _joined(a: Arguments, name: str) -> int:
    """Different numbers that a tensor cut into runs gives, some of which may be repeated."""
    repeated = a.count if getattr(a, f"{name}_step") else 1
    return a.distinct(f"{name}_runs", a.runs) * repeated * a.length


@family(r".+_function", "runs", "count", "length")
def _join(match: re.Match[str], kernel: Kernel) -> Formula:
    done, used, order = _maths(kernel)

    def formula(a: Arguments) -> Work:
        n = a.runs * a.count * a.length
        read = sum(_joined(a, name) for name, own in zip("ab", order, strict=False) if own in used)
        return Work(n * done, read, n)

    return formula


@family(r".+_slope_[ab](_added)?", "runs", "count", "length")
def _join_backward(match: re.Match[str], kernel: Kernel) -> Formula:
    done, used, order = _maths(kernel)
    added = bool(match[1])

    def formula(a: Arguments) -> Work:
        n = a.runs * a.count * a.length
        read = n + sum(_joined(a, name) for name, own in zip("ab", order, strict=False) if own in used)
        written = _joined(a, "dx")
        return Work(n * (done + 1 + added), read, 0 if added else written, written if added else 0)

    return formula


@cost("studio.layers.prelu", "prelu_forward")
def _prelu(a: Arguments) -> Work:
    n = a.pixels * a.channels * a.batch
    return Work(3 * n, n + _slopes(a), n)


@cost("studio.layers.prelu", "prelu_backward")
def _prelu_backward(a: Arguments) -> Work:
    n = a.pixels * a.channels * a.batch
    return Work(n * (4 + 3 * a.wanted), 2 * n + _slopes(a), n * a.wanted + _slopes(a))


def _slopes(a: Arguments) -> int:
    return a.distinct("slope_pixels", a.pixels) * (a.channels if a.step else 1)
