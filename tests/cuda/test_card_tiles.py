"""Products and weight gradients by blocks of a card's threads: what they compute, what they take, and when they are chosen."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from studio.bench.examples import example_of
from studio.core.inference import infer
from studio.cuda.card import Launch
from studio.cuda.code import CardKernel, requested
from studio.cuda.driver import shape_of
from studio.engine.arena import SharedSpace
from studio.engine.costs import cost_of
from studio.engine.cuda_device import CudaDevice
from studio.engine.network import make_plans
from studio.engine.plan import Plan
from studio.kernels.card_texts import Tile
from studio.kernels.card_tiles import (
    CORRELATED,
    TILES,
    correlate_tiled,
    multiply_tiled,
    tile_for_correlation,
    tile_for_product,
)
from studio.kernels.jit import Kernel, generated
from studio.layers.conv2d import Conv2D
from studio.testing.cards import ProcessorCard

_CARDS = pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed (extra cuda13)")


def plan_of(on_card: bool) -> tuple[SharedSpace, Plan]:
    """The training plan of a convolution that is large enough for tiles."""
    example = example_of(Conv2D(filters=32, kernel_size=3, padding="same"), ((16, 16, 16),))
    space, plans = make_plans(example.graph, infer(example.graph, example.infos), example.infos, example.training, 1, on_card=on_card)
    return space, plans[0][0]


# What they compute -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found() -> dict[str, list[float]]:
    script = Path(__file__).with_name("multiply_simulated.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    numbers: dict[str, list[float]] = json.loads(done.stdout.strip().splitlines()[-1])
    return numbers


def test_each_tile_gives_the_product_and_changes_nothing_else(found: dict[str, list[float]]) -> None:
    assert len(found) == 2 * len(TILES) + len(CORRELATED) + 1
    assert {name: one for name, one in found.items() if not max(one[:2]) < 1e-6 or one[2] != 1.0} == {}


def test_the_simulator_refuses_a_block_that_does_not_wait() -> None:
    """Without this a wait that is missing would be a matter of luck there."""
    program = (
        "import os; os.environ['NUMBA_ENABLE_CUDASIM'] = '1'\n"
        "from studio.cuda.card import Launch; from studio.kernels.jit import Blocks, Kernel, generated\n"
        "from studio.testing.simulated_card import SimulatedCard; import numpy as np\n"
        "text = 'def run(arena, record, table, state):\\n    pass\\n'\n"
        "body = 'def run(arena, record, table, state):\\n    s = shared_floats(8)\\n    t = thread_number()\\n"
        "    put(s, t, 1.0)\\n    {}\\n    get_four(s, 4 - t // 4 * 4)\\n'\n"
        "numbers = np.zeros(256, np.int64); places = (numbers.ctypes.data,) * 4; card = SimulatedCard()\n"
        "card.launch(Launch(Kernel(print, 'waits', text, Blocks(body.format('wait()'), 8, 1)), 1, places))\n"
        "try:\n    card.launch(Launch(Kernel(print, 'hurries', text, Blocks(body.format('pass'), 8, 1)), 1, places))\n"
        "except Exception as problem:\n    print(type(problem).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "Race", done.stderr[-2000:]


# What they take --------------------------------------------------------------------------------


@_CARDS
@pytest.mark.parametrize(
    ("kernel", "capability"),
    [
        *((multiply_tiled(TILES[0], False), capability) for capability in ((7, 5), (8, 0), (9, 0))),
        (correlate_tiled(TILES[-1]), (7, 5)),
    ],
    ids=str,
)
def test_all_sums_are_in_registers_and_are_read_four_at_a_time(kernel: Kernel, capability: tuple[int, int]) -> None:
    """The compiler's own account: nothing goes to memory for want of registers, and as many blocks fit as the tile says."""
    from studio.cuda.assembly import account, ptx

    assert kernel.blocks is not None
    text = ptx(kernel, capability)
    assert "ld.shared.v4.f32" in text
    assert "fma.rn.f32" in text
    assert ".local" not in text
    told = account(text, capability)
    assert told.spilled == 0
    assert told.registers * kernel.blocks.threads * kernel.blocks.resident <= 65_536
    assert 0 < told.shared <= 48 << 10


