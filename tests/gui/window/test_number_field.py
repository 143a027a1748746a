"""Number fields and sliders: what is typed stays, and wrong input gets one sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from studio.core.fields import Field
from studio.gui.widgets import numbers
from studio.gui.widgets.number_field import NumberField
from studio.gui.widgets.value_slider import ValueSlider, slider_range

UNITS = Field("integer", 32, "How many.", 1, 65_536)
RATE = Field("real", 0.001, "How big.", 0.0, 100.0, logarithmic=True)
SHARE = Field("real", 0.5, "How much.", 0.0, 1.0)


@pytest.fixture
def field(qtbot):
    def make(kind: Field) -> NumberField:
        widget = NumberField(kind, "Units")
        qtbot.addWidget(widget)
        widget.show()
        widget.heard = []
        widget.sentences = []
        widget.value_changed.connect(widget.heard.append)
        widget.refused.connect(widget.sentences.append)
        return widget

    return make


def _type(widget: NumberField, text: str, key: Qt.Key = Qt.Key.Key_Return) -> None:
    widget.lineEdit().selectAll()
    QTest.keyClicks(widget, text)
    QTest.keyClick(widget, key)


def test_a_legal_number_is_told(field):
    widget = field(UNITS)
    _type(widget, "48")
    assert widget.heard == [48]
    assert isinstance(widget.heard[0], int)


@pytest.mark.parametrize(
    ("text", "words"),
    [("0", "at least 1"), ("99999999", "at most 65536"), ("many", "must be a number"), ("2.5", "whole number"), ("", "is empty")],
)
def test_wrong_input_stays_and_gets_a_sentence(field, text, words):
    widget = field(UNITS)
    widget.lineEdit().selectAll()
    QTest.keyClick(widget, Qt.Key.Key_Delete)
    QTest.keyClicks(widget, text)
    QTest.keyClick(widget, Qt.Key.Key_Return)
    assert widget.heard == []
    assert words in widget.sentences[-1]
    assert widget.sentences[-1].endswith(".")
    assert widget.lineEdit().text() == text
    QTest.keyClick(widget, Qt.Key.Key_Escape)
    assert widget.lineEdit().text() == "32"
    assert widget.sentences[-1] == ""


def test_arrows_step_by_one_or_through_the_ladder(field):
    widget = field(UNITS)
    QTest.keyClick(widget, Qt.Key.Key_Up)
    assert widget.value == 33
    rate = field(RATE)
    QTest.keyClick(rate, Qt.Key.Key_Up)
    assert rate.value == 0.002
    QTest.keyClick(rate, Qt.Key.Key_Down)
    QTest.keyClick(rate, Qt.Key.Key_Down)
    assert rate.value == 0.0005


def test_a_comma_and_an_exponent_are_numbers(field):
    widget = field(RATE)
    _type(widget, "0,02")
    _type(widget, "3e-4")
    assert widget.heard == [0.02, 0.0003]


def test_the_end_of_the_range_is_not_passed(field):
    widget = field(UNITS)
    widget.set_value(1)
    QTest.keyClick(widget, Qt.Key.Key_Down)
    assert widget.value == 1
    assert widget.heard == []


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_shown_reads_back_as_the_same_number(value):
    assert float(numbers.plain(value)) == value


@given(st.sampled_from([UNITS, RATE, SHARE]), st.data())
def test_slider_and_value_agree(kind, data):
    span = slider_range(kind)
    slider = ValueSlider(kind, span)
    position = data.draw(st.integers(0, slider.maximum()))
    value = slider.value_at(position)
    assert kind.check("Value", value) == value
    low, high = (value * 0.9, value * 1.1) if value else (0.0, 1e-5)
    assert low <= slider.value_at(slider.position_of(value)) <= max(high, 2)


def test_the_wheel_changes_nothing_unless_the_field_has_the_focus(field, qtbot):
    widget = field(UNITS)
    other = QLineEdit()
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    qtbot.waitUntil(other.isActiveWindow)
    other.setFocus()
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)
    assert widget.value == 32
