"""Products: the loops around the microkernels of `studio.kernels.tiles`.

Each variant of a tile is a kernel of its own, compiled only if a plan needs it.
"""

from __future__ import annotations

from studio.core.lowering import Lowering, Ref
from studio.kernels.card_tiles import multiply_tiled, tile_for_product
from studio.kernels.jit import Kernel, generated, kernel
from studio.kernels.sharing import each, inner, outer
from studio.kernels.simd import LANES, at, load, splat, store, sum_lanes, transpose_block
from studio.kernels.tiles import SHAPE

_MULTIPLY = '''"""y[o, p] = bias[o] + sum over k of w[k, o] * x[k, p], {outputs} outputs by {vectors} vectors at a time."""

from studio.kernels.sharing import inner, middle, outer
from studio.kernels.simd import LANES, at
from studio.kernels.tiles import multiply_{outputs}x{vectors} as tile


def run(arena, record, table, state):
    blocks, block_stride, pixels, depth, batch = record[2], record[3], record[4], record[5], record[6]
    x, x_pixels, offsets = at(arena, record[7]), at(table, record[8]), at(table, record[9])
    weights, depth_stride, output_stride = at(arena, record[10]), record[11], record[12]
    bias, bias_stride = at(arena, record[13]), record[14]
    y, y_pixels, y_stride = at(arena, record[15]), at(table, record[16]), record[17]
    # So many inputs at a time that those of one pixel stay in the nearest cache for the next, and
    # without pixels their weights for the next samples: each k has a cache line of its own there.
    chunk = 192 if pixels == 1 else max(64, 6144 // batch)
    if 3 * depth <= 4 * chunk:
        chunk = depth
    elif pixels == 1:
        chunks = (depth + chunk - 1) // chunk
        chunk = (depth + chunks - 1) // chunks
    # So many pixels at a time that theirs, and their sums, stay in the second cache for all outputs.
    near = max(8, 49152 // (batch * blocks * {outputs}))
    for start in range(0, pixels, near):
        stop = min(pixels, start + near)
        for begin in range(0, depth, chunk):
            count = min(chunk, depth - begin)
            for block in outer(blocks):
                first = block * {outputs}
                w = at(weights, block * block_stride + begin * depth_stride)
                for p in middle(blocks, start, stop):
                    source = at(x, x_pixels[p])
                    target = at(y, y_pixels[p] + first * y_stride)
                    for b in inner(blocks * (stop - start), 0, batch, {vectors} * LANES):
                        tile(at(source, b), at(offsets, begin), count, w, depth_stride, output_stride,
                             begin, at(bias, first * bias_stride), at(target, b), y_stride)
'''

_CORRELATE = '''"""dw[k, o] = sum over pixels and batch of x[k, p] * dy[o, p], {outputs} outputs by {inputs} inputs at a time."""

from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, load, splat, store, sum_lanes
from studio.kernels.tiles import correlate_{outputs}x1 as tile_1
from studio.kernels.tiles import correlate_{outputs}x{inputs} as tile


def run(arena, record, table, state):
    blocks, pixels, depth, batch = record[2], record[3], record[4], record[5]
    x, x_pixels, offsets = at(arena, record[6]), at(table, record[7]), at(table, record[8])
    dy, dy_pixels, dy_stride = at(arena, record[9]), at(table, record[10]), record[11]
    weights, stride, sums = at(arena, record[12]), record[13], at(arena, record[14])
    # How many pixels to finish for all blocks before the next ones, so that they stay in a near cache.
    near, sums_step = record[15], record[16]
    vectors, tiles = batch // LANES, (depth + {inputs} - 1) // {inputs}
    # So many pixels at a time that their inputs stay in the nearest cache for all k. Pixels are
    # often a power of two apart and then share its sets: twice as many would be half as fast.
    chunk = max(1, 32 // vectors)
    for begin in range(0, pixels, near):
        end = min(pixels, begin + near)
        for block in outer(blocks):
            first = block * {outputs}
            gradient, own = at(dy, first * dy_stride), at(sums, block * sums_step)
            if begin == 0:
                for t in inner(blocks, 0, tiles, 1):
                    for i in range(t * {inputs} * {outputs}, min(depth, (t + 1) * {inputs}) * {outputs}):
                        store(at(own, i * LANES), splat(0.0))
            for start in range(begin, end, chunk):
                count = min(chunk, end - start)
                for t in inner(blocks, 0, tiles, 1):
                    k = t * {inputs}
                    if k + {inputs} <= depth:
                        tile(x, at(offsets, k), at(x_pixels, start), gradient, dy_stride, at(dy_pixels, start),
                             count, vectors, at(own, k * {outputs} * LANES))
                    else:
                        while k < depth:
                            tile_1(x, at(offsets, k), at(x_pixels, start), gradient, dy_stride, at(dy_pixels, start),
                                   count, vectors, at(own, k * {outputs} * LANES))
                            k += 1
            if end == pixels:
                for t in inner(blocks, 0, tiles, 1):
                    for k in range(t * {inputs}, min(depth, (t + 1) * {inputs})):
                        for r in range({outputs}):
                            weights[k * stride + first + r] = sum_lanes(load(at(own, (k * {outputs} + r) * LANES)))
'''


