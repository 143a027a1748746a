"""The microkernels that almost all multiplications go through.

`multiply_tile` computes R outputs for V vectors of the batch::

    y[r, v] = bias[r] + sum over k of w[k, r] * x[k, v]

(or goes on from the sums that y holds) with the inputs' places in an offset table, so that dense layers, convolutions of any stride
and the gradients of both are the same loop. `correlate_tile` computes R x Q weight gradients::

    sums[q, r] += sum over pixels p and vectors v of dy[r, p, v] * x[q, p, v]

`multiply_lanes` multiplies two small matrices of each sample, whose numbers lie in the lanes
of vectors, so that no number is shared by the samples::

    y[r, n] = sum over k of a[r, k] * b[n, k]

All keep their sums in registers; R, V, Q and N are chosen so that the registers of the
instruction set suffice (`SHAPE`).
"""

from __future__ import annotations

from dataclasses import dataclass

from llvmlite import ir

from studio.kernels.numba_names import intrinsic, types
from studio.kernels.simd import (
    FLAGS,
    LANES,
    VECTOR,
    broadcast,
    constant,
    filled,
    float_pointer,
    integer_pointer,
    load_vector,
    multiply_add,
    prefetch_line,
    store_vector,
)

_i64 = ir.IntType(64)


@dataclass(frozen=True)
class TileShape:
    """How many sums fit into registers.

    Parameters
    ----------
    outputs : int
        Most outputs R of `multiply_tile`.
    vectors : int
        Most vectors V of `multiply_tile`.
    correlated_outputs, correlated_inputs : int
        R and Q of `correlate_tile`.
    single : int
        R of `studio.kernels.outer_tiles.outer_tile` with one vector.
    """

    outputs: int
    vectors: int
    correlated_outputs: int
    correlated_inputs: int
    single: int


#: 32 vector registers with AVX-512 and NEON, 16 otherwise.
SHAPE = TileShape(6, 2, 4, 2, 12) if LANES == 8 else TileShape(8, 2, 8, 3, 16)


def _multiply_tile(outputs: int, vectors: int):
    @intrinsic
    def tile(context, x, offsets, depth, weights, depth_stride, output_stride, resume, bias, y, y_stride):
        def generate(context, builder, signature, arguments):
            x, offsets, depth, weights, depth_stride, output_stride, resume, bias, y, y_stride = arguments
            pairs = [(r, v) for r in range(outputs) for v in range(vectors)]
            from_bias = builder.append_basic_block("from_bias")
            from_sums = builder.append_basic_block("from_sums")
            body = builder.append_basic_block("multiply")
            after = builder.append_basic_block("multiplied")
            rows = [builder.gep(weights, [builder.mul(output_stride, constant(r))]) for r in range(outputs)]
            targets = [builder.gep(y, [builder.mul(y_stride, constant(r))]) for r in range(outputs)]
            places = {(r, v): builder.gep(targets[r], [constant(LANES * v)]) for r, v in pairs}
            builder.cbranch(builder.icmp_signed("==", resume, constant(0)), from_bias, from_sums)
            builder.position_at_end(from_bias)
            first = [broadcast(builder, builder.load(builder.gep(bias, [constant(r)]))) for r in range(outputs)]
            builder.branch(body)
            builder.position_at_end(from_sums)
            earlier = {pair: load_vector(builder, places[pair]) for pair in pairs}
            builder.branch(body)
            builder.position_at_end(body)
            k = builder.phi(_i64)
            w = builder.phi(_i64)
            sums = [[builder.phi(VECTOR) for _ in range(vectors)] for _ in range(outputs)]
            for block in (from_bias, from_sums):
                k.add_incoming(constant(0), block)
                w.add_incoming(constant(0), block)
            for r, v in pairs:
                sums[r][v].add_incoming(first[r], from_bias)
                sums[r][v].add_incoming(earlier[r, v], from_sums)
            source = builder.gep(x, [builder.load(builder.gep(offsets, [k]))])
            inputs = [load_vector(builder, builder.gep(source, [constant(LANES * v)])) for v in range(vectors)]
            new = []
            for r in range(outputs):
                weight = broadcast(builder, builder.load(builder.gep(rows[r], [w])))
                new.append([multiply_add(builder, weight, inputs[v], sums[r][v]) for v in range(vectors)])
            next_k = builder.add(k, constant(1))
            k.add_incoming(next_k, body)
            w.add_incoming(builder.add(w, depth_stride), body)
            for r in range(outputs):
                for v in range(vectors):
                    sums[r][v].add_incoming(new[r][v], body)
            builder.cbranch(builder.icmp_signed("<", next_k, depth), body, after)
            builder.position_at_end(after)
            for r, v in pairs:
                store_vector(builder, new[r][v], places[r, v])
            return context.get_dummy_value()

        whole = types.int64
        return types.void(
            float_pointer,
            integer_pointer,
            whole,
            float_pointer,
            whole,
            whole,
            whole,
            float_pointer,
            float_pointer,
            whole,
        ), generate

    return tile


