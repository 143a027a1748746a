"""A pad to draw on: mouse and keys, and whoever looks at the drawing then."""

import math

import numpy as np
import panel_scenes
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.gui.theme import Theme

LEFT, RIGHT, PLAIN = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier
RING = [(0.5 + 0.2 * math.cos(a), 0.5 + 0.3 * math.sin(a)) for a in np.linspace(-math.pi / 2, 1.5 * math.pi, 24)]
UPRIGHT = [(0.5, 0.2), (0.5, 0.5), (0.5, 0.8)]


def tab_of(bottom, words):
    tabs = bottom.right.tabs
    return next(i for i in range(tabs.count()) if tabs.tabText(i) == words)


def open_tab(bottom, words):
    tabs = bottom.right.tabs
    QTest.mouseClick(tabs, LEFT, pos=tabs.tabRect(tab_of(bottom, words)).center())


def draw(pad, line, button=LEFT):
    """Draw a line through places from 0 to 1."""
    area = pad.square()
    places = [QPoint(round(area.left() + x * area.width()), round(area.top() + y * area.height())) for x, y in line]
    QTest.mousePress(pad, button, PLAIN, places[0])
    for place in places[1:]:
        where = QPointF(pad.mapToGlobal(place))
        QApplication.sendEvent(pad, QMouseEvent(QEvent.Type.MouseMove, QPointF(place), where, button, button, PLAIN))
    QTest.mouseRelease(pad, button, PLAIN, places[-1])


@pytest.fixture
def digits(make_bottom):
    scene = panel_scenes.digits()
    bottom = make_bottom(scene)
    open_tab(bottom, "Draw")
    scene.go_on()
    return scene, bottom


def test_a_drawing_goes_through_the_network_and_the_answer_is_shown(digits):
    scene, bottom = digits
    panel = bottom.draw
    assert panel.answer.says == ""
    assert panel.note.isVisible()
    draw(panel.pad, RING)
    scene.go_on()
    panel.refresh()
    own = scene.trainer.watch.own
    assert own is not None
    assert own.node == scene.session.document.graph.nodes[0].id
    assert panel.answer.says == "0"  # the nearest mean of the real digits is that of the zeros
    assert panel.answer.shares.sum() == pytest.approx(1, abs=1e-5)
    assert "says 0" in panel.answer.accessibleDescription()
    dataset = bottom.samples.dataset
    assert own.x.shape == (8, 8, 1)
    original = own.x * dataset.x_scale + dataset.x_mean
    assert original.min() >= 0
    assert original.max() <= 1 + 1e-5
    # As the digits of the data, it fills the frame from top to bottom, and the hole is in the middle.
    assert original[0].max() > 0.2
    assert original[7].max() > 0.2
    assert original[3:5, 3:5].max() < 0.5


def test_size_and_place_on_the_pad_do_not_matter(digits):
    _scene, bottom = digits
    made = []
    for scale, dx, dy in ((1, 0, 0), (0.5, -0.2, -0.15), (0.6, 0.2, 0.1)):
        QTest.mouseClick(bottom.draw.clear, LEFT)
        draw(bottom.draw.pad, [(0.5 + dx + scale * (x - 0.5), 0.5 + dy + scale * (y - 0.5)) for x, y in RING])
        made.append(bottom.samples.own.x)
    for other in made[1:]:
        assert np.corrcoef(made[0].ravel(), other.ravel())[0, 1] > 0.95


def test_every_view_looks_at_the_drawing_and_none_knows_its_answer(digits):
    scene, bottom = digits
    draw(bottom.draw.pad, RING)
    open_tab(bottom, "Representation")
    scene.go_on()
    bottom.representation.refresh()
    strip = bottom.representation.views["strip"].canvas
    data = scene.session.document.graph.nodes[0].id
    own = bottom.samples.own
    np.testing.assert_allclose(np.squeeze(strip.pictures[data].values), np.squeeze(own.x) * 0.4 + 0.3, atol=1e-5)
    assert strip.verdict == "says 0"
    assert not strip.wrong
    assert bottom.representation.picker.text() == "Your drawing"
    QTest.keyClick(bottom.representation.picker, Qt.Key.Key_Up)
    scene.go_on()
    assert not bottom.samples.is_own
    assert scene.trainer.watch.own is None
    assert bottom.representation.picker.text().startswith("#0")
    QTest.keyClick(bottom.representation.picker, Qt.Key.Key_Down)
    scene.go_on()
    assert bottom.samples.is_own
    assert scene.trainer.watch.own is own
    # In the list of samples nothing is marked, and a click there takes another.
    open_tab(bottom, "Samples")
    scene.go_on()
    cards = bottom.samples_panel.cards
    bottom.samples_panel.refresh()
    assert not cards.selectionModel().hasSelection()
    QTest.mouseClick(cards.viewport(), LEFT, pos=cards.visualRect(cards.model().index(0, 0)).center())
    assert bottom.samples.shown == 0
    open_tab(bottom, "Draw")
    assert bottom.samples.is_own


