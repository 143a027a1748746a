"""Which formula belongs to which kernel."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from studio.engine.costs.arguments import Arguments, names_of
from studio.kernels.jit import Kernel


class Work(NamedTuple):
    """What one thread's call does at the least.

    Parameters
    ----------
    operations : float
        Of floating point numbers.
    read : float
        Floats that are only read.
    written : float
        Floats that are only written.
    updated : float
        Floats that are read, and written in the same place.
    """

    operations: float
    read: float
    written: float
    updated: float = 0.0


#: From arguments to what the call does; None if they do not tell.
Formula = Callable[[Arguments], Work | None]


@dataclass(frozen=True)
class Family:
    """Kernels whose text is generated from one template.

    Parameters
    ----------
    name : re.Pattern
        What all their names look like.
    arguments : tuple of str
        Names that all their texts have.
    make : callable
        From the groups of the name, and the kernel, to the formula.
    """

    name: re.Pattern[str]
    arguments: tuple[str, ...]
    make: Callable[[re.Match[str], Kernel], Formula]

    def formula(self, kernel: Kernel) -> Formula | None:
        """The formula of a kernel of the family; None for another kernel."""
        match = self.name.fullmatch(kernel.name)
        if match is None or not all(name in names_of(kernel) for name in self.arguments):
            return None
        return self.make(match, kernel)


#: By ``module:name``: of kernels written by hand.
FORMULAS: dict[str, Formula] = {}
#: Of generated kernels; the first that fits counts.
FAMILIES: list[Family] = []


def cost(module: str, *names: str) -> Callable[[Formula], Formula]:
    """Make a function the formula of some kernels of a module (a decorator)."""

    def register(formula: Formula) -> Formula:
        FORMULAS.update({f"{module}:{name}": formula for name in names})
        return formula

    return register


def each(
    count: Callable[[Arguments], float], operations: float, read: float, written: float, updated: float = 0.0
) -> Formula:
    """The formula of a kernel that does the same for each of so many numbers; see `Work`."""

    def formula(a: Arguments) -> Work:
        n = count(a)
        return Work(n * operations, n * read, n * written, n * updated)

    return formula


def family(
    name: str, *arguments: str
) -> Callable[[Callable[[re.Match[str], Kernel], Formula]], Callable[[re.Match[str], Kernel], Formula]]:
    """Make a function that makes formulas that of a family of generated kernels (a decorator)."""

    def register(make: Callable[[re.Match[str], Kernel], Formula]) -> Callable[[re.Match[str], Kernel], Formula]:
        FAMILIES.append(Family(re.compile(name), arguments, make))
        return make

    return register
