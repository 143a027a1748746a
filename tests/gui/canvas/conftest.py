"""A canvas over a session with made-up data sets, and hands to use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from tests_canvas_scenes import FakeEngine, describe, digits, spirals

from studio.core.document import Document
from studio.core.graph import Edge, Graph
from studio.engine.messages import Snapshot
from studio.gui.canvas.canvas import Canvas
from studio.gui.live import Live
from studio.gui.session import Session
from studio.gui.theme import Theme


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
    mode = Theme.instance().mode
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
    Theme.instance().set_mode(mode)


@pytest.fixture
def make_document() -> dict[str, Callable[[], Document]]:
    """Ready documents by name."""
    return {"spirals": spirals, "digits": digits}
