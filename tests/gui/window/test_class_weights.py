"""How much each class counts: numbers beside the names of the classes, in the inspector of a loss."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from studio.data import class_balance
from studio.gui.inspector.class_weights import ClassWeightsEditor


def choose(form, text: str) -> None:
    """Choose a rule for class weights with the keyboard."""
    box = form.editors["class_weight"].list
    box.setFocus()
    while box.currentText() != text:
        row = box.currentIndex()
        QTest.keyClick(box, Qt.Key.Key_Down if box.findText(text) > row else Qt.Key.Key_Up)
        assert box.currentIndex() != row
    box.activated.emit(box.currentIndex())


@pytest.fixture
def iris(make_studio, hands, qtbot):
    """The window on iris with its loss selected: window, person, node, form."""
    window = make_studio("iris")
    (node,) = (n.id for n in window.session.document.graph.nodes if n.layer.family == "Loss")
    window.session.select(frozenset([node]))
    form = window.workspace.inspector.node.form
    qtbot.waitUntil(lambda: bool(window.live.latest.datasets))
    return window, hands(window), node, form


def names_in(editor: ClassWeightsEditor) -> list[str]:
    return [label.text() for label in editor.findChildren(QLabel) if label.isVisible()]


def test_they_show_only_where_they_count(iris):
    window, _, node, form = iris
    assert form.is_hidden("class_weights")
    choose(form, "balanced")
    assert not form.is_hidden("class_weights")
    choose(form, "none")
    assert form.is_hidden("class_weights")
    assert window.session.document.graph.node(node).layer.class_weights == ()


def test_balanced_shows_what_follows_from_the_training_part(iris, qtbot, tmp_path):
    window, _, node, form = iris
    rows = [f"{i},{i % 5},{'rare' if i % 4 == 0 else 'often'}" for i in range(80)]
    (tmp_path / "t.csv").write_text("a,b,kind\n" + "\n".join(rows) + "\n")
    graph = window.session.document.graph
    (data,) = (n.id for n in graph.nodes if n.layer.family == "Data")
    (last,) = (n.id for n in graph.nodes if getattr(n.layer, "activation", "") == "softmax")
    graph = graph.set_parameters(data, source=f"csv:{tmp_path / 't.csv'}").set_parameters(last, units=2)
    window.session.edit(window.session.document.with_graph(graph), "other data")
    choose(form, "balanced")
    qtbot.waitUntil(lambda: data in window.live.latest.datasets and window.live.latest.datasets[data].info.samples == 80)
    qtbot.waitUntil(lambda: not form.is_hidden("class_weights"))
    editor = form.editors["class_weights"]
    counts = class_balance(window.live.latest.datasets[data])["train"]
    total = sum(counts.values())
    qtbot.waitUntil(lambda: names_in(editor) == ["often", "rare"])
    qtbot.waitUntil(lambda: [n.value for n in editor.numbers] == [round(total / 2 / counts[c], 4) for c in ("often", "rare")])
    assert all(number.isReadOnly() for number in editor.numbers)
    # Numbers of one's own begin with them.
    choose(form, "given")
    assert window.session.document.graph.node(node).layer.class_weights == tuple(n.value for n in editor.numbers)


def test_numbers_of_ones_own_stand_beside_the_names_of_the_classes(iris, qtbot):
    window, person, node, form = iris
    choose(form, "given")
    layer = window.session.document.graph.node(node).layer
    assert (layer.class_weight, layer.class_weights) == ("given", (1.0, 1.0, 1.0))
    assert window.session.inference.problems == ()
    editor = form.editors["class_weights"]
    qtbot.waitUntil(lambda: names_in(editor) == ["setosa", "versicolor", "virginica"])
    person.type_number(editor.numbers[1], "2.5")
    assert window.session.document.graph.node(node).layer.class_weights == (1.0, 2.5, 1.0)
    person.type_number(editor.numbers[2], "-1")
    assert window.session.document.graph.node(node).layer.class_weights == (1.0, 2.5, 1.0)
    assert "virginica is -1, but must be at least 0" in form.error("class_weights")
    person.press_keys(Qt.Key.Key_Escape)
    window.session.undo_stack.undo()
    window.session.undo_stack.undo()
    assert window.session.document.graph.node(node).layer.class_weight == "none"
    assert form.is_hidden("class_weights")


def test_other_classes_leave_the_numbers_and_say_what_is_wrong(iris, qtbot):
    window, person, node, form = iris
    choose(form, "given")
    graph = window.session.document.graph
    (last,) = (n.id for n in graph.nodes if getattr(n.layer, "activation", "") == "softmax")
    window.session.edit(window.session.document.with_graph(graph.set_parameters(last, units=4)), "more units")
    assert "3 class_weights for 4 classes: give one number a class" in window.session.inference.errors[0].message
    editor = form.editors["class_weights"]
    qtbot.waitUntil(lambda: names_in(editor) == ["class 0", "class 1", "class 2", "class 3"])
    person.type_number(editor.numbers[3], "7")
    assert window.session.document.graph.node(node).layer.class_weights == (1.0, 1.0, 1.0, 7.0)
    assert window.session.inference.errors == ()


def test_many_classes_have_one_line(make_studio):
    window = make_studio("next-character")
    (node,) = (n.id for n in window.session.document.graph.nodes if n.layer.family == "Loss")
    window.session.select(frozenset([node]))
    form = window.workspace.inspector.node.form
    choose(form, "given")
    editor = form.editors["class_weights"]
    weights = window.session.document.graph.node(node).layer.class_weights
    assert len(weights) > 20
    assert not editor.numbers
    assert editor.line.line.text() == ", ".join(f"{weight:g}" for weight in weights)
