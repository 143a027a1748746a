"""Bad input: one plain sentence each, nothing lost, the window goes on."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QPushButton

from studio.storage import open_project, save, templates

CONTROL = Qt.KeyboardModifier.ControlModifier


def is_one_sentence(text: str) -> bool:
    """Whether the words are one plain sentence for a person."""
    words = ("Traceback", "Error(", "Exception", "0x", "None", "\n")
    # Dots within file names and numbers end no sentence.
    return text.endswith(".") and not re.search(r"[.!?] [A-Z]", text) and not any(w in text for w in words)


def bits(weights: dict) -> dict:
    return {key: values.tobytes() for key, values in weights.items()}


def damaged(path: Path, kind: str) -> Path:
    """A project file with something wrong in it."""
    save(path, templates.load("xor"), None, None)
    if kind == "text":
        path.write_text("this is no project")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut off":
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    elif kind == "a bit flipped":
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 0x10
        path.write_bytes(bytes(content))
    else:
        members = {"document.json": '{"format": 1, "graph": []}' if kind == "other json" else "{"}
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in members.items():
                archive.writestr(name, text)
    return path


def test_damaged_files_are_refused_and_training_goes_on(make_studio, person, monkeypatch, tmp_path):
    window = make_studio("spirals")
    me = person(window)
    me.click(me.bar.run_button)
    me.wait_for_steps(20)
    document = window.session.document
    for kind in ("text", "empty", "cut off", "a bit flipped", "no json", "other json", "missing", "folder"):
        path = tmp_path / f"{kind}.studio"
        if kind == "folder":
            path.mkdir()
        elif kind != "missing":
            damaged(path, kind)
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, p=path: (str(p), ""))
        me.key(Qt.Key.Key_O, CONTROL)
        assert path.name in window.notice.text
        assert is_one_sentence(window.notice.text)
        assert window.session.document is document
        assert window.session.path is None
        assert window.link.running
    me.wait_for_steps(20)
    assert me.is_alive()


def test_a_project_whose_data_are_gone_opens_and_says_so(make_studio, person, monkeypatch, tmp_path):
    table = tmp_path / "flowers.csv"
    table.write_text("a,b,kind\n" + "".join(f"{i},{i % 3},{'xy'[i % 2]}\n" for i in range(40)))
    document = templates.load("iris")
    (data,) = (n for n in document.graph.nodes if n.layer.type_name() == "Data")
    cases = {
        "gone": (f"csv:{tmp_path / 'gone.csv'}?target=kind", "gone.csv"),
        "column": (f"csv:{table}?target=colour", "colour"),
        "unknown": ("no-such-set", "no-such-set"),
    }
    window = make_studio("xor")
    me = person(window)
    for name, (source, word) in cases.items():
        path = tmp_path / f"{name}.studio"
        save(path, document.with_graph(document.graph.set_parameters(data.id, source=source)), None, None)
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, p=path: (str(p), ""))
        me.key(Qt.Key.Key_O, CONTROL)
        assert window.session.path == path
        (problem,) = window.session.inference.errors
        assert problem.node == data.id
        assert word in problem.message
        assert is_one_sentence(problem.message)
        me.wait(lambda: window.link.status == "invalid")
        assert me.canvas.graph_scene.nodes[data.id].face.message
        me.click(me.bar.run_button)
        assert window.notice.text == problem.message
        assert not window.link.running
        assert me.is_alive()
    # A built-in set from the inspector's list puts it right.
    me.click_node(data.id)
    me.choose(me.form.editors["source"].list, "Iris")
    assert window.session.inference.errors == ()
    me.click(me.bar.run_button)
    me.wait_for_steps(5)


def test_choosing_a_data_file_that_cannot_be_used_keeps_the_old_data(make_studio, person, monkeypatch, tmp_path):
    window = make_studio("iris")
    me = person(window)
    document = window.session.document
    (data,) = (n.id for n in me.graph.nodes if n.layer.type_name() == "Data")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    picture = tmp_path / "picture.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    me.click_node(data)
    editor = me.form.editors["source"]
    for path in (tmp_path / "gone.csv", empty, picture):
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, p=path: (str(p), ""))
        me.choose(editor.list, "From a CSV")
        sentence = me.form.error("source")
        assert is_one_sentence(sentence)
        assert path.name in sentence
        assert window.session.document is document
        assert editor.list.currentData() == "iris"
    # Dropped on the window, the same.
    me.drop_file(empty)
    assert "empty.csv" in window.notice.text
    assert is_one_sentence(window.notice.text)
    other = tmp_path / "notes.docx"
    other.write_text("words")
    me.drop_file(other)
    assert "notes.docx" in window.notice.text
    assert is_one_sentence(window.notice.text)
    assert window.session.document is document
    assert me.is_alive()


def test_a_table_with_holes_is_explained_on_the_node_and_undo_brings_the_old_data(make_studio, person, tmp_path):
    window = make_studio("iris")
    me = person(window)
    document = window.session.document
    me.click(me.bar.run_button)
    me.wait_for_steps(20)
    table = tmp_path / "holes.csv"
    table.write_text("a,b,kind\n1,2,x\n3,,y\n4,5\n1,1,x\n2,2,y\n")
    with me.answering(lambda d: me.click(d.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok))) as asked:
        me.drop_file(table)
    assert len(asked) == 1
    (problem,) = window.session.inference.errors
    assert "holes.csv" in problem.message
    assert is_one_sentence(problem.message)
    me.wait(lambda: window.link.status == "invalid")
    me.click_empty_canvas()
    me.key(Qt.Key.Key_Z, CONTROL)
    assert window.session.document == document
    me.wait(lambda: me.latest.graph == me.graph and me.latest.status == "paused")
    assert me.latest.step >= 20


def test_learning_rates_that_are_none_are_refused_and_training_goes_on(make_studio, person):
    window = make_studio("spirals")
    me = person(window)
    me.click(me.bar.run_button)
    me.wait_for_steps(5)
    document, line = window.session.document, me.bar.rate_field.lineEdit()
    for text in ("abc", "-1", "1e400", "", "0.1.2", "12345"):
        window.notice.hide()
        me.type_over(me.bar.rate_field, text)
        assert is_one_sentence(window.notice.text)
        assert "learning rate" in window.notice.text
        assert window.session.document is document
        assert window.link.running
        # What was typed stays, to be mended; Escape takes it back.
        assert line.text() == text
        me.key(Qt.Key.Key_Escape)
        assert line.text() == "0.008"
    me.wait_for_steps(5)
    # Half of Europe writes a comma.
    me.type_over(me.bar.rate_field, "0,01")
    assert window.session.document.training.optimizer.learning_rate == 0.01
    assert window.link.running


def test_batches_larger_than_the_data_and_numbers_that_are_no_batches(make_studio, person):
    window = make_studio("iris")
    me = person(window)
    field = me.bar.batch_field
    for text in ("many", "0", "2.5", "1000000"):
        before = window.session.document
        me.type_over(field.lineEdit(), text)
        assert is_one_sentence(window.notice.text)
        assert "batch size" in window.notice.text
        assert window.session.document is before
        me.key(Qt.Key.Key_Escape)
        assert field.lineEdit().text() == str(before.training.batch_size)
    me.type_over(field.lineEdit(), "5000")
    assert window.session.document.training.batch_size == 5000
    me.wait(lambda: window.link.status == "ready")
    me.click(me.bar.run_button)
    me.wait(lambda: me.latest.epoch >= 2)
    # All samples are one batch.
    state = window.trainer.export_state(60.0)
    assert state.step == state.epoch
    assert all(np.isfinite(v).all() for v in state.weights.values())


def test_a_kernel_larger_than_the_picture_is_explained_on_its_node(make_studio, person):
    window = make_studio("digits-convnet")
    me = person(window)
    (conv, *_) = (n.id for n in me.graph.nodes if n.layer.type_name() == "Conv2D")
    me.click(me.bar.run_button)
    me.wait_for_steps(10)
    before = window.trainer.export_state(60.0)
    me.click_node(conv)
    me.choose(me.form.editors["padding"].list, "valid")
    height, _ = me.form.editors["kernel_size"].numbers
    me.type_over(height, "20")
    problem = window.session.inference.errors[0]
    assert problem.node == conv
    assert is_one_sentence(problem.message)
    assert me.canvas.graph_scene.nodes[conv].face.message
    me.wait(lambda: window.link.status == "invalid")
    assert not window.link.running
    me.click(me.bar.run_button)
    assert window.notice.text == problem.message
    # Taken back, training goes on with what it had learned.
    me.click_empty_canvas()
    while window.session.inference.errors:
        me.key(Qt.Key.Key_Z, CONTROL)
    me.key(Qt.Key.Key_Z, CONTROL)
    assert me.graph.node(conv).layer.padding == "same"
    me.wait(lambda: me.latest.graph == me.graph and me.latest.status == "paused")
    after = window.trainer.export_state(60.0)
    assert after.step >= before.step
    me.click(me.bar.run_button)
    me.wait(lambda: me.latest.step > after.step)


def test_numbers_that_explode_pause_training_and_keep_the_last_good_weights(make_studio, person, tmp_path, monkeypatch):
    window = make_studio("regression")
    me = person(window)
    page = window.workspace.inspector.training
    me.click_empty_canvas()
    me.choose(page.optimizer, "SGD")
    me.type_over(page.optimizer_form.editors["learning_rate"].number, "100")
    document = window.session.document
    assert document.training.optimizer.type_name() == "SGD"
    me.click(me.bar.run_button)
    me.wait(lambda: me.latest.status == "failed")
    me.wait(lambda: not window.link.running)
    problem = me.latest.problem
    node = me.graph.node(problem.node)
    assert node.name in problem.message
    assert "step" in problem.message
    assert is_one_sentence(problem.message)
    assert window.notice.text == problem.message
    me.wait(lambda: me.canvas.graph_scene.nodes[problem.node].failure != "")
    assert problem in window.workspace.bottom.problems.problems
    assert "1 problem" in [button.text() for button in window.status.findChildren(QPushButton)]
    assert window.session.document is document
    assert all(np.isfinite(v).all() for v in me.weights.values())
    # It can be saved as it is; a lower rate, and it goes on.
    path = tmp_path / "failed.studio"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    me.click_empty_canvas()
    me.key(Qt.Key.Key_S, CONTROL)
    assert bits(dict(open_project(path).state.weights)) == bits(me.weights)
    step = me.latest.step
    me.type_over(me.bar.rate_field, "0.001")
    me.click(me.bar.run_button)
    me.wait(lambda: me.latest.step > step + 20)
    assert window.link.running
    me.wait(lambda: me.canvas.graph_scene.nodes[problem.node].failure == "")
    me.wait(lambda: window.workspace.bottom.problems.problems == ())
    me.wait(lambda: "No problems" in [button.text() for button in window.status.findChildren(QPushButton)])
