"""A plug-in's layers in the window: with it, without it, and with one that is broken."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from studio.core import registry
from studio.core.unknown import UnknownLayer
from studio.storage import open_project
from tests.gui.journeys.test_bad_input import is_one_sentence
from tests.plugins.processes import SWIRL, install, studio, with_plugin

CONTROL = Qt.KeyboardModifier.ControlModifier


def test_with_it_and_then_without_it(plugin, make_studio, person, monkeypatch, tmp_path):
    path, again = tmp_path / "bumps.studio", tmp_path / "again.studio"
    program = Path(__file__).with_name("with_plugin.py")
    quiet = ("-q", "-p", "no:cacheprovider", "--no-header")
    done = with_plugin(plugin, "-m", "pytest", *quiet, program, STUDIO_TEST_FILE=str(path))
    assert done.returncode == 0, done.stdout + done.stderr

    # Here the plug-in is not installed: its layer keeps its place, and the sentence says why nothing trains.
    window = make_studio(size=(1600, 900))
    me = person(window)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    me.click(window.welcome.open_button)
    (bumps,) = (n for n in me.graph.nodes if isinstance(n.layer, UnknownLayer) and n.layer.unknown_type == "RadialBasis")
    assert len(me.graph.incoming(bumps.id)) == len(me.graph.outgoing(bumps.id)) == 1
    (problem,) = window.session.inference.errors
    assert "'RadialBasis', which is not installed" in problem.message
    assert is_one_sentence(problem.message)
    me.click(me.bar.run_button)
    assert window.notice.text == problem.message
    me.click_node(bumps.id)
    assert window.workspace.inspector.node.help.text() == bumps.layer.help
    assert not window.workspace.inspector.node.form.editors

    # What was learned is still there after an edit and a save.
    me.type_over(window.workspace.inspector.node.name, "Mountains")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(again), ""))
    me.click_empty_canvas()
    me.key(Qt.Key.Key_S, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    before, after = open_project(path).state, open_project(again).state
    assert {k: v.tobytes() for k, v in before.weights.items()} == {k: v.tobytes() for k, v in after.weights.items()}
    evaluated = studio(plugin, "evaluate", again)
    assert evaluated["validation"] == studio(plugin, "evaluate", path)["validation"]


def test_a_broken_one_is_one_sentence_when_the_window_opens(make_studio, monkeypatch, tmp_path):
    install(tmp_path, "gone", "import nothing_there\n")
    install(tmp_path, "thief", SWIRL.replace("Swirl", "Dense"))
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._table.clear()
    try:
        window = make_studio()
        assert window.notice.text.startswith("The plug-in gone does not load (ModuleNotFoundError: ")
        assert window.notice.text.endswith("There is more: studio doctor lists it.")
        assert registry.layer("Dense").__module__ == "studio.layers.dense"
    finally:
        registry._table.clear()
