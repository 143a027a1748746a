"""Whole networks: five steps from the same weights, on the same minibatches, end where Keras's end."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from studio.core import registry
from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.layer import Layer
from studio.engine.network import Network
from studio.engine.optimizers.adam import Adam
from studio.engine.optimizers.sgd import SGD
from studio.engine.shuffling import epoch_order
from studio.kernels.jit import compile_ahead
from studio.testing.declarations import require_close
from tests.oracle.keras_twins import keras_graph, set_weights

STEPS, BATCH = 5, 16
TOLERANCE = 1e-3


def layer(name: str, **parameters: Any) -> Layer:
    """A layer by its registered name."""
    return registry.layer(name)(**parameters)


def chain(*layers: Layer) -> Graph:
    """Data, the layers one after the other, and a loss that reads class numbers."""
    graph, data = Graph().add(layer("Data", source="rig"))
    before = data
    for each in (*layers, layer("SparseCategoricalCrossentropy")):
        graph, node = graph.add(each)
        graph = graph.connect(before, 0, node, 0)
        before = node
    return graph.connect(data, 1, before, 1)


def lenet() -> tuple[Graph, tuple[int, ...]]:
    """LeNet for pictures of 28 by 28, with ReLU and max pooling."""
    return chain(
        layer("Conv2D", filters=6, kernel_size=(5, 5), padding="same", activation="relu"),
        layer("MaxPooling2D"),
        layer("Conv2D", filters=16, kernel_size=(5, 5), activation="relu"),
        layer("MaxPooling2D"),
        layer("Flatten"),
        layer("Dense", units=120, activation="tanh"),
        layer("Dense", units=84, activation="tanh"),
        layer("Dense", units=10, activation="softmax"),
    ), (28, 28, 1)


def residual() -> tuple[Graph, tuple[int, ...]]:
    """Two convolutions with batch normalisation and a wire around them, twice."""
    graph, data = Graph().add(layer("Data", source="rig"))

    def then(before: str, each: Layer, other: str = "") -> str:
        nonlocal graph
        graph, node = graph.add(each)
        graph = graph.connect(before, 0, node, 0)
        if other:
            graph = graph.connect(other, 0, node, 1)
        return node

    before = then(data, layer("Conv2D", filters=8, padding="same", use_bias=False))
    for _ in range(2):
        start = before
        for curve in (True, False):
            before = then(before, layer("Conv2D", filters=8, padding="same", use_bias=False))
            before = then(before, layer("BatchNormalization"))
            before = then(before, layer("ReLU")) if curve else before
        before = then(then(before, layer("Add"), start), layer("ReLU"))
    before = then(before, layer("GlobalAveragePooling2D"))
    before = then(before, layer("Dense", units=10, activation="softmax"))
    loss = then(before, layer("SparseCategoricalCrossentropy"))
    return graph.connect(data, 1, loss, 1), (9, 9, 2)


NETWORKS = {"lenet": lenet, "residual": residual}


def _dataset(shape: tuple[int, ...]) -> Dataset:
    generator = np.random.default_rng(5)
    samples = STEPS * BATCH
    x = generator.normal(size=(samples, *shape)).astype(np.float32)
    y = generator.integers(0, 10, samples).astype(np.float32)
    info = DatasetInfo("rig", shape, (), "labels", tuple("0123456789"), samples=samples)
    return Dataset(info, Split(x, y), Split(x[:0], y[:0]), Split(x[:0], y[:0]))


def _weights_by_node(weights: Mapping[tuple[str, str], np.ndarray], node: str) -> dict[str, np.ndarray]:
    return {name: values for (owner, name), values in weights.items() if owner == node}


@pytest.mark.parametrize("optimizer", [SGD(learning_rate=0.05, momentum=0.9), Adam()], ids=["sgd", "adam"])
@pytest.mark.parametrize("name", NETWORKS)
def test_five_steps_end_at_keras_s_weights(name: str, optimizer: Any) -> None:
    graph, shape = NETWORKS[name]()
    data = next(n.id for n in graph.nodes if n.layer.family == "Data")
    dataset = _dataset(shape)
    training = replace(Training(optimizer=optimizer), batch_size=BATCH)
    with closing(Network(graph, training, {data: dataset}, 2, compile_ahead)) as network:
        start = network.weights()
        twin = keras_graph(graph, network.inference)
        variables = {
            (node, k): v for node, each in twin.layers.items() for k, v in set_weights(each, _weights_by_node(start, node)).items()
        }
        assert network.train(STEPS) == STEPS
        loss = network.total_loss(network.take_sums())
        end = network.weights()
    theirs = getattr(keras.optimizers, optimizer.type_name())(**{n: getattr(optimizer, n) for n in optimizer.parameters() if n in ("learning_rate", "momentum")})
    twin.model.compile(optimizer=theirs, loss="sparse_categorical_crossentropy")
    order = epoch_order(len(dataset.train), training.seed, 0)
    losses = []
    for step in range(STEPS):
        chosen = order[step * BATCH : (step + 1) * BATCH]
        losses.append(float(twin.model.train_on_batch(dataset.train.x[chosen], dataset.train.y[chosen])))
        twin.model.reset_metrics()
    assert loss == pytest.approx(np.mean(losses), rel=1e-4)
    for key, variable in variables.items():
        moved = np.abs(end[key] - start[key]).max()
        assert moved > 0
        require_close(end[key], np.asarray(variable.value), TOLERANCE, f"{name}: {key}")


