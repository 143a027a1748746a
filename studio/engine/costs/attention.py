"""Costs of attention."""

from __future__ import annotations

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.arithmetic import of_maths
from studio.engine.costs.formulas import Work, cost

_MODULE = "studio.kernels.attention"


def _pairs(a: Arguments) -> int:
    """Pairs of a query and a key that it may see, of all heads and columns."""
    seen = sum(min(a.keys, r + 1) for r in range(a.queries)) if a.limited else a.queries * a.keys
    return seen * a.heads * a.batch


@cost(_MODULE, "attend")
def _attend(a: Arguments) -> Work:
    pairs, each = _pairs(a), a.heads * a.batch
    # The largest of a row, its exponentials, their sum and quotients.
    softmax = 2 + 1 + of_maths("exp") + 1 + 1
    kept = (1 + (a.dropping != 0)) * pairs if a.kept else 0
    inputs = a.queries * a.depth + a.keys * (a.depth + a.width)
    padding = a.keys * a.batch if a.padded else 0
    done = pairs * (2.0 * (a.depth + a.width) + softmax + 3 * (a.dropping != 0))
    return Work(done, each * inputs + padding, each * a.queries * a.width + kept)


@cost(_MODULE, "attend_backward")
def _attend_backward(a: Arguments) -> Work:
    pairs, each = _pairs(a), a.heads * a.batch
    read = a.queries * (a.depth + 2 * a.width) + a.keys * (a.depth + a.width)
    written = a.queries * a.depth + a.keys * (a.depth + a.width)
    # Two products make the gradients of scores and values, two those of queries and keys.
    done = pairs * (4.0 * (a.depth + a.width) + 2 + 3 * (a.dropping != 0)) + each * a.queries * 2.0 * a.width
    return Work(done, each * read + pairs * (1 + (a.dropping != 0)), each * written)


@cost(_MODULE, "show_probabilities")
def _show_probabilities(a: Arguments) -> Work:
    return Work(0.0, _pairs(a), a.heads * a.queries * a.keys * a.batch)