def _correlate_tile(outputs: int, inputs: int):
    @intrinsic
    def tile(context, x, offsets, x_pixels, dy, dy_stride, dy_pixels, pixels, vectors, sums):
        def generate(context, builder, signature, arguments):
            x, offsets, x_pixels, dy, dy_stride, dy_pixels, pixels, vectors, sums = arguments
            pairs = [(r, q) for r in range(outputs) for q in range(inputs)]
            sources = [
                builder.gep(x, [builder.load(builder.gep(offsets, [constant(q)]))]) for q in range(inputs)
            ]
            gradients = [builder.gep(dy, [builder.mul(dy_stride, constant(r))]) for r in range(outputs)]
            places = {
                (r, q): builder.gep(sums, [constant((q * outputs + r) * LANES)]) for r, q in pairs
            }
            start = {pair: load_vector(builder, places[pair]) for pair in pairs}
            before = builder.block
            over_pixels = builder.append_basic_block("pixel")
            over_vectors = builder.append_basic_block("vector")
            pixel_done = builder.append_basic_block("pixel_done")
            after = builder.append_basic_block("correlated")
            builder.branch(over_pixels)

            builder.position_at_end(over_pixels)
            p = builder.phi(_i64)
            p.add_incoming(constant(0), before)
            outer = {pair: builder.phi(VECTOR) for pair in pairs}
            for pair in pairs:
                outer[pair].add_incoming(start[pair], before)
            x_pixel = builder.load(builder.gep(x_pixels, [p]))
            dy_pixel = builder.load(builder.gep(dy_pixels, [p]))
            builder.branch(over_vectors)

            builder.position_at_end(over_vectors)
            v = builder.phi(_i64)
            v.add_incoming(constant(0), over_pixels)
            inner = {pair: builder.phi(VECTOR) for pair in pairs}
            for pair in pairs:
                inner[pair].add_incoming(outer[pair], over_pixels)
            step = builder.mul(v, constant(LANES))
            x_place = builder.add(x_pixel, step)
            dy_place = builder.add(dy_pixel, step)
            loaded = [load_vector(builder, builder.gep(sources[q], [x_place])) for q in range(inputs)]
            new = {}
            for r in range(outputs):
                gradient = load_vector(builder, builder.gep(gradients[r], [dy_place]))
                for q in range(inputs):
                    new[r, q] = multiply_add(builder, gradient, loaded[q], inner[r, q])
            next_v = builder.add(v, constant(1))
            v.add_incoming(next_v, over_vectors)
            for pair in pairs:
                inner[pair].add_incoming(new[pair], over_vectors)
            builder.cbranch(builder.icmp_signed("<", next_v, vectors), over_vectors, pixel_done)

            builder.position_at_end(pixel_done)
            next_p = builder.add(p, constant(1))
            p.add_incoming(next_p, pixel_done)
            for pair in pairs:
                outer[pair].add_incoming(new[pair], pixel_done)
            builder.cbranch(builder.icmp_signed("<", next_p, pixels), over_pixels, after)

            builder.position_at_end(after)
            for pair in pairs:
                store_vector(builder, new[pair], places[pair])
            return context.get_dummy_value()

        whole = types.int64
        return types.void(
            float_pointer, integer_pointer, integer_pointer, float_pointer, whole, integer_pointer, whole, whole, float_pointer
        ), generate

    return tile


