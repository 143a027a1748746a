"""Scaled dot-product attention: forward, backward, and the probabilities for people to see.

Each sample has queries, keys and values of its own, so nothing is shared between the lanes of
a vector. All heads, and all vectors of the batch, are worked through one after the other: their
rows are packed next to each other, which keeps them in the near caches, and products of
`studio.kernels.tiles.multiply_lanes` do the rest. Where the batch is so small that rows do not
push each other out of these caches as they lie, they are used in place (`in_place`).

Positions are worked through in an order that tables of places give. With a limit, a position
sees those that come no later in that order: with the order of the sequence that is a causal
mask, with another one a permutation mask.

Probabilities lie apart from each other as ``[head][vector][query][key][lane]``, in the same
order.

References
----------
A. Vaswani et al., "Attention is all you need", 2017. Z. Yang et al., "XLNet: generalized
autoregressive pretraining for language understanding", 2019 (permutation mask).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from studio.kernels.jit import function, inline, kernel
from studio.kernels.maths import exp, maximum
from studio.kernels.numba_names import float32
from studio.kernels.random_vectors import draw_uniforms
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, prefetch, select, splat, store
from studio.kernels.state import SEED, SHARD, STEP, THREAD
from studio.kernels.tiles import SHAPE, multiply_lanes, multiply_lanes_to_slopes

#: Most queries that are looked at together.
ROWS = SHAPE.outputs
#: Floats of score gradients that stay in the second cache while keys and values collect from them.
_CHUNK = 67_584
#: Most columns of the batch with which rows are used in place. With more of them neighbouring
#: features are so far apart that those of one position alone crowd the sets of a cache.
_SMALL_BATCH = 32


def row_floats(vectors: int) -> int:
    """Floats from one packed row of so many vectors to the next: no power of two, which would crowd the caches."""
    floats = vectors * LANES
    return floats + 16 if floats % 128 == 0 else floats


def in_place(order: Sequence[int], batch: int) -> bool:
    """Whether queries, keys and values can be used as they lie.

    Parameters
    ----------
    order : sequence of int
        Positions in the order in which they are worked through.
    batch : int
        Padded columns.
    """
    return batch <= _SMALL_BATCH and list(order) == sorted(order)


def gap(features: int, batch: int) -> int:
    """How many features to leave free after each position, so that it can be used in place.

    Positions a power of two apart share the sets of a cache.
    """
    return 1 if batch <= _SMALL_BATCH and features * batch % 256 == 0 else 0


def rows_at_once(queries: int, keys: int) -> int:
    """How many queries the backward pass takes together."""
    most = max(1, _CHUNK // row_floats(keys) // ROWS) * ROWS
    chunks = -(-queries // most)
    return min(queries, -(-queries // (chunks * ROWS)) * ROWS)


_row_floats = inline(row_floats)


@function
def _product(rows, columns, depth, a, a_row, a_depth, b, b_column, b_depth, y, y_row, y_column, resume):
    """``y[r, n] = sum over k of a[r, k] b[n, k]`` for each lane, or that added to y."""
    blocks = (rows + ROWS - 1) // ROWS
    for block in range(blocks):
        first = block * rows // blocks
        count = (block + 1) * rows // blocks - first
        multiply_lanes(
            count, columns, depth, at(a, first * a_row), a_row, a_depth, b, b_column, b_depth,
            at(y, first * y_row), y_row, y_column, resume,
        )  # fmt: skip


@function
def _pack(target, row, source, places, first, count, depth, batch):
    """Rows of one head and one vector of the batch, next to each other."""
    for r in range(count):
        come, to = at(source, places[first + r]), at(target, r * row)
        for d in range(depth):
            store(at(to, d * LANES), load(at(come, d * batch)))


@function
def _unpack(target, places, first, count, depth, batch, source, row):
    """The way back of `_pack`."""
    for r in range(count):
        to, come = at(target, places[first + r]), at(source, r * row)
        for d in range(depth):
            store(at(to, d * batch), load(at(come, d * LANES)))


@inline
def _clear(place, begin, end):
    for j in range(begin, end):
        store(at(place, j * LANES), splat(0.0))


@function
def _clear_rows(place, rows, row, depth, step):
    """Zeros for numbers that are so far apart."""
    for r in range(rows):
        for d in range(depth):
            store(at(place, r * row + d * step), splat(0.0))


@function
def _softmax(row, count, scale, padded, allowed):
    """Scores times `scale` become probabilities; keys that are not allowed get none."""
    largest = splat(-1e30)
    for j in range(count):
        score = load(at(row, j * LANES))
        if padded != 0:
            score = select(load(at(allowed, j * LANES)) == 0, -1e30, score)
        largest = maximum(score, largest)
    total, highest = splat(0.0), largest * scale
    for j in range(count):
        e = exp(load(at(row, j * LANES)) * scale - highest)
        if padded != 0:
            e = select(load(at(allowed, j * LANES)) == 0, 0.0, e)
        total = total + e
        store(at(row, j * LANES), e)
    # Who may look at nothing sees nothing.
    share = select(total == 0, 0.0, 1.0 / total)
    for j in range(count):
        store(at(row, j * LANES), load(at(row, j * LANES)) * share)


@function
def drop(target, row, count, draws, column, block, step, key, seed, rate):
    """Probabilities with some left out, the others larger by as much."""
    keep = float32(1.0) / (float32(1.0) - rate)
    for j in range(0, count, 4):
        draw_uniforms(at(draws, j * LANES), LANES, column, block + j // 4, step, key, seed)
    for j in range(count):
        left = load(at(row, j * LANES)) * keep
        store(at(target, j * LANES), select(load(at(draws, j * LANES)) < rate, 0.0, left))


@kernel
def attend(arena, record, table, state):
    """y = softmax(q kᵀ / √depth) v, for each sample and head.

    With ``kept`` the probabilities of all queries stay; without, only as long as they are used.
    """
    heads, queries, keys, depth, width, batch = record[2], record[3], record[4], record[5], record[6], record[7]
    q, q_places, q_head = at(arena, record[8]), at(table, record[9]), record[10]
    k, k_places, k_head = at(arena, record[11]), at(table, record[12]), record[13]
    v, v_places, v_head = at(arena, record[14]), at(table, record[15]), record[16]
    y, y_places, y_head = at(arena, record[17]), at(table, record[18]), record[19]
    limited, kept, probabilities = record[20], record[21], at(arena, record[22])
    padded, tokens, token_places = record[23], at(arena, record[24]), at(table, record[25])
    dropping, dropped, key, rate = record[26], at(arena, record[27]), record[28], arena[record[29]]
    as_they_lie, q_row, k_row, v_row, y_row = record[36], record[37], record[38], record[39], record[40]
    row, deep, wide, near = _row_floats(keys), _row_floats(depth), _row_floats(width), LANES
    if as_they_lie == 0:
        q_row, k_row, v_row, y_row = deep, deep, wide, wide
    else:
        near = batch
    scale = float32(1.0 / sqrt(depth))
    vectors = batch // LANES
    blocks = (queries + ROWS - 1) // ROWS
    for turn in range(heads * vectors):
        head, vector = turn // vectors, turn % vectors
        b = vector * LANES
        packed_q, packed_k, packed_v = at(arena, record[30]), at(arena, record[31]), at(arena, record[32])
        packed_y, allowed, draws = at(arena, record[33]), at(arena, record[34]), at(arena, record[35])
        column = state[THREAD] * state[SHARD] + b
        its_q, its_y = at(q, head * q_head + b), at(y, head * y_head + b)
        its_k, its_v = at(k, head * k_head + b), at(v, head * v_head + b)
        if as_they_lie == 0:
            _pack(packed_k, deep, its_k, k_places, 0, keys, depth, batch)
            _pack(packed_v, wide, its_v, v_places, 0, keys, width, batch)
            its_k, its_v = packed_k, packed_v
        if padded != 0:
            for j in range(keys):
                token = load(at(tokens, token_places[j] + b))
                store(at(allowed, j * LANES), select(token == 0, 0.0, splat(1.0)))
        for block in range(blocks):
            first, end = block * queries // blocks, (block + 1) * queries // blocks
            count = end - first
            limit = min(keys, end) if limited != 0 else keys
            kept_row = (turn * queries + first) * row if kept != 0 else 0
            scores = at(probabilities, kept_row)
            own_q, own_y = at(its_q, q_places[first]), at(its_y, y_places[first])
            if as_they_lie == 0:
                _pack(packed_q, deep, its_q, q_places, first, count, depth, batch)
                own_q, own_y = packed_q, packed_y
            _product(count, limit, depth, own_q, q_row, near, its_k, k_row, near, scores, row, LANES, 0)
            for r in range(count):
                own = min(keys, first + r + 1) if limited != 0 else keys
                _softmax(at(scores, r * row), own, scale, padded, allowed)
                _clear(at(scores, r * row), own, limit)
            weights = scores
            if dropping != 0:
                weights = at(dropped, kept_row)
                for r in range(count):
                    drawn = (head * queries + first + r) * ((keys + 3) // 4)
                    drop(at(weights, r * row), at(scores, r * row), limit, draws,
                          column, drawn, state[STEP], key, state[SEED], rate)  # fmt: skip
            _product(count, width, limit, weights, row, LANES, its_v, near, v_row, own_y, y_row, near, 0)
            if as_they_lie == 0:
                _unpack(its_y, y_places, first, count, width, batch, packed_y, wide)


@function
def add_up(total, scale, dy, near, y, batch, width, next_dy, next_y):
    """total = scale times the sum of ``dy[n] y[n]``, while those of later rows are fetched.

    Without the scale that is the sum of ``p[j] dp[j]``, too, since y and dp are the products of p and of dy with the
    values, and it is known before any dp is (Dao et al., 2022).
    """
    even, odd = splat(0.0), splat(0.0)
    whole = width - width % 2
    for n in range(0, whole, 2):
        prefetch(at(next_y, n * batch))
        prefetch(at(next_y, (n + 1) * batch))
        prefetch(at(next_dy, n * batch))
        prefetch(at(next_dy, (n + 1) * batch))
        even = even + load(at(dy, n * near)) * load(at(y, n * batch))
        odd = odd + load(at(dy, (n + 1) * near)) * load(at(y, (n + 1) * batch))
    if whole < width:
        odd = odd + load(at(dy, whole * near)) * load(at(y, whole * batch))
    store(total, (even + odd) * scale)


@function
def _slopes_after_dropout(ds, row, dropped, larger, total, count):
    """The gradients of a row's scores from those of its probabilities, in place; what was left out had none."""
    s = load(total)
    for j in range(count):
        g = select(load(at(dropped, j * LANES)) == 0, 0.0, load(at(ds, j * LANES)) * larger)
        store(at(ds, j * LANES), load(at(row, j * LANES)) * (g - s))


