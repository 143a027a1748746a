"""Scaled dot-product attention: forward, backward, and the probabilities for people to see.

Each sample has queries, keys and values of its own, so nothing is shared between the lanes of
a vector. All heads, and all vectors of the batch, are worked through one after the other: their
rows are packed next to each other, which keeps them in the near caches, and products of
`studio.kernels.tiles.multiply_lanes` do the rest.

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

from math import sqrt

from studio.kernels.jit import function, inline, kernel
from studio.kernels.maths import exp, maximum
from studio.kernels.numba_names import float32
from studio.kernels.random_vectors import draw_uniforms
from studio.kernels.simd import LANES, at, load, select, splat, store
from studio.kernels.state import SEED, SHARD, STEP, THREAD
from studio.kernels.tiles import LANE_COLUMNS, SHAPE, multiply_lanes

#: Most queries that are looked at together.
ROWS = SHAPE.outputs
#: Floats of score gradients that stay in the second cache while keys and values collect from them.
_CHUNK = 65536


def row_floats(vectors: int) -> int:
    """Floats from one packed row of so many vectors to the next: no power of two, which would crowd the caches."""
    floats = vectors * LANES
    return floats + 16 if floats % 128 == 0 else floats


def rows_at_once(queries: int, keys: int) -> int:
    """How many queries the backward pass takes together."""
    most = max(1, _CHUNK // row_floats(keys) // ROWS) * ROWS
    chunks = -(-queries // most)
    return min(queries, -(-queries // (chunks * ROWS)) * ROWS)


_row_floats = inline(row_floats)


@function
def _product(rows, columns, depth, a, a_row, a_depth, b, b_column, b_depth, y, y_row, y_column, resume):
    """``y[r, n] = sum over k of a[r, k] b[n, k]`` for each lane, or that added to y."""
    blocks, parts = (rows + ROWS - 1) // ROWS, (columns + LANE_COLUMNS - 1) // LANE_COLUMNS
    for block in range(blocks):
        first = block * rows // blocks
        count = (block + 1) * rows // blocks - first
        source, target = at(a, first * a_row), at(y, first * y_row)
        for part in range(parts):
            n = part * columns // parts
            some = (part + 1) * columns // parts - n
            multiply_lanes(
                count, some, depth, source, a_row, a_depth, at(b, n * b_column), b_column, b_depth,
                at(target, n * y_column), y_row, y_column, resume,
            )  # fmt: skip


@function
def _pack(target, row, source, places, first, count, depth, batch, scale):
    """Rows of one head and one vector of the batch, next to each other."""
    for r in range(count):
        come, to = at(source, places[first + r]), at(target, r * row)
        for d in range(depth):
            store(at(to, d * LANES), load(at(come, d * batch)) * scale)


@function
def _unpack(target, places, first, count, depth, batch, source, row, scale):
    """The way back of `_pack`."""
    for r in range(count):
        to, come = at(target, places[first + r]), at(source, r * row)
        for d in range(depth):
            store(at(to, d * batch), load(at(come, d * LANES)) * scale)


@inline
def _clear(place, begin, end):
    for j in range(begin, end):
        store(at(place, j * LANES), splat(0.0))


@function
def _softmax(row, count, padded, allowed):
    """Scores become probabilities; keys that are not allowed get none."""
    largest = splat(-1e30)
    for j in range(count):
        score = load(at(row, j * LANES))
        if padded != 0:
            score = select(load(at(allowed, j * LANES)) == 0, -1e30, score)
        largest = maximum(score, largest)
    total = splat(0.0)
    for j in range(count):
        e = exp(load(at(row, j * LANES)) - largest)
        if padded != 0:
            e = select(load(at(allowed, j * LANES)) == 0, 0.0, e)
        total = total + e
        store(at(row, j * LANES), e)
    # Who may look at nothing sees nothing.
    scale = select(total == 0, 0.0, 1.0 / total)
    for j in range(count):
        store(at(row, j * LANES), load(at(row, j * LANES)) * scale)


@function
def _drop(target, row, count, draws, column, block, step, key, seed, rate):
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
    packed_q, packed_k, packed_v = at(arena, record[30]), at(arena, record[31]), at(arena, record[32])
    packed_y, allowed, draws = at(arena, record[33]), at(arena, record[34]), at(arena, record[35])
    row, deep, wide = _row_floats(keys), _row_floats(depth), _row_floats(width)
    scale = float32(1.0 / sqrt(depth))
    one = float32(1.0)
    vectors = batch // LANES
    blocks = (queries + ROWS - 1) // ROWS
    for head in range(heads):
        for vector in range(vectors):
            b = vector * LANES
            column = state[THREAD] * state[SHARD] + b
            _pack(packed_k, deep, at(k, head * k_head + b), k_places, 0, keys, depth, batch, one)
            _pack(packed_v, wide, at(v, head * v_head + b), v_places, 0, keys, width, batch, one)
            if padded != 0:
                for j in range(keys):
                    token = load(at(tokens, token_places[j] + b))
                    store(at(allowed, j * LANES), select(token == 0, 0.0, splat(1.0)))
            for block in range(blocks):
                first, end = block * queries // blocks, (block + 1) * queries // blocks
                count = end - first
                limit = min(keys, end) if limited != 0 else keys
                kept_row = ((head * vectors + vector) * queries + first) * row if kept != 0 else 0
                scores = at(probabilities, kept_row)
                _pack(packed_q, deep, at(q, head * q_head + b), q_places, first, count, depth, batch, scale)
                _product(count, limit, depth, packed_q, deep, LANES, packed_k, deep, LANES, scores, row, LANES, 0)
                for r in range(count):
                    own = min(keys, first + r + 1) if limited != 0 else keys
                    _softmax(at(scores, r * row), own, padded, allowed)
                    _clear(at(scores, r * row), own, limit)
                weights = scores
                if dropping != 0:
                    weights = at(dropped, kept_row)
                    for r in range(count):
                        drawn = (head * queries + first + r) * ((keys + 3) // 4)
                        _drop(at(weights, r * row), at(scores, r * row), limit, draws,
                              column, drawn, state[STEP], key, state[SEED], rate)  # fmt: skip
                _product(count, width, limit, weights, row, LANES, packed_v, LANES, wide, packed_y, wide, LANES, 0)
                _unpack(at(y, head * y_head + b), y_places, first, count, width, batch, packed_y, wide, one)


@function
def _score_gradients(ds, row, dropped, dropping, rate, count):
    """The gradients of a row's scores from those of its probabilities, in place.

    ``ds[j] = p[j] (dp[j] - sum over i of p[i] dp[i])``; what dropout left out has none.
    """
    # Several sums at once: each addition waits for the one before it.
    s0, s1, s2, s3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    whole = count - count % 4
    if dropping != 0:
        keep = float32(1.0) / (float32(1.0) - rate)
        for j in range(count):
            left, g = load(at(dropped, j * LANES)), load(at(ds, j * LANES))
            s0 = s0 + left * g
            store(at(ds, j * LANES), select(left == 0, 0.0, g * keep))
    else:
        for j in range(0, whole, 4):
            kept, g = at(row, j * LANES), at(ds, j * LANES)
            s0, s1 = s0 + load(kept) * load(g), s1 + load(at(kept, LANES)) * load(at(g, LANES))
            s2 = s2 + load(at(kept, 2 * LANES)) * load(at(g, 2 * LANES))
            s3 = s3 + load(at(kept, 3 * LANES)) * load(at(g, 3 * LANES))
        for j in range(whole, count):
            s0 = s0 + load(at(row, j * LANES)) * load(at(ds, j * LANES))
    total = (s0 + s1) + (s2 + s3)
    for j in range(count):
        store(at(ds, j * LANES), load(at(row, j * LANES)) * (load(at(ds, j * LANES)) - total))


@function
def _collect(keys, columns, queries, start, limited, weights, row, b, b_row, y, resume):
    """``y[j, n] = sum over i of weights[i, j] b[i, n]``: what the queries of a chunk give to each key."""
    blocks = (keys + ROWS - 1) // ROWS
    for block in range(blocks):
        first = block * keys // blocks
        count = (block + 1) * keys // blocks - first
        # Queries before the first of these keys do not see any of them.
        skipped = max(0, first - start) if limited != 0 else 0
        _product(
            count, columns, queries - skipped, at(weights, skipped * row + first * LANES), LANES, row,
            at(b, skipped * b_row), LANES, b_row, at(y, first * b_row), b_row, LANES, resume,
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
    packed_q, packed_k, packed_v = at(arena, record[28]), at(arena, record[29]), at(arena, record[30])
    packed_dy, packed_dq = at(arena, record[31]), at(arena, record[32])
    packed_dk, packed_dv = at(arena, record[33]), at(arena, record[34])
    ds, chunk = at(arena, record[35]), record[36]
    row, deep, wide = _row_floats(keys), _row_floats(depth), _row_floats(width)
    scale = float32(1.0 / sqrt(depth))
    one = float32(1.0)
    vectors = batch // LANES
    added = 1 if queries > chunk or limited != 0 else 0
    for head in range(heads):
        for vector in range(vectors):
            b = vector * LANES
            _pack(packed_k, deep, at(k, head * k_head + b), k_places, 0, keys, depth, batch, one)
            _pack(packed_v, wide, at(v, head * v_head + b), v_places, 0, keys, width, batch, one)
            if added != 0:
                _clear(packed_dk, 0, keys * deep // LANES)
                _clear(packed_dv, 0, keys * wide // LANES)
            for start in range(0, queries, chunk):
                many = min(chunk, queries - start)
                most = min(keys, start + many) if limited != 0 else keys
                kept_row = ((head * vectors + vector) * queries + start) * row
                kept, left = at(probabilities, kept_row), at(dropped, kept_row)
                blocks = (many + ROWS - 1) // ROWS
                for block in range(blocks):
                    first, end = block * many // blocks, (block + 1) * many // blocks
                    count = end - first
                    limit = min(keys, start + end) if limited != 0 else keys
                    own_q, own_dy, own_ds = at(packed_q, first * deep), at(packed_dy, first * wide), at(ds, first * row)
                    _pack(own_q, deep, at(q, head * q_head + b), q_places, start + first, count, depth, batch, scale)
                    _pack(own_dy, wide, at(dy, head * y_head + b), y_places, start + first, count, width, batch, one)
                    _product(count, limit, width, own_dy, wide, LANES, packed_v, wide, LANES, own_ds, row, LANES, 0)
                    for r in range(count):
                        own = min(keys, start + first + r + 1) if limited != 0 else keys
                        place, its_kept, its_left = at(own_ds, r * row), at(kept, (first + r) * row), at(left, (first + r) * row)
                        _score_gradients(place, its_kept, its_left, dropping, rate, own)
                        # Products look at whole blocks of keys.
                        beyond = min(most, own + ROWS)
                        _clear(place, own, beyond)
                        _clear(its_kept, own, beyond)
                        if dropping != 0:
                            _clear(its_left, own, beyond)
                    _product(count, depth, limit, own_ds, row, LANES, packed_k, LANES, deep, packed_dq, deep, LANES, 0)
                    _unpack(at(dq, head * q_head + b), q_places, start + first, count, depth, batch, packed_dq, deep, scale)
                weights = left if dropping != 0 else kept
                _collect(most, width, many, start, limited, weights, row, packed_dy, wide, packed_dv, added)
                _collect(most, depth, many, start, limited, ds, row, packed_q, deep, packed_dk, added)
            _unpack(at(dk, head * k_head + b), k_places, 0, keys, depth, batch, packed_dk, deep, one)
            _unpack(at(dv, head * v_head + b), v_places, 0, keys, width, batch, packed_dv, wide, one)


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
            for r in range(queries):
                source = at(probabilities, ((head * vectors + vector) * queries + r) * row)
                place = at(target, (query_order[r] * keys * heads + head) * batch + vector * LANES)
                for j in range(keys):
                    seen = limited == 0 or j <= r
                    value = load(at(source, j * LANES)) if seen else splat(0.0)
                    store(at(place, key_order[j] * heads * batch), value)
