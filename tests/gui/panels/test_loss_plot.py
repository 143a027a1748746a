"""The plot by itself: ranges that change in steps, lines with holes, and the mouse."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from studio.gui.panels import loss_plot
from studio.gui.panels.curve import Curve
from studio.gui.panels.loss_plot import CurveStyle, LossPlot
from studio.gui.panels.plot_frame import PlotFrame

TRAIN = CurveStyle("loss", "train", "train")


def curve_up_to(epoch, points=50):
    curve = Curve()
    epochs = np.linspace(0.0, epoch, points)
    curve.update(epochs, 2.0 - epochs / 1000, 0.0)
    return curve


@pytest.fixture
def plot(qtbot):
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.resize(500, 200)
    with qtbot.waitExposed(plot):
        plot.show()
    return plot


def show(plot, epoch):
    plot.show_curves([(TRAIN, curve_up_to(epoch))], log=True, percent=False)
    plot.grab()


def test_axes_are_painted_again_only_when_they_are_others(plot, monkeypatch):
    painted = []
    picture = loss_plot.axes_picture
    monkeypatch.setattr(loss_plot, "axes_picture", lambda *rest: painted.append(1) or picture(*rest))
    show(plot, 100.0)
    first, reach = len(painted), plot.frame.x[1]
    for epoch in np.linspace(100.1, 104.9, 20):
        show(plot, epoch)
    assert plot.frame.x[1] == reach
    assert len(painted) <= first + 1  # a tick may have come into reach
    show(plot, 150.0)
    assert plot.frame.x[1] > reach


def test_the_end_of_the_curves_leaves_room_for_the_labels(plot):
    for epoch in np.geomspace(0.01, 1e4, 200):
        show(plot, epoch)
        end = plot.place(epoch, 1.0).x()
        assert 0.65 * plot.width() < end <= plot.width() - 88 + 1


def test_a_shorter_run_takes_the_whole_width(plot):
    show(plot, 1000.0)
    show(plot, 10.0)
    assert plot.place(10.0, 1.0).x() > 0.6 * plot.width()


def test_dragging_moves_along_the_epochs_and_no_further_than_the_first(plot):
    show(plot, 100.0)
    plot._look_at(50.0, 20.0)
    QTest.mousePress(plot, Qt.MouseButton.LeftButton, pos=QPoint(300, 80))
    under = plot.frame.epoch_at(300)
    QTest.mouseMove(plot, QPoint(200, 80))
    assert plot.frame.epoch_at(200) == pytest.approx(under)
    QTest.mouseMove(plot, QPoint(100_000, 80))
    QTest.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=QPoint(400, 80))
    assert plot.frame.x == pytest.approx((0.0, 20.0))


def test_lines_stop_where_a_value_is_not_a_number():
    frame = PlotFrame(146, 134, (0.0, 10.0), (0.0, 1.0), False, False)
    heights = np.array([np.nan, 0.0, 1.0, np.nan, 0.5, np.inf, 1.0])
    lines = frame.lines(np.arange(7.0), heights)
    assert [line.size() for line in lines] == [2, 1, 1]
    assert lines[0].at(1) == frame.place(2.0, 1.0) == QPointF(66.0, 10.0)
    assert frame.lines(np.empty(0), np.empty(0)) == []


def test_ticks_lie_within_the_axes():
    frame = PlotFrame(500, 200, (0.0, 110.0), (-3.0, 1.0), True, False)
    assert frame.epoch_ticks(100.0)[-1] == 100.0
    assert all(-3.0 <= tick <= 1.0 for tick in frame.value_ticks())
    assert frame.value_text(-2.0) == "0.01"
    assert PlotFrame(500, 200, (0.0, 1.0), (0.0, 1.0), False, True).value_text(0.5) == "50 %"
