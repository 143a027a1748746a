"""Bricks with mouse and keys: keeping a trained part, the palette's group, putting it into a graph."""

from __future__ import annotations

import numpy as np
import pytest
from drag_events import drag_enter, drag_move, drop
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QContextMenuEvent, QDrag, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QInputDialog, QLineEdit, QMenu, QMessageBox

from studio.core import registry
from studio.core.brick import Brick
from studio.core.document import Document
from studio.core.graph import Graph
from studio.core.pretrained import Pretrained
from studio.gui.brick_dialog import BrickDialog
from studio.gui.canvas.tips import describe_node
from studio.storage import brick_path, open_brick, save_brick

CONTROL = Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton


def strokes(name: str = "Strokes", inputs: int = 2) -> Brick:
    """Two dense layers for points of the plane, as if they had learned."""
    graph, first = Graph().add(registry.layer("Dense")(units=3, activation="tanh"), "Strokes 1")
    graph, second = graph.add(registry.layer("Dense")(units=4), "Strokes 2")
    graph = graph.connect(first, 0, second, 0)
    rng = np.random.default_rng(2)
    graph = graph.set_pretrained(
        {
            node: Pretrained(name, {"kernel": rng.random((rows, columns)), "bias": rng.random(columns)})
            for node, rows, columns in ((first, inputs, 3), (second, 3, 4))
        }
    )
    return Brick(name, "a test, trained for 9 epochs", Document(graph, {first: (0, 0), second: (200, 24)}))


def listed(palette) -> list[str]:
    """What the group of bricks lists; empty where there is no group."""
    model = palette.tree.model()
    for row in range(model.rowCount()):
        head = model.index(row, 0)
        if head.data() == "My bricks":
            return [model.index(i, 0, head).data() for i in range(model.rowCount(head))]
    return []


def entry(palette, name: str):
    model = palette.tree.model()
    (index,) = model.match(
        model.index(0, 0), Qt.ItemDataRole.DisplayRole, name, 1, Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive
    )
    palette.tree.scrollTo(index)
    return index, palette.tree.visualRect(index).center()


@pytest.fixture
def with_strokes(make_studio, tmp_path_factory, qtbot):
    """A window over XOR, with one brick on the shelf."""
    window = make_studio("xor")
    folder = window.bricks.shelf.folder
    folder.mkdir(parents=True, exist_ok=True)
    save_brick(brick_path(folder, "Strokes"), strokes())
    qtbot.waitUntil(lambda: listed(window.workspace.palette_view) == ["Strokes"])
    return window


def answer(qtbot, kind, act) -> list[str]:
    """Do something in the next dialog of a kind."""
    seen: list[str] = []

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, kind) or not dialog.isActiveWindow():
            QTimer.singleShot(20, look)
            return
        seen.append(dialog.windowTitle())
        try:
            act(dialog)
        finally:
            # What went wrong in here must not leave the test waiting for an answer.
            if dialog.isVisible():
                dialog.reject()

    QTimer.singleShot(0, look)
    return seen


def choose(menu: QMenu, words: str) -> None:
    """Click an entry of an open menu."""
    action = next(a for a in menu.actions() if a.text().replace("&", "") == words)
    QTest.mouseClick(menu, LEFT, Qt.KeyboardModifier.NoModifier, menu.actionGeometry(action).center())


