"""Words in place of numbers: samples, labels, nodes and the inspector's tables."""

from __future__ import annotations

import numpy as np
import panel_scenes
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from studio.core.vocabulary import text_of
from studio.engine.messages import NodeView, Snapshot
from studio.gui.canvas.faces import TEXT_LINES, make_faces
from studio.gui.canvas.style import current_style
from studio.gui.canvas.thumbnails import make_thumbnail, wrapped
from studio.gui.inspector.live_tabs import ActivationsTab
from studio.gui.panels.sample_answers import Samples
from studio.gui.panels.sample_sentences import RUNS
from tests.engine.languages import LETTERS, reversals, text_data

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def stories(make_bottom):
    return shown(panel_scenes.stories(), make_bottom)


@pytest.fixture
def numbers(make_bottom):
    return shown(panel_scenes.numbers(), make_bottom)


def shown(scene, make_bottom):
    """The samples panel of a scene, with the network's answers."""
    bottom = make_bottom(scene)
    QTest.mouseClick(bottom.right.tabs, LEFT, pos=bottom.right.tabs.tabRect(1).center())
    scene.go_on()
    bottom.samples_panel.refresh()
    return scene, bottom.samples_panel


def cells(panel, row):
    model = panel.sentences.model()
    heads = [model.headerData(c, Qt.Orientation.Horizontal) for c in range(model.columnCount())]
    return {head: model.index(row, c).data() for c, head in enumerate(heads)}


def test_samples_of_a_text_are_read_as_text(stories):
    _, panel = stories
    assert panel._stack.currentWidget() is panel.sentences
    row = cells(panel, 2)
    dataset = panel._samples.dataset
    assert row["reads"] == text_of(dataset.validation.x[2], LETTERS)
    assert list(row) == ["#", "reads", "network guesses next"]
    assert panel.count_label.text().endswith("% of the steps right")
    assert not panel.only_wrong.isVisible()
    panel.sentences.grab()


def test_guesses_say_which_words_are_wrong(stories):
    _, panel = stories
    samples = panel._samples
    samples.answers = samples.labels.copy()
    samples.answers[0, 3] = LETTERS.index("f" if samples.labels[0, 3] != LETTERS.index("f") else "a")
    runs = samples.runs(0)
    assert [wrong for _, wrong in runs] == [False, True, False]
    assert "".join(piece for piece, _ in runs) == text_of(samples.answers[0], LETTERS)
    model = panel.sentences.model()
    assert model.index(0, 2).data(RUNS) == runs
    panel.sentences.grab()


def test_translations_are_right_or_wrong_as_a_whole(numbers):
    scene, panel = numbers
    samples = panel._samples
    row = cells(panel, 1)
    assert list(row) == ["#", "reads", "right", "network says"]
    assert row["right"] == row["reads"][::-1]
    assert panel.only_wrong.isVisible()
    # What a network says behind the end of the answer does not count.
    samples.answers = samples.labels.copy()
    samples.answers[samples.labels == 0] = 5
    assert len(samples.wrong) == 0
    assert samples.answer(1) == samples.truth(1)
    samples.answers[1, 0] = 4 if samples.labels[1, 0] != 4 else 5
    assert samples.wrong.tolist() == [1]
    assert samples.is_wrong(1)
    assert not samples.is_wrong(0)
    scene.go_on()


def test_a_click_picks_a_sentence_for_everyone_and_the_picker_says_its_answer(numbers):
    scene, panel = numbers
    place = panel.sentences.visualRect(panel.sentences.model().index(3, 1)).center()
    QTest.mouseClick(panel.sentences.viewport(), LEFT, pos=place)
    assert panel.choice.index == 3
    assert panel.picker.text() == f"#3, label {panel._samples.truth(3)}"
    QTest.keyClick(panel.sentences, Qt.Key.Key_Down)
    assert panel.choice.index == 4
    scene.live.look()
    assert scene.trainer.watch.sample == 4


def test_words_to_be_found_again_are_compared_with_what_was_read() -> None:
    samples = Samples()
    data = reversals()
    samples.load(data, 0)
    assert samples.names == data.info.vocabulary
    np.testing.assert_array_equal(samples.labels, data.validation.x)
    assert not samples.is_whole


def faces_of(scene):
    session = scene.session
    return make_faces(session.document, session.inference, session.datasets, lambda text, role: 6.0 * len(text))


