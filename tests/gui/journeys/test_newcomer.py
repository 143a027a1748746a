"""A newcomer at a template: run, pause, step, start over, change it while it trains, break it, repair it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QScrollArea

from studio.gui.canvas.bodies import remedy_rect
from studio.gui.canvas.style import current_style

CONTROL = Qt.KeyboardModifier.ControlModifier


def click_card(me, name: str) -> None:
    """Click a template on the welcome page."""
    (card,) = (c for c in me.window.welcome.cards if c.template.name == name)
    scroll = card.parentWidget()
    while not isinstance(scroll, QScrollArea):
        scroll = scroll.parentWidget()
    scroll.ensureWidgetVisible(card)
    me.click(card)
    assert not me.window.on_welcome_page


def same(one: dict, other: dict) -> bool:
    """Whether the same weights have the same bits."""
    return one.keys() == other.keys() and all(one[k].tobytes() == other[k].tobytes() for k in one)


def pause(me) -> None:
    """Click Pause, and see that training stands still."""
    assert me.bar.run_button.text() == "Pause"
    me.click(me.bar.run_button)
    me.wait(lambda: me.latest.status == "paused")
    assert me.bar.run_button.text() == "Run"
    step = me.latest.step
    assert me.window.trainer.export_state(60.0).step == step


def test_run_pause_step_epoch_and_both_resets(make_studio, person):
    window = make_studio()
    me = person(window)
    click_card(me, "spirals")
    me.wait(lambda: window.link.status == "ready")
    initial = me.weights

    me.click(me.bar.run_button)
    me.wait_for_steps(60)
    pause(me)
    step = me.latest.step
    assert not same(me.weights, initial)

    # One minibatch more, by the button.
    me.click(me.bar.step_button, QPoint(20, 14))
    me.wait(lambda: me.latest.step > step)
    me.wait(lambda: me.latest.status == "paused")
    assert me.latest.step == step + 1
    assert window.trainer.export_state(60.0).step == step + 1

    # To the end of the epoch, by the entry behind the arrow.
    epoch = int(me.latest.epoch)
    me.click(me.bar.step_button, QPoint(me.bar.step_button.width() - 8, 14))
    me.pick("One epoch")
    me.wait(lambda: me.latest.epoch == epoch + 1 and me.latest.status == "paused")
    assert 1 < me.latest.step - step <= 1000 // 20

    # Reset: the same initial weights; by the arrow, others; and the first ones again.
    me.click(me.bar.reset_button, QPoint(20, 14))
    me.wait(lambda: me.latest.step == 0)
    assert same(me.weights, initial)
    assert len(me.latest.history.series("loss")[1]) == 0
    arrow = QPoint(me.bar.reset_button.width() - 8, 14)
    me.click(me.bar.reset_button, arrow)
    me.pick("Reset to new initial weights")
    me.wait(lambda: not same(me.weights, initial))
    assert me.latest.step == 0
    others = me.weights
    assert all(not np.array_equal(others[k], initial[k]) for k in initial if k[1] == "kernel")
    me.click(me.bar.reset_button, arrow)
    me.pick("Reset to the same initial weights")
    me.wait(lambda: same(me.weights, initial))


def test_a_layer_dropped_on_a_wire_while_training_leaves_the_other_weights(make_studio, person):
    window = make_studio("spirals")
    me = person(window)
    data, first, second, output, loss = (n.id for n in me.graph.nodes)
    # A low rate tells weights that were kept from weights that were drawn anew.
    me.type_over(me.bar.rate_field, "1e-6")
    me.click(me.bar.run_button)
    me.wait_for_steps(20)
    before = window.trainer.export_state(60.0)

    added = me.drag_from_palette("Dense", me.wire_between(first, second))
    wires = {(e.source, e.target) for e in me.graph.edges}
    assert {(first, added), (added, second)} <= wires
    assert (first, second) not in wires
    assert window.session.inference.problems == ()
    me.wait(lambda: me.latest.graph == me.graph and me.latest.step > before.step + 20)
    assert window.link.running
    after = window.trainer.export_state(60.0)
    far = 1e-6 * 3.2 * (after.step - before.step)
    for key in ((first, "kernel"), (first, "bias"), (output, "kernel"), (output, "bias")):
        assert np.abs(after.weights[key] - before.weights[key]).max() <= far, key
    assert after.weights[added, "kernel"].shape == (8, 32)
    assert after.weights[second, "kernel"].shape == (32, 8)
    # The new node has a picture of its own.
    me.wait(lambda: bool(me.thumbnail(added)))

    # Paused, taking it back and putting it on again leaves the others to the last bit.
    pause(me)
    stood = me.weights
    me.click_empty_canvas()
    me.key(Qt.Key.Key_Z, CONTROL)
    assert (first, second) in {(e.source, e.target) for e in me.graph.edges}
    me.wait(lambda: me.latest.graph == me.graph)
    back = me.weights
    assert all(back[k].tobytes() == stood[k].tobytes() for k in back if k[0] in (first, output))
    assert {data, loss} <= set(me.graph.by_id)


def test_a_broken_graph_says_so_everywhere_and_one_click_repairs_it(make_studio, person):
    window = make_studio("spirals")
    me = person(window)
    data, *_, loss = (n.id for n in me.graph.nodes)
    document = window.session.document
    me.click(me.bar.run_button)
    me.wait_for_steps(40)
    pause(me)
    weights, step = me.weights, me.latest.step
    panel, tabs = window.workspace.bottom.problems, window.workspace.bottom.right.tabs
    tab = next(i for i in range(tabs.count()) if tabs.tabText(i).startswith("Problems"))
    me.click(tabs, tabs.tabRect(tab).center())
    assert panel.isVisible()
    assert panel.rows == []

    # Click the labels' wire and press Delete.
    me.click(me.canvas.view.viewport(), me.wire_between(data, loss))
    me.key(Qt.Key.Key_Delete)
    assert not [e for e in me.graph.edges if (e.source, e.target) == (data, loss)]
    sentence = window.session.inference.errors[0].message
    assert "needs a target" in sentence
    item = me.canvas.graph_scene.nodes[loss]
    assert "needs a target" in " ".join(item.face.message).lower()
    me.wait(lambda: window.link.status == "invalid")
    assert [row.problem.message for row in panel.rows] == [sentence]
    me.click(me.bar.run_button)
    assert window.notice.text == sentence
    assert not window.link.running
    assert me.bar.run_button.text() == "Run"

    # The button on the node repairs it; nothing that was learned is lost.
    place = item.pos() + remedy_rect(item.face, current_style()).center()
    me.click(me.canvas.view.viewport(), me.canvas.view.mapFromScene(QPointF(place)))
    assert window.session.inference.problems == ()
    assert window.session.document.graph == document.graph
    me.wait(lambda: panel.rows == [] and me.latest.graph == me.graph and me.latest.status == "paused")
    assert same(me.weights, weights)
    assert me.latest.step == step
    assert len(me.latest.history.series("loss")[1]) > 0

    # The same by the row in the Problems tab.
    me.click(me.canvas.view.viewport(), me.wire_between(data, loss))
    me.key(Qt.Key.Key_Delete)
    (row,) = panel.rows
    me.wait(lambda: row.button.width() > 0 and row.isVisible() and row.height() > 10)
    me.click(row.button)
    me.wait(lambda: panel.rows == [])
    assert window.session.document.graph == document.graph
    me.wait(lambda: me.latest.graph == me.graph and me.latest.status == "paused")
    assert same(me.weights, weights)
    me.click(me.bar.run_button)
    me.wait(lambda: me.latest.step > step)


def test_a_wire_deleted_while_training_stops_it_and_undo_brings_it_back(make_studio, person):
    window = make_studio("spirals")
    me = person(window)
    first, second = (n.id for n in me.graph.nodes[1:3])
    me.click(me.bar.run_button)
    me.wait_for_steps(40)
    me.click(me.canvas.view.viewport(), me.wire_between(first, second))
    me.key(Qt.Key.Key_Delete)
    me.wait(lambda: me.latest.status == "invalid" and not window.link.running)
    item = me.canvas.graph_scene.nodes[second]
    assert "has no input" in " ".join(item.face.message).lower()
    step, weights = me.latest.step, me.weights
    assert step >= 40
    me.key(Qt.Key.Key_Z, CONTROL)
    me.wait(lambda: me.latest.graph == me.graph and me.latest.status == "paused")
    assert me.latest.step == step
    assert same(me.weights, weights)
    me.click(me.bar.run_button)
    me.wait(lambda: me.latest.step > step)
