"""Each kernel call of training steps, on the processor and in numba-cuda's simulator, from the same state.

A process of its own, since the simulator must be asked for before Numba is imported. It prints one JSON
object: by kernel, how many calls there were, how many numbers they changed, and the largest difference.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
os.environ["STUDIO_LANES"] = "4"
sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

import numpy as np
from networks import classifier, clouds, layer, network, optimizer

from studio.bench.examples import Example, example_of
from studio.core import registry
from studio.core.layer import Loss
from studio.core.problems import ShapeProblem
from studio.cuda.card import Launch
from studio.engine import card_peaks
from studio.engine import network as networks_of_the_processor
from studio.engine.arena import SharedSpace
from studio.engine.cpu_device import runner_of
from studio.engine.cuda_device import blocks_of, shares
from studio.engine.network import Network
from studio.kernels import control, penalties, state
from studio.kernels.simd import LANES
from studio.layers.dense import Dense
from studio.testing.optimizers import variants_of
from studio.testing.simulated_card import SimulatedCard

# The simulator's main thread asks all others again and again whether they wait: it must not do so for long.
sys.setswitchinterval(1e-4)
card = SimulatedCard()
# All is lowered as for a card, also what the processor runs for comparison.
networks_of_the_processor.SharedSpace = lambda lanes, on_card: SharedSpace(lanes, True)  # type: ignore[assignment,misc]
# Arrays are small here: they are cut into parts all the same.
penalties._PART, penalties._FEWEST = 1, 2
#: Samples of a minibatch: the last vector is not full.
BATCH = 6
#: Calls of each kernel that are compared, more where none of them changed anything: what copies and gathers is in
#: each network, and would take half of the time.
MOST_CALLS = 5
#: Groups that share loops: no divisor of most of what they share.
GROUPS = 3


def differences(net: Network, found: dict[str, list[float]]) -> None:
    """Run a step's calls one by one, each on both sides."""
    bound, arena = net.train_plan, net.device.arena
    record, own = bound.records[0], bound.states[0]
    # What the runner does when a step begins.
    own[state.TOTAL] = own[state.VALID] = min(own[state.BATCH], own[state.SAMPLES])
    own[state.FIRST] = 0
    place = 1
    for call in bound.plan.calls:
        length = int(record[place + 1])
        addresses = arena.ctypes.data, record.ctypes.data + 8 * place, bound.table.ctypes.data, own.ctypes.data
        place += length
        if call.kernel is control.barrier:  # between threads of the processor
            continue
        counts = found.setdefault(call.kernel.name, [0, 0, 0.0])
        if counts[0] >= MOST_CALLS and counts[1]:
            runner_of(call.kernel)(*addresses)
            continue
        before = arena.copy(), bound.sums.copy()
        runner_of(call.kernel)(*addresses)
        after = arena.copy(), bound.sums.copy()
        arena[:], bound.sums[:] = before
        groups = GROUPS if shares(call.kernel) else 1
        card.run([Launch(call.kernel, groups if call.kernel.blocks is None else blocks_of(call), addresses)], 1)
        changed = int((after[0].view(np.uint32) != before[0].view(np.uint32)).sum() + (after[1] != before[1]).sum())
        worst = max(difference(arena, after[0]), difference(bound.sums.reshape(-1), after[1].reshape(-1)))
        found[call.kernel.name] = [counts[0] + 1, counts[1] + changed, max(counts[2], worst)]
        arena[:], bound.sums[:] = after


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference, as a share of the number or of what is near it; infinite for NaN in one of them."""
    bits = np.dtype(f"u{one.itemsize}")
    different = one.view(bits) != other.view(bits)  # integers that lie among the floats are equal to the last bit
    if not different.any():
        return 0.0
    a, b = one[different].astype(np.float64), other[different].astype(np.float64)
    scale = np.maximum(np.abs(b), 1e-2)
    return float(np.nan_to_num(np.abs(a - b) / scale, nan=np.inf).max())


def kind(name: str) -> str:
    """What a kernel has in common with others of other tile sizes."""
    return re.sub(r"\d+", "#", name)


def examples() -> Iterator[Example]:
    """All examples of layers and losses as they are declared, which is small and uneven, and all optimizers."""
    for name in sorted(registry.layers()):
        for one, shapes in registry.layer(name).examples():
            for activation in ("", "softmax") if isinstance(one, Loss) else ("",):
                try:
                    yield example_of(one, shapes, activation)
                except (ShapeProblem, ValueError, TypeError, IndexError):
                    continue  # a loss that does not take such outputs
    dense = example_of(Dense(units=3), ((4,),))
    for name in sorted(registry.optimizers()):
        for using in variants_of(registry.optimizer(name)):
            yield dataclasses.replace(dense, title=name, training=dataclasses.replace(dense.training, optimizer=using))


def networks() -> Iterator[Network]:
    """A small network whose layers meet each other; then, of the examples, those with kernels of other kinds."""
    points = clouds(12)
    mlp, data, _ = classifier(
        layer("Dense", units=5, activation="tanh"), layer("BatchNormalization"), layer("Dropout", rate=0.3)
    )
    first = network(mlp, {data: points}, batch_size=BATCH, using=optimizer("Adam"))
    seen = {kind(call.kernel.name) for call in first.train_plan.plan.calls}
    yield first
    # Attention's kernels are the same for all masks: the first example has none, the last one has dropout and padding too.
    masks = registry.layer("MultiHeadAttention").examples()
    masked = [example_of(*masks[0]), example_of(*masks[-1])]
    for number, example in enumerate((*masked, *examples())):
        try:
            names = {kind(call.kernel.name) for call in example.plan().calls}
        except (ShapeProblem, ValueError, TypeError, IndexError, RuntimeError):
            continue
        if names <= seen and number >= len(masked):
            continue
        seen |= names
        yield dataclasses.replace(example, training=dataclasses.replace(example.training, batch_size=BATCH)).network()


def peaks(found: dict[str, Any]) -> None:
    """The kernels that measure a card, on few numbers of any size; turns are of the same numbers for each group.

    In turns of others a group may change what another one has not changed yet, which makes no difference to
    the zeros that are measured with, but does here.
    """
    chunks, room = 7, 7 * 8 * LANES
    own, sums = np.zeros(state.STATE_LENGTH, np.int64), 2 * LANES
    arguments = {
        "multiply": [2, GROUPS, sums],
        "read": [2, GROUPS, 1, sums, chunks, 8 * LANES],
        "copy": [2, GROUPS, 1, chunks, 8 * LANES, 8 * LANES + room],
        "change": [2, GROUPS, 0, chunks, 8 * LANES],
    }
    numbers = np.random.default_rng(2).uniform(0.5, 1.0, 8 * LANES + 2 * room).astype(np.float32)
    for name, given in arguments.items():
        kernel = getattr(card_peaks, f"{name}_shared")
        record, sides = np.array([0, 2 + len(given), *given], np.int64), []
        for run in (runner_of(kernel), lambda *places, k=kernel: card.run([Launch(k, GROUPS, places)], 1)):
            arena = numbers.copy()
            run(arena.ctypes.data, record.ctypes.data, record.ctypes.data, own.ctypes.data)
            sides.append(arena)
        found[kernel.name] = [1, int((sides[0] != numbers).sum()), difference(*sides)]


def main() -> None:
    found: dict[str, Any] = {}
    peaks(found)
    for one in networks():
        with closing(one):
            differences(one, found)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
