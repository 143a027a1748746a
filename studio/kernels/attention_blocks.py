"""Attention for cards: products of `studio.kernels.attention` cut into squares that many groups share.

A card needs thousands of groups of threads, and a head and a vector of samples are a turn for one group
only. So products are calls of their own, whose turns are squares of their results; one call comes after
the other, and nothing has to be added up by several groups:

========================  ==============================================  ===========
call                      what it makes                                   turns
========================  ==============================================  ===========
``attention_products_N``  S = Q Kᵀ                                        squares
`attention_softmax`       P = softmax(S / √depth), dropout                queries
``attention_products_N``  Y = P V                                         squares
``attention_products_N``  dP = dY Vᵀ                                      squares
`attention_slopes`        dS = P (dP - sum of dY Y) / √depth              queries
``attention_products_N``  dQ = dS K, dV = Pᵀ dY, dK = dSᵀ Q               squares
========================  ==============================================  ===========

Each step of a square loads N numbers of each side for N² products. The processor's tile of 8 x 3 takes 11
loads for 24; a multiprocessor does four products in the time of a load from its near cache, so that
N = 8, 64 products for 16 loads, is what keeps both busy. Its 64 sums and what the next steps need leave room
for all places in the 255 registers of a thread. Where so large squares would leave most of a card idle they
are of 4 x 4: the time is that of waiting for memory there, which more groups hide.

Rows are read where they lie: a group's lanes are neighbours in memory in any case. Neighbouring turns
have neighbouring vectors of samples, so that a warp reads whole lines. No lane meets another, and
so no thread waits for another (`studio.kernels.lanewise`). At the edges, rows that do not exist are
taken to be the last one: its numbers are worked out more than once, and put more than once into the
same place by the same threads, which costs nothing where others would wait.

With a limit, squares that no query sees are left out, and what is beyond a query's own keys is zero as
far as other squares reach. Scores and their gradients of all queries lie in memory, where those of the
processor do for some queries at a time: as much as the probabilities, which are kept in any case.

References
----------
T. Dao et al., "FlashAttention: fast and memory-efficient exact attention with IO-awareness", 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np

from studio.core.lowering import Lowering, Ref
from studio.kernels.attention import add_up, drop, row_floats
from studio.kernels.jit import Kernel, generated, inline, kernel
from studio.kernels.lanewise import divided, put
from studio.kernels.maths import exp, maximum
from studio.kernels.numba_names import float32
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, select, splat
from studio.kernels.state import SEED, SHARD, STEP, THREAD

#: Sides of squares, the largest first.
SIDES = (8, 4)
#: Groups below which smaller squares are better: what the multiprocessors of a large card hold at a time.
_ENOUGH = 2048
#: Keys after its own that squares which a query is in may look at.
_BEYOND = SIDES[0]
#: What a limit means for the squares of a product: queries that do not see keys are left out; sums of queries
#: end with the keys that they see; sums of keys begin with the queries that see them.
NO_LIMIT, PAIRS, OF_QUERIES, OF_KEYS = range(4)

_PRODUCTS = '''"""y[r, c] = sum over k of a[r, k] * b[c, k] for each head and sample, {n} rows by {n} columns at a time."""

from studio.kernels.attention_blocks import OF_KEYS, OF_QUERIES, PAIRS
from studio.kernels.lanewise import divided, put
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, splat


def run(arena, record, table, state):
    heads, vectors, rows, columns, terms, limit = record[2], record[3], record[4], record[5], record[6], record[7]
    a, a_head, a_vector, a_rows, a_step = at(arena, record[8]), record[9], record[10], at(table, record[11]), record[12]
    b, b_head, b_vector, b_columns = at(arena, record[13]), record[14], record[15], at(table, record[16])
    moves = at(table, record[17])
    y, y_head, y_vector, y_rows = at(arena, record[18]), record[19], record[20], at(table, record[21])
    y_columns = at(table, record[22])
    blocks, parts = (rows + {rest}) // {n}, (columns + {rest}) // {n}
    for turn in each(heads * blocks * parts * vectors):
        square, vector = divided(turn, vectors)
        pair, part = divided(square, parts)
        head, block = divided(pair, blocks)
        first, begin, start, end = block * {n}, part * {n}, 0, terms
        if limit == PAIRS and begin >= first + {n}:
            continue
        if limit == OF_QUERIES:
            end = min(terms, first + {n})
        if limit == OF_KEYS:
            start = min(terms, first)
        of_a, of_b = at(a, head * a_head + vector * a_vector), at(b, head * b_head + vector * b_vector)
        of_y = at(y, head * y_head + vector * y_vector)
{places}
        for k in range(start, end):
            step, move = k * a_step, moves[k]
{products}
{stores}
'''


def products_kernel(n: int) -> Kernel:
    """Products of matrices that each sample has of its own, `n` rows by `n` columns at a time."""
    side = range(n)
    places = [f"r{i}, c{i} = min(first + {i}, rows - 1), min(begin + {i}, columns - 1)" for i in side]
    places += [f"a{i}, b{i} = at(of_a, a_rows[r{i}]), at(of_b, b_columns[c{i}])" for i in side]
    places += [f"s{r}{c} = splat(0.0)" for r in side for c in side]
    products = [f"u{r} = load(at(a{r}, step))" for r in side] + [f"w{c} = load(at(b{c}, move))" for c in side]
    products += [f"s{r}{c} = s{r}{c} + u{r} * w{c}" for c in side for r in side]
    stores = [f"d{i} = y_columns[c{i}]" for i in side]
    for r in side:
        stores += [f"target = at(of_y, y_rows[r{r}])"] + [f"put(at(target, d{c}), s{r}{c})" for c in side]
    lines = {"places": (2, places), "products": (3, products), "stores": (2, stores)}
    texts = {name: "\n".join(" " * 4 * depth + line for line in text) for name, (depth, text) in lines.items()}
    return generated(f"attention_products_{n}", _PRODUCTS.format(n=n, rest=n - 1, **texts))


_row_floats = inline(row_floats)


@inline
def _score(own, j, padded, tokens, places, b):
    """A query's score for a key; where the key is padding, so low that it is not the largest."""
    score = load(at(own, j * LANES))
    if padded != 0:
        score = select(load(at(tokens, places[j] + b)) == 0, -1e30, score)
    return score


