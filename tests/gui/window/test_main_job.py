"""The main job from end to end: build a network with mouse and keys, train it, keep it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox

from studio.storage import open_project

CONTROL = Qt.KeyboardModifier.ControlModifier


def test_build_train_change_undo_save_close_while_training_and_reopen(make_studio, hands, qtbot, tmp_path):
    window = make_studio()
    person = hands(window)
    person.click(window.welcome.new_button)
    session, bar, canvas = window.session, window.workspace.run_bar, window.workspace.canvas

    # Build digits -> Conv2D -> MaxPooling2D -> Flatten -> Dense -> Loss.
    data, conv, pool, flatten, dense, loss = (
        person.add_layer(words)
        for words in ("data", "conv2d", "max pooling", "flatten", "dense", "sparse categorical")
    )
    form = window.workspace.inspector.node.form
    session_graph = session.document.graph
    assert {(e.source, e.target) for e in session_graph.edges} == {
        (data, conv), (conv, pool), (pool, flatten), (flatten, dense), (dense, loss),
    }  # fmt: skip
    person.fit()
    person.drag_wire(data, 1, loss, 1)
    person.click_node(dense)
    assert session.selection == {dense}
    person.type_number(form.editors["units"].number, "10")
    person.click(form.editors["activation"].list)
    QTest.keyClicks(form.editors["activation"].list.view(), "softmax")
    QTest.keyClick(form.editors["activation"].list.view(), Qt.Key.Key_Return)
    layer = session.document.graph.node(dense).layer
    assert (layer.units, layer.activation) == (10, "softmax")
    assert session.inference.errors == ()

    # Thumbnails are there before any training; Run makes the loss fall and each change.
    nodes = (conv, pool, flatten, dense)
    qtbot.waitUntil(lambda: all(n in window.live.latest.nodes for n in nodes), timeout=240_000)
    qtbot.waitUntil(lambda: all(canvas.graph_scene.nodes[n].thumbnail is not None for n in nodes))
    before = {n: person.picture_of(n) for n in nodes}
    person.click(bar.run_button)
    qtbot.waitUntil(lambda: window.live.latest.epoch > 3, timeout=120_000)
    losses = window.live.latest.history.series("loss")[1]
    assert losses[-1] < 0.7 * losses[0]
    qtbot.waitUntil(lambda: window.live.latest.status in ("running", "finished"))
    for node in nodes:
        qtbot.waitUntil(lambda n=node: person.picture_of(n) != before[n])

    # A lower learning rate mid-run; training goes on.
    rate = session.document.training.optimizer.learning_rate
    step = window.live.latest.step
    person.type_number(bar.rate_field, str(rate / 10))
    assert session.document.training.optimizer.learning_rate == rate / 10
    qtbot.waitUntil(lambda: window.live.latest.step > step, timeout=60_000)
    assert window.live.latest.status in ("running", "finished")

    # Undo twice: the learning rate, then the activation.
    person.focus_canvas()
    person.press_keys(Qt.Key.Key_Z, CONTROL)
    assert session.document.training.optimizer.learning_rate == rate
    person.press_keys(Qt.Key.Key_Z, CONTROL)
    assert session.document.graph.node(dense).layer.activation == "linear"
    person.press_keys(Qt.Key.Key_Z, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert session.document.graph.node(dense).layer.activation == "softmax"

    # Save, train on, and close while training: a question, then all is in the file.
    path = tmp_path / "built.studio"
    person.when_asked(person.name_file(path))
    person.press_keys(Qt.Key.Key_S, CONTROL)
    assert path.is_file()
    assert not session.dirty
    assert "built.studio" in window.windowTitle()
    if not window.link.running:
        person.click(bar.run_button)
    step = window.live.latest.step
    qtbot.waitUntil(lambda: window.live.latest.step > step and session.dirty, timeout=60_000)
    person.when_asked(person.choose(QMessageBox.StandardButton.Save))
    document = session.document
    assert window.close()
    assert not window.isVisible()
    saved = open_project(path)
    assert saved.document == document
    assert saved.state.step > step
    assert len(saved.history.series("loss")[1]) > 0

    # Reopened, graph, layout and weights are there.
    other = make_studio()
    other.files.open(path)
    qtbot.waitUntil(lambda: other.live.latest.step == saved.state.step, timeout=120_000)
    assert other.session.document == document
    assert dict(other.session.document.positions) == dict(document.positions)
    state = other.trainer.export_state()
    for key, values in saved.state.weights.items():
        np.testing.assert_array_equal(state.weights[key], values)
    assert not other.session.dirty