def _for_each_group(text: str, arguments: dict[str, str], first: int) -> str:
    """The kernel's text with a loop around its loops that moves some of its places from group to group.

    Parameters
    ----------
    text : str
        Its arguments end, and its loops begin, with the line that defines the last of the places.
    arguments : dict of str to str
        By the place's name: which of the arguments says where it begins.
    first : int
        Number of the argument that says how many groups there are; those after it say how far
        each place moves.
    """
    lines = text.splitlines()
    begin = 1 + max(i for i, line in enumerate(lines) if " = " in line and "record[" in line)
    steps = [f"        {name} = at(arena, {argument} + group * record[{first + 1 + i}])" for i, (name, argument) in enumerate(arguments.items())]
    loop = [f"    for group in range(record[{first}]):", *steps]
    return "\n".join([*lines[:begin], *loop, *(f"    {line}" for line in lines[begin:])]) + "\n"


def multiply_kernel(outputs: int, vectors: int, grouped: bool = False) -> Kernel:
    """The product kernel for tiles of `outputs` by `vectors`.

    One for groups does it again and again: five more arguments say how often, and how far x,
    weights, bias and y are moved each time.
    """
    text = _MULTIPLY.format(outputs=outputs, vectors=vectors)
    if not grouped:
        return generated(f"multiply_{outputs}x{vectors}", text)
    places = {"x": "record[7]", "weights": "record[10]", "bias": "record[13]", "y": "record[15]"}
    return generated(f"multiply_{outputs}x{vectors}_grouped", _for_each_group(text, places, 18))


def correlate_kernel(outputs: int, grouped: bool = False) -> Kernel:
    """The weight gradient kernel for tiles of `outputs`.

    One for groups does it again and again: four more arguments say how often, and how far x, dy
    and the weights are moved each time.
    """
    text = _CORRELATE.format(outputs=outputs, inputs=SHAPE.correlated_inputs)
    if not grouped:
        return generated(f"correlate_{outputs}", text)
    places = {"x": "record[6]", "dy": "record[9]", "weights": "record[12]"}
    return generated(f"correlate_{outputs}_grouped", _for_each_group(text, places, 17))


