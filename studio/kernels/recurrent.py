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

_FORWARD = '''
def run(arena, record, table, state):
{arguments}
    fill(hs, batch * width, 0.0)
    if MEMORY:
        fill(cs, batch * width, 0.0)
    for b in range(batch):
        for j in range(units):
            z[b * row + j] = 0.0
    for t in range(steps):
        now = t * batch
        zt, zn, g = at(z, now * row), at(z, (now + batch) * row), at(gates, now * columns)
        previous, following = at(hs, now * width), at(hs, (now + batch) * width)
        memory, next_memory, kept = at(cs, now * width), at(cs, (now + batch) * width), at(squashed, now * width)
        words = at(tokens, t * token_step)
        turn_in(at(x, t * x_step), inputs, batch, batch_distance, at(zt, x_column), row)
        if DROPPED:
            for b in range(batch):
                for j in range(0, x_column + inputs, LANES):
                    store(at(zt, b * row + j), load(at(zt, b * row + j)) * load(at(mask, b * row + j)))
        if BIASED:
            for b in range(batch):
                zt[b * row + one] = 1.0
                zt[b * row + other_one] = 1.0
        skip = units if t == 0 else 0
{step}
        if sequences != 0:
            turn_out(following, width, width_distance, units, batch, at(y, t * y_step))
            if SILENT:
                for b in range(batch):
                    if words[b] == 0.0:
                        for n in range(units):
                            y[t * y_step + n * batch + b] = 0.0
    if sequences == 0:
        turn_out(at(hs, steps * batch * width), width, width_distance, units, batch, y)
'''

_BACKWARD = '''
def run(arena, record, table, state):
{arguments}
    fill(dh, batch * width, 0.0)
    fill(dys, batch * width, 0.0)
    if MEMORY:
        fill(dc, batch * width, 0.0)
    into = part if DROPPED else dh
    resume_back = 1 if DIRECT and not DROPPED else 0
    for turn in range(steps):
        t = steps - 1 - turn
        now = t * batch
        zt, g = at(z, now * row), at(gates, now * columns)
        previous, following = at(hs, now * width), at(hs, (now + batch) * width)
        memory, next_memory, kept = at(cs, now * width), at(cs, (now + batch) * width), at(squashed, now * width)
        words = at(tokens, t * token_step)
        if sequences != 0 or turn == 0:
            turn_in(at(dy, t * dy_step), units, batch, batch_distance, dys, width)
        elif turn == 1:
            fill(dys, batch * width, 0.0)
{step}
        if inputs_matter != 0:
            multiply(batch, x_width // LANES, x_depth, at(g, x_gates), columns, 1, w_x, x_panel, distance,
                dxs, x_width, 0, zeros)
            if DROPPED:
                for b in range(batch):
                    for j in range(0, inputs, LANES):
                        place = at(dxs, b * x_width + j)
                        store(place, load(place) * load(at(mask, b * row + x_column + j)))
            turn_out(dxs, x_width, x_distance, inputs, batch, at(dx, t * dx_step))
        if weights_matter != 0 and t % chunk == 0:
            # The products over samples and time are longer, and so faster, for several steps at once.
            count = min(chunk, steps - t) * batch
            resume = 1 if t + chunk < steps else 0
{accumulate}
'''

_GATES = '''
def run(arena, record, table, state):
    steps, batch, units, width, columns = record[2], record[3], record[4], record[5], record[6]
    gates, candidate, order = record[7], record[8], at(table, record[9])
    source, target, first, move = at(arena, record[10]), at(arena, record[11]), record[12], record[13]
    for t in range(steps):
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
    "        multiply(batch, vectors_{i}, depth_{i} - {skip}, at(zt, first_{i} + {skip}), row, 1, "
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
    "{indent}multiply(batch, width // LANES, back_depth_{i}, at(g, back_column_{i}), columns, 1, "
    "u_{i}, back_panel_{i}, distance, {target}, width, {resume}, zeros)"
)

_MERGE = """            if DROPPED:
                for b in range(batch):
                    for j in range(0, width, LANES):
                        place = at(dh, b * width + j)
                        masked = load(at(part, b * width + j)) * load(at(mask, b * row + j))
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
    body = _product("multiply", ROWS) + _FORWARD.format(arguments=_arguments(names), step=step)
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
    body += _BACKWARD.format(arguments=_arguments(names), step=step, accumulate=accumulate)
    return generated(f"{cell.name.lower()}_backward", _text(cell, variant, "back through time", {ROWS, gradient_rows}, body))


def gates_kernel(cell: Cell, variant: Variant) -> Kernel:
    """The kernel that copies the gates of all steps, as they are after their curves, to where people see them."""
    return generated(f"{cell.name.lower()}_gates", _text(cell, variant, "gates of all steps", {ROWS}, _GATES))


def gradient_tile(*counts: int) -> int:
    """Rows of a tile for gradients with so many rows: the least work, padding and loads included."""
    most = ROWS
    return min(range(most, max(most - 3, 1), -1), key=lambda r: sum(-(-n // r) * (r * PANEL + 2) for n in counts))
