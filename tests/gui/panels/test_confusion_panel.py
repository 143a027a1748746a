"""The confusion matrix: its numbers, pointing at cells, and what it says when there is none."""

import dataclasses

import numpy as np
import panel_scenes
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from sklearn.metrics import precision_score, r2_score, recall_score

from studio.engine.messages import Evaluation


@pytest.fixture
def shown(make_bottom):
    scene = panel_scenes.digits()
    bottom = make_bottom(scene, 1216, 384)
    QTest.mouseClick(bottom.left.tabs, Qt.MouseButton.LeftButton, pos=bottom.left.tabs.tabRect(1).center())
    scene.go_on()
    bottom.confusion.refresh()
    return scene, bottom.confusion


def point(matrix, row, column):
    QTest.mouseMove(matrix, matrix.cell_rect(row, column).center().toPoint())


def test_recall_precision_and_total_equal_scikit_learn(shown):
    scene, panel = shown
    counts = scene.trainer.snapshot.validation.confusion
    truth, answers = np.repeat(np.indices(counts.shape).reshape(2, -1), counts.ravel(), axis=1)
    np.testing.assert_allclose(panel.matrix.recall(), recall_score(truth, answers, average=None))
    np.testing.assert_allclose(panel.matrix.precision(), precision_score(truth, answers, average=None))
    right = int((truth == answers).sum())
    assert panel.matrix.sentence() == f"{right} of {len(truth)} right ({100 * right / len(truth):.1f} %)"


def test_pointing_at_a_cell_says_what_it_counts(shown):
    scene, panel = shown
    counts = scene.trainer.snapshot.validation.confusion
    point(panel.matrix, 5, 9)
    assert panel.matrix.sentence() == f"5 taken for 9: {counts[5, 9]} of {counts[5].sum()}"
    point(panel.matrix, 3, 3)
    share = 100 * counts[3, 3] / counts[3].sum()
    assert panel.matrix.sentence() == f"Of all true 3: {share:.0f} % found ({counts[3, 3]} of {counts[3].sum()})"
    QTest.mouseMove(panel.matrix, QPoint(2, panel.matrix.height() - 2))
    assert panel.matrix.cell is None


def test_the_margins_say_recall_and_precision_in_words(shown):
    scene, panel = shown
    matrix, counts = panel.matrix, scene.trainer.snapshot.validation.confusion
    cell = matrix.cell_rect(8, 9)
    QTest.mouseMove(matrix, QPoint(round(cell.right() + 20), round(cell.center().y())))
    found, of = counts[8, 8], counts[8].sum()
    assert matrix.sentence() == f"Of all true 8: {100 * found / of:.0f} % found ({found} of {of})"
    assert "recall" in matrix.toolTip()
    cell = matrix.cell_rect(9, 1)
    QTest.mouseMove(matrix, QPoint(round(cell.center().x()), round(cell.bottom() + 8)))
    right, of = counts[1, 1], counts[:, 1].sum()
    assert matrix.sentence() == f"Of all answers 1: {100 * right / of:.0f} % right ({right} of {of})"
    assert "precision" in matrix.toolTip()
    matrix.grab()
    matrix.setFocus()
    QTest.keyClick(matrix, Qt.Key.Key_Up)
    assert matrix.cell == (9, 1)
    for _ in range(12):
        QTest.keyClick(matrix, Qt.Key.Key_Right)
    assert matrix.sentence().startswith("Of all true 9:")


def test_arrow_keys_walk_over_the_cells(shown):
    _, panel = shown
    panel.matrix.setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Right):
        QTest.keyClick(panel.matrix, key)
    assert panel.matrix.cell == (1, 1) or panel.matrix.cell == (2, 1)
    for _ in range(30):
        QTest.keyClick(panel.matrix, Qt.Key.Key_Left)
    assert panel.matrix.cell[1] == 0


def test_a_class_without_samples_has_no_share(shown):
    scene, panel = shown
    counts = np.zeros((10, 10), np.int64)
    counts[0, 0] = 3
    scene.live.latest = dataclasses.replace(scene.live.latest, validation=Evaluation(0.1, 1.0, counts, 1.0))
    panel.refresh()
    assert panel.matrix.recall()[0] == 1.0
    assert np.isnan(panel.matrix.recall()[1:]).all()
    panel.grab()


def test_without_a_validation_a_sentence_says_when_it_shows(shown):
    scene, panel = shown
    scene.live.latest = dataclasses.replace(scene.live.latest, validation=None)
    panel.refresh()
    assert panel._switch.currentWidget() is panel._switch.empty
    assert "after the first check" in panel._switch.empty.label.text()


@pytest.fixture
def numbers(make_bottom):
    """Numbers to predict, in units of their own: 100 and 20 times what the network works with."""
    scene = panel_scenes.regression()
    ((node, dataset),) = scene.trainer.datasets.items()
    units = {"y_mean": np.full(1, 100, np.float32), "y_scale": np.full(1, 20, np.float32)}
    scene.trainer.datasets[node] = dataclasses.replace(dataset, **units)
    bottom = make_bottom(scene)
    scene.go_on()
    tabs = bottom.left.tabs
    assert tabs.tabText(1) == "Predictions"
    QApplication.processEvents()
    assert tabs.tabRect(1).width() >= tabs.tabSizeHint(1).width()  # not cut short
    QTest.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=tabs.tabRect(1).center())
    scene.go_on()
    bottom.confusion.refresh()
    return scene, bottom


