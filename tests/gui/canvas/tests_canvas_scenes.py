"""Made-up data sets, documents and snapshots for the tests of the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core import registry
from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.document import Document
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.core.layer import Layer
from studio.engine.commands import Watch
from studio.engine.history import History
from studio.engine.messages import Evaluation, NodeView, Snapshot

PLANE = DatasetInfo("Two spirals", (2,), (), "labels", ("blue", "orange"), ("x", "y"), 300, True)
PICTURES = DatasetInfo("Digits", (8, 8, 1), (), "labels", tuple("0123456789"), (), 1797)
TABLE = DatasetInfo("Iris", (4,), (), "labels", ("setosa", "versicolor", "virginica"), ("sepal length",) * 4, 150)
INFOS = {"spirals": PLANE, "digits": PICTURES, "iris": TABLE}


class FakeEngine:
    """Keeps the commands it is sent and gives the snapshot it was given."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.sent: list[Any] = []

    def send(self, command: Any) -> None:
        self.sent.append(command)

    def take(self) -> Snapshot:
        return self.snapshot

    @property
    def watch(self) -> Watch:
        """What the window last asked to see."""
        return next(c for c in reversed(self.sent) if isinstance(c, Watch))


def describe(graph: Graph) -> dict[str, DatasetInfo | str]:
    """Shapes of the made-up data sets."""
    sources = {n.id: getattr(n.layer, "source", "") for n in graph.nodes if n.layer.type_name() == "Data"}
    return {n: INFOS.get(s, f"there is no data set {s!r}.") for n, s in sources.items()}


def layer(kind: str, **values: Any) -> Any:
    """A layer of that type."""
    return registry.layer(kind)(**values)


def chain(*layers: tuple[str, Any], loss: bool = True) -> Document:
    """Named layers wired one after the other, in a row; the first one's Y goes to the loss."""
    graph, ids = Graph(), []
    for name, made in layers:
        graph, node = graph.add(made, name)
        if ids:
            graph = graph.connect(ids[-1], 0, node, 0)
        ids.append(node)
    if loss:
        graph = graph.connect(ids[0], 1, ids[-1], 1)
    return Document(graph, {n: (240.0 * i, 0.0) for i, n in enumerate(ids)})


def spirals() -> Document:
    """Data, Hidden, Output, Loss over the plane: n1 to n4."""
    return chain(
        ("Spirals", layer("Data", source="spirals")),
        ("Hidden", layer("Dense", units=4, activation="tanh")),
        ("Output", layer("Dense", units=2)),
        ("Loss", layer("SparseCategoricalCrossentropy")),
    )


def digits() -> Document:
    """Data, Conv, Flatten, Scores, Loss on pictures: n1 to n5."""
    return chain(
        ("Digits", layer("Data", source="digits")),
        ("Conv", layer("Conv2D", filters=8, kernel_size=3, padding="same", activation="relu")),
        ("Flat", layer("Flatten")),
        ("Scores", layer("Dense", units=10, activation="softmax")),
        ("Loss", layer("SparseCategoricalCrossentropy")),
    )


def snapshot(document: Document, serial: int = 1, seed: int = 0, **more: Any) -> Snapshot:
    """Views of random numbers for every node of a document."""
    random = np.random.default_rng(seed)
    infos = describe(document.graph)
    inference = infer(document.graph, infos)
    nodes, datasets, probe = {}, {}, {}
    for node, info in infos.items():
        assert isinstance(info, DatasetInfo)
        x = random.normal(size=(40, *info.x_shape)).astype("f4")
        y = random.integers(0, len(info.classes), 40).astype("f4")
        datasets[node] = Dataset(info, Split(x, y), Split(x, y), Split(x, y))
        probe = {"probe_x": x[:16], "probe_y": y[:16]}
    for node, shapes in inference.shapes.items():
        if node in infos or not shapes[0]:
            continue
        values = random.normal(size=(16, *shapes[0])).astype("f4")
        if len(shapes[0]) == 1 and document.graph.node(node).name == "Scores":
            values = np.exp(values) / np.exp(values).sum(1, keepdims=True)
        plane = random.normal(size=(40, 40, *shapes[0])).astype("f4") if len(shapes[0]) == 1 else None
        weights = {
            w.name: random.normal(size=w.shape).astype("f4") for w in inference.weights.get(node, ())
        }
        nodes[node] = NodeView(values, plane, weights)
    history = History()
    for i in range(50):
        history.append("loss", i / 10, float(np.exp(-i / 20) + 0.01 * random.random()))
    values = {
        "serial": serial, "status": "running", "graph": document.graph, "history": history, "nodes": nodes,
        "validation": Evaluation(0.3, 0.9), "datasets": datasets, **probe, **more,
    }  # fmt: skip
    return Snapshot(**values)


@dataclass(frozen=True)
class Sum(Layer):
    """Adds what comes in, any number of wires."""

    family: ClassVar[str] = "Merge"
    inputs: ClassVar[tuple[str, ...]] = ("inputs...",)
    icon: ClassVar[str] = "add"
