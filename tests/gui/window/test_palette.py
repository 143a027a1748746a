"""The palette: search, families, drag, rail; and the list of all commands."""

from __future__ import annotations

from drag_events import drag_enter, drag_move, drop
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDrag
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.core import registry
from studio.gui.palette import RAIL_WIDTH

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def _rows(tree) -> dict[str, list[str]]:
    model = tree.model()
    return {
        model.index(r, 0).data(): [
            model.index(c, 0, model.index(r, 0)).data() for c in range(model.rowCount(model.index(r, 0)))
        ]
        for r in range(model.rowCount())
    }


def _row(tree, family: str, layer: str):
    model = tree.model()
    for r in range(model.rowCount()):
        head = model.index(r, 0)
        for c in range(model.rowCount(head)):
            if head.data() == family and model.index(c, 0, head).data() == layer:
                return model.index(c, 0, head)
    raise LookupError(layer)


def _blank(make_studio, hands):
    window = make_studio()
    person = hands(window)
    person.click(window.welcome.new_button)
    return window, person, window.workspace.palette_view


def test_lists_every_layer_once_under_its_family(make_studio, hands):
    _, _, palette = _blank(make_studio, hands)
    listed = _rows(palette.tree)
    assert sorted(n for names in listed.values() for n in names) == sorted(registry.layers())
    for family, names in listed.items():
        assert all(registry.layer(n).family == family for n in names)


def test_search_finds_by_keyword_and_escape_takes_it_back(make_studio, hands):
    _, person, palette = _blank(make_studio, hands)
    person.press_keys(Qt.Key.Key_K, CONTROL)
    QTest.keyClicks(palette.search, "fully connected")
    assert _rows(palette.tree) == {"Core": ["Dense"]}
    QTest.keyClick(palette.search, Qt.Key.Key_Escape)
    assert len(_rows(palette.tree)) > 3


def test_double_click_and_enter_add_a_layer(make_studio, hands):
    window, _, palette = _blank(make_studio, hands)
    index = _row(palette.tree, "Core", "Dense")
    place = palette.tree.visualRect(index).center()
    QTest.mouseClick(palette.tree.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(palette.tree.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.keyClick(palette.tree, Qt.Key.Key_Return)
    assert [n.layer.type_name() for n in window.session.document.graph.nodes] == ["Dense", "Dense"]


class _Drag(QDrag):
    """A drag that takes its data to the canvas: the offscreen platform has no drag of its own."""

    target, place = None, QPoint()

    def exec(self, *actions) -> Qt.DropAction:
        data = self.mimeData()
        assert not self.pixmap().isNull()
        for event in (drag_enter(self.place, data), drag_move(self.place, data), drop(self.place, data)):
            QApplication.sendEvent(self.target, event)
            assert event.isAccepted()
        return Qt.DropAction.CopyAction


def test_a_layer_dragged_onto_the_canvas_is_added_where_it_is_dropped(make_studio, hands, qtbot, monkeypatch):
    window, _, palette = _blank(make_studio, hands)
    monkeypatch.setattr("studio.gui.palette_tree.QDrag", _Drag)
    tree, view, handle = palette.tree, window.workspace.canvas.view, window.windowHandle()
    _Drag.target, _Drag.place = view.viewport(), QPoint(view.width() // 2, view.height() // 2)
    start = tree.visualRect(_row(tree, "Core", "Dropout")).center()

    def at(place: QPoint) -> QPoint:
        return tree.viewport().mapTo(window, place)

    QTest.mousePress(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at(start))
    QTest.mouseMove(handle, at(start + QPoint(14, 4)))
    QTest.mouseMove(handle, at(start + QPoint(40, 8)))
    qtbot.waitUntil(lambda: len(window.session.document.graph.nodes) == 1)
    QTest.mouseRelease(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at(start))
    node = window.session.document.graph.nodes[0]
    assert node.layer.type_name() == "Dropout"
    frame = window.workspace.canvas.graph_scene.nodes[node.id].frame()
    assert frame.contains(view.mapToScene(_Drag.place))
    _Drag.target = None


def test_a_family_folds_and_stays_folded(make_studio, hands, tmp_path):
    window, _, palette = _blank(make_studio, hands)
    model = palette.tree.model()
    head = next(model.index(r, 0) for r in range(model.rowCount()) if model.index(r, 0).data() == "Core")
    QTest.mouseClick(palette.tree.viewport(), Qt.MouseButton.LeftButton, pos=palette.tree.visualRect(head).center())
    assert not palette.tree.isExpanded(head)
    assert "Core" in str(window.settings.value("palette/closed"))


def test_the_rail_opens_at_a_family(make_studio, hands, qtbot):
    _window, person, palette = _blank(make_studio, hands)
    palette.set_narrow(True)
    qtbot.waitUntil(lambda: palette.width() == RAIL_WIDTH)
    button = next(b for b, _, family in palette._rail._buttons if family == "Merge")
    person.click(button)
    assert not palette.narrow
    assert palette.tree.currentIndex().data() == "Merge"


def test_every_entry_explains_itself(make_studio, hands):
    _, _, palette = _blank(make_studio, hands)
    tip = _row(palette.tree, "Core", "Dense").data(Qt.ItemDataRole.ToolTipRole)
    assert registry.layer("Dense").help in tip


def test_the_command_list_finds_and_does(make_studio, hands):
    window, person, _ = _blank(make_studio, hands)
    person.focus_canvas()
    person.press_keys(Qt.Key.Key_P, CONTROL | SHIFT)
    commands = window.commands
    assert commands.isVisible()
    QTest.keyClicks(commands.field, "two spirals")
    QTest.keyClick(commands.field, Qt.Key.Key_Return)
    assert not commands.isVisible()
    assert window.session.document.title == "Two spirals"


def test_the_command_list_goes_away_without_doing_anything(make_studio, hands):
    window, person, _ = _blank(make_studio, hands)
    person.focus_canvas()
    before = window.session.document
    person.press_keys(Qt.Key.Key_P, CONTROL | SHIFT)
    QTest.keyClicks(window.commands.field, "no such command")
    QTest.keyClick(window.commands.field, Qt.Key.Key_Return)
    assert window.session.document is before
    person.press_keys(Qt.Key.Key_P, CONTROL | SHIFT)
    QTest.keyClick(window.commands.field, Qt.Key.Key_Escape)
    assert not window.commands.isVisible()
    assert window.workspace.canvas.view.hasFocus()


def test_commands_have_distinct_shortcuts(make_studio):
    window = make_studio()
    seen: dict[str, str] = {}
    for name, action in window.actions_by_key.listed():
        for shortcut in action.shortcuts():
            assert shortcut.toString() not in seen, (name, seen[shortcut.toString()])
            seen[shortcut.toString()] = name
