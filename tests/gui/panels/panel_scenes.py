"""Sessions with made-up training for the panels' tests: real data, networks of plain NumPy.

The trainer here computes exactly what was asked for in the last `Watch`, so a test sees
whether a panel asks for what it draws.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.document import Document
from studio.core.graph import Graph
from studio.core.registry import layer
from studio.engine.commands import Command, Watch
from studio.engine.history import History
from studio.engine.messages import Evaluation, NodeView, Scatter, Snapshot
from studio.gui.live import Live
from studio.gui.session import Session

Forward = Callable[[np.ndarray], dict[str, np.ndarray]]


class MadeUpTrainer:
    """Publishes snapshots of a fixed function; counts what it was asked."""

    def __init__(self, graph: Graph, datasets: dict[str, Dataset], forward: Forward, history: History) -> None:
        self.graph, self.datasets, self.forward, self.history = graph, datasets, forward, history
        self.sent: list[Command] = []
        self.watch = Watch()
        self.problem = None
        self._whole: dict[str, np.ndarray] = {}
        self.snapshot = Snapshot()

    def send(self, command: Command) -> None:
        self.sent.append(command)
        if isinstance(command, Watch):
            self.watch = command
            self.publish()

    def take(self) -> Snapshot:
        return self.snapshot

    def export_state(self, timeout: float = 10.0) -> None:
        """There are no weights here."""

    def publish(self, **changes: object) -> Snapshot:
        """Make a new snapshot of what is watched."""
        serial = self.snapshot.serial + 1
        if not self.datasets:
            self.snapshot = Snapshot(serial=serial, graph=self.graph)
            return self.snapshot
        dataset = next(iter(self.datasets.values()))
        check = dataset.validation
        first = self.watch.sample
        probe = check.x[first : first + 16]
        if not self._whole:
            self._whole = self.forward(check.x)
        seen = {k: v[first : first + 16] for k, v in self._whole.items()}
        own = self.watch.own if self.watch.own is not None and self.watch.own.x.shape == probe.shape[1:] else None
        if own is not None:
            probe = np.concatenate([own.x[None], probe[1:]])
            seen = self.forward(probe)
        extent = (-1.15, 1.15, -1.15, 1.15)
        planes: dict[str, np.ndarray] = {}
        if dataset.info.plane and self.watch.nodes:
            n = self.watch.plane
            x, y = np.meshgrid(np.linspace(*extent[:2], n), np.linspace(*extent[2:], n))
            grid = np.stack([x, y], -1).reshape(-1, 2).astype(np.float32)
            planes = {k: v.reshape(n, n, -1) for k, v in self.forward(grid).items()}

        def many(node: str) -> Scatter | None:
            values = self._whole.get(node, np.empty(0))[:500]
            return Scatter(node, values.reshape(len(values), -1), check.y[:500]) if len(values) else None

        scored = self.graph.nodes[-2].id if self.watch.answers else ""
        validation = Evaluation(0.115, None, None, 298.0)
        if dataset.info.classes:
            output = self._whole[self.graph.nodes[-2].id]
            answers = output.argmax(-1) if output.shape[-1] > 1 else (output[:, 0] > 0.5).astype(int)
            k = len(dataset.info.classes)
            if answers.shape == check.y.shape:
                confusion = np.zeros((k, k), np.int64)
                np.add.at(confusion, (check.y.astype(int), answers), 1)
                validation = Evaluation(0.115, float(np.trace(confusion) / len(check)), confusion, 298.0)
        self.snapshot = dataclasses.replace(
            Snapshot(
                serial=serial,
                status="running",
                graph=self.graph,
                step=1,
                epoch=298.0,
                history=self.history,
                validation=validation,
                nodes={n: NodeView(seen[n], planes.get(n)) for n in self.watch.nodes if n in seen},
                probe_x=probe,
                probe_y=None if own is not None else check.y[first : first + 16],
                own=own,
                plane_extent=extent,
                scatter=many(self.watch.scatter),
                answers=many(scored),
                datasets=self.datasets,
                problem=self.problem,
            ),
            **changes,
        )
        return self.snapshot


@dataclasses.dataclass
class Scene:
    """A session, its live timer (not started) and the trainer behind it."""

    name: str
    session: Session
    live: Live
    trainer: MadeUpTrainer

    def go_on(self) -> None:
        """One round: tell the trainer what is watched, publish, and hand it out."""
        self.live.look()
        self.trainer.publish()
        self.live.look()


def scene(
    name: str, graph: Graph, datasets: dict[str, Dataset], forward: Forward, history: History | None = None
) -> Scene:
    """Put a made-up training together."""
    session = Session(lambda _graph: {k: d.info for k, d in datasets.items()})
    session.open(Document(graph))
    trainer = MadeUpTrainer(graph, datasets, forward, history if history is not None else curves())
    return Scene(name, session, Live(trainer), trainer)


def curves(epochs: int = 298, seed: int = 0) -> History:
    """Curves that fall as in the chapter, with jitter."""
    random = np.random.default_rng(seed)
    history = History()
    for i in range(epochs * 2):
        e = (i + 1) / 2
        fall = 0.7 * np.exp(-e / 190) - 0.05 * np.tanh((e - 250) / 40) + 0.02
        history.append("loss", e, max(0.02, fall * (1 + 0.03 * random.normal())))
        history.append("accuracy", e, min(1.0, 1 - 0.5 * np.exp(-e / 70) + 0.004 * random.normal()))
        if i % 2:
            history.append("val_loss", e, max(0.02, (fall + 0.016) * (1 + 0.01 * random.normal())))
            history.append("val_accuracy", e, min(1.0, 0.985 - 0.5 * np.exp(-e / 75)))
    return history


def chain(*layers: object, loss: str = "SparseCategoricalCrossentropy") -> Graph:
    """A graph in a row: Data, the layers (name, layer), and a Loss wired to both."""
    graph, source = Graph().add(layer("Data")(source="spirals"), "Data")
    before = source
    for name, made in layers:  # type: ignore[misc]
        graph, node = graph.add(made, name)
        graph = graph.connect(before, 0, node, 0)
        before = node
    graph, end = graph.add(layer(loss)(), "Loss")
    return graph.connect(before, 0, end, 0).connect(source, 1, end, 1)


def _split(info: DatasetInfo, x: np.ndarray, y: np.ndarray, seed: int = 0) -> Dataset:
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = x[order].astype(np.float32), y[order].astype(np.float32)
    a, b = int(0.7 * len(x)), int(0.95 * len(x))
    parts = [Split(np.ascontiguousarray(x[s]), np.ascontiguousarray(y[s])) for s in (slice(a), slice(a, b), slice(b, None))]
    return Dataset(info, *parts, np.zeros(1, np.float32), np.ones(1, np.float32))


def spirals(classes: int = 2) -> Scene:
    """Spirals through two layers of eight tanh units, and an output that nearly has it."""
    random = np.random.default_rng(3)
    each = 360 // classes
    t = np.sqrt(random.uniform(0.02, 1, (classes, each)))
    angle = 3.2 * np.pi * t**1.3 / 1.6 + 2 * np.pi * np.arange(classes)[:, None] / classes
    points = np.stack([t * np.cos(angle), t * np.sin(angle)], -1).reshape(-1, 2)
    points += random.normal(0, 0.025, points.shape)
    labels = np.repeat(np.arange(classes), each)
    names = ("blue", "orange") if classes == 2 else tuple("abcdefghij"[:classes])
    info = DatasetInfo("Spirals", (2,), (), "labels", names, ("x", "y"), len(points), plane=True)
    dataset = _split(info, points, labels)
    dense = layer("Dense")
    graph = chain(
        ("Hidden 1", dense(8, activation="tanh")),
        ("Hidden 2", dense(8, activation="tanh")),
        ("Output", dense(classes, activation="softmax")),
    )
    data, first, second, output = (n.id for n in graph.nodes[:4])
    w1, w2 = random.normal(0, 3, (2, 8)), random.normal(0, 1.5, (8, 8))
    b1 = random.normal(0, 0.7, 8)
    train = dataset.train
    # Around one point everything was learned wrongly.
    learned = np.where(np.square(train.x - train.x[40]).sum(1) < 0.012, (train.y + 1) % classes, train.y)

    def forward(x: np.ndarray) -> dict[str, np.ndarray]:
        h1 = np.tanh(x @ w1 + b1)
        h2 = np.tanh(h1 @ w2)
        distance = np.square(x[:, None] - train.x[None]).sum(-1)
        kernel = 1 / (distance + 0.004) ** 2
        score = np.stack([kernel[:, learned == c].sum(1) for c in range(classes)], -1)
        share = (score / score.sum(-1, keepdims=True)) ** 2
        share /= share.sum(-1, keepdims=True)
        made = {data: x, first: h1, second: h2, output: share}
        return {k: v.astype(np.float32) for k, v in made.items()}

    return scene(f"spirals{classes if classes > 2 else ''}", graph, {data: dataset}, forward)


def digits() -> Scene:
    """Handwritten digits through two convolutions and a classifier by nearest means."""
    from sklearn.datasets import load_digits

    found = load_digits()
    x = (found.images[..., None] / 16).astype(np.float32)
    info = DatasetInfo("Digits", (8, 8, 1), (), "labels", tuple("0123456789"), (), len(x))
    dataset = _split(info, (x - 0.3) / 0.4, found.target)
    dataset = dataclasses.replace(dataset, x_mean=np.full(1, 0.3, np.float32), x_scale=np.full(1, 0.4, np.float32))
    conv, dense = layer("Conv2D"), layer("Dense")
    graph = chain(
        ("Conv 1", conv(8, 3, padding="same", activation="relu")),
        ("Conv 2", conv(8, 3, padding="same", activation="relu")),
        ("Conv 3", conv(16, 3, padding="same")),
        ("Flatten", layer("Flatten")()),
        ("Dense 32", dense(32, activation="relu")),
        ("Dense 10", dense(10, activation="softmax")),
    )
    ids = [n.id for n in graph.nodes]
    random = np.random.default_rng(1)
    kernels = [random.normal(0, 0.5, (3, 3, 1, 8)), random.normal(0, 0.25, (3, 3, 8, 8)), random.normal(0, 0.3, (3, 3, 8, 16))]
    mix = random.normal(0, 0.06, (1024, 32))
    means = np.stack([dataset.train.x[dataset.train.y == c].mean(0).reshape(-1) for c in range(10)])

    def convolve(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        return sum(padded[:, i : i + 8, j : j + 8] @ kernel[i, j] for i in range(3) for j in range(3))  # type: ignore[return-value]

    def forward(x: np.ndarray) -> dict[str, np.ndarray]:
        a = np.maximum(convolve(x, kernels[0]), 0)
        b = np.maximum(convolve(a, kernels[1]), 0)
        c = convolve(b, kernels[2])
        flat = c.reshape(len(x), -1)
        hidden = np.maximum(flat @ mix, 0)
        score = -np.square(x.reshape(len(x), 1, -1) - means[None]).sum(-1)
        share = np.exp(score - score.max(-1, keepdims=True))
        made = [x, a, b, c, flat, hidden, share / share.sum(-1, keepdims=True)]
        return {k: np.asarray(v, np.float32) for k, v in zip(ids, made, strict=False)}

    return scene("digits", graph, {ids[0]: dataset}, forward, curves(40))


def regression() -> Scene:
    """A wavy surface over the plane."""
    random = np.random.default_rng(2)
    x = random.uniform(-1, 1, (300, 2))
    y = (np.sin(3 * x[:, 0]) + x[:, 1])[:, None]
    info = DatasetInfo("Surface", (2,), (1,), "values", (), ("x", "y"), 300, plane=True)
    dataset = _split(info, x, y + random.normal(0, 0.1, y.shape))
    dense = layer("Dense")
    graph = chain(("Hidden", dense(6, activation="tanh")), ("Output", dense(1)), loss="MeanSquaredError")
    data, hidden, output = (n.id for n in graph.nodes[:3])
    w = random.normal(0, 2, (2, 6))

    def forward(x: np.ndarray) -> dict[str, np.ndarray]:
        made = {data: x, hidden: np.tanh(x @ w), output: (np.sin(3 * x[:, :1]) + 0.8 * x[:, 1:])}
        return {k: v.astype(np.float32) for k, v in made.items()}

    history = History()
    for i in range(60):
        history.append("loss", i + 1.0, 1 / (i + 1))
        history.append("val_loss", i + 1.0, 1.3 / (i + 1))
    return scene("regression", graph, {data: dataset}, forward, history)


def iris() -> Scene:
    """Flowers as four numbers, three classes with long names."""
    from sklearn.datasets import load_iris

    found = load_iris()
    info = DatasetInfo(
        "Iris", (4,), (), "labels", ("setosa", "versicolor", "virginica"), tuple(found.feature_names), 150
    )
    mean, scale = found.data.mean(0), found.data.std(0)
    dataset = _split(info, (found.data - mean) / scale, found.target)
    dataset = dataclasses.replace(dataset, x_mean=mean.astype(np.float32), x_scale=scale.astype(np.float32))
    dense = layer("Dense")
    graph = chain(("Hidden", dense(6, activation="relu")), ("Output", dense(3, activation="softmax")))
    data, hidden, output = (n.id for n in graph.nodes[:3])
    w = np.random.default_rng(4).normal(0, 1, (4, 6))
    means = np.stack([dataset.train.x[dataset.train.y == c].mean(0) for c in range(3)])

    def forward(x: np.ndarray) -> dict[str, np.ndarray]:
        score = -np.square(x[:, None] - means[None]).sum(-1)
        share = np.exp(score - score.max(-1, keepdims=True))
        made = {data: x, hidden: np.maximum(x @ w, 0), output: share / share.sum(-1, keepdims=True)}
        return {k: v.astype(np.float32) for k, v in made.items()}

    return scene("iris", graph, {data: dataset}, forward, curves(60, 5))


def empty() -> Scene:
    """Nothing on the canvas yet."""
    return scene("empty", Graph(), {}, lambda x: {}, History())


def stories() -> Scene:
    """A network that goes on with a text."""
    from tests.engine.languages import decoder, text_data, writer_graph

    return _language("stories", writer_graph(decoder()), text_data())


def numbers() -> Scene:
    """A network that writes words backwards."""
    from tests.engine.languages import reversals, translator_graph

    return _language("numbers", translator_graph(), reversals(200))


def hidden_words() -> Scene:
    """A network that finds hidden words."""
    from tests.layers.test_random_mask import masked_graph, sentences

    return _language("hidden", masked_graph(mask_selection_rate=0.5), sentences(100))


def _language(name: str, graph: Graph, dataset: Dataset) -> Scene:
    output = graph.nodes[-2].id
    classes = max(len(dataset.info.classes), len(dataset.info.vocabulary))

    def forward(x: np.ndarray) -> dict[str, np.ndarray]:
        share = np.random.default_rng(0).random((len(x), *(dataset.info.y_shape or (12,)), classes)).astype(np.float32)
        return {graph.nodes[0].id: x, output: share / share.sum(-1, keepdims=True)}

    return scene(name, graph, {graph.nodes[0].id: dataset}, forward, curves(20))
