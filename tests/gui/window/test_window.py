"""The window as a whole: opens, trains, closes."""

from __future__ import annotations

import sys

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget

from studio.storage import templates


def test_starts_on_the_welcome_page(make_studio):
    window = make_studio()
    assert window.on_welcome_page
    assert window.windowTitle() == "Layer Studio"
    assert len(window.welcome.cards) == len(templates.names())


def test_a_card_opens_its_template(make_studio):
    window = make_studio()
    card = next(c for c in window.welcome.cards if c.template.name == "xor")
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    assert not window.on_welcome_page
    assert window.session.document.title == "XOR"
    assert "xor" in window.windowTitle()


def test_run_button_trains_and_pauses(make_studio, qtbot):
    window = make_studio("iris")
    bar = window.workspace.run_bar
    QTest.mouseClick(bar.run_button, Qt.MouseButton.LeftButton)
    assert bar.run_button.text() == "Pause"
    qtbot.waitUntil(lambda: window.live.latest.step > 0, timeout=120_000)
    qtbot.waitUntil(lambda: bar.epoch.text.split()[0] != "0", timeout=20_000)
    QTest.keyClick(window, Qt.Key.Key_F5) if window.link.running else None
    qtbot.waitUntil(lambda: not window.link.running, timeout=20_000)
    assert bar.run_button.text() == "Run"
    assert window.session.dirty


def test_one_step_and_reset(make_studio, qtbot):
    window = make_studio("iris")
    QTest.keyClick(window, Qt.Key.Key_F10)
    qtbot.waitUntil(lambda: window.live.latest.step == 1, timeout=60_000)
    QTest.keyClick(window, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: window.live.latest.epoch >= 1, timeout=60_000)
    QTest.mouseClick(window.workspace.run_bar.reset_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.live.latest.step == 0, timeout=60_000)


def test_an_empty_graph_is_refused_with_a_sentence(make_studio):
    window = make_studio()
    QTest.mouseClick(window.welcome.new_button, Qt.MouseButton.LeftButton)
    QTest.mouseClick(window.workspace.run_bar.run_button, Qt.MouseButton.LeftButton)
    assert "nothing to train" in window.notice.text
    assert not window.link.running


def test_everything_that_takes_the_focus_has_a_name(make_studio):
    window = make_studio("digits-convnet")
    node = window.session.document.graph.named("Conv 1")
    window.session.select(frozenset({node.id}))
    unnamed = []
    for widget in window.findChildren(QWidget):
        if not widget.isVisible() or not widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            continue
        text = widget.text() if hasattr(widget, "text") and not isinstance(widget, QLabel) else ""
        inside = widget.parentWidget()
        named = widget.accessibleName() or text or (inside is not None and inside.accessibleName())
        if not named:
            unnamed.append(type(widget).__name__)
    assert not unnamed


def test_references_to_none_stay_over_many_qt_calls(make_studio):
    window = make_studio()
    before = sys.getrefcount(None)
    for _ in range(200):
        window.update()
        window.rect().center()
        window.setWindowTitle("Layer Studio")
    assert sys.getrefcount(None) >= before - 50


def test_f6_goes_round_the_panels(make_studio, hands):
    window = make_studio("iris")
    hands(window).focus_canvas()
    workspace = window.workspace
    parts = (workspace.canvas, workspace.bottom, workspace.inspector, workspace.run_bar, workspace.palette_view)
    for part in (*parts[1:], parts[0]):
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_F6)
        assert part.isAncestorOf(window.focusWidget())
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    assert workspace.palette_view.isAncestorOf(window.focusWidget())


def test_the_welcome_page_leads_back(make_studio):
    window = make_studio()
    assert not window.welcome.back_button.isVisible()
    window.files.new_from_template("iris")
    window.actions_by_key["welcome"].trigger()
    assert window.on_welcome_page
    QTest.mouseClick(window.welcome.back_button, Qt.MouseButton.LeftButton)
    assert not window.on_welcome_page
    assert window.session.document.title == "Iris flowers"


def test_parameters_without_effect_are_not_shown(make_studio):
    window = make_studio("digits-convnet")
    form = window.workspace.inspector.node.form
    window.session.select(frozenset({window.session.document.graph.named("Digits").id}))
    shown = {name for name, editor in form.editors.items() if editor.isVisible()}
    assert {"source", "validation", "resize"} <= shown
    assert not shown & {"noise", "samples"}


def test_keys_do_nothing_to_a_network_that_is_not_seen(make_studio, qtbot):
    window = make_studio("iris")
    window.show_welcome()
    QTest.keyClick(window, Qt.Key.Key_F10)
    QTest.keyClick(window, Qt.Key.Key_F5)
    qtbot.wait(200)
    assert window.live.latest.step == 0
    assert not window.link.running
    window.show_workspace()
    QTest.keyClick(window, Qt.Key.Key_F10)
    qtbot.waitUntil(lambda: window.live.latest.step == 1, timeout=60_000)
