"""The workloads of the benchmark: ordinary documents, and made-up samples of fixed sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from studio.core import registry
from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.document import Document, Training
from studio.core.graph import Graph
from studio.core.layer import Layer
from studio.core.shapes import Shape

#: Seed of the samples and of the initial weights. One where, in the compared steps, no two pixels
#: of a pooling window are so near to each other that rounding decides which is the larger: that
#: would send gradients another way and libraries that are all right would drift apart.
SEED = 2
#: Pixels between two nodes of a chain on the canvas.
_NODE_DISTANCE = 192.0


@dataclass(frozen=True)
class Goal:
    """What a workload should reach.

    Parameters
    ----------
    step_us : float
        Microseconds a step on the machine of the design notes.
    torch, jax, keras : float or None
        How many times faster than the fastest way of using that library; None without a goal.
    """

    step_us: float
    torch: float
    jax: float
    keras: float | None = None


@dataclass(frozen=True)
class CardGate:
    """What a workload must reach on a graphics card, against PyTorch on the same card.

    Parameters
    ----------
    times : float
        How many times faster it must be at the least.
    variant : str
        Than which way of using PyTorch; empty for the fastest of them.
    """

    times: float = 1.0
    variant: str = ""


#: Of small networks on a card: between an eager step's operations it waits for Python.
SMALL_ON_CARD = CardGate(5.0, "eager")


@dataclass(frozen=True)
class Workload:
    """A network, its training settings and its samples.

    Parameters
    ----------
    key : str
        One letter, for the command line.
    title : str
        One line for the table.
    samples : int
        Training samples: whole minibatches, so that each step of each library is the same work.
    x_shape : Shape
        Of one sample, channels last.
    classes : int
        How many classes the labels have.
    batch_size : int
    optimizer : str
        A registered optimizer, with its defaults but for the learning rate.
    learning_rate : float
    layers : callable
        Makes the layers between Data and Loss, in order.
    loss : str
        A registered loss.
    goal : Goal
    gate : float
        How many times faster than the fastest peer it must be at the least.
    card_gate : CardGate
        The same on a card.
    compared_steps : int
        Minibatches whose losses must agree with the peers'. Many pooling windows and an optimizer
        that enlarges small gradients let rounding grow, so that after more steps the peers differ
        from each other too.
    """

    key: str
    title: str
    samples: int
    x_shape: Shape
    classes: int
    batch_size: int
    optimizer: str
    learning_rate: float
    layers: Callable[[], Sequence[Layer]]
    loss: str
    goal: Goal
    gate: float = 1.0
    card_gate: CardGate = CardGate()
    compared_steps: int = 20

    def document(self) -> Document:
        """The workload as a document, such as the window opens.

        Raises
        ------
        studio.core.registry.UnknownName
            When a layer of it is not there.
        """
        source = _layer("Data", source="digits", resize=28 if self.x_shape == (28, 28, 1) else 0)
        graph, data = Graph().add(source)
        chain = [data]
        for layer in (*self.layers(), _layer(self.loss)):
            graph, node = graph.add(layer)
            graph = graph.connect(chain[-1], 0, node, 0)
            chain.append(node)
        graph = graph.connect(data, 1, chain[-1], 1)
        positions = {node: (i * _NODE_DISTANCE, 0.0) for i, node in enumerate(chain)}
        optimizer = registry.optimizer(self.optimizer)(learning_rate=self.learning_rate)  # type: ignore[call-arg]
        training = Training(optimizer=optimizer, batch_size=self.batch_size, epochs=1_000_000, seed=SEED)
        return Document(graph, positions, training, title=self.title)

    def dataset(self) -> Dataset:
        """Samples drawn from a normal distribution, with labels that a network can learn.

        Returns
        -------
        Dataset
            float32; no validation and test samples.
        """
        random = np.random.default_rng(SEED)
        x = random.standard_normal((self.samples, *self.x_shape)).astype(np.float32)
        flat = x.reshape(self.samples, -1)
        y = flat[:, 0] * flat[:, 1] > 0 if self.classes == 2 else flat[:, : self.classes].argmax(1)
        info = DatasetInfo(
            title=self.title,
            x_shape=self.x_shape,
            y_shape=(),
            target="labels",
            classes=tuple(str(n) for n in range(self.classes)),
            samples=self.samples,
            plane=self.x_shape == (2,),
        )
        nothing = Split(x[:0], np.zeros(0, np.float32))
        return Dataset(info, Split(x, y.astype(np.float32)), nothing, nothing)


def _layer(name: str, **parameters: object) -> Layer:
    return registry.layer(name)(**parameters)  # type: ignore[arg-type]


def _dense(sizes: Sequence[int], activation: str, last: str) -> list[Layer]:
    kinds = [activation] * (len(sizes) - 1) + [last]
    return [_layer("Dense", units=n, activation=kind) for n, kind in zip(sizes, kinds, strict=True)]


def _lenet() -> list[Layer]:
    return [
        _layer("Conv2D", filters=6, kernel_size=(5, 5), activation="relu"),
        _layer("MaxPooling2D", pool_size=(2, 2)),
        _layer("Conv2D", filters=16, kernel_size=(5, 5), activation="relu"),
        _layer("MaxPooling2D", pool_size=(2, 2)),
        _layer("Flatten"),
        *_dense((120, 84, 10), "relu", "softmax"),
    ]


def _six_convolutions() -> list[Layer]:
    layers: list[Layer] = []
    for filters in (16, 32, 64):
        for _ in range(2):
            layers += [
                _layer("Conv2D", filters=filters, kernel_size=(3, 3), padding="same"),
                _layer("BatchNormalization"),
                _layer("ReLU"),
            ]
        layers.append(_layer("MaxPooling2D", pool_size=(2, 2)))
    return [*layers, _layer("Flatten"), *_dense((10,), "relu", "softmax")]


def _transformer_blocks(count: int) -> list[Layer]:
    return [_layer("TransformerEncoder", intermediate_dim=256, num_heads=4) for _ in range(count)]


WORKLOADS: dict[str, Workload] = {
    w.key: w
    for w in (
        Workload(
            "a",
            "MLP 2-8-8-1 tanh, batch 10, SGD",
            *(1000, (2,), 2, 10, "SGD", 0.05),
            lambda: _dense((8, 8, 1), "tanh", "sigmoid"),
            "BinaryCrossentropy",
            Goal(0.45, 350.0, 10.0, 290.0),
            gate=5.0,
            card_gate=SMALL_ON_CARD,
        ),
        Workload(
            "b",
            "MLP 64-128-64-10 relu, batch 32, SGD",
            *(2048, (64,), 10, 32, "SGD", 0.05),
            lambda: _dense((128, 64, 10), "relu", "softmax"),
            "SparseCategoricalCrossentropy",
            Goal(9.0, 25.0, 3.0, 20.0),
            gate=1.5,
            card_gate=SMALL_ON_CARD,
        ),
        Workload(
            "c",
            "MLP 784-512-512-10 relu, batch 128, Adam",
            *(4096, (784,), 10, 128, "Adam", 0.001),
            lambda: _dense((512, 512, 10), "relu", "softmax"),
            "SparseCategoricalCrossentropy",
            Goal(1050.0, 3.0, 1.4, 2.0),
            gate=1.15,
        ),
        Workload(
            "d",
            "LeNet 28x28, batch 64, Adam",
            *(4096, (28, 28, 1), 10, 64, "Adam", 0.001),
            _lenet,
            "SparseCategoricalCrossentropy",
            Goal(300.0, 7.0, 14.0, 16.0),
            gate=3.0,
        ),
        Workload(
            "e",
            "six 3x3 convolutions 16/32/64 with BN, 32x32x3, batch 64, Adam",
            *(2048, (32, 32, 3), 10, 64, "Adam", 0.001),
            _six_convolutions,
            "SparseCategoricalCrossentropy",
            Goal(10500.0, 1.7, 6.0, 6.0),
            gate=1.2,
            compared_steps=5,
        ),
        Workload(
            "f",
            "LSTM of 64 units, 50 steps of 32 numbers, batch 32, Adam",
            *(1024, (50, 32), 10, 32, "Adam", 0.001),
            lambda: [_layer("LSTM", units=64), *_dense((10,), "relu", "softmax")],
            "SparseCategoricalCrossentropy",
            Goal(500.0, 5.0, 6.5),
            gate=2.0,
        ),
        Workload(
            "g",
            "two Transformer blocks 64 wide, 4 heads, 64 steps, batch 32, Adam",
            *(1024, (64, 64), 10, 32, "Adam", 0.001),
            lambda: [*_transformer_blocks(2), _layer("GlobalAveragePooling1D"), *_dense((10,), "relu", "softmax")],
            "SparseCategoricalCrossentropy",
            Goal(7000.0, 2.5, 1.5),
            gate=1.2,
        ),
    )
}