def test_eraser_right_button_undo_and_clear(digits):
    scene, bottom = digits
    panel = bottom.draw
    draw(panel.pad, UPRIGHT)
    whole = bottom.samples.own.x
    QTest.mouseClick(panel.tools, LEFT, pos=panel.tools.segment(1).center().toPoint())
    draw(panel.pad, [(0.3, 0.75), (0.7, 0.75)])
    erased = panel.pad.ink.raster(100)
    assert erased[75, 40:60].max() == 0
    assert erased[30, 50] == 1
    assert not np.array_equal(bottom.samples.own.x, whole)
    panel.pad.setFocus()
    QTest.keyClick(panel.pad, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(bottom.samples.own.x, whole)
    QTest.mouseClick(panel.tools, LEFT, pos=panel.tools.segment(0).center().toPoint())
    draw(panel.pad, [(0.3, 0.75), (0.7, 0.75)], RIGHT)
    assert np.array_equal(panel.pad.ink.raster(100), erased)
    QTest.mouseClick(panel.undo, LEFT)
    assert np.array_equal(bottom.samples.own.x, whole)
    QTest.mouseClick(panel.clear, LEFT)
    scene.go_on()
    panel.refresh()
    assert panel.pad.is_empty
    assert bottom.samples.own is None
    assert scene.trainer.watch.own is None
    assert panel.answer.says == ""
    assert not panel.clear.isEnabled()


def test_everything_erased_is_no_drawing(digits):
    _, bottom = digits
    draw(bottom.draw.pad, UPRIGHT)
    draw(bottom.draw.pad, UPRIGHT, RIGHT)
    assert bottom.samples.own is None
    assert not bottom.samples.is_own


def test_a_dot_stays_a_dot(digits):
    _, bottom = digits
    draw(bottom.draw.pad, [(0.5, 0.5), (0.5, 0.5)])
    dataset = bottom.samples.dataset
    ink = bottom.samples.own.x * dataset.x_scale + dataset.x_mean
    assert 0 < ink.sum() < 6  # of 64 pixels


def test_what_is_drawn_can_be_seen_in_both_themes(digits):
    _, bottom = digits
    pad = bottom.draw.pad
    for mode in ("dark", "light"):
        Theme.instance().set_mode(mode)
        QTest.mouseClick(bottom.draw.clear, LEFT)
        before = pad.grab().toImage()
        draw(pad, UPRIGHT)
        after, middle = pad.grab().toImage(), pad.square().center().toPoint()
        assert abs(before.pixelColor(middle + QPoint(0, 30)).lightness() - after.pixelColor(middle + QPoint(0, 30)).lightness()) > 100
    Theme.instance().set_mode("dark")


@pytest.mark.parametrize("name", ["spirals", "iris", "stories"])
def test_the_tab_is_there_only_where_one_can_draw(make_bottom, name):
    bottom = make_bottom(getattr(panel_scenes, name)())
    assert not bottom.right.tabs.isTabVisible(tab_of(bottom, "Draw"))


def test_a_click_on_the_plane_is_a_point_of_ones_own(make_bottom):
    scene = panel_scenes.spirals()
    bottom = make_bottom(scene)
    scene.go_on()
    plane = bottom.representation.views["boundary"].plane
    area = plane.square()
    QTest.mouseClick(plane, LEFT, PLAIN, QPointF(area.left() + 0.75 * area.width(), area.top() + 0.25 * area.height()).toPoint())
    scene.go_on()
    own = scene.trainer.watch.own
    np.testing.assert_allclose(own.x, [0.575, 0.575], atol=0.02)  # the plane goes from -1.15 to 1.15
    bottom.representation.refresh()
    assert plane.own == pytest.approx(tuple(own.x.tolist()))
    assert bottom.representation.picker.text() == "Your point"
