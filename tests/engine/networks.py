"""Small networks and data sets for the tests of the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.core import registry
from studio.core.dataset import Dataset, DatasetInfo, Split, TargetKind
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.layer import Layer
from studio.core.optimizer import Optimizer
from studio.engine.messages import TrainingState
from studio.engine.network import Network
from studio.engine.run import TrainingRun
from studio.kernels.jit import compile_ahead


def layer(name: str, **values: object) -> Layer:
    """A layer by name."""
    return registry.layer(name)(**values)  # type: ignore[arg-type]


def optimizer(name: str = "SGD", **values: object) -> Optimizer:
    """An optimizer by name."""
    found = registry.optimizer(name)(**values)  # type: ignore[arg-type]
    assert isinstance(found, Optimizer)
    return found


def dataset(
    x: np.ndarray, y: np.ndarray, target: TargetKind, classes: int = 0, validation: int = 0, plane: bool = False
) -> Dataset:
    """A data set whose last `validation` samples are kept aside."""
    x, y = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.float32)
    names = tuple(f"class {i}" for i in range(classes))
    info = DatasetInfo("test", x.shape[1:], y.shape[1:], target, names, samples=len(x), plane=plane)
    count = len(x) - validation
    return Dataset(info, Split(x[:count], y[:count]), Split(x[count:], y[count:]), Split(x[:0], y[:0]))


def clouds(samples: int = 90, features: int = 4, classes: int = 3, validation: int = 0, seed: int = 1) -> Dataset:
    """Points around one centre a class, with class numbers."""
    generator = np.random.default_rng(seed)
    labels = np.arange(samples) % classes
    centres = generator.normal(size=(classes, features)) * 2.0
    x = centres[labels] + generator.normal(size=(samples, features))
    return dataset(x, labels, "labels", classes, validation, plane=features == 2)


def pictures(samples: int = 40, classes: int = 3, seed: int = 2) -> Dataset:
    """Noise with a bright row, whose place is the class."""
    generator = np.random.default_rng(seed)
    labels = np.arange(samples) % classes
    x = generator.normal(size=(samples, 6, 5, 2)) * 0.5
    x[np.arange(samples), labels * 2] += 1.0
    return dataset(x, labels, "labels", classes)


def chain(layers: Sequence[Layer], loss: Layer) -> tuple[Graph, str, list[str]]:
    """Data, the layers in a row, and the loss: the graph, the Data node, the layers' nodes."""
    graph, data = Graph().add(layer("Data"))
    before, nodes = data, []
    for one in layers:
        graph, node = graph.add(one)
        graph = graph.connect(before, 0, node, 0)
        nodes.append(node)
        before = node
    graph, end = graph.add(loss)
    graph = graph.connect(before, 0, end, 0).connect(data, 1, end, 1)
    return graph, data, [*nodes, end]


def classifier(*layers: Layer, classes: int = 3) -> tuple[Graph, str, list[str]]:
    """A network that ends in softmax and its loss."""
    last = layer("Dense", units=classes, activation="softmax")
    return chain([*layers, last], layer("SparseCategoricalCrossentropy"))


def network(
    graph: Graph,
    data: dict[str, Dataset],
    threads: int = 1,
    batch_size: int = 8,
    seed: int = 0,
    using: Optimizer | None = None,
) -> Network:
    """A network ready to train."""
    training = Training(optimizer=using or optimizer(), batch_size=batch_size, seed=seed)
    return Network(graph, training, data, threads, compile_ahead)


def run(
    graph: Graph, data: dict[str, Dataset], threads: int = 1, batch_size: int = 8, using: Optimizer | None = None
) -> TrainingRun:
    """A training run."""
    training = Training(optimizer=using or optimizer(), batch_size=batch_size, threads=threads)
    return TrainingRun(graph, training, data, compile_ahead)


def require_equal_states(one: TrainingState, other: TrainingState) -> None:
    """Equal to the last bit."""
    assert one.weights.keys() == other.weights.keys()
    assert one.slots.keys() == other.slots.keys()
    for key, values in one.weights.items():
        assert np.array_equal(values, other.weights[key]), key
    for slot, values in one.slots.items():
        assert np.array_equal(values, other.slots[slot]), slot
    assert (one.step, one.epoch, one.position, one.seed) == (other.step, other.epoch, other.position, other.seed)
