"""Samples: picking by mouse and keys, and only the mistakes."""

import dataclasses

import numpy as np
import panel_scenes
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from studio.gui.panels.sample_cards import NUMBER


@pytest.fixture
def digits(make_bottom):
    scene = panel_scenes.digits()
    return show(scene, make_bottom(scene, 1216, 384))


@pytest.fixture
def flowers(make_bottom):
    scene = panel_scenes.iris()
    return show(scene, make_bottom(scene))


def show(scene, bottom):
    tabs = bottom.right.tabs
    QTest.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=tabs.tabRect(1).center())
    scene.go_on()
    bottom.samples_panel.refresh()
    return scene, bottom.samples_panel


def wrong_numbers(scene):
    dataset = next(iter(scene.trainer.datasets.values()))
    output = scene.session.document.graph.nodes[-2].id
    answers = scene.trainer.forward(dataset.validation.x)[output].argmax(-1)
    return np.flatnonzero(answers != dataset.validation.y)


def test_a_click_on_a_card_picks_the_sample_for_everyone(digits):
    scene, panel = digits
    index = panel.cards.model().index(5, 0)
    QTest.mouseClick(panel.cards.viewport(), Qt.MouseButton.LeftButton, pos=panel.cards.visualRect(index).center())
    assert panel.choice.index == 5
    assert panel.picker.value() == 5
    scene.live.look()
    assert scene.trainer.watch.sample == 5  # the canvas's probe too


def test_arrow_keys_walk_through_the_cards(digits):
    _, panel = digits
    panel.cards.setFocus()
    QTest.keyClick(panel.cards, Qt.Key.Key_Right)
    QTest.keyClick(panel.cards, Qt.Key.Key_Right)
    assert panel.choice.index == 2
    QTest.keyClick(panel.cards, Qt.Key.Key_Left)
    assert panel.choice.index == 1


def test_buttons_go_to_the_next_and_the_previous(digits):
    _, panel = digits
    QTest.mouseClick(panel.next, Qt.MouseButton.LeftButton)
    QTest.mouseClick(panel.next, Qt.MouseButton.LeftButton)
    assert panel.choice.index == 2
    QTest.mouseClick(panel.previous, Qt.MouseButton.LeftButton)
    assert panel.choice.index == 1
    for _ in range(3):
        QTest.mouseClick(panel.previous, Qt.MouseButton.LeftButton)
    assert panel.choice.index == 0


def test_only_mistakes_are_the_mistakes(digits):
    scene, panel = digits
    wrong = wrong_numbers(scene)
    assert len(wrong) > 2
    assert panel.count_label.text() == f"{len(wrong)} of {panel.choice.count} wrong"
    QTest.mouseClick(panel.only_wrong, Qt.MouseButton.LeftButton, pos=panel.only_wrong.rect().center())
    assert panel.only_wrong.isChecked()
    model = panel.cards.model()
    assert [model.index(i, 0).data(NUMBER) for i in range(model.rowCount())] == wrong.tolist()
    QTest.mouseClick(panel.next, Qt.MouseButton.LeftButton)
    assert panel.choice.index == wrong[wrong > 0][0]
    QTest.mouseClick(panel.next, Qt.MouseButton.LeftButton)
    assert panel.choice.index == wrong[wrong > 0][1]


def test_rows_show_numbers_in_their_own_units(flowers):
    scene, panel = flowers
    dataset = next(iter(scene.trainer.datasets.values()))
    model = panel.rows.model()
    heads = [model.headerData(c, Qt.Orientation.Horizontal) for c in range(4)]
    assert heads == ["#", "label", "network says", "sepal length (cm)"]
    original = dataset.validation.x[3] * dataset.x_scale + dataset.x_mean
    shown = [float(model.index(3, c).data()) for c in range(3, 7)]
    np.testing.assert_allclose(shown, original, atol=1e-3)
    assert model.index(3, 1).data() == dataset.info.classes[int(dataset.validation.y[3])]
    where = panel.rows.visualRect(model.index(3, 3)).center()
    QTest.mouseClick(panel.rows.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert panel.choice.index == 3
    QTest.keyClick(panel.rows, Qt.Key.Key_Down)
    assert panel.choice.index == 4


def test_predicted_numbers_and_their_errors_stand_beside_the_true_ones(make_bottom):
    scene = panel_scenes.regression()
    ((node, dataset),) = scene.trainer.datasets.items()
    units = {"y_mean": np.full(1, 100, np.float32), "y_scale": np.full(1, 20, np.float32)}
    scene.trainer.datasets[node] = dataset = dataclasses.replace(dataset, **units)
    scene, panel = show(scene, make_bottom(scene))
    model = panel.rows.model()
    assert [model.headerData(c, Qt.Orientation.Horizontal) for c in range(5)] == ["#", "true", "predicted", "error", "x"]
    output = scene.session.document.graph.nodes[-2].id
    predicted = scene.trainer.forward(dataset.validation.x)[output][:, 0] * 20 + 100
    true = dataset.validation.y[:, 0] * 20 + 100
    for row in range(3):
        _, right, guess, error = (model.index(row, c).data() for c in range(4))
        assert float(right) == pytest.approx(true[row], abs=0.06)
        assert float(guess) == pytest.approx(predicted[row], abs=0.06)
        assert float(error.replace("−", "-")) == pytest.approx(predicted[row] - true[row], abs=0.06)
        assert error[0] in "+−"
    assert panel.picker.text() == f"#0, label {true[0]:.3g}"


def test_without_data_a_sentence_says_what_will_show(make_bottom):
    _, panel = show(panel_scenes.empty(), make_bottom(panel_scenes.empty()))
    assert "Add Data" in panel._switch.empty.label.text()


def test_the_picker_takes_typed_numbers(digits):
    _, panel = digits
    panel.picker.setFocus()
    panel.picker.selectAll()
    QTest.keyClicks(panel.picker, "#12")
    QTest.keyClick(panel.picker, Qt.Key.Key_Return)
    assert panel.choice.index == 12
    assert panel.picker.text() == f"#12, label {panel.choice.label(12)}"
    panel.picker.selectAll()
    QTest.keyClicks(panel.picker, "no number")
    QTest.keyClick(panel.picker, Qt.Key.Key_Return)
    assert panel.choice.index == 12
