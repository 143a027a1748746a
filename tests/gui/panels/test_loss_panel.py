"""Loss and metrics: what the curves say, and every control by mouse and keys."""

import csv
import time

import numpy as np
import panel_scenes
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QContextMenuEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QLineEdit

from studio.engine.history import History
from studio.gui.panels.curves_csv import curves_as_csv
from studio.gui.panels.ticks import linear_ticks, log_ticks, number_text, tick_text


def simple_history():
    history = History()
    for i, (loss, val) in enumerate([(4.0, 5.0), (2.0, 3.0), (1.0, 2.0), (0.5, 1.5)]):
        history.append("loss", i + 1.0, loss)
        history.append("val_loss", i + 1.0, val)
    return history


@pytest.fixture
def simple(make_bottom):
    scene = panel_scenes.regression()
    scene.trainer.history = simple_history()
    bottom = make_bottom(scene)
    bottom.loss.refresh()
    return scene, bottom.loss


def move_to(plot, epoch):
    x = plot.place(epoch, 1.0).x()
    QTest.mouseMove(plot, QPoint(round(x), plot.height() // 2))


def test_pointing_shows_epoch_and_values(simple, qtbot):
    _, loss = simple
    move_to(loss.plot, 3.1)
    qtbot.waitUntil(lambda: loss.plot.hovered() is not None)
    epoch, found = loss.plot.hovered()
    assert epoch == 3.0
    assert [(style.words, value) for style, _, value in found] == [("train", 1.0), ("val", 2.0)]
    QTest.mouseMove(loss.plot, QPoint(4, 4))  # on the axis
    qtbot.waitUntil(lambda: loss.plot.hovered() is None)


def test_ends_carry_the_last_values(simple):
    _, loss = simple
    assert [(s.words, e, v) for s, e, v in loss.plot.ends()] == [("train", 4.0, 0.5), ("val", 4.0, 1.5)]
    assert loss.plot.words(0.115) == "0.115"


def test_keys_smooth_the_curve(simple, qtbot):
    _, loss = simple
    loss.smoothing.setFocus()
    for _ in range(5):
        QTest.keyClick(loss.smoothing, Qt.Key.Key_PageUp)
    assert loss.smoothing.value() == 50
    assert loss.smoothing_value.text() == "50 %"
    expected = 4.0
    for value in (4.0, 2.0, 1.0, 0.5):
        expected = 0.5 * expected + 0.5 * value
    assert loss.plot.ends()[0][2] == pytest.approx(expected)


def test_the_mouse_switches_to_accuracy_where_there_is_one(simple, make_bottom):
    _, loss = simple
    assert not loss.measure.isTabEnabled(1)
    scene = panel_scenes.spirals()
    loss = make_bottom(scene).loss
    QTest.mouseClick(loss.measure, Qt.MouseButton.LeftButton, pos=loss.measure.tabRect(1).center())
    names = [style.name for style, _, _ in loss.plot.ends()]
    assert names == ["accuracy", "val_accuracy"]
    assert loss.plot.percent
    assert not loss.scale.isEnabled()
    accuracy = scene.trainer.history.series("accuracy")[1][-1]
    assert loss.plot.words(loss.plot.ends()[0][2]) == f"{100 * accuracy:.1f} %"


def test_each_metric_of_the_run_has_its_tab(make_bottom):
    scene = panel_scenes.regression()
    scene.trainer.history = simple_history()
    for epoch, (r2, rmse) in enumerate([(-0.5, 2.0), (0.25, 1.0), (0.75, 0.5)]):
        scene.trainer.history.append("val_r2", epoch + 1.0, r2)
        scene.trainer.history.append("val_rmse", epoch + 1.0, rmse)
    loss = make_bottom(scene).loss
    loss.refresh()
    tabs = [loss.measure.tabText(i) for i in range(loss.measure.count())]
    assert tabs[2:] == ["R²", "RMSE"]
    for index, (name, last, log) in enumerate([("val_r2", 0.75, False), ("val_rmse", 0.5, True)], start=2):
        assert loss.measure.tabToolTip(index)
        QTest.mouseClick(loss.measure, Qt.MouseButton.LeftButton, pos=loss.measure.tabRect(index).center())
        assert [(style.name, value) for style, _, value in loss.plot.ends()] == [(name, last)]
        assert loss.scale.isEnabled() == log
    # A run without them takes the tabs away, and shows the loss again.
    scene.trainer.history = simple_history()
    scene.go_on()
    loss.refresh()
    assert loss.measure.count() == 2
    assert loss.measure.currentIndex() == 0


def test_the_menu_chooses_the_scale(simple, qtbot):
    _, loss = simple
    assert loss.plot.log
    assert loss.plot.place(1.0, 0.5).y() > loss.plot.place(1.0, 1.0).y() > loss.plot.place(1.0, 2.0).y()
    gap = loss.plot.place(1.0, 0.5).y() - loss.plot.place(1.0, 1.0).y()
    assert gap == pytest.approx(loss.plot.place(1.0, 1.0).y() - loss.plot.place(1.0, 2.0).y(), abs=0.01)

    def choose():
        menu = QApplication.activePopupWidget()
        QTest.keyClick(menu, Qt.Key.Key_Down)
        QTest.keyClick(menu, Qt.Key.Key_Down)
        QTest.keyClick(menu, Qt.Key.Key_Return)

    QTimer.singleShot(0, choose)
    QTest.mouseClick(loss.scale, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: loss.scale.choice == "linear")
    assert not loss.plot.log
    gap = loss.plot.place(1.0, 0.5).y() - loss.plot.place(1.0, 1.0).y()
    assert 2 * gap == pytest.approx(loss.plot.place(1.0, 1.0).y() - loss.plot.place(1.0, 2.0).y(), abs=0.01)


def test_the_wheel_zooms_and_a_double_click_shows_all(simple, qtbot):
    _, loss = simple
    plot = loss.plot
    before = plot.frame.x
    where = QPointF(plot.width() / 2, plot.height() / 2)
    everywhere = plot.mapToGlobal(where)
    buttons, keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    wheel = QWheelEvent(where, everywhere, QPoint(), QPoint(0, 480), buttons, keys, Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(plot, wheel)
    qtbot.waitUntil(lambda: not plot.following)
    zoomed = plot.frame.x
    assert zoomed[1] - zoomed[0] < before[1] - before[0]
    loss.refresh()  # new points must not take the zoom away
    assert plot.frame.x == zoomed
    QTest.mouseDClick(plot, Qt.MouseButton.LeftButton, pos=where.toPoint())
    assert plot.following
    assert plot.frame.x == before


def save_as(loss, qtbot, path):
    QTest.mouseClick(loss.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: loss.findChild(QFileDialog) is not None)
    dialog = loss.findChild(QFileDialog)
    qtbot.waitUntil(dialog.isActiveWindow)
    line = dialog.findChild(QLineEdit, "fileNameEdit")
    line.setCompleter(None)  # its list, which comes when it likes, would take the click
    line.selectAll()
    QTest.keyClicks(line, str(path))
    button = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Save)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: loss.findChild(QFileDialog) is None)


def test_saves_all_points_as_csv(make_bottom, qtbot, tmp_path):
    scene = panel_scenes.spirals()
    loss = make_bottom(scene).loss
    with qtbot.waitSignal(scene.session.said) as said:
        save_as(loss, qtbot, tmp_path / "curves.csv")
    assert said.args == ["Saved the curves as curves.csv.", False]
    with (tmp_path / "curves.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["epoch", "name", "value"]
    history = scene.trainer.history
    assert len(rows) - 1 == sum(history.count(n) for n in history.names)
    for name in history.names:
        points = [(float(e), float(v)) for e, n, v in rows[1:] if n == name]
        assert points == list(zip(*history.series(name), strict=True))
    assert list(tmp_path.iterdir()) == [tmp_path / "curves.csv"]


def test_the_context_menu_saves_too(make_bottom, qtbot):
    loss = make_bottom(panel_scenes.spirals()).loss
    where = QPoint(200, 100)
    seen = []

    def choose():
        menu = QApplication.activePopupWidget()
        seen.extend(action.text() for action in menu.actions())
        QTest.keyClick(menu, Qt.Key.Key_Down)
        QTest.keyClick(menu, Qt.Key.Key_Return)

    QTimer.singleShot(0, choose)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, where, loss.plot.mapToGlobal(where))
    QApplication.sendEvent(loss.plot, event)
    assert seen == ["Save curves as CSV...", "Show all epochs"]
    qtbot.waitUntil(lambda: loss.findChild(QFileDialog) is not None)
    dialog = loss.findChild(QFileDialog)
    qtbot.waitUntil(dialog.isActiveWindow)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: loss.findChild(QFileDialog) is None)


