"""Gradients of weights: what each input and each output of a product have in common.

    dw[k, o] = sum over pixels p and samples b of x[k, p, b] * dy[o, p, b]

Where the outputs fill whole vectors, or nearly so, dy is turned, some pixels at a time, so that
the outputs of a sample lie side by side: a vector of sums then belongs to as many weights. Few
outputs stay as they are; each lane sums a part of the batch, and the parts are added at the end.
On a card it is always so, since all groups of threads would have to wait until dy is turned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.core.lowering import Lowering, Ref
from studio.kernels.card_texts import Tile
from studio.kernels.card_tiles import add_slices, correlate_tiled, tile_for_correlation
from studio.kernels.channel_parts import lower_channel_sums
from studio.kernels.jit import Kernel, generated
from studio.kernels.outer_tiles import TURNS
from studio.kernels.products import correlate_kernel, split_evenly
from studio.kernels.tiles import SHAPE

#: Floats of turned gradients at a time: half of the nearest cache.
_TURNED = 4_096
#: Part of the lanes that must be of use for turning to pay.
_FILLED = 0.8
#: Floats that may lie in a core's second cache beside everything else.
NEAR = 65_536
#: Fewest pixels to finish for all outputs before the next ones.
_LEAST_PIXELS = 16

_OUTER = '''"""dw[k, o] and dbias[o], {inputs} inputs by {vectors} vectors of outputs at a time; dy is turned."""

from studio.kernels.outer_tiles import outer_{inputs}x{vectors} as tile
from studio.kernels.outer_tiles import outer_{fewer}x{vectors} as tile_fewer
{imports}


def run(arena, record, table, state):
    outputs, padded, pixels, batch, near = record[2], record[3], record[4], record[5], record[6]
    blocks, smaller = record[7], record[8]
    x, x_pixels, offsets = at(arena, record[9]), at(table, record[10]), at(table, record[11])
    dy, dy_pixels, rows = at(arena, record[12]), at(table, record[13]), at(table, record[14])
    weights, stride, bias = at(arena, record[15]), record[16], at(arena, record[17])
    turned, sums = at(arena, record[18]), at(arena, record[19])
    newest, fresh = record[20], record[21]
    depth = blocks * {inputs} + smaller * {fewer}
    bias_sums = at(sums, depth * padded)
    for start in range(0, pixels, near):
        count = min(near, pixels - start)
{turn}
        ahead, tiles = min(near, pixels - start - count), blocks + smaller
        for block in range(tiles):
            # Fetch a part of what the next pixels need while these are computed.
            for p in range(ahead * block // tiles, ahead * (block + 1) // tiles):
                source = at(dy, dy_pixels[start + count + p])
                for i in range(0, outputs * batch, 16):
                    prefetch(at(source, i))
                source = at(x, x_pixels[start + count + p] + newest)
                for i in range(0, fresh, 16):
                    prefetch(at(source, i))
            k = block * {inputs} - max(0, block - blocks) * ({inputs} - {fewer})
            for o in range(0, padded, {vectors} * LANES):
{first}
                    tile(x, at(offsets, k), at(x_pixels, start), at(turned, o), padded,
                         count, batch, start, at(sums, k * padded + o), padded)
                else:
                    tile_fewer(x, at(offsets, k), at(x_pixels, start), at(turned, o), padded,
                               count, batch, start, at(sums, k * padded + o), padded)
    for k in range(depth):
        for o in range(outputs):
            weights[k * stride + o] = sums[k * padded + o]
    for o in range(outputs):
        bias[o] = bias_sums[o]
'''


_TURN_BEFORE = """
        for p in range(count):
            source, target = at(dy, dy_pixels[start + p]), at(turned, p * batch * padded)
            for o in range(0, padded, LANES):
                total = load(at(bias_sums, o)) if start + p > 0 else splat(0.0)
                for b in range(0, batch, LANES):
                    total = total + transpose_block(at(source, b), at(rows, o), at(target, b * padded + o), padded)
                store(at(bias_sums, o), total)
