"""Texts of the products that blocks of a card's threads compute in tiles (see `studio.kernels.card_tiles`).

Each product has two: one for vectors, and one for a thread of a block, in the words of `studio.cuda.blocks`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

#: Rows that a tile's sides lie further apart than they are long, in floats.
_GAP = 4

#: Instructions that bring one number from memory to shared memory, counted in what the compiler made (sm_90).
_BRING = 12


@dataclass(frozen=True)
class Tile:
    """Sums that a block of threads computes together; all sizes are powers of two.

    Parameters
    ----------
    rows, columns : int
        Sums of the block.
    high, wide : int
        Sums of a thread: 4 or 8 rows and columns.
    steps : int
        Numbers d whose factors are in shared memory at a time; one buffer's.
    """

    rows: int
    columns: int
    high: int
    wide: int
    steps: int

    @property
    def threads(self) -> int:
        """Threads of the block."""
        return self.rows * self.columns // (self.high * self.wide)

    @property
    def resident(self) -> int:
        """Blocks that a multiprocessor has room for, as far as registers go."""
        return {64: 512, 32: 768, 16: 768}[self.high * self.wide] // self.threads

    @property
    def shared(self) -> int:
        """Floats of shared memory: two buffers for both factors."""
        return 2 * self.steps * (self.rows + self.columns + 2 * _GAP)

    @property
    def share(self) -> float:
        """Part of the instructions that multiply (see `studio.kernels.card_tiles`)."""
        sums = self.high * self.wide
        return sums / (sums + (self.high + self.wide) / 4 + _BRING * (self.rows + self.columns) / self.threads)

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}"


MULTIPLY = '''"""y[o, p] = bias[o] + sum over k of w[k, o] * x[k, p], in tiles on a card."""

from studio.kernels.simd import LANES, at
from studio.kernels.tiles import multiply_{outputs}x1 as tile
from studio.kernels.tiles import multiply_1x1 as tile_1


def run(arena, record, table, state):
    tiles, outputs, pixels, depth, batch = record[2], record[3], record[4], record[5], record[6]
    x_pixels, offsets = at(table, record[8]), at(table, record[9])
    depth_stride, output_stride, bias_stride = record[11], record[12], record[14]
    y_pixels, y_stride = at(table, record[16]), record[17]
    for group in range(record[18]):
        x, weights = at(arena, record[7] + group * record[19]), at(arena, record[10] + group * record[20])
        bias, y = at(arena, record[13] + group * record[21]), at(arena, record[15] + group * record[22])
        for p in range(pixels):
            for b in range(0, batch, LANES):
                source, target = at(x, x_pixels[p] + b), at(y, y_pixels[p] + b)
                o = 0
                while o + {outputs} <= outputs:
                    tile(source, offsets, depth, at(weights, o * output_stride), depth_stride, output_stride,
                         0, at(bias, o * bias_stride), at(target, o * y_stride), y_stride)
                    o += {outputs}
                while o < outputs:
                    tile_1(source, offsets, depth, at(weights, o * output_stride), depth_stride, output_stride,
                           0, at(bias, o * bias_stride), at(target, o * y_stride), y_stride)
                    o += 1
'''

CORRELATE = '''"""dw[k, o] = sum over pixels and batch of x[k, p] * dy[o, p], in tiles on a card; slices of the pixels apart."""

from studio.kernels.simd import LANES, at, load, splat, sum_lanes


def run(arena, record, table, state):
    tiles, depth, outputs, pixels, batch = record[2], record[3], record[4], record[5], record[6]
    x_pixels, offsets = at(table, record[8]), at(table, record[9])
    dy_pixels, dy_stride = at(table, record[11]), record[12]
    stride, slices, near, step = record[14], record[15], record[16], record[17]
    for group in range(record[18]):
        x, dy = at(arena, record[7] + group * record[19]), at(arena, record[10] + group * record[20])
        for part in range(slices):
            first, last = part * near, min(pixels, part * near + near)
            weights = at(arena, record[13] + group * record[21] + part * step)
            for k in range(depth):
                source = at(x, offsets[k])
                o = 0
                while o < outputs:
                    # Four outputs at a time share what is read of x.
                    ways = 4 if o + 4 <= outputs else 1
                    one, two, three, four = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
                    for p in range(first, last):
                        here, gradient = at(source, x_pixels[p]), at(dy, dy_pixels[p] + o * dy_stride)
                        for b in range(0, batch, LANES):
                            number = load(at(here, b))
                            one = one + number * load(at(gradient, b))
                            if ways == 4:
                                two = two + number * load(at(gradient, dy_stride + b))
                                three = three + number * load(at(gradient, 2 * dy_stride + b))
                                four = four + number * load(at(gradient, 3 * dy_stride + b))
                    weights[k * stride + o] = sum_lanes(one)
                    if ways == 4:
                        weights[k * stride + o + 1] = sum_lanes(two)
                        weights[k * stride + o + 2] = sum_lanes(three)
                        weights[k * stride + o + 3] = sum_lanes(four)
                    o += ways
'''

_MULTIPLY_BLOCKS = '''"""y[o, p] = bias[o] + sum over k of w[k, o] * x[k, p]: a block of threads for each {rows} x {columns} tile."""


def run(arena, record, table, state):
    shared, thread, number = shared_floats({shared}), thread_number(), block_number()
{place}
    # Neighbouring threads bring weights that lie side by side, and neighbouring columns of x.
    w_step, w_row = {w_step}, {w_row}
    x_step, column = thread >> {columns_log}, min(first_column + (thread & {columns_mask}), all_columns - 1)
    w_place, x_place = w_step * {row_length} + w_row, {rows_floats} + x_step * {column_length} + (thread & {columns_mask})
    w_row += first_row
    depth_stride, output_stride = record[11], record[12]
    w = at(arena, record[10] + group * record[20] + w_step * depth_stride + w_row * output_stride)
    pixel = quotient(column, batch)
    x = at(arena, record[7] + group * record[19] + at(table, record[8])[pixel] + column - pixel * batch)
    offsets, left = at(table, record[9] + x_step), record[5]
    w_new = {w_new}
    x_new = {x_new}
{put_first}
    # Where this thread's sums begin. Warps, of 4 rows by 8 columns of threads, lie side by side.
    of_rows = ((thread >> {warp_shift}) * 4 + (thread >> 3 & 3)) * 4
    of_columns = {rows_floats} + ((thread >> 5 & {warp_mask}) * 8 + (thread & 7)) * 4
    wait()
    sums = zeros({sums})
    buffer = 0
    while left > 0:
        # On their way while this buffer is multiplied; beyond the last input there are zeros.
        left, w, offsets = left - {steps}, at(w, {steps} * depth_stride), at(offsets, {steps})
        w_new = {w_new}
        x_new = {x_new}
{compute}
        buffer = 1 - buffer
{put}
        wait()
    # What was known before would have stayed in registers.
    thread, number = anew(thread), anew(number)
{place}
    bias, bias_stride = at(arena, record[13] + group * record[21]), record[14]
    y, y_stride, y_pixels = at(arena, record[15] + group * record[22]), record[17], at(table, record[16])
    row = first_row + ((thread >> {warp_shift}) * 4 + (thread >> 3 & 3)) * 4
    first_column += ((thread >> 5 & {warp_mask}) * 8 + (thread & 7)) * 4
{finish}
'''

_MULTIPLY_PLACE = '''\
    outputs, batch, all_columns = record[3], record[6], record[4] * record[6]
    row_tiles, column_tiles = (outputs + {rows} - 1) >> {rows_log}, (all_columns + {columns} - 1) >> {columns_log}
    others = quotient(number, row_tiles)
    group = quotient(others, column_tiles)
    first_row, first_column = (number - others * row_tiles) * {rows}, (others - group * column_tiles) * {columns}'''

_CORRELATE_BLOCKS = '''"""dw[k, o] = sum over pixels and batch of x[k, p] * dy[o, p]: a block of threads for each {rows} x {columns} tile."""


def run(arena, record, table, state):
    shared, thread, number = shared_floats({shared}), thread_number(), block_number()
{place}
    # Of both factors neighbouring threads bring neighbouring samples.
    sample, lane = thread & {steps_mask}, thread >> {steps_log}
    row, column = first_row + lane, first_column + lane
    x_place, dy_place = sample * {row_length} + lane, {rows_floats} + sample * {column_length} + lane
    x, offsets = at(arena, record[7] + group * record[19]), at(table, record[9] + row)
    batch, dy_stride = record[6], record[12]
    dy = at(arena, record[10] + group * record[20] + column * dy_stride)
    first = part * record[16]
    pixels_left = min(record[5], first + record[16]) - first
    left = pixels_left * batch
    x_pixels, dy_pixels = at(table, record[8] + first), at(table, record[11] + first)
{next_pixel_first}
    x_new = {x_new}
    dy_new = {dy_new}
{put_first}
    # Where this thread's sums begin. Warps, of 4 rows by 8 columns of threads, lie side by side.
    of_rows = ((thread >> {warp_shift}) * 4 + (thread >> 3 & 3)) * 4
    of_columns = {rows_floats} + ((thread >> 5 & {warp_mask}) * 8 + (thread & 7)) * 4
    wait()
    sums = zeros({sums})
    buffer = 0
    while left > 0:
        # On their way while this buffer is multiplied; beyond the last sample there are zeros.
        left, sample = left - {steps}, sample + {steps}
{next_pixel}
        x_new = {x_new}
        dy_new = {dy_new}
{compute}
        buffer = 1 - buffer
{put}
        wait()
    # What was known before would have stayed in registers.
    thread, number = anew(thread), anew(number)
{place}
    weights, stride = at(arena, record[13] + group * record[21] + part * record[17]), record[14]
    row = first_row + ((thread >> {warp_shift}) * 4 + (thread >> 3 & 3)) * 4
    first_column += ((thread >> 5 & {warp_mask}) * 8 + (thread & 7)) * 4
{finish}
'''

_CORRELATE_PLACE = '''\
    depth, outputs, slices = record[3], record[4], record[15]
    row_tiles, column_tiles = (depth + {rows} - 1) >> {rows_log}, (outputs + {columns} - 1) >> {columns_log}
    others = quotient(number, row_tiles)
    rest = quotient(others, column_tiles)
    first_row, first_column = (number - others * row_tiles) * {rows}, (others - rest * column_tiles) * {columns}
    group = quotient(rest, slices)
    part = rest - group * slices'''

_NEXT_PIXEL = '''\
while sample >= batch:
    sample, pixels_left, x_pixels, dy_pixels = sample - batch, pixels_left - 1, at(x_pixels, 1), at(dy_pixels, 1)
here = pixels_left > 0
x_from, dy_from = at(x, whole_if(here, x_pixels) + sample), at(dy, whole_if(here, dy_pixels) + sample)'''


def _log(number: int) -> int:
    return number.bit_length() - 1


def _tuple(entries: Iterator[str]) -> str:
    """The text of a tuple."""
    return "(" + " ".join(f"{one}," for one in entries) + ")"


def _compute(tile: Tile) -> str:
    """Text: products of a buffer."""

    def runs(place: str, apart: int, sums: int) -> str:
        first = f"get_four(shared, {place})"
        return first if sums == 4 else f"joined({first}, get_four(shared, {place} + {apart}))"

    rows, columns = tile.rows + _GAP, tile.columns + _GAP
    high, wide = runs("a", tile.rows // 2, tile.high), runs("b", tile.columns // 2, tile.wide)
    return f"""\
        a, b = of_rows + buffer * {tile.steps * rows}, of_columns + buffer * {tile.steps * columns}
        for _ in range({tile.steps}):
            sums = add_products(sums, {high}, {wide})
            a, b = a + {rows}, b + {columns}"""


def _runs(tile: Tile) -> Iterator[tuple[int, list[tuple[int, str]]]]:
    """By column of a thread's first run and second: for each row, how far it is from the first, and text of the sums."""
    for run in range(0, tile.wide, 4):
        rows = []
        for r in range(tile.high):
            first = r * tile.wide + run
            rows.append((r % 4 + r // 4 * (tile.rows // 2), f"sums[{first}:{first + 4}]"))
        yield run // 4 * (tile.columns // 2), rows


def _sizes(tile: Tile) -> dict[str, int]:
    """Numbers in both texts for blocks."""
    warps_wide = tile.columns // tile.wide // 8
    return {
        **{"rows": tile.rows, "columns": tile.columns, "steps": tile.steps, "shared": tile.shared},
        **{"sums": tile.high * tile.wide, "warp_shift": 5 + _log(warps_wide), "warp_mask": warps_wide - 1},
        **{"rows_log": _log(tile.rows), "columns_log": _log(tile.columns), "steps_log": _log(tile.steps)},
        **{"rows_mask": tile.rows - 1, "columns_mask": tile.columns - 1, "steps_mask": tile.steps - 1},
        **{"row_length": tile.rows + _GAP, "column_length": tile.columns + _GAP},
        "rows_floats": 2 * tile.steps * (tile.rows + _GAP),
    }


def _put(tile: Tile, left: tuple[str, str, int], right: tuple[str, str, int]) -> dict[str, str]:
    """Texts: new numbers of both factors go to a buffer; given are their name, their place, and how far they are apart."""
    found = {"put_first": "", "put": ""}
    for (name, place, apart), size in ((left, tile.rows), (right, tile.columns)):
        for i in range(size * tile.steps // tile.threads):
            to, buffer = f"{place} + {i * apart}", f" + buffer * {tile.steps * (size + _GAP)}"
            found["put_first"] += f"    put(shared, {to}, {name}[{i}])\n"
            found["put"] += f"        put(shared, {to}{buffer}, {name}[{i}])\n"
    return {name: text.rstrip() for name, text in found.items()}


def multiply_blocks(tile: Tile, along_inputs: bool) -> str:
    """The product's text for blocks, for weights that lie side by side along their inputs or their outputs."""
    sizes = _sizes(tile)
    of_w, of_x = (n * tile.steps // tile.threads for n in (tile.rows, tile.columns))
    apart = tile.threads // tile.columns
    # How far apart, in rows or in steps, the weights are that a thread brings.
    w_apart = tile.threads // (tile.steps if along_inputs else tile.rows)
    step, row = (0, w_apart) if along_inputs else (w_apart, 0)
    move = f"{w_apart} * {'output_stride' if along_inputs else 'depth_stride'}"
    w = (f"get_if((w_step + {i * step} < left) & (w_row + {i * row} < outputs), w, {i} * {move})" for i in range(of_w))
    x = (f"get_through(x_step + {i * apart} < left, x, offsets, {i * apart})" for i in range(of_x))
    across = ("thread & {}", "thread >> {}")
    finish = []
    for to_column, runs in _runs(tile):
        finish.append(f"""\
    column = first_column + {to_column}
    if column < all_columns:
        pixel = quotient(column, batch)
        to = at(y, y_pixels[pixel] + column - pixel * batch)""")
        for to_row, sums in runs:
            finish.append(f"""\
        o = row + {to_row}
        if o < outputs:
            put_run(at(to, o * y_stride), plus({sums}, bias[o * bias_stride]), 4)""")
    return _MULTIPLY_BLOCKS.format(
        **sizes,
        **_put(tile, ("w_new", "w_place", row or step * sizes["row_length"]), ("x_new", "x_place", apart * sizes["column_length"])),
        w_step=across[0].format(tile.steps - 1) if along_inputs else across[1].format(_log(tile.rows)),
        w_row=across[1].format(_log(tile.steps)) if along_inputs else across[0].format(tile.rows - 1),
        w_new=_tuple(w), x_new=_tuple(x), compute=_compute(tile), finish="\n".join(finish),
        place=_MULTIPLY_PLACE.format(**sizes),
    )  # fmt: skip


def correlate_blocks(tile: Tile) -> str:
    """The weight gradient's text for blocks."""
    sizes, apart = _sizes(tile), tile.threads // tile.steps
    x = (f"get_through(here & (row + {i} < depth), x_from, offsets, {i})" for i in range(0, tile.rows, apart))
    dy = (f"get_if(here & (column + {i} < outputs), dy_from, {i} * dy_stride)" for i in range(0, tile.columns, apart))
    finish = []
    for to_column, runs in _runs(tile):
        finish.append(f"    column = first_column + {to_column}")
        for to_row, sums in runs:
            finish.append(f"""\
    k = row + {to_row}
    if k < depth:
        put_run(at(weights, k * stride + column), {sums}, outputs - column)""")
    return _CORRELATE_BLOCKS.format(
        **sizes, **_put(tile, ("x_new", "x_place", apart), ("dy_new", "dy_place", apart)),
        x_new=_tuple(x), dy_new=_tuple(dy), compute=_compute(tile), finish="\n".join(finish),
        place=_CORRELATE_PLACE.format(**sizes),
        next_pixel_first=textwrap.indent(_NEXT_PIXEL, " " * 4), next_pixel=textwrap.indent(_NEXT_PIXEL, " " * 8),
    )  # fmt: skip
