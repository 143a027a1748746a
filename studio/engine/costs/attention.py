"""Costs of attention."""

from __future__ import annotations

import re

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.arithmetic import of_maths
from studio.engine.costs.formulas import Formula, Work, cost, family
from studio.kernels.attention_blocks import NO_LIMIT, OF_KEYS, OF_QUERIES, PAIRS
from studio.kernels.jit import Kernel
from studio.kernels.simd import LANES

_MODULE = "studio.kernels.attention"
_BLOCKS = "studio.kernels.attention_blocks"
#: The largest of a row, its exponentials, their sum and quotients.
_SOFTMAX = 2 + 1 + of_maths("exp") + 1 + 1


def _pairs(a: Arguments) -> int:
    """Pairs of a query and a key that it may see, of all heads and columns."""
    seen = sum(min(a.keys, r + 1) for r in range(a.queries)) if a.limited else a.queries * a.keys
    return seen * a.heads * a.batch


@cost(_MODULE, "attend")
def _attend(a: Arguments) -> Work:
    pairs, each = _pairs(a), a.heads * a.batch
    kept = (1 + (a.dropping != 0)) * pairs if a.kept else 0
    inputs = a.queries * a.depth + a.keys * (a.depth + a.width)
    padding = a.keys * a.batch if a.padded else 0
    done = pairs * (2.0 * (a.depth + a.width) + _SOFTMAX + 3 * (a.dropping != 0))
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


# On cards ----------------------------------------------------------------------------------------


@family(r"attention_products_\d", "limit", "a_rows", "b_columns", "y_rows")
def _products(match: re.Match[str], kernel: Kernel) -> Formula:
    def formula(a: Arguments) -> Work:
        samples = a.heads * a.vectors * LANES
        matrices = [a.rows * a.terms, a.columns * a.terms, a.rows * a.columns]
        done = a.rows * a.columns * a.terms
        if a.limit != NO_LIMIT:
            queries, keys, features = {
                PAIRS: (a.rows, a.columns, a.terms), OF_QUERIES: (a.rows, a.terms, a.columns), OF_KEYS: (a.terms, a.rows, a.columns),
            }[a.limit]  # fmt: skip
            seen = sum(min(keys, r + 1) for r in range(queries))
            matrices[2 if a.limit == PAIRS else 0], done = seen, seen * features
        return Work(samples * 2.0 * done, samples * (matrices[0] + matrices[1]), samples * matrices[2])

    return formula


@cost(_BLOCKS, "attention_softmax")
def _attention_softmax(a: Arguments) -> Work:
    pairs = _pairs(a)
    padding = a.keys * a.batch if a.padded else 0
    return Work(pairs * (_SOFTMAX + 3 * (a.dropping != 0)), padding, (a.dropping != 0) * pairs, pairs)


@cost(_BLOCKS, "attention_slopes")
def _attention_slopes(a: Arguments) -> Work:
    pairs, rows = _pairs(a), a.heads * a.batch * a.queries
    done = pairs * (2 + 3 * (a.dropping != 0)) + rows * 2.0 * a.width
    return Work(done, 2 * rows * a.width + pairs * (1 + (a.dropping != 0)), rows, pairs)
