"""A person at the window: everything goes through mouse and keys, as Qt's platform delivers them.

Mouse events go to the top-level windows, so that whatever lies over a widget takes them, and a
dialog that blocks the window blocks them too. Qt's offscreen platform ends every drag and drop
at once; here a drag begins with the mouse on the palette, which makes it and fills it, and
`carry_drags` brings what the palette gave it to the widget under the mouse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from drag_events import drag_enter, drag_move, drop
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QTimer, QUrl, QVariantAnimation
from PySide6.QtGui import QDrag, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QLineEdit,
    QMenu,
    QMessageBox,
    QWidget,
)
from pytestqt.qtbot import QtBot

from studio.core.graph import Edge
from studio.gui import palette_tree
from studio.gui.main_window import MainWindow

LEFT = Qt.MouseButton.LeftButton
PLAIN = Qt.KeyboardModifier.NoModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
#: Patience for what the trainer does, in milliseconds; a cold kernel cache takes its time.
PATIENCE = 120_000


class CarriedDrag(QDrag):
    """A drag whose way over the screen is known beforehand."""

    #: Where the mouse goes, on the screen; the last place is where the button is let go.
    way: tuple[QPoint, ...] = ()

    def exec(self, *_actions: Any) -> Qt.DropAction:  # type: ignore[override]
        data, copy, over = self.mimeData(), Qt.DropAction.CopyAction, None
        # Not QApplication.widgetAt: the offscreen platform's screen is smaller than the window.
        window = self.parent().window()  # type: ignore[union-attr, attr-defined]
        accepted = False
        for place in self.way:
            widget = window.childAt(window.mapFromGlobal(place))
            assert widget is not None
            at = widget.mapFromGlobal(place)
            if widget is not over:
                if over is not None:
                    QApplication.sendEvent(over, QEvent(QEvent.Type.DragLeave))
                over = widget
                QApplication.sendEvent(widget, drag_enter(at, data))
            move = drag_move(at, data)
            QApplication.sendEvent(widget, move)
            accepted = move.isAccepted()
        assert over is not None
        if accepted:
            QApplication.sendEvent(over, drop(over.mapFromGlobal(self.way[-1]), data))
        self.deleteLater()
        return copy if accepted else Qt.DropAction.IgnoreAction


class Person:
    """Mouse and keys over one window.

    Parameters
    ----------
    window : MainWindow
    qtbot : QtBot
    patch : pytest.MonkeyPatch
        Puts `CarriedDrag` in the palette's hands.
    """

    def __init__(self, window: MainWindow, qtbot: QtBot, patch: pytest.MonkeyPatch) -> None:
        self.window, self.qtbot = window, qtbot
        self._drag = type("Carried", (CarriedDrag,), {})
        patch.setattr(palette_tree, "QDrag", self._drag)

    # What is there ---------------------------------------------------------------------

    @property
    def session(self) -> Any:
        return self.window.session

    @property
    def graph(self) -> Any:
        return self.window.session.document.graph

    @property
    def latest(self) -> Any:
        return self.window.live.latest

    @property
    def bar(self) -> Any:
        return self.window.workspace.run_bar

    @property
    def canvas(self) -> Any:
        return self.window.workspace.canvas

    @property
    def form(self) -> Any:
        """The inspector's form of the selected layer."""
        return self.window.workspace.inspector.node.form

    @property
    def weights(self) -> dict[str, Any]:
        """The trainer's weights as they are now."""
        state = self.window.trainer.export_state(60.0)
        assert state is not None
        return dict(state.weights)

    def wait(self, done: Callable[[], bool], timeout: int = PATIENCE) -> None:
        """Let the window live until something is so."""
        self.qtbot.waitUntil(done, timeout=timeout)

    def wait_for_steps(self, count: int) -> None:
        """Let training go on."""
        goal = self.latest.step + count
        self.wait(lambda: self.latest.step >= goal)

    def is_alive(self) -> bool:
        """Whether the window still does what it is told: select all, then nothing."""
        self.click_empty_canvas()
        self.key(Qt.Key.Key_A, CONTROL)
        chosen = self.session.selection
        self.key(Qt.Key.Key_Escape)
        return chosen == frozenset(self.graph.by_id) and not self.session.selection

    # Mouse -----------------------------------------------------------------------------

    def mouse(self, act: Callable[..., None], widget: QWidget, place: QPoint, *rest: Any) -> None:
        """One mouse event at a place of a widget, given to the window it is in."""
        top = widget.window()
        handle = top.windowHandle()
        assert handle is not None
        at = widget.mapTo(top, place)
        assert top.rect().contains(at), f"{place} of {type(widget).__name__} is outside its window"
        act(handle, *rest, at)

    def move_to(self, widget: QWidget, place: QPoint) -> None:
        """Move the mouse."""
        self.mouse(QTest.mouseMove, widget, place)

    def press_at(self, widget: QWidget, place: QPoint) -> None:
        """Press the left button."""
        if QApplication.activePopupWidget() is None and not widget.isActiveWindow():
            # What a window manager does before it passes the click on.
            widget.window().activateWindow()
            self.wait(widget.isActiveWindow)
        self.mouse(QTest.mousePress, widget, place, LEFT, PLAIN)

    def release_at(self, widget: QWidget, place: QPoint) -> None:
        """Let the left button go."""
        self.mouse(QTest.mouseRelease, widget, place, LEFT, PLAIN)

    def click(self, widget: QWidget, place: QPoint | None = None) -> None:
        """Click a widget that can be seen, in its middle if no place is given."""
        self.wait(widget.isVisible, 5000)
        at = place if place is not None else widget.rect().center()
        self.move_to(widget, at)
        self.press_at(widget, at)
        self.release_at(widget, at)

    def drag(self, start: QPoint, end: QPoint) -> None:
        """Drag over the canvas."""
        port = self.canvas.view.viewport()
        self.move_to(port, start)
        self.press_at(port, start)
        for share in (0.1, 0.4, 0.7, 0.9, 1.0):
            self.move_to(port, start + (end - start) * share)
        self.release_at(port, end)

    # Canvas ----------------------------------------------------------------------------

    def drag_from_palette(self, kind: str, place: QPoint) -> str:
        """Drag a layer's row from the palette to a place of the canvas; returns the new node's id."""
        tree, port = self.window.workspace.palette_view.tree, self.canvas.view.viewport()
        model = tree.model()
        families = [model.index(row, 0) for row in range(model.rowCount())]
        rows = [model.index(row, 0, family) for family in families for row in range(model.rowCount(family))]
        (row,) = (index for index in rows if index.data() == kind)
        tree.scrollTo(row)
        start = tree.visualRect(row).center()
        end = port.mapToGlobal(place)
        edge = port.mapToGlobal(QPoint(3, place.y()))
        self._drag.way = (edge, (edge + end) / 2, end)
        before = set(self.graph.by_id)
        self.move_to(tree.viewport(), start)
        self.press_at(tree.viewport(), start)
        self.move_to(tree.viewport(), start + QPoint(24, 0))
        self.release_at(tree.viewport(), start + QPoint(24, 0))
        (node,) = set(self.graph.by_id) - before
        return str(node)

    def port(self, node: str, side: str, index: int = 0) -> QPoint:
        """Where a port is in the canvas's viewport."""
        return self.canvas.view.mapFromScene(self.canvas.graph_scene.nodes[node].port_position(side, index))

    def wire(self, source: str, source_port: int, target: str, target_port: int = 0) -> None:
        """Drag a wire from an output to an input."""
        self.drag(self.port(source, "output", source_port), self.port(target, "input", target_port))
        assert Edge(source, source_port, target, target_port) in self.graph.edges

    def wire_between(self, source: str, target: str) -> QPoint:
        """The middle of a wire, in the viewport."""
        (edge,) = (e for e in self.graph.edges if (e.source, e.target) == (source, target))
        return self.canvas.view.mapFromScene(self.canvas.graph_scene.wires[edge].middle())

    def click_node(self, node: str) -> None:
        """Click the header of a node."""
        item = self.canvas.graph_scene.nodes[node]
        self.click(self.canvas.view.viewport(), self.canvas.view.mapFromScene(item.pos() + QPointF(20, 12)))

    def click_empty_canvas(self) -> None:
        """Click where nothing is."""
        view = self.canvas.view
        rect = view.viewport().rect()
        places = (QPoint(x, rect.height() - 8) for x in range(8, rect.width() - 8, 24))
        self.click(view.viewport(), next(p for p in places if self.canvas.graph_scene.node_at(view.mapToScene(p)) is None))
        assert view.hasFocus()

    def fit(self) -> None:
        """Press Home on the canvas."""
        self.click_empty_canvas()
        self.key(Qt.Key.Key_Home)
        self._come_to_rest()

    def tidy_up(self) -> None:
        """Click the button that lays out the graph."""
        controls = self.canvas.controls
        (button,) = (b for b in controls.findChildren(QAbstractButton) if "Tidy" in b.text())
        self.click(button)
        self._come_to_rest()

    def _come_to_rest(self) -> None:
        """Wait until the view has travelled to where it goes."""
        stopped = QVariantAnimation.State.Stopped
        # Looked for each time: the style's own animations come and go.
        self.wait(lambda: all(a.state() == stopped for a in self.canvas.findChildren(QVariantAnimation)))

    def thumbnail(self, node: str) -> list[QImage]:
        """The pictures in a node's body on the canvas."""
        thumbnail = self.canvas.graph_scene.nodes[node].thumbnail
        return [thumbnail.picture(i).toImage() for i in range(thumbnail.count)] if thumbnail is not None else []

    def body(self, node: str) -> QImage:
        """What is seen of a node between its header and its footer."""
        view, item = self.canvas.view, self.canvas.graph_scene.nodes[node]
        frame = view.mapFromScene(item.frame().adjusted(6, 40, -6, -28)).boundingRect()
        return view.viewport().grab(frame).toImage()

    # Keys ------------------------------------------------------------------------------

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = PLAIN) -> None:
        """Press a key where the focus is."""
        if QApplication.activeWindow() is None and self.window.isVisible():
            # A window manager gives the window its focus back when a dialog or a list closes.
            self.window.activateWindow()
            self.wait(self.window.isActiveWindow)
        QTest.keyClick(QApplication.focusWidget() or self.window, key, modifiers)

    def type(self, text: str) -> None:
        """Type where the focus is."""
        QTest.keyClicks(QApplication.focusWidget(), text)

    def type_over(self, field: QWidget, text: str) -> None:
        """Click into a field, select all, type and press Enter."""
        line = field if isinstance(field, QLineEdit) else field.findChild(QLineEdit)
        self.click(line)
        assert line.hasFocus()
        self.key(Qt.Key.Key_A, CONTROL)
        self.key(Qt.Key.Key_Delete)
        self.type(text)
        self.key(Qt.Key.Key_Return)

    def choose(self, box: QComboBox, text: str) -> None:
        """Choose the entry that begins so: click the list, go down to the entry, Enter."""
        self.click(box)
        view: QAbstractItemView = box.view()
        self.wait(view.isVisible)
        QTest.keyClick(view, Qt.Key.Key_Home)
        while not str(view.currentIndex().data()).startswith(text):
            row = view.currentIndex().row()
            QTest.keyClick(view, Qt.Key.Key_Down)
            assert view.currentIndex().row() > row, f"the list has no entry {text!r}"
        QTest.keyClick(view, Qt.Key.Key_Return)
        self.wait(lambda: not view.isVisible())

    # Menus and dialogs -----------------------------------------------------------------

    def pick(self, text: str) -> None:
        """Click an entry of the menu that is open."""
        self.wait(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
        menu = QApplication.activePopupWidget()
        (action,) = (a for a in menu.actions() if a.text().replace("&", "") == text)
        self.click(menu, menu.actionGeometry(action).center())

    @contextmanager
    def answering(self, act: Callable[[QWidget], None]) -> Iterator[list[QWidget]]:
        """Answer the dialog that opens within, which blocks whoever opened it.

        Gives a list of the dialogs that were answered.
        """
        answered: list[QWidget] = []
        timer = QTimer(self.window)
        timer.setInterval(20)

        def look() -> None:
            dialog = QApplication.activeModalWidget()
            if dialog is not None and dialog.isVisible() and not answered:
                answered.append(dialog)
                act(dialog)

        timer.timeout.connect(look)
        timer.start()
        try:
            yield answered
        finally:
            timer.stop()
            timer.deleteLater()

    def drop_file(self, path: Path) -> None:
        """Drop a file on the canvas, as from the system's file browser."""
        data, port = QMimeData(), self.canvas.view.viewport()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        at = port.rect().center()
        QApplication.sendEvent(port, drag_enter(at, data))
        QApplication.sendEvent(port, drag_move(at, data))
        QApplication.sendEvent(port, drop(at, data))

    def press_ok(self, dialog: QWidget) -> None:
        """An answer to a dialog: as it is."""
        buttons = dialog.findChild(QDialogButtonBox)
        assert buttons is not None
        self.click(buttons.button(QDialogButtonBox.StandardButton.Ok))

    def press_button(self, button: QMessageBox.StandardButton) -> Callable[[QWidget], None]:
        """An answer to a question."""

        def act(dialog: QWidget) -> None:
            assert isinstance(dialog, QMessageBox)
            self.click(dialog.button(button))

        return act