def test_a_texts_key_and_request_carry_the_text_for_blocks() -> None:
    kernel = multiply_tiled(TILES[3], True)
    asked = CardKernel(kernel, (9, 0))
    assert requested(asked.request()).key == asked.key
    # The processor's code is the same, the card's is not.
    plain = generated(kernel.name, kernel.text)
    assert plain.key == kernel.key
    assert CardKernel(plain, (9, 0)).key != asked.key


def test_a_card_is_asked_for_blocks_of_the_texts_size() -> None:
    assert shape_of(Launch(multiply_tiled(TILES[0], True), 5, (0, 0, 0, 0))) == (5, 256)
    assert shape_of(Launch(multiply_tiled(TILES[-1], True), 5, (0, 0, 0, 0))) == (5, 64)
    asked: list[Launch] = []

    class Noting(ProcessorCard):
        def prepare(self, launches: Sequence[Launch]) -> Sequence[Launch]:
            asked.extend(launches)
            return super().prepare(launches)

    space, plan = plan_of(True)
    with closing(CudaDevice(space, [plan], Noting())):
        found = [(launch.kernel.name, launch.groups) for launch in asked if launch.kernel.blocks is not None]
    assert found
    assert found == [(call.kernel.name, call.arguments[0]) for call in plan.calls if call.kernel.blocks is not None]


def test_sizes_of_tiles_fit_threads() -> None:
    for tile in TILES:
        assert tile.threads % 32 == 0
        # A warp is 4 threads high and 8 wide, each brings whole rows of both sides, and runs are of four.
        assert tile.rows // tile.high % 4 == tile.columns // tile.wide % 8 == 0
        assert tile.threads % tile.rows == tile.threads % tile.columns == tile.threads % tile.steps == 0
        assert tile.rows * tile.steps % tile.threads == tile.columns * tile.steps % tile.threads == 0


# When they are chosen --------------------------------------------------------------------------


def test_large_products_take_large_tiles_and_small_ones_none() -> None:
    assert tile_for_product(4096, 4096, 4096) == Tile(128, 128, 8, 8, 8)
    assert tile_for_product(8, 16, 8) is None
    assert tile_for_product(1, 128, 64) is None
    # 512 x 128 would be four of the largest tiles, for a hundred multiprocessors.
    chosen = tile_for_product(512, 128, 784)
    assert chosen is not None
    assert 512 * 128 // (chosen.rows * chosen.columns) >= 32
    # Few filters, many pixels.
    chosen = tile_for_product(16, 65_536, 144)
    assert chosen is not None
    assert chosen.rows == 16


def test_few_weights_are_summed_in_slices() -> None:
    found = tile_for_correlation(144, 16, 1024, 64)
    assert found is not None
    tile, slices = found
    assert slices * -(-144 // tile.rows) * -(-16 // tile.columns) >= 64
    # No slice is empty.
    for pixels in (5, 7, 100, 1000):
        found = tile_for_correlation(144, 32, pixels, 256)
        assert found is not None
        assert 0 < pixels - (found[1] - 1) * -(-pixels // found[1]) <= -(-pixels // found[1])
    many = tile_for_correlation(4096, 4096, 16, 64)
    assert many is not None
    assert many[1] == 1


def test_a_convolution_is_lowered_to_tiles_on_a_card_alone_and_its_work_is_known() -> None:
    (_, there), (_, here) = plan_of(True), plan_of(False)
    assert not any("tiled" in call.kernel.name for call in here.calls)
    names = {call.kernel.name for call in there.calls}
    assert {name.partition("_tiled")[0] for name in names if "tiled" in name} == {"multiply", "correlate"}
    assert "add_slices" in names
    # The same multiplications as on the processor, whose weight gradient has the bias's sums in it.
    products = ("multiply", "correlate", "outer")
    work = [sum(cost_of(c, plan).operations for c in plan.calls if c.kernel.name.startswith(products)) for plan in (there, here)]
    np.testing.assert_allclose(work[0], work[1], rtol=0.01)
