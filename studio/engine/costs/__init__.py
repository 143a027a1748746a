"""What a kernel call has to do at the least: floating point operations, and bytes moved.

With the time that a call takes they give GFLOP/s and GB/s, and, beside the peaks of the machine
(`studio.engine.peaks`), how far the call is from what is possible.

Costs are formulas by kernel, in modules of this package by what kernels do. They are written in
the names that a kernel's own text gives to its arguments, so that arguments may be added or
change places; a name that is gone makes the tests fail, as does a kernel without a formula.
A kernel of a plug-in has none unless its text is made by `studio.kernels`: its cost is not known.

Notes
-----
An addition, a multiplication, a division, a root, a comparison or a choice counts as one
operation, and a function such as exp as many as its polynomial has. Padding columns of the batch
count, since they are computed. Whole numbers' arithmetic (places, random bits) does not count.

Traffic is compulsory traffic: each number that the call needs is read once, and each that it
leaves behind is written once, however often the kernel comes back to it. What a call keeps only
while it runs counts as nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studio.engine.costs import (
    attention,
    copying,
    drawing,
    elements,
    losses,
    normalizing,
    pooling,
    products,
    recurrent,
    updating,
    writing,
)
from studio.engine.costs.arguments import Arguments
from studio.engine.costs.formulas import FAMILIES, FORMULAS, Formula
from studio.engine.plan import Call, Plan
from studio.kernels.jit import Kernel

__all__ = ["Cost", "cost_of", "costs_of", "formula_of"]

_MODULES = (attention, copying, drawing, elements, losses, normalizing, pooling, products, recurrent, updating, writing)
_BYTES = 4.0


@dataclass(frozen=True)
class Cost:
    """What all threads' calls do together, at the least.

    Parameters
    ----------
    operations : float
        Of floating point numbers.
    read, written, updated : float
        Bytes that are only read, only written, and read and written in the same place.
    known : bool
        Whether anybody knows; if not, all are 0.
    """

    operations: float = 0.0
    read: float = 0.0
    written: float = 0.0
    updated: float = 0.0
    known: bool = True

    @property
    def traffic(self) -> float:
        """Bytes that must be read or written."""
        return self.read + self.written + 2 * self.updated


def formula_of(kernel: Kernel) -> Formula | None:
    """The formula of a kernel's cost; None if nobody knows it."""
    if not kernel.text:
        return FORMULAS.get(f"{kernel.function.__module__}:{kernel.name}")
    return next((formula for family in FAMILIES if (formula := family.formula(kernel)) is not None), None)


def cost_of(call: Call, plan: Plan, threads: int = 1) -> Cost:
    """What all threads together do in a call.

    Parameters
    ----------
    call : Call
    plan : Plan
        Which the call belongs to; its table says where windows lie.
    threads : int
        How many threads share the plan's work: each has samples of its own, and its part of the
        weights to update.
    """
    formula = formula_of(call.kernel)
    found = None if formula is None else formula(Arguments(call, plan.table, threads))
    if found is None:
        return Cost(known=False)
    moved = threads * _BYTES
    return Cost(found.operations * threads, found.read * moved, found.written * moved, found.updated * moved)


def costs_of(plan: Plan, threads: int = 1) -> Sequence[Cost]:
    """`cost_of` for all calls of a plan, in order."""
    return [cost_of(call, plan, threads) for call in plan.calls]
