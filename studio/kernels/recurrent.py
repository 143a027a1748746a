"""Recurrent layers: one kernel that goes through all time steps, and one that comes back.

A layer gives a `Cell`: which gates it has, what they see, and the text of one step's maths. All
that cells have in common is here. For each time step and sample there is a row of numbers::

    [h before | 1 | x | 1 | h before, reset]        (each cell has some of these parts, in its order)

so that the sums of all gates are one product of these rows with the packed weights, biases
included, and the gradient of all weights is the product of the rows with the gates' gradients.
Both directions work on one time step's numbers at a time, which stay in the nearest caches.
"""

from __future__ import annotations

import inspect
import textwrap
from dataclasses import dataclass
from typing import Any

from studio.kernels.jit import Kernel, generated
from studio.kernels.rows import PANEL, ROWS
from studio.kernels.simd import LANES

#: Floats of a row of a panel of packed weights.
PANEL_FLOATS = PANEL * LANES


@dataclass(frozen=True)
class Group:
    """Gates whose sums come from the same parts of a row.

    Parameters
    ----------
    gates : tuple of int
        Which gate of the weights (in Keras's order) each of them is.
    parts : tuple of str
        Parts of a row that follow each other: ``h``, ``x``, ``1``, ``1h`` (of the bias of the
        recurrent product) and ``rh`` (h as the cell has changed it).
    """

    gates: tuple[int, ...]
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One time step of a recurrent layer.

    The texts are bodies of the loop over time. They see ``zt`` and ``zn``, the rows of this and
    the next step; ``g``, the sums of the gates, later their gradients; ``previous`` and
    ``following``, the outputs of the step before and of this one; ``memory`` and
    ``next_memory``, the same of the cell's state; ``gate`` and ``curve``, the activations;
    ``words``, what of the padding belongs to the step.

    Parameters
    ----------
    name : str
    parts : tuple of str
        Parts of a row, in order; the first is ``h``. See `Group`.
    groups : tuple of Group
        Their gates, one after the other, are the columns of ``g``, `width` floats each.
    back : tuple of (int, tuple of int)
        Products that lead from gates' gradients to those of h: first column, and the gates.
    forward, backward : str
        The maths.
    memory : bool
        Whether there is a state beside the output.
    direct : bool
        Whether the output depends on the one before not through the gates alone.
    """

    name: str
    parts: tuple[str, ...]
    groups: tuple[Group, ...]
    back: tuple[tuple[int, tuple[int, ...]], ...]
    forward: str
    backward: str
    memory: bool = False
    direct: bool = False

    @property
    def columns(self) -> tuple[int, ...]:
        """The gate that each column of ``g`` belongs to."""
        return tuple(gate for group in self.groups for gate in group.gates)


@dataclass(frozen=True)
class Variant:
    """What a kernel is made for.

    Parameters
    ----------
    curve, gate : type or None
        Element-wise layers for the output and for the gates; None is no activation.
    biased, padded, dropped, silent : bool
        Whether there is a bias; whether some steps are skipped; whether masks silence some
        numbers; whether skipped steps give zeros instead of the output before.
    """

    curve: type[Any] | None
    gate: type[Any] | None
    biased: bool = True
    padded: bool = False
    dropped: bool = False
    silent: bool = False


_HEADER = '''"""{title}"""

from studio.kernels.jit import function, inline
from studio.kernels.rows import fill, turn_in, turn_out
from studio.kernels.sharing import each, inner, outer
from studio.kernels.simd import LANES, at, load, splat, store
from studio.kernels.tiles import {tiles}

BIASED, PADDED, DROPPED, SILENT, DIRECT, MEMORY = {flags}
'''

_PRODUCT = '''
@function
def {name}(rows, vectors, depth, source, source_row, source_step, weights, panel, distance, target, target_row, resume, zeros):
    """target[r, v] = (0, or what it holds) + sum over k of source[r, k] * weights[k, v]"""
    whole = vectors - vectors % {panel}
    for v in range(0, whole, {panel}):
        w = at(weights, v // {panel} * panel)
        for r in range(0, rows, {rows}):
            multiply_{rows}x{panel}(w, distance, depth, at(source, r * source_row), source_step, source_row,
                resume, zeros, at(target, r * target_row + v * LANES), target_row)
    w = at(weights, whole // {panel} * panel)
'''

_REST = '''    if vectors - whole == {left}:
        for r in range(0, rows, {rows}):
            multiply_{rows}x{left}(w, distance, depth, at(source, r * source_row), source_step, source_row,
                resume, zeros, at(target, r * target_row + whole * LANES), target_row)
'''

_RUN = '''
def run(arena, record, table, state):
{arguments}
    # All samples, or a vector of them for each group of a card: they go through time by themselves.
    for start in each(0, batch, together):
        samples, masks = min(together, batch - start), at(mask, start * row)
{loops}
'''

_FORWARD = '''
    first = at(z, start * row)
    fill(at(hs, start * width), samples * width, 0.0)
    if MEMORY:
        fill(at(cs, start * width), samples * width, 0.0)
    for b in range(samples):
        for j in range(units):
            first[b * row + j] = 0.0
    for t in range(steps):
        now = t * batch + start
        zt, zn, g = at(z, now * row), at(z, (now + batch) * row), at(gates, now * columns)
        previous, following = at(hs, now * width), at(hs, (now + batch) * width)
        memory, next_memory, kept = at(cs, now * width), at(cs, (now + batch) * width), at(squashed, now * width)
        words = at(tokens, t * token_step + start)
        turn_in(at(x, t * x_step + start), inputs, samples, batch, batch_distance, at(zt, x_column), row)
        if DROPPED:
            for b in range(samples):
                for j in range(0, x_column + inputs, LANES):
                    store(at(zt, b * row + j), load(at(zt, b * row + j)) * load(at(masks, b * row + j)))
        if BIASED:
            for b in range(samples):
                zt[b * row + one] = 1.0
                zt[b * row + other_one] = 1.0
        skip = units if t == 0 else 0
{step}
        if sequences != 0:
            turn_out(following, width, width_distance, units, samples, batch, at(y, t * y_step + start))
            if SILENT:
                for b in range(samples):
                    if words[b] == 0.0:
                        for n in range(units):
                            y[t * y_step + start + n * batch + b] = 0.0
    if sequences == 0:
        turn_out(at(hs, (steps * batch + start) * width), width, width_distance, units, samples, batch, at(y, start))
'''

_BACKWARD = '''
    dh, dys, dc = at(all_dh, start * width), at(all_dys, start * width), at(all_dc, start * width)
    part, reset, dxs = at(all_part, start * width), at(all_reset, start * width), at(all_dxs, start * x_width)
    fill(dh, samples * width, 0.0)
    fill(dys, samples * width, 0.0)
    if MEMORY:
        fill(dc, samples * width, 0.0)
    into = part if DROPPED else dh
    resume_back = 1 if DIRECT and not DROPPED else 0
    for turn in range(steps):
        t = steps - 1 - turn
        now = t * batch + start
        zt, g = at(z, now * row), at(gates, now * columns)
        previous, following = at(hs, now * width), at(hs, (now + batch) * width)
        memory, next_memory, kept = at(cs, now * width), at(cs, (now + batch) * width), at(squashed, now * width)
        words = at(tokens, t * token_step + start)
        if sequences != 0 or turn == 0:
            turn_in(at(dy, t * dy_step + start), units, samples, batch, batch_distance, dys, width)
        elif turn == 1:
            fill(dys, samples * width, 0.0)
{step}
        if inputs_matter != 0:
            multiply(samples, x_width // LANES, x_depth, at(g, x_gates), columns, 1, w_x, x_panel, distance,
                dxs, x_width, 0, zeros)
            if DROPPED:
                for b in range(samples):
                    for j in range(0, inputs, LANES):
                        place = at(dxs, b * x_width + j)
                        store(place, load(place) * load(at(masks, b * row + x_column + j)))
            turn_out(dxs, x_width, x_distance, inputs, samples, batch, at(dx, t * dx_step + start))
        if weights_matter != 0 and t % chunk == 0:
            # The products over samples and time are longer, and so faster, for several steps at once.
            count = min(chunk, steps - t) * batch
            resume = 1 if t + chunk < steps else 0
{accumulate}
'''

_WEIGHTS = '''
def run(arena, record, table, state):
{arguments}
    for t in range(0, steps, chunk):
        now, count, resume = t * batch, min(chunk, steps - t) * batch, min(t, 1)
        zt, g = at(z, now * row), at(gates, now * columns)
{products}
'''

_SHARED_PRODUCT = """        wide_{i} = vectors_{i} // {panel}
        for p in outer(wide_{i}):
            for r in inner(wide_{i}, 0, gradient_rows_{i}, {rows}):
                multiply_{rows}x{panel}(at(g, column_{i} + p * {floats}), step_distance, count, at(zt, first_{i} + r), row, 1,
                    resume, zeros, at(sums_{i}, r * vectors_{i} * LANES + p * {floats}), vectors_{i} * LANES)"""

_SHARED_REST = """        if vectors_{i} - wide_{i} * {panel} == {left}:
            for r in each(0, gradient_rows_{i}, {rows}):
                multiply_{rows}x{left}(at(g, column_{i} + wide_{i} * {floats}), step_distance, count, at(zt, first_{i} + r), row, 1,
                    resume, zeros, at(sums_{i}, r * vectors_{i} * LANES + wide_{i} * {floats}), vectors_{i} * LANES)"""

_GATES = '''
def run(arena, record, table, state):
    steps, batch, units, width, columns = record[2], record[3], record[4], record[5], record[6]
    gates, candidate, order = record[7], record[8], at(table, record[9])
    source, target, first, move = at(arena, record[10]), at(arena, record[11]), record[12], record[13]
    for t in each(steps):
        for n in range(gates):
            for u in range(units):
                place = at(target, ((u * steps + first + t * move) * gates + n) * batch)
                for b in range(batch):
                    place[b] = source[(t * batch + b) * columns + order[n] * width + u]
                for b in range(0, batch, LANES):
                    number = load(at(place, b))
                    store(at(place, b), curve_again(number) if n == candidate else gate_again(number))
'''

_SUM = (
    "        multiply(samples, vectors_{i}, depth_{i} - {skip}, at(zt, first_{i} + {skip}), row, 1, "
    "at(w_{i}, {skip} * {panel}), panel_{i}, distance, at(g, column_{i}), columns, 0, zeros)"
)

_CARRY = """            if PADDED:
                if words[b] == 0.0:
                    for j in range(0, width, LANES):
                        h = load(at(previous, b * width + j))
                        store(at(following, b * width + j), h)
                        store(at(zn, b * row + j), h)
                        if MEMORY:
                            store(at(next_memory, b * width + j), load(at(memory, b * width + j)))
                    continue"""

_CARRY_BACK = """            if PADDED:
                if words[b] == 0.0:
                    for j in range(0, columns, LANES):
                        store(at(g, b * columns + j), splat(0.0))
                    if not SILENT:
                        for j in range(0, width, LANES):
                            place = at(dh, b * width + j)
                            store(place, load(place) + load(at(dys, b * width + j)))
                    continue"""

_BACK = (
    "{indent}multiply(samples, width // LANES, back_depth_{i}, at(g, back_column_{i}), columns, 1, "
    "u_{i}, back_panel_{i}, distance, {target}, width, {resume}, zeros)"
)

_MERGE = """            if DROPPED:
                for b in range(samples):
                    for j in range(0, width, LANES):
                        place = at(dh, b * width + j)
                        masked = load(at(part, b * width + j)) * load(at(masks, b * row + j))
                        store(place, load(place) + masked if DIRECT else masked)"""

_ACCUMULATE = (
    "            accumulate(gradient_rows_{i}, vectors_{i}, count, at(zt, first_{i}), 1, row, at(g, column_{i}), "
    "{panel}, step_distance, sums_{i}, vectors_{i} * LANES, resume, zeros)"
)


def _product(name: str, rows: int) -> str:
    rest = "".join(_REST.format(left=left, rows=rows) for left in range(1, PANEL))
    return _PRODUCT.format(name=name, rows=rows, panel=PANEL) + rest


def _maths(name: str, layer: type[Any] | None) -> tuple[str, str]:
    """Lines that define an activation for the kernel's text, and the text they follow from."""
    if layer is None:
        lines = f"@inline\ndef {name}(x):\n    return x\n\n@inline\ndef {name}_slope(x, y):\n    return splat(1.0)\n"
        return lines + f"\n{name}_stays, {name}_again = True, {name}\n", f"{name}: none"
    numbers = "".join(f", {number!r}" for number in layer.named().numbers().values())
    lines = f"""
from {layer.__module__} import {layer.__name__} as {name}_layer

{name}_function, {name}_derivative = inline({name}_layer.function), inline({name}_layer.derivative)

@inline
def {name}(x):
    return {name}_function(x{numbers})

@inline
def {name}_slope(x, y):
    return {name}_derivative(x, y{numbers})

@inline
def same(x):
    return x

{name}_stays, {name}_again = {layer.in_place}, {"same" if layer.in_place else name}
"""
    source = inspect.getsource(layer.function) + inspect.getsource(layer.derivative)
    return lines, f"{name}: {source}"


