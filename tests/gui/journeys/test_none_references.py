"""PySide6 6.12.0 on Python before 3.12 drops a reference to None in each of many calls, until it aborts."""

from __future__ import annotations

import sys

from PySide6.QtCore import QRect, Signal
from PySide6.QtWidgets import QWidget

CALLS = 200


class Painted(QWidget):
    """Has what Qt calls in Python, and what Python calls in Qt."""

    pinged = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.painted = self.heard = 0
        self.pinged.connect(self.hear)

    def hear(self) -> None:
        self.heard += 1

    def paintEvent(self, event) -> None:
        self.painted += 1


def test_qt_calls_keep_the_references_to_none(qtbot):
    widget = Painted()
    qtbot.addWidget(widget)
    with qtbot.waitExposed(widget):
        widget.show()
    painted = widget.painted
    before = sys.getrefcount(None)
    for number in range(CALLS):
        widget.setWindowTitle(str(number))
        widget.setGeometry(QRect(0, 0, 100 + number, 100))
        widget.repaint()
        widget.pinged.emit()
        widget.update()
    # One lost in each of the calls would be 200 or more.
    assert sys.getrefcount(None) > before - CALLS // 2
    assert widget.heard == CALLS
    assert widget.painted - painted >= CALLS
