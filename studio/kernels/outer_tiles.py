"""The microkernels of weight gradients where the outputs fill vectors.

`outer_tile` computes R x V vectors of them, where the outputs of a sample lie side by side in dy::

    sums[r, v] (+)= sum over pixels p and samples b of x[r, p, b] * dy[p, b, v]

`turning_tile` does the same with a dy whose samples lie side by side. It turns it, and keeps it turned for
the tiles of other inputs; the sum of dy over pixels and samples comes from the same registers.
"""

from __future__ import annotations

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
    four_columns,
    integer_pointer,
    load_vector,
    multiply_add,
    store_vector,
)
from studio.kernels.tiles import SHAPE

_i64 = ir.IntType(64)
#: Whether registers suffice for turning beside the sums: with 16 of them they do not.
TURNS = LANES != 8


def _outer_tile(inputs: int, vectors: int):
    @intrinsic
    def tile(context, x, offsets, x_pixels, dy, dy_stride, pixels, batch, resume, sums, sums_stride):
        def generate(context, builder, signature, arguments):
            x, offsets, x_pixels, dy, dy_stride, pixels, batch, resume, sums, sums_stride = arguments
            pairs = [(r, v) for r in range(inputs) for v in range(vectors)]
            rows = [builder.gep(x, [builder.load(builder.gep(offsets, [constant(r)]))]) for r in range(inputs)]
            targets = [builder.gep(sums, [builder.mul(sums_stride, constant(r))]) for r in range(inputs)]
            places = {(r, v): builder.gep(targets[r], [constant(LANES * v)]) for r, v in pairs}
            before = builder.block
            over_pixels = builder.append_basic_block("pixel")
            over_samples = builder.append_basic_block("sample")
            pixel_done = builder.append_basic_block("pixel_done")
            after = builder.append_basic_block("multiplied")
            add = builder.append_basic_block("add_earlier")
            end = builder.append_basic_block("store")
            zero = filled(0.0)
            builder.branch(over_pixels)

            builder.position_at_end(over_pixels)
            p, pixel_row = builder.phi(_i64), builder.phi(dy.type)
            p.add_incoming(constant(0), before)
            pixel_row.add_incoming(dy, before)
            outer = {pair: builder.phi(VECTOR) for pair in pairs}
            for pair in pairs:
                outer[pair].add_incoming(zero, before)
            x_pixel = builder.load(builder.gep(x_pixels, [p]))
            x_end = builder.add(x_pixel, batch)
            builder.branch(over_samples)

            builder.position_at_end(over_samples)
            place, row = builder.phi(_i64), builder.phi(dy.type)
            place.add_incoming(x_pixel, over_pixels)
            row.add_incoming(pixel_row, over_pixels)
            inner = {pair: builder.phi(VECTOR) for pair in pairs}
            for pair in pairs:
                inner[pair].add_incoming(outer[pair], over_pixels)
            gradients = [load_vector(builder, builder.gep(row, [constant(LANES * v)])) for v in range(vectors)]
            new = {}
            for r in range(inputs):
                number = broadcast(builder, builder.load(builder.gep(rows[r], [place])))
                for v in range(vectors):
                    new[r, v] = multiply_add(builder, number, gradients[v], inner[r, v])
            next_place, next_row = builder.add(place, constant(1)), builder.gep(row, [dy_stride])
            place.add_incoming(next_place, over_samples)
            row.add_incoming(next_row, over_samples)
            for pair in pairs:
                inner[pair].add_incoming(new[pair], over_samples)
            builder.cbranch(builder.icmp_signed("<", next_place, x_end), over_samples, pixel_done)

            builder.position_at_end(pixel_done)
            next_p = builder.add(p, constant(1))
            p.add_incoming(next_p, pixel_done)
            pixel_row.add_incoming(next_row, pixel_done)
            for pair in pairs:
                outer[pair].add_incoming(new[pair], pixel_done)
            builder.cbranch(builder.icmp_signed("<", next_p, pixels), over_pixels, after)

            builder.position_at_end(after)
            builder.cbranch(builder.icmp_signed("==", resume, constant(0)), end, add)
            builder.position_at_end(add)
            total = {pair: builder.fadd(new[pair], load_vector(builder, places[pair])) for pair in pairs}
            builder.branch(end)
            builder.position_at_end(end)
            for pair in pairs:
                value = builder.phi(VECTOR)
                value.add_incoming(new[pair], after)
                value.add_incoming(total[pair], add)
                total[pair] = value
            for pair in pairs:
                store_vector(builder, total[pair], places[pair])
            return context.get_dummy_value()

        whole = types.int64
        return types.void(
            float_pointer, integer_pointer, integer_pointer, float_pointer, whole, whole, whole, whole, float_pointer, whole
        ), generate

    return tile