def _text(cell: Cell, variant: Variant, title: str, rows: set[int], body: str) -> str:
    curve, curve_source = _maths("curve", variant.curve)
    gate, gate_source = _maths("gate", variant.gate)
    source = (curve_source + gate_source).replace('"""', "'''").replace("\\", "/")
    flags = (variant.biased, variant.padded, variant.dropped, variant.silent, cell.direct or variant.padded, cell.memory)
    tiles = ", ".join(f"multiply_{r}x{v}" for r in sorted(rows) for v in range(1, PANEL + 1))
    header = _HEADER.format(title=f"{cell.name} {title}.\n\n{source}", tiles=tiles, flags=flags)
    return header + curve + gate + body


def _arguments(names: dict[str, str]) -> str:
    """Lines that fetch a kernel's arguments by name; `names` says of what kind each is."""
    texts = {"integer": "record[{i}]", "floats": "at(arena, record[{i}])", "table": "at(table, record[{i}])"}
    return "\n".join(f"    {n} = {texts[kind].format(i=i + 2)}" for i, (n, kind) in enumerate(names.items()))


def _run(names: dict[str, str], loops: str) -> str:
    """A kernel's function: its loops over time, for all samples or for a part of them."""
    return _RUN.format(arguments=_arguments(names), loops=textwrap.indent(loops.strip("\n"), "    "))