"""
_TURN_MEANWHILE = """
                if block == 0:
                    turn(x, at(offsets, k), at(x_pixels, start), dy, at(dy_pixels, start), at(rows, o), at(turned, o), padded,
                         count, batch, start, at(sums, k * padded + o), at(bias_sums, o))
                elif block < blocks:
"""


def outer_kernel(inputs: int, vectors: int) -> Kernel:
    """The kernel for turned gradients with tiles of `inputs`, and one less, by `vectors`."""
    if vectors == 1 and TURNS:
        imports = [f"from studio.kernels.outer_tiles import turn_{inputs}x1 as turn", "from studio.kernels.simd import LANES, at, prefetch"]
        turn, first = "        # The first tiles turn dy.", _TURN_MEANWHILE.strip("\n")
    else:
        imports = ["from studio.kernels.simd import LANES, at, load, prefetch, splat, store, transpose_block"]
        turn, first = _TURN_BEFORE.strip("\n"), "                if block < blocks:"
    text = _OUTER.format(
        inputs=inputs, fewer=max(1, inputs - 1), vectors=vectors, imports="\n".join(imports), turn=turn, first=first
    )
    return generated(f"outer_{inputs}x{vectors}", text)


@dataclass(frozen=True)
class Groups:
    """Products that are done again and again with other channels.

    Parameters
    ----------
    count : int
    x, dy, weights : int
        How far inputs, gradients and weights of neighbouring groups are apart.
    """

    count: int = 1
    x: int = 0
    dy: int = 0
    weights: int = 0


def lower_correlation(
    lowering: Lowering,
    outputs: int,
    x: tuple[Ref, np.ndarray, np.ndarray],
    dy: tuple[Ref, np.ndarray],
    weights: tuple[Ref, int],
    bias: Ref | None,
    groups: Groups = Groups(),
) -> None:
    """Emit the gradients of a product's weights and bias.

    Parameters
    ----------
    outputs : int
        Columns of the weights, in a group; those of dy lie one minibatch apart.
    x : tuple of Ref, numpy.ndarray, numpy.ndarray
        The inputs: where distances are counted from, where each pixel begins, and the distance of each k.
    dy : tuple of Ref, numpy.ndarray
        The outputs' gradient, zero where the minibatch is only padding: its start, and where each pixel begins.
    weights : tuple of Ref, int
        Where the gradient of the weights goes, and how far its rows are apart.
    bias : Ref or None
        Where the sums of dy go.
    groups : Groups
    """
    (base, x_pixels, offsets), (source, dy_pixels), (gradient, stride) = x, dy, weights
    batch, lanes = lowering.batch, lowering.lanes
    padded = -(-outputs // lanes) * lanes
    if outputs < _FILLED * padded or lowering.on_card:
        if bias is not None:
            lower_channel_sums(lowering, groups.count * outputs, batch, (source, dy_pixels), bias)
        found = tile_for_correlation(len(offsets), outputs, len(x_pixels), batch, groups.count) if lowering.on_card else None
        if found is not None:
            _lower_tiles(lowering, outputs, x, dy, weights, groups, *found)
        else:
            _lower_lanes(lowering, outputs, x, dy, weights, groups)
        return
    depth = len(offsets)
    # What the next pixel sees that this one did not.
    fresh = min(max(batch, int(x_pixels[1] - x_pixels[0])) if len(x_pixels) > 1 else batch, int(offsets.max()) + batch)
    vectors = 2 if padded % (2 * lanes) == 0 else 1
    (_, inputs, blocks), *rest = split_evenly(depth, SHAPE.outputs if vectors > 1 else SHAPE.single)
    near = max(1, min(len(x_pixels), _TURNED // (batch * padded)))
    rows = lowering.table(np.minimum(np.arange(padded), outputs - 1) * batch)
    turned = lowering.temporary(near * batch * padded + (depth + 1) * padded)
    sums = turned + near * batch * padded
    for group in range(groups.count):
        lowering.emit(
            outer_kernel(inputs, vectors),
            *(outputs, padded, len(x_pixels), batch, near),
            *(blocks, rest[0][2] if rest else 0),
            *(base + group * groups.x, lowering.table(x_pixels), lowering.table(offsets)),
            *(source + group * groups.dy, lowering.table(dy_pixels), rows),
            *(gradient + group * groups.weights, stride),
            *(bias + group * outputs if bias is not None else sums + depth * padded, turned, sums),
            *(int(offsets.max()) + batch - fresh, fresh),
        )


def _lower_tiles(
    lowering: Lowering,
    outputs: int,
    x: tuple[Ref, np.ndarray, np.ndarray],
    dy: tuple[Ref, np.ndarray],
    weights: tuple[Ref, int],
    groups: Groups,
    tile: Tile,
    slices: int,
) -> None:
    """Blocks of a card's threads sum tiles, over all pixels or over slices of them, which are added then."""
    (base, x_pixels, offsets), (source, dy_pixels), (gradient, stride) = x, dy, weights
    batch, depth, pixels = lowering.batch, len(offsets), len(x_pixels)
    tiles = groups.count * slices * -(-depth // tile.rows) * -(-outputs // tile.columns)
    # Runs of four sums are written at once where they lie at a multiple of four.
    width = -(-outputs // 4) * 4
    step = groups.count * depth * width
    # The next call but one needs them too, and nothing else asks for such room before it.
    sums = lowering.temporary(slices * step) if slices > 1 else gradient
    lowering.emit(
        correlate_tiled(tile),
        *(tiles, depth, outputs, pixels, batch),
        *(base, lowering.table(x_pixels), lowering.table(offsets)),
        *(source, lowering.table(dy_pixels), batch),
        *(sums, width if slices > 1 else stride),
        *(slices, -(-pixels // slices), step),
        *(groups.count, groups.x, groups.dy, depth * width if slices > 1 else groups.weights),
    )
    if slices > 1:
        lowering.emit(
            add_slices,
            *(groups.count, depth, outputs, slices),
            *(sums, width, step),
            *(gradient, stride, groups.weights),
        )


def _lower_lanes(
    lowering: Lowering,
    outputs: int,
    x: tuple[Ref, np.ndarray, np.ndarray],
    dy: tuple[Ref, np.ndarray],
    weights: tuple[Ref, int],
    groups: Groups,
) -> None:
    """Each lane sums a part of the batch."""
    (base, x_pixels, offsets), (source, dy_pixels), (gradient, stride) = x, dy, weights
    batch, depth, pixels = lowering.batch, len(offsets), len(x_pixels)
    # Where the sums of all outputs fit too, pixels are finished for all before the next ones.
    room = depth * outputs * lowering.lanes
    near = max(_LEAST_PIXELS, NEAR // (depth * batch)) if room <= NEAR else pixels
    # Groups of a card that share the outputs need sums of their own.
    apart = room <= NEAR or lowering.on_card
    sums = lowering.scratch(room if apart else depth * SHAPE.correlated_outputs * lowering.lanes)
    for first, block, blocks in split_evenly(outputs, SHAPE.correlated_outputs):
        lowering.emit(
            correlate_kernel(block, grouped=groups.count > 1),
            *(blocks, pixels, depth, batch),
            *(base, lowering.table(x_pixels), lowering.table(offsets)),
            *(source + first * batch, lowering.table(dy_pixels), batch),
            *(gradient + first, stride, sums),
            *(near, depth * block * lowering.lanes if apart else 0),
            *((groups.count, groups.x, groups.dy, groups.weights) if groups.count > 1 else ()),
        )
