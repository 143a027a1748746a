"""Exports from the File menu."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMenu


def _choose(window, monkeypatch, path: Path, *keys: Qt.Key) -> None:
    """Open the File menu with keys, go to Export and take an entry by its letter."""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", staticmethod(lambda *_: (str(path), "")))
    QTest.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.AltModifier)
    for key in (Qt.Key.Key_X, *keys):
        menus = [m for m in window.menuBar().findChildren(QMenu) if m.isVisible()]
        QTest.keyClick(menus[-1], key)


def test_a_keras_program_with_the_weights_of_this_moment(make_studio, qtbot, tmp_path, monkeypatch):
    window = make_studio("xor")
    QTest.keyClick(window, Qt.Key.Key_F10)
    qtbot.waitUntil(lambda: window.live.latest.step >= 1 and not window.link.running, timeout=60_000)
    path = tmp_path / "mine"
    _choose(window, monkeypatch, path, Qt.Key.Key_K)
    qtbot.waitUntil(lambda: path.with_suffix(".npz").exists())
    compile(path.with_suffix(".py").read_text(), "mine.py", "exec")
    _, state = window.files.state()
    with np.load(path.with_suffix(".npz")) as arrays:
        stored = sorted(arrays[name].tobytes() for name in arrays.files)
    assert stored == sorted(w.tobytes() for w in state.weights.values())


@pytest.mark.parametrize(("key", "ending"), [(Qt.Key.Key_P, ".png"), (Qt.Key.Key_D, ".svg")])
def test_the_whole_graph_as_a_picture(make_studio, qtbot, tmp_path, monkeypatch, key, ending):
    window = make_studio("xor")
    node = window.session.document.graph.nodes[1].id
    window.session.select(frozenset({node}))
    path = tmp_path / f"graph{ending}"
    _choose(window, monkeypatch, path, key)
    qtbot.waitUntil(path.exists)
    assert QImage(str(path)).width() > 300
    assert window.session.selection == {node}
    assert window.workspace.canvas.graph_scene.nodes[node].chosen


def test_what_cannot_be_written_is_explained(make_studio, qtbot, tmp_path, monkeypatch):
    window = make_studio("xor")
    _choose(window, monkeypatch, tmp_path / "no such folder" / "net.py", Qt.Key.Key_K)
    qtbot.waitUntil(lambda: "folder does not exist" in window.notice.text)
    window.files.new_blank()
    _choose(window, monkeypatch, tmp_path / "graph.png", Qt.Key.Key_P)
    qtbot.waitUntil(lambda: "canvas is empty" in window.notice.text)
