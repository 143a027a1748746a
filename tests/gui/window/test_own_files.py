"""Files of one's own in the window: dialogs, drops, slow reading, weights."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QDialogButtonBox, QSpinBox

from studio.core.dataset import StillReading
from studio.core.graph import Edge
from studio.data import loading
from studio.gui import data_reader
from studio.gui.inspector.csv_dialog import ColumnsButton, CsvDialog

LEFT = Qt.MouseButton.LeftButton


def choose_in(box: QComboBox, text: str) -> None:
    """Choose an entry with the keyboard."""
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Home)
    while box.currentText() != text:
        row = box.currentIndex()
        QTest.keyClick(box, Qt.Key.Key_Down)
        assert box.currentIndex() > row, f"no entry {text!r}"


def segment(dialog: CsvDialog, index: int) -> None:
    """Click one of Table, Text, Series."""
    QTest.mouseClick(dialog.kind, LEFT, Qt.KeyboardModifier.NoModifier, dialog.kind.segment(index).center().toPoint())
    assert dialog.kind.current == index


def tick(button: ColumnsButton, name: str) -> None:
    """Tick a column in the button's menu, or take its tick away."""
    (action,) = (a for a in button.menu().actions() if a.text() == name)
    button.menu().popup(QPoint(0, 0))
    QTest.mouseClick(button.menu(), LEFT, Qt.KeyboardModifier.NoModifier, button.menu().actionGeometry(action).center())


def ok(dialog: CsvDialog) -> None:
    """Click OK."""
    QTest.mouseClick(dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok), LEFT)


@pytest.fixture
def weather(tmp_path: Path) -> Path:
    """Measurements of a hundred hours."""
    rows = [f"{i},{10 + 5 * np.sin(i / 4):.2f},{i % 7},{1 + i % 3},{'sun' if i % 5 else 'rain'}" for i in range(100)]
    path = tmp_path / "weather.csv"
    path.write_text("hour,temperature,wind,trust,sky\n" + "\n".join(rows) + "\n")
    return path


def data_of(window):
    """The Data node's layer."""
    return next(n.layer for n in window.session.document.graph.nodes if n.layer.type_name() == "Data")


def select_data(window):
    """Select the Data node; gives the editor of its source."""
    node = next(n.id for n in window.session.document.graph.nodes if n.layer.type_name() == "Data")
    window.session.select(frozenset([node]))
    return window.workspace.inspector.node.form.editors["source"]


def test_a_dropped_table_is_read_as_a_series_and_then_otherwise(make_studio, hands, weather):
    window = make_studio("forecast")
    person = hands(window)

    def as_series(dialog) -> None:
        assert isinstance(dialog, CsvDialog)
        segment(dialog, 2)
        assert dialog.series.names == ["hour"]
        tick(dialog.series, "hour")
        assert not dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok).isEnabled()
        tick(dialog.series, "temperature")
        tick(dialog.series, "wind")
        steps, _ahead = dialog.findChildren(QSpinBox)
        steps.setFocus()
        steps.selectAll()
        QTest.keyClicks(steps, "12")
        choose_in(dialog.target, "temperature")
        ok(dialog)

    person.when_asked(as_series)
    window.open_dropped(weather)
    assert data_of(window).source == f"csv:{weather}?series=temperature,wind&steps=12&horizon=1&target=temperature"
    assert window.session.inference.errors == ()
    editor = select_data(window)
    assert editor.list.currentText() == "weather.csv"
    assert "X are 12 lines in a row of temperature and wind" in window.workspace.inspector.node.balance.notes.text()

    def look_again(dialog) -> None:
        assert (dialog.kind.current, dialog.series.names, dialog.steps.value()) == (2, ["temperature", "wind"], 12)
        segment(dialog, 0)
        choose_in(dialog.target, "sky")
        tick(dialog.drop, "hour")
        choose_in(dialog.missing, "leave out their line")
        ok(dialog)

    person.when_asked(look_again)
    person.click(editor.how)
    assert data_of(window).source == f"csv:{weather}?drop=hour&target=sky&missing=skip"
    person.when_asked(lambda dialog: QTest.keyClick(dialog, Qt.Key.Key_Escape))
    person.click(editor.how)
    assert data_of(window).source == f"csv:{weather}?drop=hour&target=sky&missing=skip"


def test_a_column_of_weights_is_wired_to_the_loss_and_undone_in_one_step(make_studio, hands, weather, qtbot):
    window = make_studio("iris")
    person = hands(window)
    before = window.session.document
    (loss,) = (n.id for n in before.graph.nodes if n.layer.family == "Loss")
    (node,) = (n.id for n in before.graph.nodes if n.layer.family == "Data")

    def with_weights(dialog) -> None:
        choose_in(dialog.target, "sky")
        choose_in(dialog.weight, "trust")
        ok(dialog)

    person.when_asked(with_weights)
    window.open_dropped(weather)
    graph = window.session.document.graph
    assert data_of(window).outputs == ("X", "Y", "weights")
    assert Edge(node, 2, loss, 2) in graph.edges
    scene = window.workspace.canvas.graph_scene
    assert scene.wires[Edge(node, 2, loss, 2)].label == "weights"
    assert [p.name for p in scene.nodes[node].face.outputs] == ["X", "Y", "weights"]
    window.session.undo_stack.undo()
    assert window.session.document == before
    assert Edge(node, 2, loss, 2) not in window.session.document.graph.edges


