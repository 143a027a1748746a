"""Narrower vectors give the same network: the same text runs on any processor."""

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

graph, data = Graph().add(registry.layer("Data")())
before = data
for name, values in (
    ("Conv2D", dict(filters=3, kernel_size=3, padding="same", activation="relu")),
    ("MaxPooling2D", {}),
    ("BatchNormalization", {}),
    ("Flatten", {}),
    ("Dense", dict(units=11, activation="tanh")),
    ("Dropout", dict(rate=0.3)),
    ("Dense", dict(units=3, activation="softmax")),
):
    graph, node = graph.add(registry.layer(name)(**values))
    graph = graph.connect(before, 0, node, 0)
    before = node
graph, loss = graph.add(registry.layer("SparseCategoricalCrossentropy")())
graph = graph.connect(before, 0, loss, 0).connect(data, 1, loss, 1)
generator = np.random.default_rng(0)
x = generator.normal(size=(45, 6, 5, 2)).astype(np.float32)
y = (np.arange(45) % 3).astype(np.float32)
info = DatasetInfo("lanes", (6, 5, 2), (), "labels", ("a", "b", "c"))
sets = {data: Dataset(info, Split(x, y), Split(x[:0], y[:0]), Split(x[:0], y[:0]))}
training = Training(optimizer=registry.optimizer("Adam")(learning_rate=0.01), batch_size=19)
found = {"lanes": LANES}
for threads in (1, 2):
    with closing(Network(graph, training, sets, threads, compile_ahead)) as network:
        network.train(5)
        loss = float(network.take_sums().loss.sum())
        weights = [w.ravel().tolist() for _, w in sorted(network.weights().items())]
        found[str(threads)] = [loss, sum(weights, [])]
print(json.dumps(found))
"""


def trained(lanes: str) -> dict[str, list]:  # type: ignore[type-arg]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "STUDIO_LANES": lanes},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["lanes"] == int(lanes)
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("lanes", ["4", "8"])
def test_narrower_vectors_train_the_same_network(lanes: str) -> None:
    wide, narrow = trained("16"), trained(lanes)
    for threads in ("1", "2"):
        assert narrow[threads][0] == pytest.approx(wide[threads][0], rel=1e-4)
        # Adam divides by the size of the gradient, so tiny ones may go either way.
        assert narrow[threads][1] == pytest.approx(wide[threads][1], abs=2e-3)