def test_predicted_numbers_stand_against_the_true_ones(numbers):
    scene, bottom = numbers
    fit = bottom.confusion.fit
    dataset = bottom.samples.dataset
    true = dataset.validation.y[:, 0] * 20 + 100
    output = scene.session.document.graph.nodes[-2].id
    predicted = scene.trainer.forward(dataset.validation.x)[output][:, 0] * 20 + 100
    np.testing.assert_allclose(fit.true, true, rtol=1e-5)
    np.testing.assert_allclose(fit.predicted, predicted, rtol=1e-5)
    assert fit.explained() == pytest.approx(r2_score(true, predicted), abs=1e-4)
    assert fit.sentence() == f"{np.abs(predicted - true).mean():.3f} off on average, R² {r2_score(true, predicted):.3f}"
    # What is right lies on the diagonal, what is too high above it.
    area, places = fit.frame(), fit.places()
    above = (area.bottom() - places[:, 1]) - (places[:, 0] - area.left())
    assert np.array_equal(above > 0.5, predicted - true > 0.5 / area.width() * (fit._range[1] - fit._range[0]))


def test_pointing_says_how_far_off_and_a_click_picks_the_sample(numbers):
    _, bottom = numbers
    fit = bottom.confusion.fit
    worst = int(np.abs(fit.predicted - fit.true).argmax())
    where = QPoint(*np.rint(fit.places()[worst]).astype(int).tolist())
    before = fit.grab().toImage()
    QTest.mouseMove(fit, where)
    assert fit.hovered == worst
    assert fit.sentence().startswith(f"#{worst}: true {fit.true[worst]:.1f}, predicted {fit.predicted[worst]:.1f}, ")
    assert fit.sentence().endswith(" off")
    assert fit.grab().toImage() != before  # the way to the diagonal is drawn
    QTest.mouseClick(fit, Qt.MouseButton.LeftButton, pos=where)
    assert bottom.samples.index == worst
    QTest.mouseMove(fit, QPoint(1, 1))
    assert fit.hovered == -1
    fit.setFocus()
    QTest.keyClick(fit, Qt.Key.Key_Right)
    assert fit.hovered == fit.true.argmin()
    QTest.keyClick(fit, Qt.Key.Key_Right)
    QTest.keyClick(fit, Qt.Key.Key_Return)
    assert bottom.samples.index == np.argsort(fit.true)[1]


def test_predictions_far_off_do_not_hide_the_rest(numbers):
    _, bottom = numbers
    fit = bottom.confusion.fit
    fit.show_numbers(np.arange(5.0), np.array([0, 1, 2, 3, 1e9]), np.arange(5), -1, "")
    places, area = fit.places(), fit.frame()
    assert places[4, 1] == area.top()
    assert np.ptp(places[:4, 1]) > area.height() / 4


def test_several_numbers_can_be_looked_at_one_by_one(make_bottom):
    scene = panel_scenes.regression()
    ((node, dataset),) = scene.trainer.datasets.items()
    check = dataset.validation
    train, twice = (dataclasses.replace(p, y=np.concatenate([p.y, 2 * p.y + 5], 1)) for p in (dataset.train, check))
    info = dataclasses.replace(dataset.info, targets=("width", "height"), y_shape=(2,))
    scene.trainer.datasets[node] = dataclasses.replace(dataset, info=info, train=train, validation=twice)
    forward, output = scene.trainer.forward, scene.session.document.graph.nodes[-2].id
    scene.trainer.forward = lambda x: (made := forward(x)) | {output: np.repeat(made[output], 2, 1)}
    panel = make_bottom(scene).confusion
    panel.parent().parent().tabs.setCurrentIndex(1)
    scene.go_on()
    panel.refresh()
    assert [panel.column.itemText(i) for i in range(3)] == ["all numbers", "width", "height"]
    assert len(panel.fit.true) == 2 * len(check)
    assert panel.fit.samples[3] == 1
    panel.column.setFocus()
    QTest.keyClick(panel.column, Qt.Key.Key_Down)
    np.testing.assert_allclose(panel.fit.true, check.y[:, 0], rtol=1e-5)
    QTest.keyClick(panel.column, Qt.Key.Key_Down)
    assert panel.column.currentText() == "height"
    np.testing.assert_allclose(panel.fit.true, 2 * check.y[:, 0] + 5, rtol=1e-5)


def test_classes_come_back_with_the_matrix(make_bottom):
    bottom = make_bottom(panel_scenes.iris())
    assert bottom.left.tabs.tabText(1) == "Confusion matrix"


def test_many_classes_still_fit(shown, qtbot):
    _, panel = shown
    counts = np.eye(60, dtype=np.int64) * 4
    panel.matrix.show_counts(counts, tuple(f"class number {i}" for i in range(60)), "")
    panel.grab()
    qtbot.waitUntil(lambda: panel.matrix.height() >= 60 * 18)