def test_sentences_are_offered_as_text(make_studio, hands, tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("review,label\n" + "".join(f'"It was {w} number {i}",{w}\n' for i, w in enumerate(["good", "bad"] * 30)))
    window = make_studio("text-classifier")
    person = hands(window)

    def look(dialog) -> None:
        assert dialog.kind.current == 1
        assert dialog.text.currentText() == "review"
        assert dialog.target.currentText() == "label"
        choose_in(dialog.level, "characters")
        ok(dialog)

    person.when_asked(look)
    window.open_dropped(path)
    assert data_of(window).source == f"csv:{path}?text=review&level=characters&target=label"


def pictures(root: Path) -> Path:
    """A folder with two classes of pictures."""
    for name, shade in (("dark", 20), ("light", 220)):
        (root / name).mkdir(parents=True)
        for i in range(12):
            Image.fromarray(np.full((8, 8), shade + i, np.uint8)).save(root / name / f"{i}.png")
    return root


def test_a_dropped_folder_of_pictures_becomes_the_data(make_studio, hands, qtbot, tmp_path):
    window = make_studio("digits-convnet")
    person = hands(window)
    root = pictures(tmp_path / "shades")
    window.open_dropped(root)
    assert data_of(window).source == f"images:{root}"
    node = next(n for n in window.session.document.graph.nodes if n.layer.type_name() == "Data")
    assert window.session.datasets[node.id].classes == ("dark", "light")
    qtbot.waitUntil(lambda: window.live.latest.datasets.get(node.id) is not None, timeout=60_000)
    editor = select_data(window)
    assert editor.list.currentText() == "shades (images)"
    assert not editor.how.isVisible()
    resize = window.workspace.inspector.node.form.editors["resize"]
    person.type_number(resize, "16")
    assert window.session.datasets[node.id].x_shape == (16, 16, 1)

    # A picture that is broken stops training with a sentence; undo brings the digits back.
    (root / "dark" / "3.png").write_bytes(b"no picture")
    (root / "dark" / "more.png").write_bytes((root / "dark" / "1.png").read_bytes())
    window.session.refresh_data()
    assert "dark/3.png is not a picture" in window.session.inference.errors[0].message
    assert window.workspace.inspector.node.balance.problem.isVisible()
    window.session.undo_stack.setIndex(0)
    assert data_of(window).source == "digits"
    assert window.session.inference.errors == ()


def test_folders_and_files_that_are_no_data_are_one_sentence(make_studio, tmp_path):
    window = make_studio("digits-convnet")
    document = window.session.document
    (tmp_path / "empty").mkdir()
    picture = tmp_path / "one.png"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(picture)
    window.open_dropped(picture)
    assert window.notice.text == "one.png is a single picture: take the folder with the sub-folders for each class."
    assert window.session.document is document
    window.open_dropped(tmp_path)
    (problem,) = window.session.inference.errors[:1]
    assert "empty has no pictures in it: put pictures of its class there, or take it away." in problem.message
    window.session.undo_stack.undo()
    assert window.session.document == document


def test_slow_files_do_not_hold_the_window_up(make_studio, hands, qtbot, tmp_path, monkeypatch):
    window = make_studio("digits-convnet")
    person = hands(window)
    root, begun, free = pictures(tmp_path / "many"), threading.Event(), threading.Event()
    original = loading._look_into

    def slow(source, progress):
        begun.set()
        while not free.wait(0.01):
            progress(1, 100)
        return original(source, progress)

    monkeypatch.setattr(loading, "_look_into", slow)
    monkeypatch.setattr(data_reader, "PATIENCE", 0.1)
    window.open_dropped(root)
    assert begun.wait(20.0)
    node = next(n.id for n in window.session.document.graph.nodes if n.layer.type_name() == "Data")
    assert isinstance(window.session.datasets[node], StillReading)
    assert window.session.inference.errors == ()
    (hint,) = (p for p in window.session.inference.problems if p.node == node)
    assert hint.message.endswith("is being read: wait a moment.")
    window.session.select(frozenset([node]))
    assert window.workspace.inspector.node.balance.title.text() == "The files are being read…"
    # The window does what it is told meanwhile.
    added = person.add_layer("dropout")
    assert added in window.session.document.graph
    window.session.undo_stack.undo()
    free.set()
    qtbot.waitUntil(lambda: not isinstance(window.session.datasets[node], StillReading), timeout=20_000)
    assert window.session.datasets[node].samples == 24
    assert not window.session.inference.problems or window.session.inference.problems[0].node != node


def test_closing_ends_a_reading_that_would_take_long(make_studio, tmp_path, monkeypatch):
    window = make_studio("digits-convnet")
    root, ended = pictures(tmp_path / "many"), threading.Event()

    def endless(source, progress):
        try:
            while True:
                threading.Event().wait(0.01)
                progress(1, 100)
        finally:
            ended.set()

    monkeypatch.setattr(loading, "_look_into", endless)
    monkeypatch.setattr(data_reader, "PATIENCE", 0.1)
    window.open_dropped(root)
    window.end()
    assert ended.wait(5.0)
