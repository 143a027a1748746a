"""Products and weight gradients by blocks of threads, in numba-cuda's simulator, against float64 and against the processor.

A process of its own, since the simulator must be asked for before Numba is imported. It prints one JSON object: by
case, the largest differences from float64 and from the kernel's own text, and whether all else was left as it was.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
os.environ["STUDIO_LANES"] = "4"

import numpy as np

from studio.cuda.card import Launch
from studio.engine.cpu_device import runner_of
from studio.kernels.card_texts import Tile
from studio.kernels.card_tiles import CORRELATED, TILES, add_slices, correlate_tiled, multiply_tiled
from studio.kernels.jit import Kernel, compile_ahead
from studio.testing.simulated_card import SimulatedCard

# The simulator's main thread asks all others again and again whether they wait: it must not do so for long.
sys.setswitchinterval(5e-4)
card = SimulatedCard()
generator = np.random.default_rng(8)
#: Kernels' own texts are the same for all tiles; one of each is compiled.
_OWN = {one.text: one for one in (multiply_tiled(TILES[0], True), correlate_tiled(TILES[0]))}
#: What nobody may touch.
_KEPT = 7.0


class Arena:
    """Arrays in one piece of memory, with gaps between them, and a table of whole numbers."""

    def __init__(self) -> None:
        self.floats = np.full(24, _KEPT, np.float32)
        self.table = np.zeros(0, np.int64)

    def place(self, array: np.ndarray, shift: int = 0) -> int:
        """Put an array there, at a multiple of 16 floats and some more; where it begins."""
        begin = -(-len(self.floats) // 16) * 16 + shift
        gap = np.full(begin - len(self.floats), _KEPT, np.float32)
        self.floats = np.concatenate([self.floats, gap, array.ravel().astype(np.float32), np.full(24, _KEPT, np.float32)])
        return begin

    def list(self, numbers: np.ndarray) -> int:
        """Put whole numbers into the table."""
        self.table = np.concatenate([self.table, numbers.ravel().astype(np.int64)])
        return len(self.table) - numbers.size


def both(calls: list[tuple[Kernel, list[int], int]], arena: Arena) -> tuple[np.ndarray, np.ndarray]:
    """What calls leave: in the simulator, and on the processor."""
    found = []
    for simulated in (True, False):
        floats, state = arena.floats.copy(), np.zeros(256, np.int64)
        for kernel, arguments, blocks in calls:
            record = np.array([0, 2 + len(arguments), *arguments], np.int64)
            addresses = floats.ctypes.data, record.ctypes.data, arena.table.ctypes.data, state.ctypes.data
            if simulated:
                card.launch(Launch(kernel, blocks, addresses))
            else:
                runner_of(_OWN.get(kernel.text, kernel))(*addresses)
        found.append(floats)
    return found[0], found[1]


def compare(found: tuple[np.ndarray, np.ndarray], arena: Arena, places: np.ndarray, expected: np.ndarray, ignored: slice) -> list[float]:
    """Largest differences, as a share of the largest number, and whether the rest is as it was."""
    scale = np.abs(expected).max()
    exact = [float(np.abs(floats[places] - expected).max() / scale) for floats in found]
    untouched = np.ones(len(arena.floats), bool)
    untouched[places] = untouched[ignored] = False
    kept = all(np.array_equal(floats[untouched], arena.floats[untouched]) for floats in found)
    return [*exact, float(kept)]


def product(tile: Tile, along_inputs: bool, outputs: int, pixels: int, depth: int, batch: int, groups: int, shift: int) -> list[float]:
    """A product whose inputs lie in another order with gaps between them, as a window's do."""
    x = generator.normal(size=(groups, pixels, depth + 2, batch))
    w = generator.normal(size=(groups, outputs, depth) if along_inputs else (groups, depth, outputs))
    bias = generator.normal(size=(groups, outputs))
    order, columns = generator.permutation(depth + 2)[:depth], generator.permutation(pixels)
    arena = Arena()
    places = [arena.place(x), arena.place(w, 1), arena.place(bias), arena.place(np.full((groups, pixels, outputs + 1, batch), _KEPT), shift)]
    tables = [arena.list(columns * (depth + 2) * batch), arena.list(order * batch), arena.list(columns[::-1] * (outputs + 1) * batch)]
    blocks = groups * -(-outputs // tile.rows) * -(-pixels * batch // tile.columns)
    call = [
        *(blocks, outputs, pixels, depth, batch), *(places[0], tables[0], tables[1]),
        *(places[1], *((1, depth) if along_inputs else (outputs, 1))), *(places[2], 1), *(places[3], tables[2], batch),
        *(groups, x[0].size, w[0].size, outputs, pixels * (outputs + 1) * batch),
    ]  # fmt: skip
    inputs = arena.floats[places[0] :][: x.size].reshape(x.shape).astype(np.float64)[:, columns][:, :, order]
    weights = w.astype(np.float32).astype(np.float64)
    expected = np.einsum("gpkb,gok->gpob" if along_inputs else "gpkb,gko->gpob", inputs, weights) + bias.astype(np.float32)[:, None, :, None]
    at = places[3] + np.arange(groups * pixels * (outputs + 1) * batch).reshape(groups, pixels, outputs + 1, batch)
    found = both([(multiply_tiled(tile, along_inputs), call, blocks)], arena)
    return compare(found, arena, at[:, columns[::-1], :outputs], expected, slice(0, 0))


def correlation(tile: Tile, inputs: int, outputs: int, pixels: int, batch: int, groups: int, slices: int, stride: int) -> list[float]:
    """A weight gradient, of slices of the pixels where there are some."""
    x = generator.normal(size=(groups, pixels, inputs + 2, batch))
    dy = generator.normal(size=(groups, pixels, outputs, batch))
    order, columns = generator.permutation(inputs + 2)[:inputs], generator.permutation(pixels)
    width = -(-outputs // 4) * 4
    step = groups * inputs * width
    arena = Arena()
    places = [arena.place(x), arena.place(dy), arena.place(np.full((groups, inputs, stride), _KEPT), 1), arena.place(np.full(slices * step, _KEPT))]
    tables = [arena.list(columns * (inputs + 2) * batch), arena.list(order * batch), arena.list(columns * outputs * batch)]
    blocks = groups * slices * -(-inputs // tile.rows) * -(-outputs // tile.columns)
    call = [
        *(blocks, inputs, outputs, pixels, batch), *(places[0], tables[0], tables[1]), *(places[1], tables[2], batch),
        *((places[3], width) if slices > 1 else (places[2], stride)), *(slices, -(-pixels // slices), step),
        *(groups, x[0].size, dy[0].size, inputs * width if slices > 1 else inputs * stride),
    ]  # fmt: skip
    calls = [(correlate_tiled(tile), call, blocks)]
    if slices > 1:
        calls.append((add_slices, [groups, inputs, outputs, slices, places[3], width, step, places[2], stride, inputs * stride], 3))
    expected = np.einsum("gpkb,gpob->gko", x.astype(np.float32)[:, :, order].astype(np.float64), dy.astype(np.float32).astype(np.float64))
    at = places[2] + np.arange(groups * inputs * stride).reshape(groups, inputs, stride)
    ignored = slice(places[3], places[3] + slices * step) if slices > 1 else slice(0, 0)
    return compare(both(calls, arena), arena, at[:, :, :outputs], expected, ignored)


def cases() -> dict[str, Any]:
    """Uneven sizes for each tile; small ones have neighbours in each direction, the others have many threads, which take long here."""
    found: dict[str, Any] = {}
    for tile in TILES:
        small = tile.threads < 256
        groups = 2 if small else 1
        for along_inputs in (True, False):
            outputs, batch = (tile.rows + (1 if small else -1), 12) if along_inputs else (tile.rows - 3, 4)
            pixels = tile.columns // batch + (1 if small else -1)
            sizes = outputs, pixels, tile.steps + 3, batch, groups, int(along_inputs)
            found[f"multiply {tile} {along_inputs}"] = product(tile, along_inputs, *sizes)
        if tile not in CORRELATED:
            continue
        slices = 2 if small else 1
        found[f"correlate {tile} in {slices}"] = correlation(tile, tile.rows - 3, tile.columns // 2 + 1, 3, 12, groups, slices, tile.columns)
        if small:
            found[f"correlate {tile} of more"] = correlation(tile, tile.rows + 1, tile.columns + 2, 5, 4, groups, 1, tile.columns + 3)
    return found


def main() -> None:
    compile_ahead([*_OWN.values(), add_slices])
    print(json.dumps(cases()))


if __name__ == "__main__":
    main()
