"""A canvas over a session with made-up data sets, and an engine that only says what it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from studio.core import registry
from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.document import Document
from studio.core.graph import Edge, Graph
from studio.engine.history import History
from studio.engine.messages import Evaluation, NodeView, Snapshot, Watch
from studio.gui.canvas.canvas import Canvas
from studio.gui.live import Live
from studio.gui.session import Session
from studio.gui.theme import Theme

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
    from studio.core.inference import infer

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


@dataclass
class Bench:
    """The canvas under test, with hands to use it."""

    canvas: Canvas
    session: Session
    live: Live
    engine: FakeEngine
    qtbot: QtBot
    said: list[tuple[str, bool]]

    @property
    def scene(self) -> Any:
        return self.canvas.graph_scene

    @property
    def view(self) -> Any:
        return self.canvas.view

    @property
    def graph(self) -> Graph:
        return self.session.document.graph

    def edges(self) -> set[Edge]:
        """The wires of the document."""
        return set(self.graph.edges)

    def open(self, document: Document) -> None:
        """Open a document at 100 %, its top left corner at (60, 60) of the viewport."""
        self.session.open(document)
        self.canvas.view.look_at(QPointF(0, 0), 1.0, QPointF(60, 120))

    def at(self, x: float, y: float) -> QPoint:
        """Where a place of the scene is in the viewport."""
        return self.view.mapFromScene(QPointF(x, y))

    def port(self, node: str, side: str, index: int = 0) -> QPoint:
        """Where a port is in the viewport."""
        return self.view.mapFromScene(self.scene.nodes[node].port_position(side, index))

    def title(self, node: str) -> QPoint:
        """A place in a node's header."""
        return self.view.mapFromScene(self.scene.nodes[node].pos() + QPointF(60, 16))

    def click(self, place: QPoint, modifiers: Any = Qt.KeyboardModifier.NoModifier, button: Any = None) -> None:
        QTest.mouseClick(self.view.viewport(), button or Qt.MouseButton.LeftButton, modifiers, place)

    def press(self, place: QPoint, button: Any = Qt.MouseButton.LeftButton, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.mouseMove(self.view.viewport(), place)
        QTest.mousePress(self.view.viewport(), button, modifiers, place)

    def move(self, place: QPoint, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        """Move the mouse with the left button down."""
        from PySide6.QtCore import QEvent
        from PySide6.QtGui import QMouseEvent
        from PySide6.QtWidgets import QApplication

        port = self.view.viewport()
        event = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(place), QPointF(port.mapToGlobal(place)), Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton, modifiers,
        )  # fmt: skip
        QApplication.sendEvent(port, event)

    def release(self, place: QPoint, button: Any = Qt.MouseButton.LeftButton, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.mouseRelease(self.view.viewport(), button, modifiers, place)

    def drag(
        self, start: QPoint, end: QPoint, modifiers: Any = Qt.KeyboardModifier.NoModifier,
        button: Any = Qt.MouseButton.LeftButton,
    ) -> None:  # fmt: skip
        """Press, move in steps, release."""
        self.press(start, button, modifiers)
        for i in range(1, 6):
            self.move(start + (end - start) * i / 5, modifiers)
        self.release(end, button, modifiers)

    def key(self, key: Any, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.view, key, modifiers)

    def type_into_search(self, text: str) -> None:
        QTest.keyClicks(self.canvas.search.field, text)

    def show(self, shot: Snapshot) -> None:
        """Give the window a snapshot and wait until its thumbnails are there."""
        self.engine.snapshot = shot
        self.live.look()
        canvas = self.canvas
        self.qtbot.waitUntil(lambda: not canvas._refresh.isActive())


@pytest.fixture
def bench(qtbot: QtBot) -> Iterator[Bench]:
    """A shown canvas with an empty document."""
    Theme.instance().set_mode("dark")
    session = Session(describe)
    engine = FakeEngine()
    live = Live(engine)
    said: list[tuple[str, bool]] = []
    session.said.connect(lambda sentence, error: said.append((sentence, error)))
    canvas = Canvas(session, live)
    qtbot.addWidget(canvas)
    canvas.resize(1200, 800)
    canvas.show()
    qtbot.waitExposed(canvas)
    canvas.activateWindow()
    canvas.view.setFocus()
    yield Bench(canvas, session, live, engine, qtbot, said)
    live.stop()


@pytest.fixture
def make_document() -> dict[str, Callable[[], Document]]:
    """Ready documents by name."""
    return {"spirals": spirals, "digits": digits}
