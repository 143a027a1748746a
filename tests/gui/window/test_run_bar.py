"""The run bar: numbers, settings, menus, and what it drops where it is narrow."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from studio.gui import devices


@pytest.mark.parametrize("width", [940, 1000, 1280, 1600, 1920])
def test_nothing_is_cut_off_at_any_width(make_studio, width):
    window = make_studio("spirals", size=(width, 800))
    bar = window.workspace.run_bar
    right = 0
    for widget in (
        bar.run_button, bar.step_button, bar.reset_button, bar.epoch, bar.speed, bar.train, bar.validation,
        bar.rate_field, bar.batch_field, bar.device_button,
    ):  # fmt: skip
        if not widget.isVisible():
            continue
        assert widget.x() >= right - 1
        assert widget.width() >= min(widget.sizeHint().width(), 72)
        right = widget.x() + widget.width()
    assert right <= bar.width()
    assert bar.validation.isVisible()
    assert bar.rate_field.isVisible()


def test_longer_words_take_the_place_of_the_least_needed(make_studio, qtbot):
    window = make_studio("digits-convnet", size=(1280, 800))
    bar = window.workspace.run_bar
    for threads in (1, 2, 1):
        window.session.edit(window.session.document.with_training(threads=threads), "threads")
        qtbot.waitUntil(lambda words=f"CPU · {threads} thread": bar.device_button.text().startswith(words))
        assert bar.layout().sizeHint().width() <= bar.width()


def test_batch_size_is_typed_or_refused_in_a_sentence(make_studio, hands):
    window = make_studio("xor")
    field = window.workspace.run_bar.batch_field
    line = field.lineEdit()
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, "48")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert window.session.document.training.batch_size == 48
    line.selectAll()
    QTest.keyClicks(line, "0")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert window.session.document.training.batch_size == 48
    assert "at least 1" in window.notice.text
    QTest.keyClick(line, Qt.Key.Key_Escape)
    assert line.text() == "48"


def test_slider_field_and_inspector_show_the_same_rate(make_studio):
    window = make_studio("xor")
    bar = window.workspace.run_bar
    bar.rate_slider.setFocus()
    for _ in range(10):
        QTest.keyClick(bar.rate_slider, Qt.Key.Key_Left)
    rate = window.session.document.training.optimizer.learning_rate
    assert bar.rate_field.value == rate
    assert window.workspace.inspector.training.optimizer_form.editors["learning_rate"].number.value == rate
    assert window.session.undo_stack.count() == 1


def test_the_test_score_stands_there_once_training_has_finished(make_studio, hands, qtbot):
    window = make_studio("iris", size=(1280, 800))
    bar, me = window.workspace.run_bar, hands(window)
    window.actions_by_key["pace_full"].trigger()
    me.type_number(window.workspace.inspector.training.training_form.editors["epochs"].number, "3")
    assert not bar.test.isVisible()
    me.click(bar.run_button)
    qtbot.waitUntil(lambda: window.link.status == "finished" and bar.test.isVisible(), timeout=60_000)
    result = window.live.latest.test
    share = f"{100 * result.accuracy:.1f} %" if result.accuracy < 1 else "100 %"
    assert bar.test.text == f"{share} right"
    qtbot.waitUntil(lambda: window.status._state.text() == f"Finished: {share} of the test samples right")
    assert bar.test.x() + bar.test.width() <= bar.rate_field.x()
    assert bar.epoch.text == "3 / 3"
    me.click(bar.run_button)
    qtbot.waitUntil(lambda: window.live.latest.epoch == 6 and window.link.status == "finished", timeout=60_000)
    qtbot.waitUntil(lambda: bar.epoch.text == "6 / 3 + 3")  # as the field says, and as many as before
    assert "pressed again after 3" in bar.epoch.toolTip()
    me.click(bar.reset_button)
    qtbot.waitUntil(lambda: not bar.test.isVisible())
    qtbot.waitUntil(lambda: bar.epoch.text == "0 / 3")


def test_layer_by_layer_all_say_whose_turn_it_is(make_studio, hands, qtbot):
    window = make_studio("spirals", size=(1280, 800))
    session, bar = window.session, window.workspace.run_bar
    session.edit(session.document.with_training(mode="greedy", epochs=30), "greedy")
    hands(window).click(bar.run_button)
    names = [session.document.graph.node(n).name for n in session.document.graph.order if session.inference.weights.get(n)]
    nodes = window.workspace.canvas.graph_scene.nodes

    def learning():
        return [item.face.node.name for item in nodes.values() if item.learning]

    qtbot.waitUntil(lambda: learning() == names[:1], timeout=60_000)
    qtbot.waitUntil(lambda: window.workspace.bottom.loss.plot.turns == ((0.0, names[0]), (10.0, names[1]), (20.0, names[2])))
    assert bar.epoch._label == "Epoch, layer 1 of 3"
    assert f"now {names[0]} learns" in bar.epoch.toolTip()
    said = window.workspace.bottom.representation._switch.empty.label
    qtbot.waitUntil(lambda: said.text().endswith(f"now {names[0]} learns, and {names[2]} has its turn later."))
    window.workspace.canvas.grab()
    window.workspace.bottom.grab()
    window.actions_by_key["pace_full"].trigger()
    qtbot.waitUntil(lambda: window.link.status == "finished", timeout=60_000)
    qtbot.waitUntil(lambda: not learning())
    assert bar.epoch._label == "Epoch, layer 3 of 3"


def test_threads_are_chosen_and_cuda_says_why_not(make_studio, qtbot):
    window = make_studio("xor")
    bar = window.workspace.run_bar
    bar.device_button.fill()
    actions = {a.text(): a for a in bar.device_button.menu().actions() if a.text()}
    cuda = next(a for text, a in actions.items() if text.startswith("CUDA"))
    assert cuda.isEnabled() == (not devices.why_no_cuda())
    assert cuda.isEnabled() or cuda.toolTip().endswith(".")
    actions["1 thread"].trigger()
    assert window.session.document.training.threads == 1
    qtbot.waitUntil(lambda: bar.device_button.text() == "CPU · 1 thread")


def test_the_reset_menu_draws_other_weights(make_studio, qtbot):
    window = make_studio("xor")
    first = window.trainer.export_state().weights
    bar = window.workspace.run_bar
    place = bar.reset_button.rect().center()
    place.setX(bar.reset_button.width() - 8)
    QTest.mouseClick(bar.reset_button, Qt.MouseButton.LeftButton, pos=place)
    menu = bar.reset_button._menu
    assert menu.isVisible()
    fresh = window.actions_by_key["reset_fresh"]
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(fresh).center())
    qtbot.waitUntil(
        lambda: any((window.trainer.export_state().weights[k] != v).any() for k, v in first.items()), timeout=20_000
    )
