"""The two groups of tabs: who watches what, and how often panels draw."""

import time
from types import SimpleNamespace

import panel_scenes
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.gui.panels.panel import Panel
from studio.gui.theme import Theme


def asks_for_nothing(watch):
    """Whether a snapshot carries numbers alone."""
    return (watch.nodes, watch.details, watch.scatter, watch.answers) == (frozenset(), frozenset(), "", False)


def click_tab(tabs, index):
    QTest.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=tabs.tabRect(index).center())


def test_hidden_panels_wish_for_nothing(make_bottom):
    scene = panel_scenes.digits()
    bottom = make_bottom(scene)
    assert bottom.representation._wish_if_visible() is not None
    assert bottom.samples_panel._wish_if_visible() is None
    click_tab(bottom.right.tabs, bottom.right.tabs.count() - 1)
    assert bottom.representation._wish_if_visible() is None
    scene.live.look()
    assert asks_for_nothing(scene.trainer.watch)
    click_tab(bottom.right.tabs, 0)
    scene.live.look()
    assert scene.trainer.watch.nodes
    bottom.hide()
    scene.live.look()
    assert asks_for_nothing(scene.trainer.watch)


def test_hidden_panels_do_not_draw(make_bottom, monkeypatch):
    scene = panel_scenes.digits()
    bottom = make_bottom(scene)
    drawn = []
    for panel in bottom.findChildren(Panel):
        monkeypatch.setattr(panel, "show_snapshot", lambda _snapshot, panel=panel: drawn.append(panel))
    for _ in range(3):
        scene.go_on()
    assert bottom.confusion not in drawn
    assert bottom.samples_panel not in drawn
    assert bottom.problems not in drawn
    click_tab(bottom.left.tabs, 1)
    assert drawn[-1] is bottom.confusion


def test_a_burst_is_drawn_seldom_but_its_end_is(make_bottom, qtbot, monkeypatch):
    scene = panel_scenes.spirals()
    bottom = make_bottom(scene)
    serials = []
    monkeypatch.setattr(bottom.loss, "show_snapshot", lambda snapshot: serials.append(snapshot.serial))
    # All in one moment, however busy the machine is.
    now = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr("studio.gui.panels.panel.time", SimpleNamespace(monotonic=lambda: now, thread_time=lambda: 0.0))
        for _ in range(40):
            scene.go_on()
    assert len(serials) <= 1
    last = scene.trainer.snapshot.serial
    qtbot.waitUntil(lambda: bool(serials) and serials[-1] == last)


@pytest.fixture
def watched(make_bottom, monkeypatch):
    """A scene, the serials its list of samples drew, and the clock that panels see."""
    scene = panel_scenes.digits()
    bottom = make_bottom(scene)
    serials, clock = [], SimpleNamespace(now=time.monotonic(), busy=0.0, costs=0.0)

    def draw(snapshot):
        serials.append(snapshot.serial)
        clock.busy += clock.costs

    clocks = SimpleNamespace(monotonic=lambda: clock.now, thread_time=lambda: clock.busy)
    monkeypatch.setattr("studio.gui.panels.panel.time", clocks)
    monkeypatch.setattr(bottom.samples_panel, "show_snapshot", draw)
    yield scene, bottom, serials, clock
    bottom.samples_panel._later.stop()


def test_a_first_drawing_that_takes_long_does_not_leave_old_answers_standing(watched):
    scene, bottom, serials, clock = watched
    clock.costs = 1.0
    click_tab(bottom.right.tabs, 1)
    assert len(serials) == 1
    clock.now += 0.6  # more than the panel's interval
    scene.go_on()
    assert len(serials) == 2


def test_the_last_answers_of_a_run_are_shown_at_once_however_slow_the_drawing(watched):
    scene, bottom, serials, clock = watched
    clock.costs = 1.0
    click_tab(bottom.right.tabs, 1)
    for _ in range(2):
        clock.now += 0.6
        scene.go_on()
    drawn = len(serials)
    clock.now += 5.0
    scene.go_on()
    assert len(serials) == drawn  # twice slow: drawn seldom while training runs
    assert bottom.samples_panel._later.isActive()
    scene.trainer.publish(status="finished")
    scene.live.look()
    assert serials[-1] == scene.trainer.snapshot.serial


def test_keys_move_between_tabs(make_bottom):
    bottom = make_bottom(panel_scenes.spirals())
    bottom.right.tabs.setFocus()
    QTest.keyClick(bottom.right.tabs, Qt.Key.Key_Right)
    assert bottom.right.current is bottom.samples_panel
    QTest.keyClick(bottom.right.tabs, Qt.Key.Key_Left)
    assert bottom.right.current is bottom.representation


def test_both_themes_and_every_tab_paint(make_bottom):
    for make in (panel_scenes.spirals, panel_scenes.digits, panel_scenes.regression, panel_scenes.iris):
        scene = make()
        bottom = make_bottom(scene)
        for mode in ("light", "dark"):
            Theme.instance().set_mode(mode)
            for key in list(bottom.representation.views):
                if bottom.representation.view_choice.findData(key) >= 0:
                    bottom.representation.show_view(key)
                    scene.go_on()
                    bottom.representation.refresh()
                    bottom.grab()
            for left in range(2):
                bottom.left.tabs.setCurrentIndex(left)
                for right in (1, 3, 4, 0):
                    bottom.right.tabs.setCurrentIndex(right)
                    scene.go_on()
                    bottom.grab()
        ground = bottom.grab().toImage().pixelColor(bottom.width() // 4, 20)
        assert ground == Theme.instance().color("dock")


def test_narrow_docks_keep_every_control(make_bottom, qtbot):
    bottom = make_bottom(panel_scenes.spirals(), 600, 240)
    qtbot.waitUntil(lambda: bottom.width() == 600)
    QApplication.processEvents()
    loss = bottom.loss
    for control in (loss.measure, loss.smoothing, loss.save):
        assert control.isVisible()
        right = control.mapTo(bottom.left, control.rect().topRight()).x()
        assert right <= bottom.left.width()
    assert loss.measure.width() >= loss.measure.minimumWidth()
