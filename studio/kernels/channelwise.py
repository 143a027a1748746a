"""Products in which each channel meets only a few others: depthwise convolutions and their gradients.

There is next to no reuse of inputs over outputs, so these kernels do not hold many outputs of
the same inputs in registers. They are as fast as the inputs come: all loops go along the
memory, and the order of the pixels (`studio.kernels.convolution`) keeps what windows share in
a near cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from studio.kernels.jit import Kernel, generated
from studio.kernels.simd import LANES

#: Sums that are held in registers at once.
_SUMS = 8
#: Most terms of a weight gradient at once: 32 vector registers with AVX-512 and NEON, 16 otherwise.
MOST_TERMS = 12 if LANES == 8 else 25
#: Most rows of pixels to look at together.
_MOST_ROWS = 4
#: Vector registers.
_REGISTERS = 16 if LANES == 8 else 32


def _arguments_of_rows(first: int) -> list[str]:
    """Lines that name what a kernel that looks at rows together needs beside, from an argument on."""
    return [
        f"tiles, fewer, widths = record[{first}], record[{first + 1}], at(table, record[{first + 2}])",
        f"x_starts, x_row, x_columns = at(table, record[{first + 3}]), record[{first + 4}], at(table, record[{first + 5}])",
        f"y_starts, y_row, y_columns = at(table, record[{first + 6}]), record[{first + 7}], at(table, record[{first + 8}])",
    ]


def _over_tiles(tiles: str, loops: list[str], lines: list[str]) -> list[str]:
    """Lines in loops over some of the tiles of rows, and within each."""
    head = [f"for tile in range({tiles}):", "    columns, following = widths[tile], min(tile + 1, tiles + fewer - 1)"]
    head += ["    " * (depth + 1) + loop for depth, loop in enumerate(loops)]
    return head + ["    " * (len(loops) + 1) + line for line in lines]


_COLLECT = '''"""y[g, o, p] = bias[g, o] + sum over k of w[g, o, k] * x[g, k, p].