def split_evenly(count: int, most: int) -> list[tuple[int, int, int]]:
    """Cut `count` outputs into runs of equal blocks of at most `most`.

    Returns
    -------
    list of (first, size, blocks)
        At most two runs, whose sizes differ by one: 10 by 8 is two blocks of 5.
    """
    blocks = -(-count // most)
    size = -(-count // blocks)
    smaller = blocks * size - count
    runs = [(0, size, blocks - smaller), ((blocks - smaller) * size, size - 1, smaller)]
    return [run for run in runs if run[1] and run[2]]


def vectors_for(columns: int) -> int:
    """How many vectors a tile takes at once, for so many padded columns."""
    vectors = columns // LANES
    return next(v for v in range(SHAPE.vectors, 0, -1) if vectors % v == 0)


def lower_product(
    lowering: Lowering,
    outputs: int,
    sizes: tuple[int, int, int],
    x: tuple[Ref, Ref, Ref],
    weights: tuple[Ref, int, int],
    bias: tuple[Ref, int] | None,
    y: tuple[Ref, Ref, int],
    groups: tuple[int, int, int, int, int] | None = None,
) -> None:
    """Emit ``y[o, p] = bias[o] + sum over k of w[k, o] * x[k, p]``, for a minibatch or other columns.

    Parameters
    ----------
    outputs : int
        How many o there are.
    sizes : tuple of int
        How many pixels p, how many inputs k, and how many columns, a whole number of vectors.
    x : tuple of Ref
        The inputs, and in the table where each pixel begins and the distance of each k.
    weights : tuple of Ref, int, int
        The weights, and how far those of neighbouring k, and of neighbouring o, are apart.
    bias : tuple of Ref, int or None
        The bias, and how far those of neighbouring o are apart; None for 0.
    y : tuple of Ref, Ref, int
        The outputs, in the table where each pixel begins, and how far neighbouring o are apart.
    groups : tuple of int or None
        How often to do this, and how far each time x, weights, bias and y are moved.
    """
    (pixels, depth, columns), (first_weight, depth_stride, output_stride) = sizes, weights
    vectors = vectors_for(columns)
    first_bias, bias_stride = bias or (lowering.zeros(outputs if groups else SHAPE.outputs), 0)
    times = groups[0] if groups is not None else 1
    tile = tile_for_product(outputs, pixels * columns, depth, times) if lowering.on_card else None
    if tile is not None:
        lowering.emit(
            multiply_tiled(tile, depth_stride == 1),
            *(times * -(-outputs // tile.rows) * -(-pixels * columns // tile.columns), outputs, pixels, depth, columns),
            *x,
            *(first_weight, depth_stride, output_stride),
            *(first_bias, bias_stride),
            *y,
            *(groups or (1, 0, 0, 0, 0)),
        )
        return
    for first, block, blocks in split_evenly(outputs, SHAPE.outputs):
        lowering.emit(
            multiply_kernel(block, vectors, groups is not None),
            *(blocks, block * output_stride, pixels, depth, columns),
            *x,
            *(first_weight + first * output_stride, depth_stride, output_stride),
            *(first_bias + first * bias_stride, bias_stride),
            *(y[0] + first * y[2], y[1], y[2]),
            *(groups or ()),
        )


@kernel
def transpose(arena, record, table, state):
    """target[b, n] = source[n, b], columns of the target padded with zeros to whole vectors."""
    rows, batch = record[2], record[3]
    source, distance = at(arena, record[4]), at(table, record[5])
    target, target_distance = at(arena, record[6]), record[7]
    blocks = rows // LANES
    for block in outer(blocks):
        n = block * LANES
        for b in inner(blocks, 0, batch, LANES):
            transpose_block(at(source, b), at(distance, n), at(target, b * target_distance + n), target_distance)
    for n in each(rows - rows % LANES, rows):
        row = at(source, distance[n])
        for b in range(batch):
            target[b * target_distance + n] = row[b]


@kernel
def sum_rows(arena, record, table, state):
    """total[n] = sum over rows of source[row, n], for whole vectors of columns."""
    rows, columns, distance = record[2], record[3], record[4]
    source, total = at(arena, record[5]), at(arena, record[6])
    for n in each(0, columns, LANES):
        s = load(at(source, n))
        for row in range(1, rows):
            s = s + load(at(source, row * distance + n))
        store(at(total, n), s)


@kernel
def sum_channels(arena, record, table, state):
    """total[c] = sum over pixels and batch of source[pixel, c]; sums has room for a vector a channel."""
    channels, pixels, batch = record[2], record[3], record[4]
    source, offsets, total, sums = at(arena, record[5]), at(table, record[6]), at(arena, record[7]), at(arena, record[8])
    for c in each(channels):
        store(at(sums, c * LANES), splat(0.0))
    # All channels of a pixel lie side by side: in this order the picture streams by.
    for p in range(pixels):
        place = at(source, offsets[p])
        for c in each(channels):
            s = load(at(sums, c * LANES))
            for b in range(0, batch, LANES):
                s = s + load(at(place, c * batch + b))
            store(at(sums, c * LANES), s)
    for c in each(channels):
        total[c] = sum_lanes(load(at(sums, c * LANES)))


@kernel
def pack(arena, record, table, state):
    """target[g, a, t, b] = source[taps[t] + g * group_step + a * step + b * column_step]: weights in another order."""
    groups, group_step, rows, step = record[2], record[3], record[4], record[5]
    count, taps, columns, column_step = record[6], at(table, record[7]), record[8], record[9]
    source, target, distance = at(arena, record[10]), at(arena, record[11]), at(table, record[12])
    width = count * columns
    # Rows that lie side by side in the source are turned in blocks.
    turned_rows, turned = (rows - rows % LANES, columns - columns % LANES) if step == 1 else (0, 0)
    for g in outer(groups):
        for a in inner(groups, 0, turned_rows, LANES):
            for t in range(count):
                place, to = at(source, taps[t] + g * group_step + a), at(target, (g * rows + a) * width + t * columns)
                for b in range(0, turned, LANES):
                    transpose_block(at(place, b * column_step), distance, at(to, b), width)
        for a in inner(groups, 0, rows, 1):
            done = turned if a < turned_rows else 0
            for t in range(count):
                place, to = at(source, taps[t] + g * group_step + a * step), at(target, (g * rows + a) * width + t * columns)
                for b in range(done, columns):
                    to[b] = place[b * column_step]
