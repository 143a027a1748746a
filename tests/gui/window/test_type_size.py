"""Larger type: by keys and menu, remembered, and for a presentation."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.gui import stylesheet
from studio.gui.theme import Theme
from studio.gui.type_size import choose_size

CONTROL_ALT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


@pytest.fixture(autouse=True)
def usual():
    """Whatever a test leaves, the next one begins with the usual size."""
    yield
    Theme.instance().set_scale(1.0)


def press(window, key, modifiers=CONTROL_ALT):
    window.activateWindow()
    QTest.keyClick(window.workspace.canvas.view, key, modifiers)


def test_keys_enlarge_everything_and_take_it_back(make_studio, qtbot):
    window = make_studio("iris", size=(1600, 1000))
    bar, canvas = window.workspace.run_bar, window.workspace.canvas
    sizes = bar.height(), bar.run_button.height(), window.titled_menu_bar.height(), QApplication.font().pointSizeF()
    zoom = canvas.view.transform().m11()
    press(window, Qt.Key.Key_Plus)
    assert Theme.instance().scale == 1.25
    press(window, Qt.Key.Key_Plus)
    assert Theme.instance().scale == 1.5
    now = bar.height(), bar.run_button.height(), window.titled_menu_bar.height(), QApplication.font().pointSizeF()
    assert now == pytest.approx([1.5 * size for size in sizes], abs=1)
    assert canvas.view.transform().m11() == pytest.approx(1.5 * zoom)  # nodes too
    for _ in range(5):
        press(window, Qt.Key.Key_Plus)
    assert Theme.instance().scale == 1.75
    assert float(window.settings.value("type_scale")) == 1.75
    press(window, Qt.Key.Key_Minus)
    assert Theme.instance().scale == 1.5
    press(window, Qt.Key.Key_0)
    assert Theme.instance().scale == 1.0
    assert (bar.height(), bar.run_button.height()) == sizes[:2]


def test_the_size_is_remembered_and_a_broken_one_is_as_good_as_none(make_studio):
    window = make_studio("iris")
    window.actions_by_key["type_larger"].trigger()
    remembered = window.settings.value("type_scale")
    Theme.instance().set_scale(1.0)
    choose_size(remembered)
    assert Theme.instance().scale == 1.25
    for broken in (None, "", "huge", "-3", 1e9):
        choose_size(broken)
        assert Theme.instance().scale == 1.0


def test_a_presentation_shows_the_network_in_large_and_then_all_is_as_before(make_studio, qtbot):
    window = make_studio("iris", size=(1280, 800))
    work = window.workspace
    for broad in (False, True):
        press(window, Qt.Key.Key_F11, Qt.KeyboardModifier.ShiftModifier)
        assert window.type_size.presenting is not broad
        assert window.actions_by_key["present"].isChecked() is not broad
        assert work.palette_dock.isVisible() is broad
        assert work.inspector_dock.isVisible() is broad
        assert window.isFullScreen() is not broad
        assert Theme.instance().scale == (1.0 if broad else 1.5)
        qtbot.waitUntil(lambda: work.canvas.view.in_view().contains(work.canvas.graph_scene.bounds()))
    assert window.settings.value("type_scale") is None  # of a presentation nothing is remembered


@pytest.mark.parametrize("width", [1280, 1920])
@pytest.mark.parametrize("scale", [1.25, 1.5])
def test_nothing_of_the_run_bar_is_cut_off_in_larger_type(make_studio, width, scale):
    window = make_studio("spirals", size=(width, 1000))
    Theme.instance().set_scale(scale)
    QApplication.processEvents()
    bar, right = window.workspace.run_bar, 0
    for widget in (bar.run_button, bar.step_button, bar.epoch, bar.validation, bar.rate_field, bar.device_button):
        assert widget.isVisible()
        assert widget.x() >= right - 1
        assert widget.width() >= min(widget.sizeHint().width(), 72)
        right = widget.x() + widget.width()
    assert right <= bar.width()
    header = window.workspace.inspector_dock.header
    assert window.workspace.inspector.mapTo(window, window.workspace.inspector.rect().topLeft()).y() >= header.mapTo(window, header.rect().bottomLeft()).y()


def test_lines_and_knobs_keep_their_shape(qapp):
    theme = Theme.instance()
    usual = stylesheet.build(theme)
    theme.set_scale(1.5)
    large = stylesheet.build(theme)

    def found(text, pattern):
        return re.findall(pattern, text)

    for same in (r"border-radius: \d+px", r"QSlider[^}]*\}", r"border: \d+px"):
        assert found(usual, same) == found(large, same)
    heights = [int(n) for n in found(usual, r"min-height: (\d+)px") if int(n) > 2]
    assert [round(1.5 * n) for n in heights if n != 20] == [int(n) for n in found(large, r"min-height: (\d+)px") if int(n) > 2 and int(n) != 20]