#: Most columns N of a tile of `multiply_lanes`; it has `SHAPE.outputs` rows at the most.
_LANE_COLUMNS = 2 if LANES == 8 else 3


@intrinsic
def multiply_lanes(
    context, rows, columns, depth, a, a_row, a_depth, b, b_column, b_depth, y, y_row, y_column, resume
):
    """Some rows of a product of matrices that each sample has of its own, a vector of samples at a time.

    ``y[r, n] = sum over k of a[r, k] * b[n, k]``, where each number is a vector and each pair of
    strides says where it lies; with `resume` the sums go on from what y holds. There may be
    `SHAPE.outputs` rows, and any number of columns.
    """

    def generate(context, builder, signature, arguments):
        rows, columns, depth, *places, resume = arguments
        for tile in _lane_tiles(builder, rows, columns, places):
            _lane_tile(builder, tile, depth, resume, lambda pair, place, value: value)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(
        whole, whole, whole, float_pointer, whole, whole, float_pointer, whole, whole, float_pointer, whole, whole, whole
    ), generate


@intrinsic
def multiply_lanes_to_slopes(
    context, rows, columns, depth, a, a_row, a_depth, b, b_column, b_depth, y, y_row, y_column, shares, totals, scale, later
):
    """`multiply_lanes`, which makes the gradients of a softmax's scores from its sums.

    ``y[r, n] = shares[r, n] * (scale * sum over k of a[r, k] * b[n, k] - totals[r])``, where the
    shares lie as y does; those that are `later` floats further are fetched.
    """

    def generate(context, builder, signature, arguments):
        rows, columns, depth, *places, shares, totals, scale, later = arguments
        factor = broadcast(builder, scale)

        def finish(pair, place, value):
            share = builder.gep(shares, [place])
            prefetch_line(builder, builder.gep(share, [later]))
            total = load_vector(builder, builder.gep(totals, [constant(pair[0] * LANES)]))
            slope = builder.fsub(builder.fmul(value, factor, flags=FLAGS), total, flags=FLAGS)
            return builder.fmul(load_vector(builder, share), slope, flags=FLAGS)

        for tile in _lane_tiles(builder, rows, columns, places):
            _lane_tile(builder, tile, depth, constant(0), finish)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(
        whole, whole, whole, float_pointer, whole, whole, float_pointer, whole, whole, float_pointer, whole, whole,
        float_pointer, float_pointer, types.float32, whole,
    ), generate


@dataclass(frozen=True)
class _LaneTile:
    """A size of a tile of `multiply_lanes`: values of LLVM where it is to be.

    Parameters
    ----------
    rows, columns : int
    places : list
        As `multiply_lanes` takes them, from `a` to `y_column`, of the first column.
    moved : llvmlite.ir.Value
        How far y is from that of the first tile.
    """

    rows: int
    columns: int
    places: list[ir.Value]
    moved: ir.Value