def open_menu(widget, place: QPoint) -> QMenu:
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, widget.mapToGlobal(place))
    QApplication.sendEvent(widget, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


def test_what_was_learned_is_kept_and_put_into_another_graph(make_studio, hands, qtbot):
    window = make_studio("xor")
    person, session, palette = hands(window), window.session, window.workspace.palette_view
    hidden, output = (session.document.graph.named(name).id for name in ("Hidden", "Output"))
    assert listed(palette) == []
    person.click_node(hidden)
    person.focus_canvas()
    person.click_node(hidden)
    # Before training there is nothing to keep: one sentence, no dialog.
    window.workspace.canvas.actions()["brick"].trigger()
    assert "Hidden has not learned anything yet: train the network first." in window.notice.text
    window.link.one_step()
    qtbot.waitUntil(lambda: window.live.latest.step == 1 and window.link.status == "paused", timeout=60_000)
    learned = window.trainer.export_state().weights
    view = window.workspace.canvas.view
    place = view.mapFromScene(window.workspace.canvas.graph_scene.nodes[hidden].frame().center())
    menu = open_menu(view.viewport(), place)

    def write(dialog: BrickDialog) -> None:
        assert dialog.field.hasFocus()
        assert dialog.field.selectedText() == "Hidden"
        assert not dialog.warning.isVisible()
        QTest.keyClicks(dialog.field, "Corners")
        QTest.keyClick(dialog.field, Qt.Key.Key_Return)

    seen = answer(qtbot, BrickDialog, write)
    choose(menu, "Save as brick…")
    qtbot.waitUntil(lambda: listed(palette) == ["Corners"])
    assert seen == ["Save as brick"]
    tip = entry(palette, "Corners")[0].data(Qt.ItemDataRole.ToolTipRole)
    assert "Dense" in tip
    assert "trained for" in tip
    path = window.bricks.shelf.entries[0].path
    assert path.parent == window.bricks.shelf.folder
    # Enter on it in the palette: in the middle of the view, selected, frozen, one step of undo.
    before = session.document
    palette.tree.setCurrentIndex(entry(palette, "Corners")[0])
    QTest.keyClick(palette.tree, Qt.Key.Key_Return)
    (added,) = session.selection
    node = session.document.graph.node(added)
    assert node.name == "Hidden_2"
    assert not node.trainable
    assert all(np.array_equal(a, learned[hidden, w]) for w, a in node.pretrained.arrays.items())
    session.undo_stack.undo()
    assert session.document == before
    # Again under the same name: the dialog warns, and Escape keeps what is there.
    session.select(frozenset([output]))

    def same(dialog: BrickDialog) -> None:
        QTest.keyClicks(dialog.field, "corners")
        assert dialog.warning.isVisible()
        assert "There is a brick called Corners already" in dialog.warning.text()
        assert dialog.save.text() == "Replace"
        QTest.keyClick(dialog.field, Qt.Key.Key_Escape)

    answer(qtbot, BrickDialog, same)
    window.actions_by_key["canvas_brick"].trigger()
    assert [n.name for n in open_brick(path).graph.nodes] == ["Hidden"]


class _Drag(QDrag):
    """Takes its data to the canvas: the offscreen platform has no drag of its own."""

    target, place = None, QPoint()

    def exec(self, *actions) -> Qt.DropAction:
        data = self.mimeData()
        assert not self.pixmap().isNull()
        for event in (drag_enter(self.place, data), drag_move(self.place, data), drop(self.place, data)):
            QApplication.sendEvent(self.target, event)
            assert event.isAccepted()
        return Qt.DropAction.CopyAction


def drag_out(window, name: str, place: QPoint, qtbot, monkeypatch) -> None:
    """Drag an entry of the palette to a place of the canvas."""
    monkeypatch.setattr("studio.gui.palette_tree.QDrag", _Drag)
    tree, handle = window.workspace.palette_view.tree, window.windowHandle()
    _Drag.target, _Drag.place = window.workspace.canvas.view.viewport(), place
    count = len(window.session.document.graph.nodes)
    start = entry(window.workspace.palette_view, name)[1]

    def at(where: QPoint) -> QPoint:
        return tree.viewport().mapTo(window, where)

    QTest.mousePress(handle, LEFT, Qt.KeyboardModifier.NoModifier, at(start))
    QTest.mouseMove(handle, at(start + QPoint(14, 4)))
    QTest.mouseMove(handle, at(start + QPoint(40, 8)))
    qtbot.waitUntil(lambda: len(window.session.document.graph.nodes) > count)
    QTest.mouseRelease(handle, LEFT, Qt.KeyboardModifier.NoModifier, at(start))
    _Drag.target = None


def test_dropped_on_a_wire_it_goes_in_between(with_strokes, hands, qtbot, monkeypatch):
    window = with_strokes
    session, canvas = window.session, window.workspace.canvas
    hands(window).fit()
    graph = session.document.graph
    data, hidden = graph.named("XOR").id, graph.named("Hidden").id
    wire = next(e for e in graph.edges if (e.source, e.target) == (data, hidden))
    middle = canvas.view.mapFromScene(canvas.graph_scene.wires[wire].middle())
    drag_out(window, "Strokes", middle, qtbot, monkeypatch)
    graph = session.document.graph
    first, second = graph.named("Strokes 1"), graph.named("Strokes 2")
    assert session.selection == {first.id, second.id}
    assert [e.source for e in graph.incoming(first.id)] == [data]
    assert [e.source for e in graph.incoming(hidden)] == [second.id]
    places = session.document.positions
    assert places[second.id] == (places[first.id][0] + 200, places[first.id][1] + 24)
    assert places[hidden][0] > places[second.id][0]
    assert not session.inference.errors
    # Frozen, and both show it; a click in the inspector lets both learn, another button forgets.
    many = window.workspace.inspector.many
    assert many.isVisible()
    assert many.freeze.checkState() == Qt.CheckState.Checked
    assert many.origin.words.text() == "Weights come from brick Strokes."
    hands(window).click(many.freeze, QPoint(10, many.freeze.height() // 2))
    assert all(session.document.graph.node(n).trainable for n in session.selection)
    assert many.freeze.checkState() == Qt.CheckState.Unchecked
    hands(window).click_node(first.id)
    page = window.workspace.inspector.node
    assert page.origin.isVisible()
    hands(window).click(page.origin.button)
    assert session.document.graph.node(first.id).pretrained is None
    assert session.document.graph.node(second.id).pretrained is not None
    assert not page.origin.isVisible()
    session.select(frozenset([first.id, second.id]))
    session.edit(session.document.with_graph(session.document.graph.set_trainable([first.id], False)), "")
    assert many.freeze.checkState() == Qt.CheckState.PartiallyChecked
    hands(window).click(many.freeze, QPoint(10, many.freeze.height() // 2))
    assert many.freeze.checkState() == Qt.CheckState.Checked
    # The trainer has it in place, as it was learned.
    window.link.flush()
    qtbot.waitUntil(lambda: window.live.latest.graph == session.document.graph, timeout=60_000)
    weights = window.trainer.export_state().weights
    start = session.document.graph.node(second.id).pretrained
    assert all(np.array_equal(weights[second.id, w], a) for w, a in start.arrays.items())


def test_the_palette_finds_renames_and_removes(with_strokes, hands, qtbot, monkeypatch):
    window = with_strokes
    person, palette, shelf = hands(window), window.workspace.palette_view, window.bricks.shelf
    person.press_keys(Qt.Key.Key_K, CONTROL)
    QTest.keyClicks(palette.search, "stro")
    assert listed(palette) == ["Strokes"]
    QTest.keyClick(palette.search, Qt.Key.Key_Escape)

    def write(dialog: QInputDialog) -> None:
        field = dialog.findChild(QLineEdit)
        field.selectAll()
        QTest.keyClicks(field, "Lines")
        QTest.keyClick(field, Qt.Key.Key_Return)

    answer(qtbot, QInputDialog, write)
    choose(open_menu(palette.tree.viewport(), entry(palette, "Strokes")[1]), "Rename…")
    qtbot.waitUntil(lambda: listed(palette) == ["Lines"])
    assert all(n.pretrained.brick == "Lines" for n in open_brick(shelf.entries[0].path).graph.nodes)
    # Files that come, go or are damaged are noticed.
    save_brick(shelf.folder / "other.brick", strokes("Other"))
    (shelf.folder / "damaged.brick").write_bytes(b"nothing")
    qtbot.waitUntil(lambda: listed(palette) == ["Lines", "Other"])
    (shelf.folder / "other.brick").unlink()
    qtbot.waitUntil(lambda: listed(palette) == ["Lines"])
    for kind, left in ((QMessageBox.StandardButton.Cancel, ["Lines"]), (QMessageBox.StandardButton.Yes, [])):
        answer(qtbot, QMessageBox, lambda box, kind=kind: person.click(box.button(kind)))
        choose(open_menu(palette.tree.viewport(), entry(palette, "Lines")[1]), "Remove…")
        qtbot.waitUntil(lambda left=left: listed(palette) == left)


def test_what_does_not_fit_says_so_on_the_node_and_a_click_repairs_it(with_strokes, hands, tmp_path):
    window = with_strokes
    path = tmp_path / "wide.brick"
    save_brick(path, strokes("Wide", inputs=5))
    window.open_dropped(path)
    session = window.session
    graph = session.document.graph
    first = graph.named("Strokes 1").id
    session.edit(session.document.with_graph(graph.connect(graph.named("XOR").id, 0, first, 0)), "wire")
    (problem,) = [p for p in session.inference.errors if p.node == first]
    assert "needs a kernel of 2 x 3 here, but the brick Wide learned one of 5 x 3" in problem.message
    window.workspace.canvas.editor.repair(problem)
    assert not [p for p in session.inference.errors if p.node == first]
    assert session.document.graph.node(first).trainable
    window.open_dropped(tmp_path / "none.brick")
    assert "There is no file" in window.notice.text


def test_copies_and_recovered_graphs_keep_their_weights(with_strokes, hands, qtbot):
    window = with_strokes
    session, canvas = window.session, window.workspace.canvas
    canvas.add_brick(str(window.bricks.shelf.entries[0].path))
    starts = [session.document.graph.node(n).pretrained for n in sorted(session.selection)]
    canvas.copy()
    canvas.paste()
    pasted = [session.document.graph.node(n).pretrained for n in sorted(session.selection)]
    assert pasted == starts
    assert not any(start.missing for start in pasted)
    qtbot.waitUntil(lambda: bool(list(window.files._journal._folder.glob("*.weights/*"))))
    assert len(list(window.files._journal._folder.glob("*.weights/*"))) == 2
    picture = hands(window).picture_of(min(session.selection))
    assert not picture.isNull()
    tip = describe_node(canvas.graph_scene, min(session.selection))
    assert "weights come from brick Strokes and are frozen" in tip
    # Qt's offscreen clipboard must not outlive Python with what Python made.
    QGuiApplication.clipboard().clear()
