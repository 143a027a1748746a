"""Products in which each channel meets only a few others: depthwise convolutions and their gradients.

There is next to no reuse of inputs over outputs, so these kernels do not hold many outputs of
a pixel in registers but one output of several pixels. They are as fast as the inputs come:
the order of the pixels (`studio.kernels.convolution`) keeps what windows share in a near cache.
"""

from __future__ import annotations

from studio.kernels.jit import Kernel, generated
from studio.kernels.simd import LANES

#: Sums that are held in registers: 32 vector registers with AVX-512 and NEON, 16 otherwise.
_TILE = 8
MOST_TERMS = 12 if LANES == 8 else 25

_COLLECT = '''"""y[g, o, p] = bias[g, o] + sum over k of w[g, o, k] * x[g, k, p], {pixels} pixels by {vectors} vectors at a time."""

from studio.kernels.simd import LANES, at, load, splat, store


def run(arena, record, table, state):
    groups, outputs, depth, pixels, batch, near = record[2], record[3], record[4], record[5], record[6], record[7]
    x, x_pixels, offsets, x_step = at(arena, record[8]), at(table, record[9]), at(table, record[10]), record[11]
    weights, bias, bias_step = at(arena, record[12]), at(arena, record[13]), record[14]
    y, y_pixels = at(arena, record[15]), at(table, record[16])
    whole = pixels - pixels % {pixels}
    # So many groups at a time that what the windows of neighbouring pixels share stays near.
    for begin in range(0, groups, near):
        end = min(groups, begin + near)
        for p in range(0, whole, {pixels}):
{starts}
            for g in range(begin, end):
                for n in range(g * outputs, (g + 1) * outputs):
                    w, first = at(weights, n * depth), splat(bias[n * bias_step])
                    for b in range(0, batch, {vectors} * LANES):
{firsts}
                        for k in range(depth):
                            place, factor = offsets[k] + g * x_step + b, splat(w[k])
{sums}
                        target = n * batch + b
{stores}
        for p in range(whole, pixels):
            x0, y0 = at(x, x_pixels[p]), at(y, y_pixels[p])
            for g in range(begin, end):
                for n in range(g * outputs, (g + 1) * outputs):
                    w, first = at(weights, n * depth), splat(bias[n * bias_step])
                    for b in range(0, batch, {vectors} * LANES):
{last_firsts}
                        for k in range(depth):
                            place, factor = offsets[k] + g * x_step + b, splat(w[k])
{last_sums}
                        target = n * batch + b
{last_stores}
'''

_WEIGH = '''"""dw[g, o, k] = sum over pixels and batch of x[g, k, p] * dy[g, o, p], {terms} terms k at a time{and_bias}."""

from studio.kernels.simd import LANES, at, load, splat, store, sum_lanes


def run(arena, record, table, state):
    groups, outputs, blocks, pixels, batch = record[2], record[3], record[4], record[5], record[6]
    near, chunk = record[7], record[8]
    x, x_pixels, offsets, x_step = at(arena, record[9]), at(table, record[10]), at(table, record[11]), record[12]
    dy, dy_pixels = at(arena, record[13]), at(table, record[14])
    target, places, group_step = at(arena, record[15]), at(table, record[16]), record[17]
    sums, bias = at(arena, record[18]), at(arena, record[19])
    width = {sums} * LANES
    for i in range(groups * outputs * blocks):
        for t in range({sums}):
            store(at(sums, i * width + t * LANES), splat(0.0))
    # So few pixels and groups at a time that what windows share, and the sums, stay near.
    for begin in range(0, groups, near):
        end = min(groups, begin + near)
        for start in range(0, pixels, chunk):
            stop = min(pixels, start + chunk)
            for g in range(begin, end):
                for n in range(g * outputs, (g + 1) * outputs):
                    for block in range(blocks):
                        own = at(sums, (n * blocks + block) * width)
                        first = block * {terms}
{offsets}
{loads}
                        for p in range(start, stop):
                            source = at(x, x_pixels[p] + g * x_step)
                            gradient = at(dy, dy_pixels[p] + n * batch)
                            for b in range(0, batch, LANES):
                                d = load(at(gradient, b))
{additions}
{stores}
    for g in range(groups):
        for o in range(outputs):
            n = g * outputs + o
            for block in range(blocks):
                own = at(sums, (n * blocks + block) * width)
                for t in range({terms}):
                    target[places[block * {terms} + t] + g * group_step + o] = sum_lanes(load(at(own, t * LANES)))
{total}
'''


def _lines(depth: int, lines: list[str]) -> str:
    return "\n".join(" " * 4 * depth + line for line in lines)


def collect_kernel(columns: int) -> Kernel:
    """The kernel for outputs that see few inputs each, for so many padded columns."""
    vectors = 2 if columns // LANES % 2 == 0 else 1
    pixels = _TILE // vectors
    tile = [(i, j) for i in range(pixels) for j in range(vectors)]

    def firsts(cells: list[tuple[int, int]]) -> list[str]:
        return [f"s{i}{j} = first" for i, j in cells]

    def sums(cells: list[tuple[int, int]]) -> list[str]:
        return [f"s{i}{j} = s{i}{j} + factor * load(at(x{i}, place + {j} * LANES))" for i, j in cells]

    def stores(cells: list[tuple[int, int]]) -> list[str]:
        return [f"store(at(y{i}, target + {j} * LANES), s{i}{j})" for i, j in cells]

    one = [(0, j) for j in range(vectors)]
    text = _COLLECT.format(
        pixels=pixels,
        vectors=vectors,
        starts=_lines(3, [f"x{i}, y{i} = at(x, x_pixels[p + {i}]), at(y, y_pixels[p + {i}])" for i in range(pixels)]),
        firsts=_lines(6, firsts(tile)),
        sums=_lines(7, sums(tile)),
        stores=_lines(6, stores(tile)),
        last_firsts=_lines(6, firsts(one)),
        last_sums=_lines(7, sums(one)),
        last_stores=_lines(6, stores(one)),
    )
    return generated(f"collect_{pixels}x{vectors}", text)


def weigh_kernel(terms: int, with_bias: bool) -> Kernel:
    """The weight gradient kernel for so many terms at a time; one may sum the bias's gradient too."""
    names = [f"s{t}" for t in range(terms)] + (["total"] if with_bias else [])
    additions = [f"s{t} = s{t} + d * load(at(source, o{t} + b))" for t in range(terms)]
    total = [f"own = at(sums, n * blocks * width + {terms} * LANES)", "bias[n] = sum_lanes(load(own))"]
    text = _WEIGH.format(
        terms=terms,
        sums=len(names),
        and_bias=", and the sum of dy" if with_bias else "",
        offsets=_lines(6, [f"o{t} = offsets[first + {t}]" for t in range(terms)]),
        loads=_lines(6, [f"{name} = load(at(own, {i} * LANES))" for i, name in enumerate(names)]),
        additions=_lines(8, additions + (["total = total + d"] if with_bias else [])),
        stores=_lines(6, [f"store(at(own, {i} * LANES), {name})" for i, name in enumerate(names)]),
        total=_lines(3, total if with_bias else ["# The bias's gradient is not asked for."]),
    )
    return generated(f"weigh_{terms}{'_bias' if with_bias else ''}", text)
