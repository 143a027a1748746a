"""Each kernel call of a training step, on the processor and in numba-cuda's simulator, from the same state.

A process of its own, since the simulator must be asked for before Numba is imported. It prints one JSON
object: by kernel, how many calls there were, how many numbers they changed, and the largest difference.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
os.environ["STUDIO_LANES"] = "4"
sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

import numpy as np
from networks import chain, classifier, clouds, dataset, layer, network, optimizer, pictures
from numba import cuda

from studio.cuda.simulated import Place, SimulatedTranslation
from studio.engine.cpu_device import runner_of
from studio.engine.network import Network
from studio.kernels import control, state
from studio.kernels.jit import Kernel
from studio.kernels.simd import LANES

# The simulator's main thread asks all others again and again whether they wait: it must not do so for long.
sys.setswitchinterval(1e-4)
translation = SimulatedTranslation()
twins: dict[int, Any] = {}


def twin(kernel: Kernel) -> Any:
    """The kernel for the simulator: one block, which is one group of threads."""
    if id(kernel) not in twins:
        function = translation.kernel(kernel.function)

        def entry(arena: int, record: int, table: int, own_state: int) -> None:
            integers = [Place(address, ctypes.c_int64) for address in (record, table, own_state)]
            function(Place(arena, ctypes.c_float), *integers)

        twins[id(kernel)] = cuda.jit(entry)
    return twins[id(kernel)]


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
        before = arena.copy(), bound.sums.copy()
        runner_of(call.kernel)(*addresses)
        after = arena.copy(), bound.sums.copy()
        arena[:], bound.sums[:] = before
        twin(call.kernel)[1, LANES](*addresses)
        changed = int((after[0].view(np.uint32) != before[0].view(np.uint32)).sum() + (after[1] != before[1]).sum())
        worst = max(difference(arena, after[0]), difference(bound.sums.reshape(-1), after[1].reshape(-1)))
        counts = found.setdefault(call.kernel.name, [0, 0, 0.0])
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


def networks() -> list[Network]:
    """Small networks, whose layers use most kinds of kernels."""
    points = clouds(12)
    mlp, data, _ = classifier(
        layer("Dense", units=5, activation="tanh"), layer("BatchNormalization"), layer("Dropout", rate=0.3)
    )
    found = [network(mlp, {data: points}, batch_size=6, using=optimizer("Adam"))]
    convolutions, data, _ = classifier(
        layer("Conv2D", filters=3, kernel_size=(3, 3), padding="same", activation="relu"),
        layer("RandomRotation", factor=0.1),
        layer("MaxPooling2D", pool_size=(2, 2)),
        layer("DepthwiseConv2D", kernel_size=(3, 3), padding="same"),
        layer("LayerNormalization"),
        layer("GlobalAveragePooling2D"),
    )
    found.append(network(convolutions, {data: pictures(8)}, batch_size=4, using=optimizer("SGD", momentum=0.9)))
    generator = np.random.default_rng(5)
    words = dataset(generator.integers(0, 6, (8, 3)), generator.normal(size=(8, 2)), "values")
    for middle in (
        [layer("LSTM", units=3)],
        [layer("MultiHeadAttention", num_heads=2, key_dim=2), layer("Flatten")],
    ):
        graph, data, _ = chain(
            [layer("Embedding", input_dim=6, output_dim=4), *middle, layer("Dense", units=2, activation="gelu")],
            layer("Huber"),
        )
        found.append(network(graph, {data: words}, batch_size=4, using=optimizer("RMSprop")))
    return found


if __name__ == "__main__":
    found: dict[str, list[float]] = {}
    for one in networks():
        differences(one, found)
        one.close()
    print(json.dumps(found))