@inline
def _exponential(own, j, padded, tokens, places, b, scale, highest):
    """What a key's probability is in proportion to."""
    e = exp(load(at(own, j * LANES)) * scale - highest)
    if padded != 0:
        e = select(load(at(tokens, places[j] + b)) == 0, 0.0, e)
    return e


@inline
def _clear_beyond(own, seen, keys):
    """Zeros after what a query sees, as far as squares reach; where they end."""
    end = min(keys, seen + _BEYOND)
    for j in range(seen, end):
        put(at(own, j * LANES), splat(0.0))
    return end


@kernel
def attention_softmax(arena, record, table, state):
    """Scores become probabilities, in place; with dropout, some are left out in a copy.

    Exponentials are worked out twice, which takes less than writing and reading them.
    """
    heads, queries, keys, depth, batch, limited = record[2], record[3], record[4], record[5], record[6], record[7]
    scores = at(arena, record[8])
    padded, tokens, token_places = record[9], at(arena, record[10]), at(table, record[11])
    dropping, dropped, dropped_row, key, rate = record[12], at(arena, record[13]), record[14], record[15], arena[record[16]]
    row, vectors, scale = _row_floats(keys), batch // LANES, float32(1.0 / sqrt(depth))
    for turn in each(heads * queries * vectors):
        number, vector = divided(turn, vectors)
        head, r = divided(number, queries)
        place, b = (head * vectors + vector) * queries + r, vector * LANES
        own, seen = at(scores, place * row), min(keys, r + 1) if limited != 0 else keys
        largest = splat(-1e30)
        for j in range(seen):
            largest = maximum(_score(own, j, padded, tokens, token_places, b), largest)
        total, highest = splat(0.0), largest * scale
        for j in range(seen):
            total = total + _exponential(own, j, padded, tokens, token_places, b, scale, highest)
        # Who may look at nothing sees nothing.
        share = select(total == 0, 0.0, 1.0 / total)
        for j in range(seen):
            put(at(own, j * LANES), _exponential(own, j, padded, tokens, token_places, b, scale, highest) * share)
        end = _clear_beyond(own, seen, keys)
        if dropping != 0:
            left, drawn = at(dropped, place * dropped_row), number * ((keys + 3) // 4)
            # Random numbers lie where the probabilities then do.
            drop(left, own, end, left, state[THREAD] * state[SHARD] + b, drawn, state[STEP], key, state[SEED], rate)


@inline
def _slope(ds, own, left, j, dropping, larger, total):
    """The gradient of a score from that of its probability; what was left out had none."""
    g = load(at(ds, j * LANES)) * larger
    if dropping != 0:
        g = select(load(at(left, j * LANES)) == 0, 0.0, g)
    return load(at(own, j * LANES)) * (g - total)


@kernel
def attention_slopes(arena, record, table, state):
    """Gradients of probabilities become those of products of queries and keys, in place."""
    heads, queries, keys, depth, width, batch = record[2], record[3], record[4], record[5], record[6], record[7]
    limited, slopes, probabilities, totals = record[8], at(arena, record[9]), at(arena, record[10]), at(arena, record[11])
    y, y_head, y_places = at(arena, record[12]), record[13], at(table, record[14])
    dy, dy_head, dy_places = at(arena, record[15]), record[16], at(table, record[17])
    dropping, dropped, dropped_row, rate = record[18], at(arena, record[19]), record[20], arena[record[21]]
    row, vectors, scale = _row_floats(keys), batch // LANES, float32(1.0 / sqrt(depth))
    larger = scale / (float32(1.0) - rate) if dropping != 0 else scale
    for turn in each(heads * queries * vectors):
        number, vector = divided(turn, vectors)
        head, r = divided(number, queries)
        place, b = (head * vectors + vector) * queries + r, vector * LANES
        its_y, its_dy = at(y, head * y_head + y_places[r] + b), at(dy, head * dy_head + dy_places[r] + b)
        add_up(at(totals, place * LANES), scale, its_dy, batch, its_y, batch, width, its_dy, its_y)
        total = load(at(totals, place * LANES))
        ds, own, left = at(slopes, place * row), at(probabilities, place * row), at(dropped, place * dropped_row)
        seen = min(keys, r + 1) if limited != 0 else keys
        # Four at a time, the last ones maybe twice: they are read before any is written, or each would be waited for.
        for j in range(0, seen, 4):
            j1, j2, j3 = min(j + 1, seen - 1), min(j + 2, seen - 1), min(j + 3, seen - 1)
            d0, d1 = _slope(ds, own, left, j, dropping, larger, total), _slope(ds, own, left, j1, dropping, larger, total)
            d2, d3 = _slope(ds, own, left, j2, dropping, larger, total), _slope(ds, own, left, j3, dropping, larger, total)
            put(at(ds, j * LANES), d0)
            put(at(ds, j1 * LANES), d1)
            put(at(ds, j2 * LANES), d2)
            put(at(ds, j3 * LANES), d3)
        _clear_beyond(ds, seen, keys)


def kernels() -> list[Kernel]:
    """All that a card may be asked for."""
    return [attention_softmax, attention_slopes, *(products_kernel(n) for n in SIDES)]


# Lowering ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """Where queries, keys, values, or gradients of them, lie; numbers of a row are a minibatch apart.

    Parameters
    ----------
    base : Ref
        Of the first head.
    places : Ref
        Table: where each row begins, in the order in which positions are worked through.
    head : int
        Floats from a head to the next.
    """

    base: Ref
    places: Ref
    head: int

    @property
    def arguments(self) -> tuple[Ref, Ref, int]:
        """As the processor's kernels take them."""
        return self.base, self.places, self.head


@dataclass(frozen=True)
class Dropout:
    """How probabilities are left out.

    Parameters
    ----------
    rate : Ref
        A live number.
    key : int
        Of the node, for random numbers.
    """

    rate: Ref
    key: int


class _Side(NamedTuple):
    """A matrix of each head and sample: its place, floats to the next head and vector, and its rows and columns."""

    base: Ref
    head: int
    vector: int
    rows: Ref
    columns: Ref


@dataclass(eq=False)
class Attention:
    """Attention of all heads on a card, as calls of the kernels of this module.

    Parameters
    ----------
    lowering : Lowering
    heads, queries, keys, depth, width : int
        Sizes; a query and a key have `depth` numbers, a value has `width`.
    limited : bool
        Whether a position sees those only that come no later.
    q, k, v, y : Rows
    dropout : Dropout or None
    """

    lowering: Lowering
    heads: int
    queries: int
    keys: int
    depth: int
    width: int
    limited: bool
    q: Rows
    k: Rows
    v: Rows
    y: Rows
    dropout: Dropout | None = None

    def __post_init__(self) -> None:
        self._vectors = self.lowering.batch // self.lowering.lanes
        # Random numbers are drawn four at a time.
        self._row, self._dropped_row = row_floats(self.keys), row_floats(-(-self.keys // 4) * 4)
        #: As `studio.kernels.attention` keeps them.
        self.probabilities = self._room(self._row)
        self._dropped = self._room(self._dropped_row) if self.dropout else self.lowering.zeros(1)

    def _room(self, row: int) -> Ref:
        """Private floats, so many for each query of each head and vector."""
        return self.lowering.scratch(self.heads * self._vectors * self.queries * row)

    def forward(self, padding: tuple[Ref, Ref] | None) -> None:
        """Emit what makes y.

        Parameters
        ----------
        padding : (Ref, Ref) or None
            Word numbers, of which 0 is not seen, and table: where that of each key is.
        """
        lowering, nowhere = self.lowering, self.lowering.zeros(1)
        tokens = (1, *padding) if padding else (0, nowhere, lowering.table([0]))
        rate, key = (self.dropout.rate, self.dropout.key) if self.dropout else (nowhere, 0)
        self._compare(self.q, self.k, self.depth, self.probabilities)
        lowering.emit(
            attention_softmax,
            *(self.heads, self.queries, self.keys, self.depth, lowering.batch, int(self.limited), self.probabilities),
            *(*tokens, int(self.dropout is not None), self._dropped, self._dropped_row, key, rate),
        )
        self._add_by_query(*self._weights, self.width, self.v, self.y)

    def backward(self, dy: Rows, dq: Rows, dk: Rows, dv: Rows) -> None:
        """Emit what makes the gradients of queries, keys and values from that of y."""
        slopes, totals = self._room(self._row), self._room(self.lowering.lanes)
        self._compare(dy, self.v, self.width, slopes)
        self.lowering.emit(
            attention_slopes,
            *(self.heads, self.queries, self.keys, self.depth, self.width, self.lowering.batch, int(self.limited)),
            *(slopes, self.probabilities, totals),
            *(self.y.base, self.y.head, self.y.places, dy.base, dy.head, dy.places),
            *(int(self.dropout is not None), self._dropped, self._dropped_row),
            self.dropout.rate if self.dropout else self.lowering.zeros(1),
        )
        self._add_by_query(slopes, self._row, self.depth, self.k, dq)
        self._add_by_key(*self._weights, self.width, dy, dv)
        self._add_by_key(slopes, self._row, self.depth, self.q, dk)

    @property
    def _weights(self) -> tuple[Ref, int]:
        """What values are weighted by, and floats from a query's to the next one's."""
        return (self._dropped, self._dropped_row) if self.dropout else (self.probabilities, self._row)

    def _compare(self, a: Rows, b: Rows, depth: int, target: Ref) -> None:
        """Emit the products of all pairs of a query's and a key's rows."""
        of_a, of_b, batch = self._of_rows(a, depth), self._of_rows(b, depth), self.lowering.batch
        limit = PAIRS if self.limited else NO_LIMIT
        self._multiply(limit, (self.queries, self.keys, depth), of_a, batch, of_b, self._of_pairs(target, self._row))

    def _add_by_query(self, weights: Ref, row: int, features: int, x: Rows, y: Rows) -> None:
        """Emit the weighted sums of keys' rows for each query."""
        of_x, limit = self._of_rows(x, features), OF_QUERIES if self.limited else NO_LIMIT
        of_x = of_x._replace(rows=of_x.columns, columns=of_x.rows)
        sizes, step = (self.queries, features, self.keys), self.lowering.lanes
        self._multiply(limit, sizes, self._of_pairs(weights, row), step, of_x, self._of_rows(y, features))

    def _add_by_key(self, weights: Ref, row: int, features: int, x: Rows, y: Rows) -> None:
        """Emit the weighted sums of queries' rows for each key."""
        of_x, limit = self._of_rows(x, features), OF_KEYS if self.limited else NO_LIMIT
        of_x = of_x._replace(rows=of_x.columns, columns=of_x.rows)
        pairs = self._of_pairs(weights, row)
        pairs = pairs._replace(rows=pairs.columns, columns=pairs.rows)
        self._multiply(limit, (self.keys, features, self.queries), pairs, row, of_x, self._of_rows(y, features))

    def _of_rows(self, rows: Rows, features: int) -> _Side:
        lowering = self.lowering
        return _Side(rows.base, rows.head, lowering.lanes, rows.places, self._evenly(features, lowering.batch))

    def _of_pairs(self, base: Ref, row: int) -> _Side:
        """A number for each pair of a query and a key."""
        matrix = self.queries * row
        places = self._evenly(self.queries, row), self._evenly(self.keys, self.lowering.lanes)
        return _Side(base, self._vectors * matrix, matrix, *places)

    def _evenly(self, count: int, distance: int) -> Ref:
        return self.lowering.table(np.arange(count) * distance)

    def _multiply(self, limit: int, sizes: Sequence[int], a: _Side, step: int, b: _Side, y: _Side) -> None:
        """Emit a product.

        Parameters
        ----------
        limit : int
        sizes : sequence of int
            Rows, columns and terms.
        a, b, y : _Side
            Of b, columns of the product are rows, and terms are columns.
        step : int
            Floats from a term of a to the next.
        """
        rows, columns, terms = sizes
        turns = self.heads * self._vectors
        side = next((n for n in SIDES if turns * -(-rows // n) * -(-columns // n) >= _ENOUGH), SIDES[-1])
        of_a, of_b, of_y = (a.base, a.head, a.vector, a.rows), (*b,), (*y,)
        self.lowering.emit(products_kernel(side), self.heads, self._vectors, rows, columns, terms, limit, *of_a, step, *of_b, *of_y)