def _turning_tile(inputs: int):
    """`outer_tile` of one vector that turns dy itself, four samples at a time, and keeps it for the tiles after it.

    The processor puts numbers in their place while it multiplies those before them.
    """

    @intrinsic
    def tile(context, x, offsets, x_pixels, dy, dy_pixels, distances, turned, stride, pixels, batch, resume, sums, bias_sums):
        def generate(context, builder, signature, arguments):
            x, offsets, x_pixels, dy, dy_pixels, distances, turned, stride, pixels, batch, resume, sums, bias_sums = arguments
            rows = [builder.gep(x, [builder.load(builder.gep(offsets, [constant(r)]))]) for r in range(inputs)]
            places = [builder.gep(sums, [builder.mul(stride, constant(r))]) for r in range(inputs)] + [bias_sums]
            distance = [builder.load(builder.gep(distances, [constant(i)])) for i in range(LANES)]
            before = builder.block
            over_pixels = builder.append_basic_block("pixel")
            over_samples = builder.append_basic_block("four_samples")
            pixel_done = builder.append_basic_block("pixel_done")
            after = builder.append_basic_block("multiplied")
            add = builder.append_basic_block("add_earlier")
            end = builder.append_basic_block("store")
            builder.branch(over_pixels)

            def phis(start, block):
                made = [builder.phi(value.type) for value in start]
                for phi, value in zip(made, start, strict=True):
                    phi.add_incoming(value, block)
                return made

            def close(made, values, block):
                for phi, value in zip(made, values, strict=True):
                    phi.add_incoming(value, block)

            builder.position_at_end(over_pixels)
            (p, pixel_target), outer = phis([constant(0), turned], before), phis([filled(0.0)] * (inputs + 1), before)
            x_pixel = builder.load(builder.gep(x_pixels, [p]))
            dy_pixel = builder.load(builder.gep(dy_pixels, [p]))
            x_end = builder.add(x_pixel, batch)
            builder.branch(over_samples)

            builder.position_at_end(over_samples)
            x_place, dy_place, target = phis([x_pixel, dy_pixel, pixel_target], over_pixels)
            new = inner = phis(outer, over_pixels)
            source = builder.gep(dy, [dy_place])
            columns = four_columns(builder, [builder.gep(source, [d]) for d in distance], 0)
            following = target
            for i, column in enumerate(columns):
                store_vector(builder, column, following)
                following = builder.gep(following, [stride])
                number = [builder.load(builder.gep(row, [builder.add(x_place, constant(i))])) for row in rows]
                products = [multiply_add(builder, broadcast(builder, n), column, s) for n, s in zip(number, new, strict=False)]
                new = [*products, builder.fadd(new[-1], column, flags=FLAGS)]
            next_place = builder.add(x_place, constant(len(columns)))
            close([x_place, dy_place, target], [next_place, builder.add(dy_place, constant(len(columns))), following], over_samples)
            close(inner, new, over_samples)
            builder.cbranch(builder.icmp_signed("<", next_place, x_end), over_samples, pixel_done)

            builder.position_at_end(pixel_done)
            next_p = builder.add(p, constant(1))
            close([p, pixel_target, *outer], [next_p, following, *new], pixel_done)
            builder.cbranch(builder.icmp_signed("<", next_p, pixels), over_pixels, after)

            builder.position_at_end(after)
            builder.cbranch(builder.icmp_signed("==", resume, constant(0)), end, add)
            builder.position_at_end(add)
            total = [builder.fadd(value, load_vector(builder, place)) for value, place in zip(new, places, strict=True)]
            builder.branch(end)
            builder.position_at_end(end)
            results = phis(new, after)
            close(results, total, add)
            for value, place in zip(results, places, strict=True):
                store_vector(builder, value, place)
            return context.get_dummy_value()

        whole = types.int64
        return types.void(
            float_pointer, integer_pointer, integer_pointer, float_pointer, integer_pointer, integer_pointer, float_pointer,
            whole, whole, whole, whole, float_pointer, float_pointer,
        ), generate

    return tile


#: By (inputs, vectors). Kernels name them as module globals: Numba's cache needs that.
for _inputs in range(1, SHAPE.single + 1):
    globals()[f"outer_{_inputs}x1"] = _outer_tile(_inputs, 1)
    globals()[f"turn_{_inputs}x1"] = _turning_tile(_inputs)
for _inputs in range(1, 9):
    for _vectors in range(2, 4):
        globals()[f"outer_{_inputs}x{_vectors}"] = _outer_tile(_inputs, _vectors)
