"""Editing by mouse and keys: adding, wiring, moving, deleting, the clipboard."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from drag_events import drag_enter, drag_move
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragLeaveEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from tests_canvas_scenes import Sum

from studio.core.document import Document
from studio.core.graph import Edge
from studio.gui.canvas.layout import GRID

Documents = dict[str, Callable[[], Document]]
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier


# Adding ------------------------------------------------------------------------------------


def test_tab_opens_the_search_and_enter_adds_what_was_typed(bench: Any) -> None:
    assert bench.canvas.hint.isVisible()
    bench.key(Qt.Key.Key_Tab)
    assert bench.canvas.search.isVisible()
    bench.type_into_search("max")
    QTest.keyClick(bench.canvas.search.field, Qt.Key.Key_Backspace)
    QTest.keyClick(bench.canvas.search.field, Qt.Key.Key_Backspace)
    QTest.keyClick(bench.canvas.search.field, Qt.Key.Key_Backspace)
    bench.type_into_search("dense")
    QTest.keyClick(bench.canvas.search.field, Qt.Key.Key_Return)
    assert [n.layer.type_name() for n in bench.graph.nodes] == ["Dense"]
    assert bench.session.selection == {"n1"}
    assert not bench.canvas.search.isVisible()
    assert not bench.canvas.hint.isVisible()


def test_double_click_adds_at_that_place(bench: Any) -> None:
    place = QPoint(500, 300)
    QTest.mouseDClick(bench.view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    bench.type_into_search("flat")
    QTest.keyClick(bench.canvas.search.field, Qt.Key.Key_Return)
    frame = bench.scene.nodes["n1"].frame()
    assert frame.contains(bench.view.mapToScene(place))


def test_search_by_keyword_family_and_arrows(bench: Any) -> None:
    bench.key(Qt.Key.Key_Tab)
    field, rows = bench.canvas.search.field, bench.canvas.search.list
    bench.type_into_search("fully conn")
    assert rows.currentIndex().data().startswith("Dense")
    field.clear()
    bench.type_into_search("activ")
    names = [rows.model().index(i).data() for i in range(rows.model().rowCount())]
    assert len(names) > 3
    assert all(n.endswith("Activation") for n in names)
    QTest.keyClick(field, Qt.Key.Key_Down)
    QTest.keyClick(field, Qt.Key.Key_Down)
    QTest.keyClick(field, Qt.Key.Key_Up)
    chosen = rows.currentIndex().data().split(",")[0]
    assert chosen == names[1].split(",")[0]
    QTest.keyClick(field, Qt.Key.Key_Enter)
    assert bench.graph.nodes[0].layer.type_name() == chosen


def test_escape_leaves_the_search_without_adding(bench: Any) -> None:
    bench.key(Qt.Key.Key_Tab)
    bench.type_into_search("nothing is called like this")
    assert bench.canvas.search._nothing.isVisible()
    QTest.keyClick(bench.canvas.search.field, Qt.Key.Key_Return)
    assert bench.canvas.search.isVisible()
    QTest.keyClick(bench.canvas.search.field, Qt.Key.Key_Escape)
    assert not bench.canvas.search.isVisible()
    assert not bench.graph.nodes


def test_a_click_in_the_search_adds(bench: Any) -> None:
    bench.key(Qt.Key.Key_Tab)
    bench.type_into_search("dense")
    rows = bench.canvas.search.list
    QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=rows.visualRect(rows.model().index(0)).center())
    assert bench.graph.nodes[0].layer.type_name() == "Dense"


def palette_data(kind: str) -> QMimeData:
    data = QMimeData()
    data.setData("application/x-layer-studio-layer", kind.encode())
    return data


def drop(bench: Any, kind: str, place: QPoint) -> None:
    """What Qt sends while something is dragged from the palette and dropped."""
    data, port = palette_data(kind), bench.view.viewport()
    action, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(port, drag_enter(place, data))
    QApplication.sendEvent(port, drag_move(place, data))
    QApplication.sendEvent(port, QDropEvent(QPointF(place), action, data, left, none))


def test_a_drop_from_the_palette_adds_under_the_mouse(bench: Any) -> None:
    drop(bench, "Dense", QPoint(400, 300))
    item = bench.scene.nodes["n1"]
    assert item.frame().contains(bench.view.mapToScene(QPoint(400, 300)))
    assert item.pos().x() % GRID == 0
    drop(bench, "NoSuchLayer", QPoint(600, 300))
    assert len(bench.graph.nodes) == 1
    assert bench.said[-1] == ("There is no layer called 'NoSuchLayer'.", True)


def test_a_drop_from_the_palette_onto_a_wire_inserts(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["digits"]())
    wire = bench.scene.wires[Edge("n2", 0, "n3", 0)]
    place = bench.view.mapFromScene(wire.middle())
    data, port = palette_data("Flatten"), bench.view.viewport()
    QApplication.sendEvent(port, drag_enter(place, data))
    QApplication.sendEvent(port, drag_move(place, data))
    assert wire.target
    QApplication.sendEvent(port, QDragLeaveEvent())
    assert not wire.target
    drop(bench, "Flatten", place)
    assert {Edge("n2", 0, "n6", 0), Edge("n6", 0, "n3", 0)} <= bench.edges()
    boxes = [bench.scene.nodes[n].frame() for n in ("n2", "n6", "n3", "n4")]
    assert all(a.right() < b.left() for a, b in itertools.pairwise(boxes))
    bench.session.undo_stack.undo()
    assert bench.session.document == make_document["digits"]()


def test_double_click_on_a_wire_searches_for_what_to_insert(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["digits"]())
    place = bench.view.mapFromScene(bench.scene.wires[Edge("n2", 0, "n3", 0)].middle())
    QTest.mouseDClick(bench.view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    bench.type_into_search("loss")
    assert bench.canvas.search._nothing.isVisible()
    bench.canvas.search.field.clear()
    bench.type_into_search("relu")
    QTest.keyClick(bench.canvas.search.field, Qt.Key.Key_Return)
    assert Edge("n2", 0, "n6", 0) in bench.edges()


# Wires -------------------------------------------------------------------------------------


def unwired(document: Document, *edges: Edge) -> Document:
    graph = document.graph
    for edge in edges:
        graph = graph.disconnect(edge)
    return document.with_graph(graph)


@pytest.mark.parametrize("backwards", [False, True])
def test_drag_a_wire_between_ports(bench: Any, make_document: Documents, backwards: bool) -> None:
    wire = Edge("n2", 0, "n3", 0)
    bench.open(unwired(make_document["spirals"](), wire))
    ends = [bench.port("n2", "output"), bench.port("n3", "input")]
    if backwards:
        ends.reverse()
    bench.drag(*ends)
    assert wire in bench.edges()
    assert bench.session.undo_stack.count() == 1
    assert not bench.scene.dragged_wire.isVisible()


def test_while_a_wire_is_dragged_legal_ports_grow_and_others_fade(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["spirals"]())
    bench.press(bench.port("n3", "output"))
    bench.move(bench.port("n3", "output") + QPoint(30, 60))
    assert bench.scene.nodes["n4"].offers["input", 0] is True
    assert bench.scene.nodes["n2"].offers["input", 0] is False
    bench.move(bench.port("n2", "input"))
    assert "loop" in bench.said[-1][0]
    bench.release(bench.port("n2", "input"))
    assert bench.said[-1] == ("A wire from Output to Hidden would close a loop.", True)
    assert bench.scene.nodes["n2"].offers is None
    assert bench.session.undo_stack.count() == 0


def test_a_legal_wire_that_brings_a_wrong_shape_says_so(bench: Any, make_document: Documents) -> None:
    bench.open(unwired(make_document["digits"](), Edge("n3", 0, "n4", 0)))
    bench.press(bench.port("n2", "output"))
    bench.move(bench.port("n4", "input") + QPoint(-40, 40))
    bench.move(bench.port("n4", "input"))
    assert bench.said[-1] == ("Scores gets 8 x 8 x 8, needs a flat input: add Flatten before it.", False)
    bench.release(bench.port("n4", "input"))
    assert Edge("n2", 0, "n4", 0) in bench.edges()


def test_a_wire_dropped_on_a_nodes_body_takes_its_free_port(bench: Any, make_document: Documents) -> None:
    wire = Edge("n1", 1, "n4", 1)
    bench.open(unwired(make_document["spirals"](), wire))
    bench.drag(bench.port("n1", "output", 1), bench.title("n4"))
    assert wire in bench.edges()


def test_a_wire_dropped_on_empty_canvas_searches_and_connects(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["spirals"]())
    bench.drag(bench.port("n3", "output"), bench.at(700, 400))
    assert bench.canvas.search.isVisible()
    bench.type_into_search("relu")
    QTest.keyClick(bench.canvas.search.field, Qt.Key.Key_Return)
    assert Edge("n3", 0, "n5", 0) in bench.edges()
    assert bench.session.undo_stack.count() == 1


def test_a_wire_dragged_backwards_to_empty_canvas_feeds_the_port(bench: Any, make_document: Documents) -> None:
    bench.open(unwired(make_document["spirals"](), Edge("n2", 0, "n3", 0)))
    bench.drag(bench.port("n3", "input"), bench.at(400, 500))
    bench.type_into_search("loss")
    assert bench.canvas.search._nothing.isVisible()  # a loss has no output
    bench.canvas.search.field.clear()
    bench.type_into_search("tanh")
    QTest.keyClick(bench.canvas.search.field, Qt.Key.Key_Return)
    assert Edge("n5", 0, "n3", 0) in bench.edges()


def test_dragging_a_wires_end_off_deletes_it(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["digits"]())
    bench.drag(bench.port("n3", "input"), bench.at(600, 500))
    assert Edge("n2", 0, "n3", 0) not in bench.edges()
    assert not bench.canvas.search.isVisible()
    bench.session.undo_stack.undo()
    assert Edge("n2", 0, "n3", 0) in bench.edges()


def test_dragging_a_wires_end_elsewhere_moves_it(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["digits"]())
    bench.drag(bench.port("n3", "input"), bench.port("n4", "input"))
    assert Edge("n2", 0, "n4", 0) in bench.edges()
    assert Edge("n2", 0, "n3", 0) not in bench.edges()
    assert bench.session.undo_stack.count() == 1


def test_dragging_a_wire_near_its_start_takes_that_end_off(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["digits"]())
    start, _ = bench.scene.wires[Edge("n3", 0, "n4", 0)].ends()
    bench.drag(bench.at(start.x() + 24, start.y()), bench.port("n2", "output"))
    assert Edge("n2", 0, "n4", 0) in bench.edges()
    assert Edge("n3", 0, "n4", 0) not in bench.edges()


def test_a_variadic_input_shows_a_spare_port_while_a_wire_is_dragged(bench: Any, make_document: Documents) -> None:
    document = make_document["digits"]()
    graph, add = document.graph.add(Sum())
    graph = graph.connect("n2", 0, add, 0).connect("n2", 0, add, 1)
    bench.open(document.with_graph(graph, **{add: (480.0, 400.0)}))
    bench.press(bench.port("n1", "output"))
    bench.move(bench.port(add, "input", 1))
    assert bench.scene.nodes[add].spare is not None
    place = bench.port(add, "input", 2)
    bench.move(place)
    bench.release(place)
    assert Edge("n1", 0, add, 2) in bench.edges()
    assert bench.scene.nodes[add].spare is None


def test_a_click_selects_a_wire_and_delete_removes_it(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["digits"]())
    wire = Edge("n3", 0, "n4", 0)
    bench.click(bench.view.mapFromScene(bench.scene.wires[wire].middle()))
    assert bench.view.chosen_wire == wire
    assert bench.scene.wires[wire].chosen
    bench.key(Qt.Key.Key_Delete)
    assert wire not in bench.edges()


def test_a_node_dropped_on_a_wire_is_inserted_in_one_step(bench: Any, make_document: Documents) -> None:
    document = make_document["digits"]()
    graph, node = document.graph.add(document.graph.node("n3").layer, "Spare")
    bench.open(document.with_graph(graph, **{node: (300.0, 480.0)}))
    wire = bench.scene.wires[Edge("n2", 0, "n3", 0)]
    to = wire.middle() - bench.scene.nodes[node].frame().center()
    start = bench.title(node)
    bench.press(start)
    end = start + to.toPoint()
    bench.move(start + QPoint(0, -40))
    bench.move(end)
    assert wire.target
    bench.release(end)
    assert {Edge("n2", 0, node, 0), Edge(node, 0, "n3", 0)} <= bench.edges()
    assert bench.session.undo_stack.count() == 1
    bench.session.undo_stack.undo()
    assert bench.session.document.positions[node] == (300.0, 480.0)


# Selecting and moving ----------------------------------------------------------------------


def test_click_shift_click_and_rubber_band(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["spirals"]())
    bench.click(bench.title("n2"))
    assert bench.session.selection == {"n2"}
    assert bench.scene.nodes["n2"].chosen
    bench.click(bench.title("n3"), SHIFT)
    assert bench.session.selection == {"n2", "n3"}
    bench.click(bench.title("n2"), CONTROL)
    assert bench.session.selection == {"n3"}
    bench.drag(bench.at(200, -60), bench.at(720, 60))
    assert bench.session.selection == {"n2", "n3"}
    bench.drag(bench.at(760, -40), bench.at(700, 40), SHIFT)
    assert bench.session.selection == {"n2", "n3", "n4"}
    bench.click(bench.at(100, 500))
    assert bench.session.selection == set()
    bench.key(Qt.Key.Key_A, CONTROL)
    assert len(bench.session.selection) == 4


def test_a_drag_is_one_edit_on_the_grid(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["spirals"]())
    bench.click(bench.title("n2"))
    bench.click(bench.title("n3"), SHIFT)
    before = bench.session.document.positions
    bench.drag(bench.title("n3"), bench.title("n3") + QPoint(53, 101))
    after = bench.session.document.positions
    assert after["n3"] == (480.0 + 56, 104.0)
    assert after["n2"] == (240.0 + 56, 104.0)
    assert after["n1"] == before["n1"]
    assert bench.session.undo_stack.count() == 1
    bench.session.undo_stack.undo()
    assert bench.scene.nodes["n3"].pos() == QPointF(480, 0)
    bench.drag(bench.title("n3"), bench.title("n3") + QPoint(53, 101), ALT)
    assert bench.session.document.positions["n3"] == (533.0, 101.0)


def test_escape_gives_up_a_drag(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["spirals"]())
    bench.press(bench.title("n3"))
    bench.move(bench.title("n3") + QPoint(80, 80))
    assert bench.scene.nodes["n3"].pos() == QPointF(560, 80)
    bench.key(Qt.Key.Key_Escape)
    assert bench.scene.nodes["n3"].pos() == QPointF(480, 0)
    bench.release(bench.title("n3"))
    assert bench.session.undo_stack.count() == 0
    bench.key(Qt.Key.Key_Escape)
    assert bench.session.selection == set()


def test_arrows_nudge_and_a_row_of_nudges_is_one_undo(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["spirals"]())
    bench.click(bench.title("n2"))
    for _ in range(3):
        bench.key(Qt.Key.Key_Right)
    bench.key(Qt.Key.Key_Down, SHIFT)
    assert bench.session.document.positions["n2"] == (240.0 + 24, 1.0)
    assert bench.session.undo_stack.count() == 1


def test_alt_arrows_walk_from_node_to_node(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["spirals"]())
    bench.click(bench.title("n1"))
    bench.key(Qt.Key.Key_Right, ALT)
    assert bench.session.selection == {"n2"}
    assert "Dense" in bench.view.accessibleDescription()
    bench.key(Qt.Key.Key_Right, ALT)
    bench.key(Qt.Key.Key_Left, ALT)
    assert bench.session.selection == {"n2"}
    assert bench.session.undo_stack.count() == 0


def test_delete_and_backspace_undo_and_redo(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["spirals"]())
    kept = bench.scene.nodes["n1"]
    bench.click(bench.title("n2"))
    bench.key(Qt.Key.Key_Delete)
    assert "n2" not in bench.graph
    assert "n2" not in bench.scene.nodes
    bench.click(bench.title("n3"))
    bench.key(Qt.Key.Key_Backspace)
    assert set(bench.scene.nodes) == {"n1", "n4"}
    bench.session.undo_stack.undo()
    bench.session.undo_stack.undo()
    assert set(bench.scene.nodes) == {"n1", "n2", "n3", "n4"}
    assert set(bench.scene.wires) == bench.edges()
    bench.session.undo_stack.redo()
    assert "n2" not in bench.scene.nodes
    assert bench.scene.nodes["n1"] is kept  # reconciled, never rebuilt


def test_ctrl_delete_takes_a_node_out_and_joins_its_wires(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["digits"]())
    bench.click(bench.title("n3"))
    bench.key(Qt.Key.Key_Delete, CONTROL)
    assert Edge("n2", 0, "n4", 0) in bench.edges()


def test_copy_paste_cut_and_duplicate_keep_links(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["spirals"]())
    bench.click(bench.title("n2"))
    bench.click(bench.title("n3"), SHIFT)
    bench.key(Qt.Key.Key_C, CONTROL)
    bench.key(Qt.Key.Key_V, CONTROL)
    assert bench.session.selection == {"n5", "n6"}
    assert Edge("n5", 0, "n6", 0) in bench.edges()
    assert bench.graph.node("n5").name == "Hidden_2"
    x, y = bench.session.document.positions["n5"]
    assert (x, y) == (272.0, 32.0)
    bench.key(Qt.Key.Key_V, CONTROL)
    assert bench.session.document.positions["n7"] == (304.0, 64.0)
    bench.key(Qt.Key.Key_D, CONTROL)
    assert bench.session.selection == {"n9", "n10"}
    bench.key(Qt.Key.Key_X, CONTROL)
    assert "n9" not in bench.graph
    bench.key(Qt.Key.Key_V, CONTROL)
    assert len(bench.session.selection) == 2
    assert bench.session.undo_stack.count() == 5


def test_what_is_no_layer_on_the_clipboard_is_said(bench: Any) -> None:
    QGuiApplication.clipboard().setText("a shopping list")
    bench.key(Qt.Key.Key_V, CONTROL)
    assert bench.said[-1][0].startswith("There are no layers on the clipboard")
    QGuiApplication.clipboard().setText('{"graph": {"nodes": 3}, "format": 1}')
    bench.key(Qt.Key.Key_V, CONTROL)
    assert bench.said[-1][1]
    assert not bench.graph.nodes


# Arranging ---------------------------------------------------------------------------------


def test_align_and_distribute(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["spirals"]())
    bench.key(Qt.Key.Key_A, CONTROL)
    actions = bench.canvas.actions()
    actions["align_bottom"].trigger()
    bottoms = {n.frame().bottom() for n in bench.scene.nodes.values()}
    assert len(bottoms) == 1
    actions["distribute_horizontal"].trigger()
    frames = sorted((n.frame() for n in bench.scene.nodes.values()), key=lambda f: f.left())
    gaps = [b.left() - a.right() for a, b in itertools.pairwise(frames)]
    assert max(gaps) - min(gaps) < 1e-6
    actions["align_left"].trigger()
    assert {n.frame().left() for n in bench.scene.nodes.values()} == {0.0}
    assert bench.session.undo_stack.count() == 3


def test_tidy_up_is_one_undo_and_leaves_no_overlap(bench: Any, make_document: Documents) -> None:
    document = make_document["digits"]()
    bench.open(document.moved(dict.fromkeys(document.positions, (0.0, 0.0))))
    QTest.mouseClick(bench.canvas.controls.tidy, Qt.MouseButton.LeftButton)
    frames = [bench.scene.nodes[n].frame() for n in bench.graph.order]
    assert all(a.right() < b.left() for a, b in itertools.pairwise(frames))
    assert bench.session.undo_stack.count() == 1


def test_a_new_wire_between_straight_ports_is_straight(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["digits"]())
    QTest.mouseClick(bench.canvas.controls.tidy, Qt.MouseButton.LeftButton)
    for edge in (Edge("n1", 0, "n2", 0), Edge("n2", 0, "n3", 0), Edge("n4", 0, "n5", 0)):
        start, end = bench.scene.wires[edge].ends()
        assert start.y() == end.y()


# Names, menus, repairs ---------------------------------------------------------------------


def test_f2_and_a_double_click_on_the_title_rename(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["spirals"]())
    bench.click(bench.title("n2"))
    bench.key(Qt.Key.Key_F2)
    editor = bench.canvas.title_editor
    assert editor.isVisible()
    QTest.keyClicks(editor, "First")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert bench.graph.node("n2").name == "First"
    QTest.mouseDClick(bench.view.viewport(), Qt.MouseButton.LeftButton, pos=bench.title("n3"))
    assert editor.isVisible()
    QTest.keyClicks(editor, "Other")
    QTest.keyClick(editor, Qt.Key.Key_Escape)
    assert bench.graph.node("n3").name == "Output"
    assert not editor.isVisible()


def menu_of(bench: Any, place: QPoint) -> QMenu:
    from PySide6.QtGui import QContextMenuEvent

    port = bench.view.viewport()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, port.mapToGlobal(place))
    QApplication.sendEvent(port, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


def choose(bench: Any, menu: QMenu, text: str) -> None:
    """Click an entry of an open menu."""
    action = next(a for a in menu.actions() if a.text() == text)
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())
    bench.qtbot.waitUntil(lambda: QApplication.activePopupWidget() is None)


def test_menus_of_node_wire_and_canvas(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["digits"]())
    choose(bench, menu_of(bench, bench.title("n2")), "Duplicate")
    assert bench.session.selection == {"n6"}
    wire = Edge("n3", 0, "n4", 0)
    choose(bench, menu_of(bench, bench.view.mapFromScene(bench.scene.wires[wire].middle())), "Delete wire")
    assert wire not in bench.edges()
    choose(bench, menu_of(bench, bench.at(100, 520)), "Select all")
    assert len(bench.session.selection) == 6


def test_the_link_in_a_node_repairs_it(bench: Any, make_document: Documents) -> None:
    document = make_document["digits"]()
    bench.open(document.with_graph(document.graph.dissolve("n3")))
    item = bench.scene.nodes["n4"]
    assert item.face.errors == 1
    from studio.gui.canvas.bodies import remedy_rect
    from studio.gui.canvas.style import current_style

    where = remedy_rect(item.face, current_style()).center() + item.pos()
    bench.click(bench.view.mapFromScene(where))
    assert bench.session.inference.errors == ()
    (new,) = set(bench.graph.by_id) - {"n1", "n2", "n4", "n5"}
    assert bench.graph.node(new).layer.type_name() == "Flatten"
    assert not bench.scene.nodes["n4"].frame().intersects(bench.scene.nodes[new].frame())


def _add_by_keys(bench: Any, words: str) -> str:
    bench.key(Qt.Key.Key_Tab)
    bench.type_into_search(words)
    QTest.keyClick(bench.canvas.search.field, Qt.Key.Key_Return)
    (node,) = bench.session.selection
    return str(node)


def test_a_network_is_built_with_the_keys_alone(bench: Any) -> None:
    data, hidden, last = (_add_by_keys(bench, words) for words in ("data", "dense", "dense"))
    assert bench.edges() == {Edge(data, 0, hidden, 0), Edge(hidden, 0, last, 0)}
    boxes = [bench.scene.nodes[n].frame() for n in (data, hidden, last)]
    assert all(a.right() < b.left() for a, b in itertools.pairwise(boxes))
    bench.key(Qt.Key.Key_Escape)
    loss = _add_by_keys(bench, "mean squared")
    assert len(bench.edges()) == 2
    bench.session.select(frozenset({last, loss}))
    positions = bench.session.document.positions
    bench.session.edit(bench.session.document.moved({loss: (positions[last][0] + 300, 0.0)}), "move")
    bench.key(Qt.Key.Key_C)
    assert Edge(last, 0, loss, 0) in bench.edges()
    bench.key(Qt.Key.Key_C)  # they are wired already: nothing more
    assert len(bench.edges()) == 3


def test_an_arrow_selects_where_nothing_is_selected(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["spirals"]())
    before = bench.session.document
    bench.key(Qt.Key.Key_Escape)
    bench.key(Qt.Key.Key_Right)
    assert len(bench.session.selection) == 1
    assert bench.session.document is before  # nothing was moved


def test_layers_that_take_the_shape_are_found_first(bench: Any, make_document: Documents) -> None:
    bench.open(make_document["digits"]())
    picture = next(n.id for n in bench.graph.nodes if n.layer.type_name() == "Conv2D")
    bench.session.select(frozenset({picture}))
    bench.key(Qt.Key.Key_Tab)
    rows = bench.canvas.search.list
    bench.type_into_search("average")
    names = [rows.model().index(i).data().split(",")[0] for i in range(rows.model().rowCount())]
    assert names.index("GlobalAveragePooling2D") < names.index("GlobalAveragePooling1D")
    bench.canvas.search.field.clear()
    flat = next(n.id for n in bench.graph.nodes if n.layer.type_name() == "Flatten")
    QTest.keyClick(bench.canvas.search.field, Qt.Key.Key_Escape)
    bench.session.select(frozenset({flat}))
    bench.key(Qt.Key.Key_Tab)
    bench.type_into_search("conv")
    assert rows.model().rowCount() > 3  # nothing is hidden
