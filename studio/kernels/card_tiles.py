"""Matrix products for cards, by blocks of threads that share what they read.

The kernels of `studio.kernels.products`, as each group of threads runs them on a card, load ten numbers
for sixteen multiplications. A multiprocessor multiplies 128 pairs of numbers in a clock, but loads 32
numbers, and so would load for most of the time. Here a block of threads computes a tile of sums. It
brings the numbers of both factors that some steps of the sum need into memory that all its threads read
(*shared memory*), and each thread adds products up for 4 x 4 to 8 x 8 sums in its registers::

    C[m, n] = sum over d of A[m, d] * B[d, n]

`multiply_tiled` has the outputs o for m, all pixels p and columns b for n, and the inputs k for d;
`correlate_tiled` has k for m, o for n, and p and b for d. Each kernel has two texts that compute the same
from the same arguments: one for blocks of threads (`studio.kernels.jit.Blocks`), and one for vectors,
which says what the first must give and is what the processor runs.

Notes
-----
What one thread does for one d with 8 x 8 sums: it reads 16 numbers, four at a time, and multiplies 64
times, so that at least 64 of 68 instructions multiply; with 8 x 4 sums 32 of 35, with 4 x 4 16 of 18.
Besides, each number of the tile's sides is brought once, in about twelve instructions (where it lies,
whether it is there, load, store). So with the largest tile four of five instructions multiply, with the
smaller ones one of two or two of three; with groups of threads, one of four clocks is a multiplication's.
Threads of a warp form 4 rows of 8; a thread's numbers are runs of four, and the runs of the 8 threads
of a row lie side by side: 32 numbers, one in each bank. The other factor's run is the same for a row. Rows of a tile's side lie 4 numbers more apart than they are long,
so that 4 rows by 8 steps, as they come from memory where d is innermost, go to 32 banks too.

There are two buffers: while one is multiplied, the numbers of the next steps are on their way to
registers; they go to the other buffer, and one wait of the block for all threads ends the step. A
multiprocessor has 65,536 registers. 64 sums need up to 128 registers a thread, which lets 512 threads
live there; 32 or 16 sums, with places and what is on its way, need up to 80 (768 threads). `Tile.resident`
tells the compiler, which then keeps all in registers. The blocks of a multiprocessor take 34 to 111 KB
of shared memory together; a card that has less (64 KB on those of 2018) holds fewer at a time.

Sums have one order, whatever the card: over d in one thread, and slices of d, where there are some,
one after the other. So runs repeat bit for bit.

References
----------
V. Volkov and J. Demmel, Benchmarking GPUs to tune dense linear algebra, SC 2008; NVIDIA, CUTLASS:
efficient GEMM in CUDA (tiles of blocks and of threads, two buffers).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from studio.kernels.card_texts import CORRELATE, MULTIPLY, Tile, correlate_blocks, multiply_blocks
from studio.kernels.jit import Blocks, Kernel, generated, kernel
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, load, store
from studio.kernels.tiles import SHAPE

#: Multiprocessors that a product should be enough for; cards for desks have 20 to 170, those for servers 108 to 148.
_MULTIPROCESSORS = 96
#: A multiprocessor with so many threads does half of what it can; the others wait for memory and each other.
_HALF = 64
#: Threads of a block of groups (`studio.cuda.driver`).
_GROUPED = 256
#: What a load that does not go through shared memory takes, in multiplications.
_LOAD = 4
#: Steps of the sum that beginning and ending a tile takes as long as.
_RAMP = 16
#: What starting one more kernel takes (about 1 microsecond), and writing a partial sum and reading it
#: (8 bytes), in multiplications that all multiprocessors could do meanwhile.
_START, _PARTIAL = 2e7, 40
#: Multiplications below which a product takes no longer than starting it, however it is done: plans of such
#: products only can be run by one block from the first call to the last (`studio.cuda.resident`), if groups do them.
_SMALL = 1 << 19
#: Most slices of a sum, and floats of their sums.
_MOST_SLICES, _MOST_PARTIALS = 128, 1 << 22
#: From large to small; few rows, many columns is what convolutions with few filters are.
TILES = (
    Tile(128, 128, 8, 8, 8), Tile(64, 128, 8, 4, 8), Tile(64, 64, 4, 4, 16),
    Tile(32, 128, 4, 4, 16), Tile(16, 128, 4, 4, 8), Tile(32, 32, 4, 4, 16),
)  # fmt: skip

#: Those for weight gradients, which have more inputs than few.
CORRELATED = tuple(tile for tile in TILES if tile.rows >= 32)


def _busy(blocks: float, threads: float, resident: float = 4) -> float:
    """Part of what a card can do that so many blocks, of so many threads, keep busy."""
    filled = blocks / _MULTIPROCESSORS
    here = threads * min(resident, max(1.0, filled))
    return min(1.0, filled) * here / (here + _HALF)


def _times(tiles: Sequence[Tile], rows: int, columns: int, depth: int, groups: int, most_slices: int) -> Iterator[tuple[float, Tile, int]]:
    """How long each tile takes with so many slices, in multiplications that the whole card could do meanwhile."""
    for tile in tiles:
        blocks = groups * -(-rows // tile.rows) * -(-columns // tile.columns)
        slices = 1
        while slices <= most_slices:
            work = slices * blocks * tile.rows * tile.columns * (depth / slices + _RAMP)
            time = work / (tile.share * _busy(blocks * slices, tile.threads, tile.resident))
            if slices > 1:
                time += _START + _PARTIAL * slices * groups * rows * columns
            yield time, tile, slices
            slices *= 2


def _time_of_groups(sums: float, depth: int, high: int, wide: int) -> float:
    """The same for groups of threads (see `studio.kernels.tiles`), whose threads have `high` x `wide` sums each."""
    threads = max(1.0, sums / (high * wide))
    share = high * wide / (high * wide + _LOAD * (high + wide))
    return sums * depth / (share * _busy(max(1.0, threads / _GROUPED), min(threads, _GROUPED)))


@functools.lru_cache(4096)
def tile_for_product(outputs: int, columns: int, depth: int, groups: int = 1) -> Tile | None:
    """The tile that is likely to be the fastest for a product; None if groups of threads are.

    A large tile multiplies for most of its time, but a product must be cut into enough of them for all
    multiprocessors, and what a tile has beyond the product's edges is lost. `_times` weighs these up.

    Parameters
    ----------
    outputs, columns, depth : int
        Of the product: o, all p and b, and k.
    groups : int
        Products of that size.
    """
    if groups * outputs * columns * depth < _SMALL:
        return None
    time, tile, _ = min(_times(TILES, outputs, columns, depth, groups, 1), key=lambda one: one[0])
    other = _time_of_groups(groups * outputs * columns, depth, min(outputs, SHAPE.outputs), SHAPE.vectors)
    return tile if time < other else None


@functools.lru_cache(4096)
def tile_for_correlation(inputs: int, outputs: int, pixels: int, batch: int, groups: int = 1) -> tuple[Tile, int] | None:
    """The tile for a weight gradient, and how many slices of pixels to sum apart; None if groups of threads are faster.

    There are few sums if there are few weights: then parts of the pixels are summed by different blocks.

    Parameters
    ----------
    inputs, outputs, pixels, batch : int
        Of the correlation: k, o, p and b.
    groups : int
        Correlations of that size.
    """
    sums = groups * inputs * outputs
    if sums * pixels * batch < _SMALL:
        return None
    most = min(pixels, _MOST_SLICES, max(1, _MOST_PARTIALS // sums))
    time, tile, slices = min(_times(CORRELATED, inputs, outputs, pixels * batch, groups, most), key=lambda one: one[0])
    high, wide = min(outputs, SHAPE.correlated_outputs), min(inputs, SHAPE.correlated_inputs)
    # There a group of threads, not a thread, has so many sums, each thread a part of the batch.
    other = _time_of_groups(sums * LANES, pixels * batch // LANES, high, wide)
    if time >= other:
        return None
    each = -(-pixels // slices)
    return tile, -(-pixels // each)


@functools.cache
def multiply_tiled(tile: Tile, along_inputs: bool) -> Kernel:
    """The product kernel for a tile, and for weights that lie side by side along their inputs, or along their outputs.

    Its arguments are those of `studio.kernels.products.multiply_kernel` for groups, but for the first two, which
    are how many tiles there are in all and how many outputs.
    """
    blocks = Blocks(multiply_blocks(tile, along_inputs), tile.threads, tile.resident)
    return generated(f"multiply_tiled_{tile}_{'k' if along_inputs else 'o'}", MULTIPLY.format(outputs=SHAPE.outputs), blocks)


@functools.cache
def correlate_tiled(tile: Tile) -> Kernel:
    """The weight gradient kernel for a tile.

    Its arguments: how many tiles, k, o, pixels and columns there are; where x, its pixels and the distances of k
    are; where dy and its pixels are, and how far its outputs are apart; where the sums go, and how far their
    rows are apart; how many slices of how many pixels, and how far their sums are apart; how many groups, and
    how far x, dy and the sums are moved for each.
    """
    return generated(f"correlate_tiled_{tile}", CORRELATE, Blocks(correlate_blocks(tile), tile.threads, tile.resident))


@kernel
def add_slices(arena, record, table, state):
    """target[g, k, o] = sum over slices s of sums[s, g, k, o], one after the other."""
    groups, rows, columns, slices = record[2], record[3], record[4], record[5]
    sums, stride, step = at(arena, record[6]), record[7], record[8]
    target, distance, group_step = at(arena, record[9]), record[10], record[11]
    whole = columns - columns % LANES
    for row in outer(groups * rows):
        group = row // rows
        to, source = at(target, group * group_step + (row - group * rows) * distance), at(sums, row * stride)
        for o in inner(groups * rows, 0, whole, LANES):
            total = load(at(source, o))
            for part in range(1, slices):
                total = total + load(at(source, part * step + o))
            store(at(to, o), total)
        for o in inner(groups * rows, whole, columns, 1):
            number = source[o]
            for part in range(1, slices):
                number = number + source[part * step + o]
            to[o] = number
