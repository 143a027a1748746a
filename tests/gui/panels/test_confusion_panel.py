"""The confusion matrix: its numbers, pointing at cells, and what it says when there is none."""

import dataclasses

import numpy as np
import panel_scenes
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from sklearn.metrics import precision_score, recall_score

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
    assert panel.matrix.sentence() == f"3 recognised: {counts[3, 3]} of {counts[3].sum()}"
    QTest.mouseMove(panel.matrix, QPoint(2, panel.matrix.height() - 2))
    assert panel.matrix.cell is None


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


def test_numbers_to_predict_have_no_classes(make_bottom):
    scene = panel_scenes.regression()
    bottom = make_bottom(scene)
    bottom.left.tabs.setCurrentIndex(1)
    scene.go_on()
    bottom.confusion.refresh()
    assert "no classes" in bottom.confusion._switch.empty.label.text()


def test_many_classes_still_fit(shown, qtbot):
    _, panel = shown
    counts = np.eye(60, dtype=np.int64) * 4
    panel.matrix.show_counts(counts, tuple(f"class number {i}" for i in range(60)), "")
    panel.grab()
    qtbot.waitUntil(lambda: panel.matrix.height() >= 60 * 18)