def forward_kernel(cell: Cell, variant: Variant, names: dict[str, str]) -> Kernel:
    """The kernel that goes through all time steps.

    Parameters
    ----------
    cell, variant
        What it computes.
    names : dict of str to str
        Its arguments, each ``integer``, ``floats`` or ``table``, in the order of the record.
    """
    sums = {}
    for i, group in enumerate(cell.groups):
        # The first step has no output before it, so its part of the sums is nothing.
        skip = "skip" if group.parts[0] == "h" and "x" in group.parts else "0"
        sums[f"sum_{i}"] = _SUM.format(i=i, skip=skip, panel=PANEL_FLOATS)
    step = cell.forward.format(carry=_CARRY, **sums)
    body = _product("multiply", ROWS) + _run(names, _FORWARD.format(step=step))
    return generated(f"{cell.name.lower()}_forward", _text(cell, variant, "through time", {ROWS}, body))


def backward_kernel(cell: Cell, variant: Variant, names: dict[str, str], gradient_rows: int) -> Kernel:
    """The kernel that comes back through all time steps; as `forward_kernel`.

    Parameters
    ----------
    gradient_rows : int
        Rows of a tile of the weights' gradient.
    """
    # With two products, the first brings the gradient of what the cell changed h to.
    simple = len(cell.back) == 1
    back = {"back_0": _BACK.format(i=0, indent=" " * 12, target="into", resume="resume_back" if simple else "1")}
    if not simple:
        back["back_1"] = _BACK.format(i=1, indent=" " * 8, target="reset", resume="0")
    step = cell.backward.format(carry=_CARRY_BACK, merge=_MERGE, **back)
    accumulate = "\n".join(_ACCUMULATE.format(i=i, panel=PANEL_FLOATS) for i in range(len(cell.groups)))
    body = _product("multiply", ROWS) + _product("accumulate", gradient_rows)
    body += _run(names, _BACKWARD.format(step=step, accumulate=accumulate))
    return generated(f"{cell.name.lower()}_backward", _text(cell, variant, "back through time", {ROWS, gradient_rows}, body))


