"""Vectors of any width give the same networks, and so does a processor without any instruction set beyond the plain one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import json
from contextlib import closing
import numpy as np
from studio.core import registry
from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.document import Training
from studio.core.graph import Graph
from studio.engine.network import Network
from studio.kernels.jit import compile_ahead
from studio.kernels.simd import LANES

generator = np.random.default_rng(0)
PICTURES = generator.normal(size=(45, 6, 5, 2))
NETWORKS = {
    "pictures": (PICTURES, "Adam", 0.01, (
        ("Conv2D", dict(filters=3, kernel_size=3, padding="same", activation="relu")),
        ("MaxPooling2D", {}),
        ("BatchNormalization", {}),
        ("Flatten", {}),
        ("Dense", dict(units=11, activation="tanh")),
        ("Dropout", dict(rate=0.3)),
    )),
    "parts of convolutions": (PICTURES, "SGD", 0.05, (
        ("SeparableConv2D", dict(filters=5, kernel_size=3, padding="same", activation="elu")),
        ("Conv2D", dict(filters=7, kernel_size=2, strides=2)),
        ("Conv2DTranspose", dict(filters=3, kernel_size=3, strides=2, padding="same")),
        ("AveragePooling2D", {}),
        ("LayerNormalization", {}),
        ("GlobalAveragePooling2D", {}),
    )),
    "words": (generator.integers(0, 9, (45, 6)), "SGD", 0.05, (
        ("Embedding", dict(input_dim=9, output_dim=8)),
        ("PositionEmbedding", {}),
        ("TransformerEncoder", dict(intermediate_dim=12, num_heads=2)),
        ("LSTM", dict(units=5, return_sequences=True)),
        ("GRU", dict(units=7)),
    )),
}


def trained(x, optimizer, rate, layers, threads):
    graph, data = Graph().add(registry.layer("Data")())
    before = data
    for name, values in (*layers, ("Dense", dict(units=3, activation="softmax"))):
        graph, node = graph.add(registry.layer(name)(**values))
        graph = graph.connect(before, 0, node, 0)
        before = node
    graph, loss = graph.add(registry.layer("SparseCategoricalCrossentropy")())
    graph = graph.connect(before, 0, loss, 0).connect(data, 1, loss, 1)
    x, y = x.astype(np.float32), (np.arange(45) % 3).astype(np.float32)
    words = tuple(str(n) for n in range(9)) if x.ndim == 2 else ()
    info = DatasetInfo("lanes", x.shape[1:], (), "labels", ("a", "b", "c"), vocabulary=words)
    sets = {data: Dataset(info, Split(x, y), Split(x[:0], y[:0]), Split(x[:0], y[:0]))}
    training = Training(optimizer=registry.optimizer(optimizer)(learning_rate=rate), batch_size=19)
    with closing(Network(graph, training, sets, threads, compile_ahead)) as network:
        network.train(5)
        loss = float(network.take_sums().loss.sum())
        weights = [w.ravel().tolist() for _, w in sorted(network.weights().items())]
        return [loss, sum(weights, [])]


found = {name: [trained(*network, threads) for threads in (1, 2)] for name, network in NETWORKS.items()}
print(json.dumps({"lanes": LANES, "found": found}))
"""

#: No AVX, no fused multiplication and addition: what any x86-64 or ARM processor has.
PLAIN = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}


def trained(lanes: str, **settings: str) -> dict[str, list]:  # type: ignore[type-arg]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "STUDIO_LANES": lanes, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["lanes"] == int(lanes)
    return answer["found"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def wide() -> dict[str, list]:  # type: ignore[type-arg]
    return trained("16")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("lanes", "settings"), [("8", {}), ("4", PLAIN)], ids=["8", "plain"])
def test_narrower_vectors_train_the_same_networks(wide, lanes: str, settings: dict[str, str]) -> None:
    narrow = trained(lanes, **settings)
    assert narrow.keys() == wide.keys()
    for name, threads in narrow.items():
        for mine, theirs in zip(threads, wide[name], strict=True):
            assert mine[0] == pytest.approx(theirs[0], rel=1e-4), name
            # Adam divides by the size of the gradient, so tiny ones may go either way.
            assert mine[1] == pytest.approx(theirs[1], abs=2e-3 if name == "pictures" else 2e-5), name


def test_one_and_two_threads_train_the_same_networks(wide) -> None:
    for name, (one, two) in wide.items():
        if name != "pictures":  # what is dropped there is other samples' numbers
            assert two[0] == pytest.approx(one[0], rel=1e-4), name
            assert two[1] == pytest.approx(one[1], abs=2e-5), name
