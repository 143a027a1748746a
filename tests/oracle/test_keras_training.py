"""Whole networks: five steps from the same weights, on the same minibatches, end where Keras's end."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
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
from tests.oracle.keras_twins import KerasGraph, keras_graph, set_weights

STEPS, BATCH = 5, 16
#: Allowed difference of a weight, as a share of how far the steps have moved it.
TOLERANCE = 1e-3

Weights = Mapping[tuple[str, str], np.ndarray]


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


@dataclass(frozen=True)
class Case:
    """A network, the samples it reads, and the shape of their labels."""

    graph: Graph
    x: np.ndarray
    y_shape: tuple[int, ...] = ()


def numbers(*shape: int) -> np.ndarray:
    """Samples of any numbers."""
    return np.random.default_rng(5).normal(size=(STEPS * BATCH, *shape)).astype(np.float32)


def words(steps: int) -> np.ndarray:
    """Samples of words out of 10; some end early, where 0 stands for nothing."""
    generator = np.random.default_rng(6)
    found = generator.integers(1, 10, (STEPS * BATCH, steps))
    return np.where(np.arange(steps) < generator.integers(2, steps + 1, (STEPS * BATCH, 1)), found, 0).astype(np.float32)


class Wiring:
    """Adds layers to a graph, each with its wires."""

    def __init__(self) -> None:
        self.graph, self.data = Graph().add(layer("Data", source="rig"))

    def add(self, name: str, *sources: str | tuple[str, int] | None, **parameters: Any) -> str:
        """Add a layer that reads these nodes (their first output, or another), and give its id."""
        self.graph, node = self.graph.add(layer(name, **parameters))
        for port, source in enumerate(sources):
            if source is not None:
                before, output = source if isinstance(source, tuple) else (source, 0)
                self.graph = self.graph.connect(before, output, node, port)
        return node

    def loss(self, prediction: str) -> Graph:
        """The graph with a loss for it."""
        self.add("SparseCategoricalCrossentropy", prediction, (self.data, 1))
        return self.graph


def lenet() -> Case:
    """LeNet for pictures of 28 by 28, with ReLU and max pooling."""
    graph = chain(
        layer("Conv2D", filters=6, kernel_size=(5, 5), padding="same", activation="relu"),
        layer("MaxPooling2D"),
        layer("Conv2D", filters=16, kernel_size=(5, 5), activation="relu"),
        layer("MaxPooling2D"),
        layer("Flatten"),
        layer("Dense", units=120, activation="tanh"),
        layer("Dense", units=84, activation="tanh"),
        layer("Dense", units=10, activation="softmax"),
    )
    return Case(graph, numbers(28, 28, 1))


def residual() -> Case:
    """Two convolutions with batch normalisation and a wire around them, twice.

    Its curve is smooth: of the many numbers before a ReLU one is now and then so near 0 that it depends on the
    processor's rounding whether it passes, and then the weights' steps differ visibly.
    """
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
            before = then(before, layer("SiLU")) if curve else before
        before = then(then(before, layer("Add"), start), layer("SiLU"))
    before = then(before, layer("GlobalAveragePooling2D"))
    before = then(before, layer("Dense", units=10, activation="softmax"))
    loss = then(before, layer("SparseCategoricalCrossentropy"))
    return Case(graph.connect(data, 1, loss, 1), numbers(9, 9, 2))


def lstm() -> Case:
    """Reads a series and says what it is."""
    graph = chain(
        layer("LSTM", units=9, return_sequences=True),
        layer("LSTM", units=7),
        layer("Dense", units=10, activation="softmax"),
    )
    return Case(graph, numbers(8, 3))


def lstm_of_words() -> Case:
    """Reads words, and skips what stands for none."""
    to = Wiring()
    vectors = to.add("Embedding", to.data, input_dim=10, output_dim=6)
    read = to.add("LSTM", vectors, to.data, units=7)
    return Case(to.loss(to.add("Dense", read, units=10, activation="softmax")), words(6))


def transformer() -> Case:
    """Words, their places, a block that looks at all of them, and a class."""
    to = Wiring()
    before = to.add("PositionEmbedding", to.add("Embedding", to.data, input_dim=10, output_dim=6))
    before = to.add("TransformerEncoder", before, to.data, intermediate_dim=7, num_heads=3, activation="gelu", normalize_first=True)
    before = to.add("GlobalAveragePooling1D", before)
    return Case(to.loss(to.add("Dense", before, units=10, activation="softmax")), words(7))


def translation() -> Case:
    """An encoder, and a decoder that knows the answer so far and says the next word."""
    to = Wiring()
    read = to.add("SinePositionEncoding", to.add("Embedding", to.data, input_dim=10, output_dim=6))
    read = to.add("TransformerEncoder", read, to.data, intermediate_dim=9, num_heads=2)
    said = to.add("Embedding", to.add("ShiftRight", (to.data, 1), start=10.0), input_dim=11, output_dim=6)
    said = to.add("TransformerDecoder", to.add("PositionEmbedding", said), read, to.data, intermediate_dim=9, num_heads=2)
    return Case(to.loss(to.add("Dense", said, units=10, activation="softmax")), words(7), (4,))


NETWORKS = {
    "lenet": lenet,
    "residual": residual,
    "lstm": lstm,
    "lstm-of-words": lstm_of_words,
    "transformer": transformer,
    "translation": translation,
}


def _dataset(case: Case) -> Dataset:
    samples = len(case.x)
    y = np.random.default_rng(7).integers(0, 10, (samples, *case.y_shape)).astype(np.float32)
    info = DatasetInfo("rig", case.x.shape[1:], case.y_shape, "labels", tuple("0123456789"), samples=samples)
    return Dataset(info, Split(case.x, y), Split(case.x[:0], y[:0]), Split(case.x[:0], y[:0]))


def _weights_by_node(weights: Weights, node: str) -> dict[str, np.ndarray]:
    return {name: values for (owner, name), values in weights.items() if owner == node}


def _trained(case: Case, dataset: Dataset, training: Training) -> tuple[Network, Weights, float]:
    """Our network after the steps, the weights it began with, and the mean loss."""
    data = next(n.id for n in case.graph.nodes if n.layer.family == "Data")
    network = Network(case.graph, training, {data: dataset}, 2, compile_ahead)
    start = network.weights()
    assert network.train(STEPS) == STEPS
    return network, start, network.total_loss(network.take_sums())


@pytest.mark.parametrize("name", NETWORKS)
def test_five_steps_end_at_keras_s_weights(name: str) -> None:
    case = NETWORKS[name]()
    dataset = _dataset(case)
    twin: KerasGraph | None = None
    for optimizer in (SGD(learning_rate=0.05, momentum=0.9), Adam()):
        training = Training(optimizer=optimizer, batch_size=BATCH)
        network, start, loss = _trained(case, dataset, training)
        with closing(network):
            twin = twin or keras_graph(case.graph, network.inference)
            end = network.weights()
        variables = {
            (node, k): v for node, each in twin.layers.items() for k, v in set_weights(each, _weights_by_node(start, node)).items()
        }
        values = {n: getattr(optimizer, n) for n in optimizer.parameters() if n in ("learning_rate", "momentum")}
        kind = getattr(keras.optimizers, optimizer.type_name())
        twin.model.compile(optimizer=kind(**values), loss="sparse_categorical_crossentropy")
        order = epoch_order(len(dataset.train), training.seed, 0)
        losses = []
        for step in range(STEPS):
            chosen = order[step * BATCH : (step + 1) * BATCH]
            x, y = dataset.train.x[chosen], dataset.train.y[chosen]
            losses.append(float(twin.model.train_on_batch([x, y][: len(twin.model.inputs)], y)))
            twin.model.reset_metrics()
        assert loss == pytest.approx(np.mean(losses), rel=1e-4)
        for key, variable in variables.items():
            moved = np.abs(end[key] - start[key]).max()
            assert moved > 0
            error = np.abs(end[key] - np.asarray(variable.value)).max()
            # Biases of attention's keys have no slope but for rounding, so that they hardly move.
            assert error <= TOLERANCE * moved + 5e-6, f"{name}, {optimizer.type_name()}: {key}"