def weights_kernel(cell: Cell, variant: Variant, names: dict[str, str], gradient_rows: int) -> Kernel:
    """The kernel of a card for the gradients of all weights, whose loops groups of threads share.

    On the processor `backward_kernel` adds them up while their numbers are near.
    """
    sizes = {"panel": PANEL, "rows": gradient_rows, "floats": PANEL_FLOATS}
    products = []
    for i in range(len(cell.groups)):
        products += [_SHARED_PRODUCT.format(i=i, **sizes)]
        products += [_SHARED_REST.format(i=i, left=left, **sizes) for left in range(1, PANEL)]
    body = _WEIGHTS.format(arguments=_arguments(names), products="\n".join(products))
    return generated(f"{cell.name.lower()}_weights", _text(cell, variant, "gradients of the weights", {gradient_rows}, body))


def gates_kernel(cell: Cell, variant: Variant) -> Kernel:
    """The kernel that copies the gates of all steps, as they are after their curves, to where people see them."""
    return generated(f"{cell.name.lower()}_gates", _text(cell, variant, "gates of all steps", {ROWS}, _GATES))


def gradient_tile(*counts: int) -> int:
    """Rows of a tile for gradients with so many rows: the least work, padding and loads included."""
    most = ROWS
    return min(range(most, max(most - 3, 1), -1), key=lambda r: sum(-(-n // r) * (r * PANEL + 2) for n in counts))
