"""What a person does with mouse and keys, for the window's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QTimer, QVariantAnimation
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QMessageBox, QWidget

from studio.gui.main_window import MainWindow

LEFT = Qt.MouseButton.LeftButton


class Hands:
    """Mouse and keys over a window."""

    def __init__(self, window: MainWindow, qtbot) -> None:
        self.window, self.qtbot = window, qtbot

    def press_keys(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key where the focus is."""
        QTest.keyClick(QApplication.focusWidget() or self.window, key, modifiers)

    def focus_canvas(self) -> None:
        """Click the empty canvas; a window manager would have given the window its focus back."""
        if not self.window.isActiveWindow():
            self.window.activateWindow()
            self.qtbot.waitUntil(self.window.isActiveWindow)
        view = self.window.workspace.canvas.view
        QTest.mouseClick(view.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, QPoint(5, view.height() - 5))
        assert view.hasFocus()

    def click(self, widget: QWidget, place: QPoint | None = None) -> None:
        """Click a widget, in its middle if no place is given."""
        QTest.mouseClick(widget, LEFT, Qt.KeyboardModifier.NoModifier, place or widget.rect().center())

    def add_layer(self, words: str) -> str:
        """Find a layer in the palette and add it with Enter; returns the new node's id."""
        before = set(self.window.session.document.graph.by_id)
        self.press_keys(Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
        search = self.window.workspace.palette_view.search
        assert search.hasFocus()
        QTest.keyClicks(search, words)
        QTest.keyClick(search, Qt.Key.Key_Return)
        (node,) = set(self.window.session.document.graph.by_id) - before
        return node

    def fit(self) -> None:
        """Show the whole graph, and wait until the view has travelled there."""
        canvas = self.window.workspace.canvas
        stopped = QVariantAnimation.State.Stopped
        canvas.fit()
        self.qtbot.waitUntil(lambda: all(a.state() == stopped for a in canvas.findChildren(QVariantAnimation)))

    def picture_of(self, node: str) -> QImage:
        """What is seen of a node on the canvas."""
        canvas = self.window.workspace.canvas
        frame = canvas.view.mapFromScene(canvas.graph_scene.nodes[node].frame()).boundingRect()
        return canvas.view.viewport().grab(frame).toImage()

    def click_node(self, node: str) -> None:
        """Click the header of a node on the canvas."""
        canvas = self.window.workspace.canvas
        place = canvas.view.mapFromScene(canvas.graph_scene.nodes[node].pos() + QPointF(20, 12))
        QTest.mouseClick(canvas.view.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, place)

    def drag_wire(self, source: str, source_port: int, target: str, target_port: int) -> None:
        """Drag from an output port to an input port on the canvas."""
        canvas = self.window.workspace.canvas
        nodes, view = canvas.graph_scene.nodes, canvas.view
        start = view.mapFromScene(nodes[source].port_position("output", source_port))
        end = view.mapFromScene(nodes[target].port_position("input", target_port))
        port = view.viewport()
        QTest.mouseMove(port, start)
        QTest.mousePress(port, LEFT, Qt.KeyboardModifier.NoModifier, start)
        for share in (0.25, 0.5, 0.75, 1.0):
            place = start + (end - start) * share
            where = QPointF(port.mapToGlobal(place))
            event = QMouseEvent(QEvent.Type.MouseMove, QPointF(place), where, LEFT, LEFT, Qt.KeyboardModifier.NoModifier)
            QApplication.sendEvent(port, event)
        QTest.mouseRelease(port, LEFT, Qt.KeyboardModifier.NoModifier, end)

    def type_number(self, field: QWidget, text: str) -> None:
        """Type over a number field and press Enter."""
        line = field.findChild(QLineEdit)
        QTest.mouseClick(line, LEFT)
        QTest.keyClick(line, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClicks(line, text)
        QTest.keyClick(line, Qt.Key.Key_Return)

    def when_asked(self, answer: Callable[[QWidget], None], besides: QWidget | None = None) -> None:
        """Answer the next dialog (other than `besides`), which blocks until it is answered."""

        def look() -> None:
            dialog = QApplication.activeModalWidget()
            if dialog is None or dialog is besides or not dialog.isActiveWindow():
                if dialog is not None and dialog is not besides:
                    dialog.activateWindow()  # no window manager does it here
                QTimer.singleShot(20, self.window, look)
            else:
                answer(dialog)

        QTimer.singleShot(20, self.window, look)

    def name_file(self, path: Path) -> Callable[[QWidget], None]:
        """An answer to a file dialog: type the name and press Enter."""

        def answer(dialog: QWidget) -> None:
            assert isinstance(dialog, QFileDialog)
            line = dialog.findChild(QLineEdit, "fileNameEdit")
            line.clear()
            QTest.keyClicks(line, str(path))
            QTest.keyClick(line, Qt.Key.Key_Return)

        return answer

    @staticmethod
    def choose(button: QMessageBox.StandardButton) -> Callable[[QWidget], None]:
        """An answer to a question: click a button."""

        def answer(dialog: QWidget) -> None:
            assert isinstance(dialog, QMessageBox)
            QTest.mouseClick(dialog.button(button), LEFT)

        return answer