def test_nodes_show_the_words_they_hold(make_bottom):
    scene = panel_scenes.numbers()
    make_bottom(scene)
    faces = faces_of(scene)
    kinds = {face.node.layer.type_name(): face.kind for face in faces.values()}
    assert (kinds["Data"], kinds["ShiftRight"], kinds["Dense"]) == ("text", "text", "steps")
    data, output = scene.session.document.graph.nodes[0].id, scene.session.document.graph.nodes[-2].id
    later = next(n.id for n in scene.session.document.graph.nodes if n.layer.type_name() == "ShiftRight")
    part = reversals().validation
    right = np.eye(9, dtype=np.float32)[part.y[:1].astype(int)]
    so_far = np.concatenate([[1.0], part.y[0, :-1]]).astype(np.float32)[None]
    snapshot = Snapshot(
        nodes={output: NodeView(right), later: NodeView(so_far)},
        probe_x=part.x[:1], probe_y=part.y[:1], datasets=scene.trainer.datasets,
    )  # fmt: skip
    style, word = current_style(), text_of(part.x[0], scene.session.inference.words[data, 0])
    assert make_thumbnail(faces[data], snapshot, style).lines == (word,)
    assert make_thumbnail(faces[later], snapshot, style).lines[0] == word[::-1][: len(word)]
    said = make_thumbnail(faces[output], snapshot, style)
    assert (said.lines, said.is_right, said.count) == ((word[::-1],), True, 1)
    wrong = Snapshot(nodes={output: NodeView(right[:, ::-1].copy())}, probe_y=part.y[:1], datasets=scene.trainer.datasets)
    other = make_thumbnail(faces[output], wrong, style)
    assert other.is_right is False
    assert not other.looks_like(said)


def test_a_long_text_takes_a_few_lines_and_ends_in_an_ellipsis(make_bottom):
    scene = panel_scenes.stories()
    make_bottom(scene)
    face = next(iter(faces_of(scene).values()))
    assert 1 <= face.shown <= TEXT_LINES
    assert face.body_height >= 15 * face.shown
    snapshot = Snapshot(probe_x=text_data().validation.x[:1], datasets=scene.trainer.datasets)
    lines = make_thumbnail(face, snapshot, current_style()).lines
    assert len(lines) <= face.shown


@given(st.text("ab .", max_size=80), st.integers(1, 12))
def test_lines_hold_all_of_a_text_and_none_is_too_long(text: str, width: int) -> None:
    lines = wrapped(text, width, len)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(0 < len(line) <= width for line in lines)


def test_the_inspector_shows_words_in_its_table(make_bottom, qtbot):
    scene = panel_scenes.numbers()
    make_bottom(scene)
    later = next(n.id for n in scene.session.document.graph.nodes if n.layer.type_name() == "ShiftRight")
    tab = ActivationsTab(scene.session, scene.live)
    qtbot.addWidget(tab)
    tab.show()
    tab.look_at(later)
    values = np.array([[1, 6, 5], [1, 4, 2]], np.float32)
    tab.show_snapshot(Snapshot(nodes={later: NodeView(values)}))
    assert tab.view.toggle.text() == "Show the words"
    QTest.mouseClick(tab.view.toggle, LEFT)
    model = tab.view.table.model()
    shown = [[model.index(r, c).data() for c in range(3)] for r in range(2)]
    assert shown == [["[start]", "c", "b"], ["[start]", "a", "[end]"]]
    assert tab.view.toggle.text() == "Hide the words"
    tab.show_array("weights", values)
    assert model.index(0, 1).data() == "6"


def test_legends_and_the_confusion_matrix_name_what_cannot_be_seen(make_bottom):
    scene = panel_scenes.stories()
    bottom = make_bottom(scene)
    QTest.mouseClick(bottom.left.tabs, LEFT, pos=bottom.left.tabs.tabRect(1).center())
    scene.go_on()
    bottom.confusion.refresh()
    assert bottom.confusion.matrix.names[0] == "[none]"
    assert "␣" in bottom.confusion.matrix.names
    QTest.mouseClick(bottom.right.tabs, LEFT, pos=bottom.right.tabs.tabRect(0).center())
    for view in ("strip", "pca2"):
        bottom.representation.show_view(view)
        scene.go_on()
        bottom.representation.refresh()
        bottom.grab()
    assert bottom.representation.views["pca2"].legend.names == ()
