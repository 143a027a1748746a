"""What a person does with a plug-in's layers; run by ``test_plugin_journey.py`` in a process that has the plug-in."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from studio.storage import open_project

CONTROL = Qt.KeyboardModifier.ControlModifier
PATH = Path(os.environ["STUDIO_TEST_FILE"])


def test_found_in_the_palette_set_in_the_inspector_trained_and_saved(make_studio, person, monkeypatch):
    window = make_studio("xor", size=(1600, 900))
    me = person(window)
    data, hidden = (next(n.id for n in me.graph.nodes if n.layer.type_name() == kind) for kind in ("Data", "Dense"))

    # The search finds it by what it is known as; the tip says what it does.
    me.key(Qt.Key.Key_K, CONTROL)
    palette = window.workspace.palette_view
    me.type("bump")
    model = palette.tree.model()
    family = model.index(0, 0)
    found = model.index(0, 0, family)
    assert (model.rowCount(), family.data(), model.rowCount(family), found.data()) == (1, "Core", 1, "RadialBasis")
    assert "answers where the input is near" in found.data(Qt.ItemDataRole.ToolTipRole)
    me.key(Qt.Key.Key_Escape)
    assert palette.search.text() == ""

    # Dragged onto the wire after Data, it is put in between; it has its icon, its name and its shape there.
    me.fit()
    bumps = me.drag_from_palette("RadialBasis", me.wire_between(data, hidden))
    assert [w.source for w in me.graph.incoming(bumps)] == [data]
    assert [w.source for w in me.graph.incoming(hidden)] == [bumps]
    assert window.session.inference.problems == ()

    # Enter in the search adds its other layer beside the selected one.
    me.click_node(hidden)
    me.key(Qt.Key.Key_K, CONTROL)
    me.type("squareplus")
    before = set(me.graph.by_id)
    me.key(Qt.Key.Key_Return)
    (curve,) = set(me.graph.by_id) - before
    assert me.graph.node(curve).layer.type_name() == "Squareplus"
    me.click_node(curve)
    me.type_over(me.form.editors["b"].number, "2.5")
    assert me.graph.node(curve).layer.b == 2.5
    me.click_empty_canvas()
    me.key(Qt.Key.Key_Z, CONTROL)
    me.key(Qt.Key.Key_Z, CONTROL)
    assert curve not in me.graph

    # The inspector has its parameters and its help.
    me.click_node(bumps)
    page = window.workspace.inspector.node
    assert "answers where the input is near" in page.help.text()
    assert list(me.form.editors) == ["units", "sharpness", "centers_initializer"]
    me.type_over(me.form.editors["units"].number, "12")
    assert me.graph.node(bumps).layer.units == 12
    me.click_node(hidden)
    me.choose(me.form.editors["activation"].list, "squareplus")
    assert me.graph.node(hidden).layer.activation == "squareplus"

    # A picture of each of its neurons before any training; then it learns.
    me.wait(lambda: window.link.status == "ready" and bumps in window.live.latest.nodes)
    me.wait(lambda: len(me.thumbnail(bumps)) > 0)
    centers = me.weights[bumps, "centers"]
    assert centers.shape == (2, 12)
    me.click(me.bar.run_button)
    me.wait_for_steps(200)

    # A live parameter changes without a new beginning.
    me.click_node(bumps)
    step = me.latest.step
    me.type_over(me.form.editors["sharpness"].number, "3")
    me.wait_for_steps(20)
    assert me.latest.step > step
    assert window.link.running
    me.wait(lambda: (me.latest.validation.accuracy if me.latest.validation else 0.0) > 0.9)
    me.click(me.bar.run_button)
    me.wait(lambda: not window.link.running)
    assert abs(me.weights[bumps, "centers"] - centers).max() > 0.01

    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(PATH), ""))
    me.click_empty_canvas()
    me.key(Qt.Key.Key_S, CONTROL)
    saved = open_project(PATH)
    assert saved.document == window.session.document
    assert saved.state.weights[bumps, "centers"].tobytes() == me.weights[bumps, "centers"].tobytes()