{pixels} pixels by {outputs} outputs by {vectors} vectors at a time.
"""

from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, splat, store


def run(arena, record, table, state):
    groups, outputs, depth, pixels, batch, near = record[2], record[3], record[4], record[5], record[6], record[7]
    x, x_pixels, offsets, x_step = at(arena, record[8]), at(table, record[9]), at(table, record[10]), record[11]
    weights, bias, bias_step = at(arena, record[12]), at(arena, record[13]), record[14]
    y, y_pixels = at(arena, record[15]), at(table, record[16])
    # So many groups at a time that what the windows of neighbouring pixels share stays near.
    for begin in range(0, groups * outputs, near * outputs):
        end = min(groups * outputs, begin + near * outputs)
{loops}
'''

_WEIGH = '''"""dw[g, o, k] = sum over pixels and batch of x[g, k, p] * dy[g, o, p], {terms} terms k at a time{and_bias}{by_rows}."""

from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, prefetch, splat, store, sum_lanes


def run(arena, record, table, state):
    groups, outputs, blocks, pixels, batch = record[2], record[3], record[4], record[5], record[6]
    near, chunk = record[7], record[8]
    x, x_pixels, offsets, x_step = at(arena, record[9]), at(table, record[10]), at(table, record[11]), record[12]
    dy, dy_pixels = at(arena, record[13]), at(table, record[14])
    target, places, group_step = at(arena, record[15]), at(table, record[16]), record[17]
    sums, bias = at(arena, record[18]), at(arena, record[19])
{arguments_of_rows}
    width = {sums} * LANES
    # On a card all groups are near, so that each is always the same's.
    for g in each(0, groups):
        for i in range(g * outputs * blocks, (g + 1) * outputs * blocks):
            for t in range({sums}):
                store(at(sums, i * width + t * LANES), splat(0.0))
    # So few pixels and groups at a time that what windows share, and the sums, stay near.
    for begin in range(0, groups, near):
        end = min(groups, begin + near)
{rows}
        for start in range(0, pixels, chunk):
            stop = min(pixels, start + chunk)
            for g in each(begin, end):
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
    for g in each(0, groups):
        for o in range(outputs):
            n = g * outputs + o
            for block in range(blocks):
                own = at(sums, (n * blocks + block) * width)
                for t in range({terms}):
                    target[places[block * {terms} + t] + g * group_step + o] = sum_lanes(load(at(own, t * LANES)))
{total}
'''


_COLLECT_ROWS = '''"""y[n, p] = {before} + sum over a window of w[n, k] * x[g, p + k], {rows} rows of pixels, or one less, at a time."""

from studio.kernels.simd import LANES, at, load, prefetch, splat, store


def run(arena, record, table, state):
    count, outputs, depth, batch, near = record[2], record[3], record[4], record[5], record[6]
    x, x_step, y = at(arena, record[7]), record[8], at(arena, record[9])
    weights, order, bias, bias_step = at(arena, record[10]), at(table, record[11]), at(arena, record[12]), record[13]
{arguments_of_rows}
    # So few outputs at a time that the rows which windows share stay near.
    for begin in range(0, count, near):
        end = min(count, begin + near)
{loops}
'''


def _lines(depth: int, lines: list[str]) -> str:
    return "\n".join(" " * 4 * depth + line for line in lines)


def _collect_tile(pixels: int, outputs: int, vectors: int) -> list[str]:
    """Lines that compute some outputs n, n + 1, ... of some pixels p, p + 1, ..."""
    tile = [(i, r, v) for i in range(pixels) for r in range(outputs) for v in range(vectors)]
    lines = [f"w{r}, c{r} = at(weights, (n + {r}) * depth), splat(bias[(n + {r}) * bias_step])" for r in range(outputs)]
    lines += [f"d{r} = (n + {r}) // outputs * x_step" for r in range(outputs)]
    lines += [f"for b in range(0, batch, {vectors} * LANES):"]
    lines += [f"    s{i}{r}{v} = c{r}" for i, r, v in tile]
    lines += ["    for k in range(depth):", "        place = offsets[k] + b"]
    for output in range(outputs):
        lines += [f"        f = splat(w{output}[k])"]
        lines += [
            f"        s{i}{r}{v} = s{i}{r}{v} + f * load(at(x{i}, place + d{r} + {v} * LANES))" for i, r, v in tile if r == output
        ]
    return lines + [f"    store(at(y{i}, (n + {r}) * batch + b + {v} * LANES), s{i}{r}{v})" for i, r, v in tile]


def _collect_pixels(pixels: int, outputs: int, vectors: int, first: str) -> list[str]:
    """Lines that go over all pixels from the first on, so many at a time."""
    lines = [f"for p in each({first}, pixels - {pixels - 1}, {pixels}):"]
    lines += [f"    x{i}, y{i} = at(x, x_pixels[p + {i}]), at(y, y_pixels[p + {i}])" for i in range(pixels)]
    lines += ["    n = begin"]
    for rows in sorted({outputs, 1}, reverse=True):
        lines += [f"    while n + {rows} <= end:"]
        lines += [f"        {line}" for line in _collect_tile(pixels, rows, vectors)]
        lines += [f"        n += {rows}"]
    return lines


def collect_kernel(columns: int, many: bool) -> Kernel:
    """The kernel for outputs that see few inputs each.

    Parameters
    ----------
    columns : int
        Padded columns of the batch.
    many : bool
        Whether there are many outputs. Then a pixel's are computed side by side, which reads
        its neighbourhood from the first to the last channel; else several pixels are.
    """
    vectors = next(v for v in ((8, 4, 2, 1) if many else (2, 1)) if columns // LANES % v == 0)
    pixels, outputs = (1, _SUMS // vectors) if many else (_SUMS // vectors, 1)
    loops = _collect_pixels(pixels, outputs, vectors, "0")
    if pixels > 1:
        loops += _collect_pixels(1, outputs, vectors, f"pixels - pixels % {pixels}")
    text = _COLLECT.format(pixels=pixels, outputs=outputs, vectors=vectors, loops=_lines(2, loops))
    return generated(f"collect_{pixels}x{outputs}x{vectors}", text)


@dataclass(frozen=True)
class Rows:
    """Neighbouring rows of pixels whose windows, moved by a pixel each, are looked at together.

    Parameters
    ----------
    rows : int
        How many; sometimes there is one less.
    window : (int, int)
        Rows and columns of a window.
    """

    rows: int
    window: tuple[int, int]

    @classmethod
    def bands(cls, window: tuple[int, int], grid: tuple[int, int]) -> list[tuple[int, Rows]]:
        """For windows and pixels of so many rows and columns; empty if there are none.

        Sums of all terms, gradients of as many columns as a window has, an input and the bias's
        sum have to fit into registers. High windows are cut into bands, one after the other.

        Returns
        -------
        list of (int, Rows)
            First row of each band in the window, and what is looked at together for it.
        """
        high, wide = window
        room = (_REGISTERS - 2) // wide
        if room < 2 or grid[1] < wide:
            return []
        count = 1 if high < room else -(-high // (room - room // 2))
        edges = [high * i // count for i in range(count + 1)]
        found = []
        for first, end in pairwise(edges):
            most = min(_MOST_ROWS, room - (end - first))
            found.append((first, cls(-(-grid[0] // -(-grid[0] // most)), (end - first, wide))))
        return found

    def starts(self, rows: int) -> tuple[int, int, list[int]]:
        """How often so many of the rows are looked at together, how often one less, and which begin."""
        times = -(-rows // self.rows)
        fewer = times * self.rows - rows
        sizes = [self.rows] * (times - fewer) + [self.rows - 1] * fewer
        return times - fewer, fewer, [sum(sizes[:i]) for i in range(times)]


def _lines_of_rows(window: tuple[int, int], rows: int, tiles: str, names: list[str], with_bias: bool) -> list[str]:
    """Lines that add up what some rows of pixels give for some groups.

    Column by column a new one of the inputs meets the gradients of as many columns as a window
    has, which move on in registers: each number is read once, not once for each place of the window.
    """
    high, wide = window
    tall = high + rows - 1

    def column(seen: range, new: bool, number: str) -> list[str]:
        lines = [f"xo = x_columns[{number}]"] + ([f"yo = y_columns[{number}]"] if new else [])
        lines += [f"d{i}_{v} = d{i}_{v - 1}" for i in range(rows) for v in range(wide - 1, 0, -1) if v >= seen.start]
        for i in range(rows) if new else ():
            lines += [f"d{i}_0 = load(at(y{i}, yo))", f"prefetch(at(y{i}, yo + y_below))"]
            lines += [f"total = total + d{i}_0"] if with_bias else []
        for u in range(tall):
            lines += [f"a = load(at(x{u}, xo))"]
            lines += [f"prefetch(at(x{u}, xo + x_below))"] if u >= tall - rows else []
            for i in range(rows):
                if 0 <= u - i < high:
                    lines += [f"s{(u - i) * wide + v} = s{(u - i) * wide + v} + d{i}_{v} * a" for v in seen]
        return lines

    lines = ["own = at(sums, n * width)"]
    lines += [f"{name} = load(at(own, {i} * LANES))" for i, name in enumerate(names)]
    lines += ["x_place, y_place = at(x, x_starts[tile] + g * x_step), at(dy, y_starts[tile] + n * batch)"]
    # What is new in the next rows comes nearer meanwhile.
    lines += ["x_below, y_below = x_starts[following] - x_starts[tile], y_starts[following] - y_starts[tile]"]
    lines += ["for b in range(0, batch, LANES):"]
    lines += [f"    x{u} = at(x_place, {u} * x_row + b)" for u in range(tall)]
    lines += [f"    y{i} = at(y_place, {i} * y_row + b)" for i in range(rows)]
    lines += [f"    d{i}_{v} = splat(0.0)" for i in range(rows) for v in range(wide)]
    for c in range(wide - 1):
        lines += [f"    {line}" for line in column(range(c + 1), True, str(c))]
    lines += [f"    for c in range({wide - 1}, columns):"]
    lines += [f"        {line}" for line in column(range(wide), True, "c")]
    for c in range(wide - 1):
        lines += [f"    {line}" for line in column(range(c + 1, wide), False, f"columns + {c}")]
    lines += [f"store(at(own, {i} * LANES), {name})" for i, name in enumerate(names)]
    return _over_tiles(tiles, ["for g in each(begin, end):", "for n in range(g * outputs, (g + 1) * outputs):"], lines)


def _collecting_rows(window: tuple[int, int], rows: int, tiles: str, goes_on: bool) -> list[str]:
    """Lines that compute some rows of pixels for some outputs.

    Column by column the inputs meet all weights that look at them, and are added to the sums of as many columns as
    a window has, which move on in registers: each number is read once, not once for each place of the window.
    """
    high, wide = window
    tall = high + rows - 1

    def column(seen: range, number: str, done: str) -> list[str]:
        lines = [f"xo = x_columns[{number}]"]
        lines += [f"s{i}_{v} = s{i}_{v - 1}" for i in range(rows) for v in range(wide - 1, 0, -1) if v >= seen.start]
        lines += [f"s{i}_0 = start" for i in range(rows) if seen.start == 0]
        for u in range(tall):
            lines += [f"a = load(at(x{u}, xo))"]
            lines += [f"prefetch(at(x{u}, xo + x_below))"] if u >= tall - rows else []
            for i in range(rows):
                if 0 <= u - i < high:
                    lines += [f"s{i}_{v} = s{i}_{v} + f{(u - i) * wide + v} * a" for v in seen]
        if done:
            more = "load(at(y{0}, yo)) + " if goes_on else ""
            lines += [f"yo = y_columns[{done}]"]
            lines += [f"store(at(y{i}, yo), {more.format(i)}s{i}_{wide - 1})" for i in range(rows)]
        return lines

    lines = [f"f{k} = splat(weights[n * depth + order[{k}]])" for k in range(high * wide)]
    lines += ["start = splat(0.0)" if goes_on else "start = splat(bias[n * bias_step])"]
    lines += ["x_place, y_place = at(x, x_starts[tile] + n // outputs * x_step), at(y, y_starts[tile] + n * batch)"]
    # What is new in the next rows comes nearer meanwhile.
    lines += ["x_below = x_starts[following] - x_starts[tile]", "for b in range(0, batch, LANES):"]
    lines += [f"    x{u} = at(x_place, {u} * x_row + b)" for u in range(tall)]
    lines += [f"    y{i} = at(y_place, {i} * y_row + b)" for i in range(rows)]
    lines += [f"    s{i}_{v} = start" for i in range(rows) for v in range(wide)]
    for c in range(wide - 1):
        lines += [f"    {line}" for line in column(range(c + 1), str(c), "")]
    lines += [f"    for c in range({wide - 1}, columns):"]
    lines += [f"        {line}" for line in column(range(wide), "c", f"c - {wide - 1}")]
    for c in range(wide - 1):
        lines += [f"    {line}" for line in column(range(c + 1, wide), f"columns + {c}", f"columns + {c - wide + 1}")]
    return _over_tiles(tiles, ["for n in range(begin, end):"], lines)


def collect_rows_kernel(together: Rows, goes_on: bool = False) -> Kernel:
    """The kernel for outputs that see a window of one input each, moved by a pixel at a time.

    Its last nine arguments are those of `weigh_kernel`.

    Parameters
    ----------
    together : Rows
    goes_on : bool
        Whether it adds to what the bands above have left, not to the bias.
    """
    loops = _collecting_rows(together.window, together.rows, "tiles", goes_on)
    if together.rows > 1:
        loops += _collecting_rows(together.window, together.rows - 1, "tiles, tiles + fewer", goes_on)
    before = "what is there" if goes_on else "bias[n]"
    text = _COLLECT_ROWS.format(
        before=before, rows=together.rows, arguments_of_rows=_lines(1, _arguments_of_rows(14)), loops=_lines(2, loops)
    )
    return generated(f"collect_rows_{together.window[0]}x{together.window[1]}_{together.rows}{'_more' if goes_on else ''}", text)


def weigh_kernel(terms: int, with_bias: bool, together: Rows | None = None) -> Kernel:
    """The weight gradient kernel for so many terms at a time; one may sum the bias's gradient too.

    With rows that are looked at together it has nine more arguments: how often there are as many,
    how often one less, how many columns each time, and where, in inputs and in gradients, they begin, how far
    rows are apart and where, in a row, each column is.
    """
    names = [f"s{t}" for t in range(terms)] + (["total"] if with_bias else [])
    rows = ["# Pixel by pixel."]
    if together:
        rows = _lines_of_rows(together.window, together.rows, "tiles", names, with_bias)
    if together and together.rows > 1:
        rows += _lines_of_rows(together.window, together.rows - 1, "tiles, tiles + fewer", names, with_bias)
    additions = [f"s{t} = s{t} + d * load(at(source, o{t} + b))" for t in range(terms)]
    total = [f"own = at(sums, n * blocks * width + {terms} * LANES)", "bias[n] = sum_lanes(load(own))"]
    text = _WEIGH.format(
        terms=terms,
        sums=len(names),
        and_bias=", and the sum of dy" if with_bias else "",
        by_rows=f", {together.rows} rows of pixels, or one less, at a time" if together else "",
        arguments_of_rows=_lines(1, _arguments_of_rows(20) if together else ["# Windows of neighbouring pixels are not looked at together."]),
        rows=_lines(2, rows),
        offsets=_lines(6, [f"o{t} = offsets[first + {t}]" for t in range(terms)]),
        loads=_lines(6, [f"{name} = load(at(own, {i} * LANES))" for i, name in enumerate(names)]),
        additions=_lines(8, additions + (["total = total + d"] if with_bias else [])),
        stores=_lines(6, [f"store(at(own, {i} * LANES), {name})" for i, name in enumerate(names)]),
        total=_lines(3, total if with_bias else ["# The bias's gradient is not asked for."]),
    )
    name = f"weigh_{together.window[0]}x{together.window[1]}_{together.rows}" if together else f"weigh_{terms}"
    return generated(f"{name}{'_bias' if with_bias else ''}", text)