def test_a_place_that_cannot_be_written_gets_a_sentence(make_bottom, qtbot, tmp_path):
    scene = panel_scenes.spirals()
    loss = make_bottom(scene).loss
    said = []
    scene.session.said.connect(lambda words, error: said.append((words, error)))
    loss._write(str(tmp_path / "nowhere" / "curves.csv"))
    assert len(said) == 1
    assert said[0][0].startswith("curves.csv could not be written (No such file or directory)")
    assert said[0][1]


def test_csv_of_no_curves_is_its_head():
    assert curves_as_csv(History()) == "epoch,name,value\n"


def test_before_a_run_a_sentence_says_what_will_show(make_bottom):
    scene = panel_scenes.spirals()
    scene.trainer.history = History()
    loss = make_bottom(scene).loss
    assert "Press Run" in loss._switch.empty.label.text()
    assert loss._switch.currentWidget() is loss._switch.empty


def test_a_million_points_draw_fast(make_bottom):
    scene = panel_scenes.regression()
    epochs = np.linspace(0.0, 100.0, 1_000_000)
    values = np.exp(-epochs / 30) + np.random.default_rng(0).random(1_000_000) * 0.1
    scene.trainer.history = History.from_arrays({"loss": np.stack([epochs, values], 1)})
    loss = make_bottom(scene).loss
    QTest.keyClick(loss.smoothing, Qt.Key.Key_PageUp)
    began = time.process_time()
    for i in range(20):
        scene.trainer.history.append("loss", 100.0 + i, 0.1)
        scene.go_on()
        loss.refresh()
        QApplication.processEvents()
    assert (time.process_time() - began) / 20 < 0.025
    assert loss.plot.points_drawn() < 20_000


