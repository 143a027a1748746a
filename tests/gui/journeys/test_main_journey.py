"""The main job by mouse and keys: build, train, change, take back, keep, come back to it."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox

from studio.storage import open_project

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def test_build_from_the_palette_train_change_save_close_while_training_and_reopen(
    make_studio, person, monkeypatch, tmp_path
):
    window = make_studio(size=(1600, 900))
    me = person(window)
    session, live, canvas = window.session, window.live, window.workspace.canvas
    me.click(window.welcome.new_button)
    assert not window.on_welcome_page
    assert not me.graph.nodes

    # Six nodes from the palette, in two rows, and the wires between them.
    kinds = ("Data", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "SparseCategoricalCrossentropy")
    nodes = [
        me.drag_from_palette(kind, QPoint(120 + 270 * (i % 3), 70 + 250 * (i // 3))) for i, kind in enumerate(kinds)
    ]
    assert [me.graph.node(n).layer.type_name() for n in nodes] == list(kinds)
    me.fit()
    data, conv, pool, flatten, dense, loss = nodes
    for source, target in itertools.pairwise(nodes):
        me.wire(source, 0, target)
    me.wire(data, 1, loss, 1)

    # Convolutions need more room than a newcomer leaves.
    me.tidy_up()

    # With nothing selected, the inspector has the training settings: enough epochs to watch.
    me.click_empty_canvas()
    me.type_over(window.workspace.inspector.training.training_form.editors["epochs"].number, "2000")

    # Dense starts with other units; ten classes need ten.
    me.click_node(dense)
    assert session.selection == {dense}
    me.type_over(me.form.editors["units"].number, "10")
    me.choose(me.form.editors["activation"].list, "softmax")
    layer = me.graph.node(dense).layer
    assert (layer.units, layer.activation) == (10, "softmax")
    assert session.inference.problems == ()

    # Thumbnails are there before any training.
    trained = (conv, pool, flatten, dense)
    me.wait(lambda: window.link.status == "ready" and all(n in live.latest.nodes for n in trained))
    me.wait(lambda: all(canvas.graph_scene.nodes[n].thumbnail is not None for n in trained))
    initial = me.weights
    before, bodies = {n: me.thumbnail(n) for n in (conv, pool, flatten)}, {n: me.body(n) for n in (*trained, loss)}
    assert all(before.values())

    steps: list[int] = []
    live.snapshot_taken.connect(lambda snapshot: steps.append(snapshot.step))

    # Run: the loss falls, and every node looks different.
    me.click(me.bar.run_button)
    me.wait(lambda: _fell(live.latest.history.series("loss")[1]))
    me.wait(lambda: all(me.thumbnail(n) != before[n] for n in before), 20_000)
    me.wait(lambda: all(me.body(n) != bodies[n] for n in bodies), 20_000)
    assert window.link.running

    # A learning rate a thousand times lower, mid-run.
    rate = session.document.training.optimizer.learning_rate
    lower = rate / 1000
    me.type_over(me.bar.rate_field, f"{lower:g}")
    assert session.document.training.optimizer.learning_rate == lower
    assert window.link.running
    me.wait_for_steps(5)
    first = window.trainer.export_state(60.0)
    me.wait_for_steps(20)
    second = window.trainer.export_state(60.0)
    assert second.step > first.step
    assert window.link.running
    moved = max(np.abs(second.weights[k] - first.weights[k]).max() for k in first.weights)
    # Adam moves a weight by at most about three times the rate a step.
    assert 0 < moved < 3.2 * lower * (second.step - first.step)
    # That is less than one step at the old rate may do: the network has the new one.
    assert all(np.abs(second.weights[k] - initial[k]).max() > 100 * lower for k in initial)

    # Undo twice: the rate, then the softmax. Redo once: the softmax is back.
    me.click_empty_canvas()
    me.key(Qt.Key.Key_Z, CONTROL)
    assert session.document.training.optimizer.learning_rate == rate
    assert me.graph.node(dense).layer.activation == "softmax"
    me.key(Qt.Key.Key_Z, CONTROL)
    assert me.graph.node(dense).layer.activation == "linear"
    assert me.graph.node(dense).layer.units == 10
    me.key(Qt.Key.Key_Z, CONTROL | SHIFT)
    assert me.graph.node(dense).layer.activation == "softmax"
    me.wait(lambda: live.latest.step > second.step and live.latest.graph == me.graph)
    assert window.link.running
    assert steps == sorted(steps), "training began anew"

    # Save under a name.
    path = tmp_path / "digits of mine.studio"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    me.key(Qt.Key.Key_S, CONTROL)
    assert path.is_file()
    assert path.name in window.windowTitle()
    first_save = open_project(path)
    assert first_save.state.step > second.step

    # Close while training; what was learned since the save is asked about.
    me.wait(lambda: session.dirty and window.link.running)
    document = session.document
    with me.answering(me.press_button(QMessageBox.StandardButton.Save)) as answered:
        me.key(Qt.Key.Key_Q, CONTROL)
    assert len(answered) == 1
    assert not window.isVisible()
    saved = open_project(path)
    assert saved.state.step > first_save.state.step
    assert saved.document == document

    # Reopened in a new window: graph, layout, settings and every weight.
    other = make_studio(size=(1600, 900))
    you = person(other)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    you.click(other.welcome.open_button)
    you.wait(lambda: other.live.latest.step == saved.state.step)
    assert other.session.document == document
    assert dict(other.session.document.positions) == dict(document.positions)
    for node, (x, y) in document.positions.items():
        place = other.workspace.canvas.graph_scene.nodes[node].pos()
        assert (place.x(), place.y()) == (x, y)
    assert _bytes(you.weights) == _bytes(dict(saved.state.weights))
    kept, shown = saved.history.series("loss")[1], other.live.latest.history.series("loss")[1]
    np.testing.assert_array_equal(kept, shown)
    assert not other.session.dirty
    assert Path(other.session.path) == path

    # And training goes on from there.
    you.click(other.workspace.run_bar.run_button)
    you.wait(lambda: other.live.latest.step > saved.state.step)


def _fell(losses: np.ndarray) -> bool:
    return len(losses) > 3 and losses[-1] < 0.5 * losses[0]


def _bytes(weights: dict) -> dict:
    return {key: (values.dtype.str, values.shape, values.tobytes()) for key, values in weights.items()}