def _lane_tiles(builder, rows, columns, places):
    """LLVM: each size of a tile, in a loop over the columns; afterwards, the place after all of them.

    Tiles are as wide as they can be, but for the last ones, so that none has a column only where two can have two.
    """
    a, a_row, a_depth, b, b_column, b_depth, y, y_row, y_column = places
    after = builder.append_basic_block("lanes_done")
    choose = builder.switch(rows, after)
    for r in range(1, SHAPE.outputs + 1):
        block = builder.append_basic_block(f"lanes_{r}")
        choose.add_case(constant(r), block)
        builder.position_at_end(block)
        done = constant(0)
        for width in range(_LANE_COLUMNS, 0, -1):
            before, head = builder.block, builder.append_basic_block(f"lanes_{r}x{width}_more")
            tile, end = builder.append_basic_block(f"lanes_{r}x{width}"), builder.append_basic_block(f"lanes_{r}x{width}_end")
            builder.branch(head)
            builder.position_at_end(head)
            n = builder.phi(_i64)
            n.add_incoming(done, before)
            left = builder.sub(columns, n)
            fits = builder.icmp_signed(">=", left, constant(width))
            if width > 2:
                fits = builder.and_(fits, builder.icmp_signed("!=", left, constant(width + 1)))
            builder.cbranch(fits, tile, end)
            builder.position_at_end(tile)
            moved = builder.mul(y_column, n)
            its_b, its_y = builder.gep(b, [builder.mul(b_column, n)]), builder.gep(y, [moved])
            yield _LaneTile(r, width, [a, a_row, a_depth, its_b, b_column, b_depth, its_y, y_row, y_column], moved)
            n.add_incoming(builder.add(n, constant(width)), builder.block)
            builder.branch(head)
            builder.position_at_end(end)
            done = n
        builder.branch(after)
    builder.position_at_end(after)


def _lane_tile(builder, tile, depth, resume, finish):
    """LLVM: one size of `multiply_lanes`, whose sums become what `finish` makes of them."""
    rows, columns = tile.rows, tile.columns
    a, a_row, a_depth, b, b_column, b_depth, y, y_row, y_column = tile.places
    pairs = [(r, n) for r in range(rows) for n in range(columns)]
    left = [builder.gep(a, [builder.mul(a_row, constant(r))]) for r in range(rows)]
    right = [builder.gep(b, [builder.mul(b_column, constant(n))]) for n in range(columns)]
    steps = {(r, n): builder.add(builder.mul(y_row, constant(r)), builder.mul(y_column, constant(n))) for r, n in pairs}
    targets = {pair: builder.gep(y, [step]) for pair, step in steps.items()}
    before = builder.block
    go_on = builder.append_basic_block("lanes_resume")
    body = builder.append_basic_block("lanes_multiply")
    end = builder.append_basic_block("lanes_store")
    builder.cbranch(builder.icmp_signed("==", resume, constant(0)), body, go_on)
    builder.position_at_end(go_on)
    earlier = {pair: load_vector(builder, targets[pair]) for pair in pairs}
    builder.branch(body)
    builder.position_at_end(body)
    k, of_a, of_b = builder.phi(_i64), builder.phi(_i64), builder.phi(_i64)
    sums = {pair: builder.phi(VECTOR) for pair in pairs}
    for counter in (k, of_a, of_b):
        counter.add_incoming(constant(0), before)
        counter.add_incoming(constant(0), go_on)
    zero = filled(0.0)
    for pair in pairs:
        sums[pair].add_incoming(zero, before)
        sums[pair].add_incoming(earlier[pair], go_on)
    loaded = [load_vector(builder, builder.gep(right[n], [of_b])) for n in range(columns)]
    new = {}
    for r in range(rows):
        number = load_vector(builder, builder.gep(left[r], [of_a]))
        for n in range(columns):
            new[r, n] = multiply_add(builder, number, loaded[n], sums[r, n])
    next_k = builder.add(k, constant(1))
    k.add_incoming(next_k, body)
    of_a.add_incoming(builder.add(of_a, a_depth), body)
    of_b.add_incoming(builder.add(of_b, b_depth), body)
    for pair in pairs:
        sums[pair].add_incoming(new[pair], body)
    builder.cbranch(builder.icmp_signed("<", next_k, depth), body, end)
    builder.position_at_end(end)
    for pair in pairs:
        store_vector(builder, finish(pair, builder.add(steps[pair], tile.moved), new[pair]), targets[pair])


#: By (outputs, vectors). Kernels name them as module globals: Numba's cache needs that.
for _outputs in range(1, 9):
    for _vectors in range(1, 4):
        globals()[f"multiply_{_outputs}x{_vectors}"] = _multiply_tile(_outputs, _vectors)
    for _inputs in range(1, 4):
        globals()[f"correlate_{_outputs}x{_inputs}"] = _correlate_tile(_outputs, _inputs)