@function
def _collect(keys, columns, queries, start, limited, weights, row, b, b_row, near, y, y_row, resume):
    """``y[j, n] = sum over i of weights[i, j] b[i, n]``: what the queries of a chunk give to each key."""
    blocks = (keys + ROWS - 1) // ROWS
    for block in range(blocks):
        first = block * keys // blocks
        count = (block + 1) * keys // blocks - first
        # Queries before the first of these keys do not see any of them.
        skipped = max(0, first - start) if limited != 0 else 0
        _product(
            count, columns, queries - skipped, at(weights, skipped * row + first * LANES), LANES, row,
            at(b, skipped * b_row), near, b_row, at(y, first * y_row), y_row, near, resume,
        )  # fmt: skip


@kernel
def attend_backward(arena, record, table, state):
    """dq, dk and dv from dy and the probabilities that `attend` kept."""
    heads, queries, keys, depth, width, batch = record[2], record[3], record[4], record[5], record[6], record[7]
    q, q_places, q_head = at(arena, record[8]), at(table, record[9]), record[10]
    k, k_places, k_head = at(arena, record[11]), at(table, record[12]), record[13]
    v, v_places, v_head = at(arena, record[14]), at(table, record[15]), record[16]
    dy, y_places, y_head = at(arena, record[17]), at(table, record[18]), record[19]
    limited, probabilities = record[20], at(arena, record[21])
    dropping, dropped, rate = record[22], at(arena, record[23]), arena[record[24]]
    dq, dk, dv = at(arena, record[25]), at(arena, record[26]), at(arena, record[27])
    chunk, y = record[36], at(arena, record[37])
    as_they_lie, q_row, k_row, v_row, dy_row = record[39], record[40], record[41], record[42], record[43]
    row, deep, wide, near = _row_floats(keys), _row_floats(depth), _row_floats(width), LANES
    if as_they_lie == 0:
        q_row, k_row, v_row, dy_row = deep, deep, wide, wide
    else:
        near = batch
    scale = float32(1.0 / sqrt(depth))
    vectors = batch // LANES
    for turn in range(heads * vectors):
        head, vector = turn // vectors, turn % vectors
        b = vector * LANES
        packed_q, packed_k, packed_v = at(arena, record[28]), at(arena, record[29]), at(arena, record[30])
        packed_dy, packed_dq = at(arena, record[31]), at(arena, record[32])
        packed_dk, packed_dv = at(arena, record[33]), at(arena, record[34])
        ds, totals = at(arena, record[35]), at(arena, record[38])
        its_q, its_dq = at(q, head * q_head + b), at(dq, head * q_head + b)
        its_k, its_dk = at(k, head * k_head + b), at(dk, head * k_head + b)
        its_v, its_dv = at(v, head * v_head + b), at(dv, head * v_head + b)
        its_y, its_dy = at(y, head * y_head + b), at(dy, head * y_head + b)
        if as_they_lie == 0:
            _pack(packed_k, deep, its_k, k_places, 0, keys, depth, batch)
            _pack(packed_v, wide, its_v, v_places, 0, keys, width, batch)
            its_k, its_v, its_dk, its_dv = packed_k, packed_v, packed_dk, packed_dv
        if limited != 0:
            _clear_rows(its_dk, keys, k_row, depth, near)
            _clear_rows(its_dv, keys, v_row, width, near)
        for start in range(0, queries, chunk):
            many = min(chunk, queries - start)
            most = min(keys, start + many) if limited != 0 else keys
            kept_row = (turn * queries + start) * row
            kept, left = at(probabilities, kept_row), at(dropped, kept_row)
            chunk_q, chunk_dy = at(its_q, q_places[start]), at(its_dy, y_places[start])
            if as_they_lie == 0:
                chunk_q, chunk_dy = packed_q, packed_dy
                _pack(packed_q, deep, its_q, q_places, start, many, depth, batch)
                _pack(packed_dy, wide, its_dy, y_places, start, many, width, batch)
            blocks = (many + ROWS - 1) // ROWS
            for block in range(blocks):
                first, end = block * many // blocks, (block + 1) * many // blocks
                count = end - first
                limit = min(keys, start + end) if limited != 0 else keys
                own_dy, own_ds = at(chunk_dy, first * dy_row), at(ds, first * row)
                for r in range(count):
                    number = start + first + r
                    after, then = min(number + 1, queries - 1), min(number + ROWS, queries - 1)
                    add_up(
                        at(totals, r * LANES), scale, at(own_dy, r * dy_row), near, at(its_y, y_places[number]),
                        batch, width, at(its_dy, y_places[then]), at(its_y, y_places[after]),
                    )  # fmt: skip
                own_kept, own_left = at(kept, first * row), at(left, first * row)
                if dropping == 0:
                    # The gradients of probabilities become those of scores at once.
                    multiply_lanes_to_slopes(
                        count, limit, width, own_dy, dy_row, near, its_v, v_row, near,
                        own_ds, row, LANES, own_kept, totals, scale, ROWS * row,
                    )  # fmt: skip
                else:
                    _product(count, limit, width, own_dy, dy_row, near, its_v, v_row, near, own_ds, row, LANES, 0)
                    for r in range(count):
                        _slopes_after_dropout(
                            at(own_ds, r * row), at(own_kept, r * row), at(own_left, r * row),
                            scale / (float32(1.0) - rate), at(totals, r * LANES), limit,
                        )  # fmt: skip
                if limited != 0:
                    for r in range(count):
                        own = min(keys, start + first + r + 1)
                        # Products look at whole blocks of keys.
                        beyond = min(most, own + ROWS)
                        _clear(at(own_ds, r * row), own, beyond)
                        _clear(at(own_kept, r * row), own, beyond)
                        if dropping != 0:
                            _clear(at(own_left, r * row), own, beyond)
                own_dq = packed_dq if as_they_lie == 0 else at(its_dq, q_places[start + first])
                _product(count, depth, limit, own_ds, row, LANES, its_k, near, k_row, own_dq, q_row, near, 0)
                if as_they_lie == 0:
                    _unpack(its_dq, q_places, start + first, count, depth, batch, packed_dq, deep)
            weights, added = left if dropping != 0 else kept, 1 if start > 0 or limited != 0 else 0
            _collect(most, width, many, start, limited, weights, row, chunk_dy, dy_row, near, its_dv, v_row, added)
            _collect(most, depth, many, start, limited, ds, row, chunk_q, q_row, near, its_dk, k_row, added)
        if as_they_lie == 0:
            _unpack(at(dk, head * k_head + b), k_places, 0, keys, depth, batch, packed_dk, deep)
            _unpack(at(dv, head * v_head + b), v_places, 0, keys, width, batch, packed_dv, wide)


@kernel
def show_probabilities(arena, record, table, state):
    """target[query][key][head][sample] from the probabilities that `attend` kept, all in their usual order."""
    heads, queries, keys, batch, limited = record[2], record[3], record[4], record[5], record[6]
    probabilities, target = at(arena, record[7]), at(arena, record[8])
    query_order, key_order = at(table, record[9]), at(table, record[10])
    row = _row_floats(keys)
    vectors = batch // LANES
    for head in range(heads):
        for vector in range(vectors):
            for r in each(queries):
                source = at(probabilities, ((head * vectors + vector) * queries + r) * row)
                place = at(target, (query_order[r] * keys * heads + head) * batch + vector * LANES)
                for j in range(keys):
                    seen = limited == 0 or j <= r
                    value = load(at(source, j * LANES)) if seen else splat(0.0)
                    store(at(place, key_order[j] * heads * batch), value)