def test_values_at_zero_or_below_leave_the_log_scale_standing(simple):
    scene, loss = simple
    scene.trainer.history.append("loss", 5.0, 0.0)
    scene.trainer.history.append("loss", 6.0, float("nan"))
    scene.go_on()
    loss.refresh()
    low, high = loss.plot.frame.y
    assert np.isfinite([low, high]).all()
    loss.grab()


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.05, 1.0, [0.05, 0.1, 0.2, 0.5, 1.0]), (1e-8, 1.0, [1e-8, 1e-6, 1e-4, 1e-2, 1.0]), (0, 1, [])],
)
def test_log_ticks(low, high, ticks):
    assert log_ticks(low, high, 7) == pytest.approx(ticks)


def test_linear_ticks_are_round():
    assert linear_ticks(0.0, 298.0, 7) == [0, 50, 100, 150, 200, 250]
    assert linear_ticks(1.0, 1.0, 5) == []


def test_numbers_as_people_write_them():
    assert [tick_text(v) for v in (0, 0.05, 20, 1e-6)] == ["0", "0.05", "20", "1e-6"]
    assert [number_text(v) for v in (0.115, 0.00118, 12.34, 4.1e-5)] == ["0.115", "0.0012", "12.3", "4.1e-5"]
    assert number_text(float("nan")) == "–"
