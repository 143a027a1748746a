"""A slider over a number field's range, by steps or by factors."""

from __future__ import annotations

import math

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QSlider, QWidget

from studio.core.fields import Field

_POSITIONS = 240
#: A slider over more than this many whole numbers moves by factors.
_WIDE = 200


def slider_range(field: Field) -> tuple[float, float] | None:
    """The part of the field's range that a slider covers; None where one makes no sense.

    The number field beside the slider still takes all of the range.
    """
    low, high = field.minimum, field.maximum
    if low is None or high is None or field.unit == "px":
        return None
    if field.kind == "integer":
        if high >= 2**31 - 1 or (low <= 0 and high > _WIDE):
            return None
        return low, min(high, 1024)
    if field.kind != "real":
        return None
    if field.logarithmic:
        # Learning rates and penalties: what anybody would try; 0 where it is legal.
        return (max(low, 1e-5), min(high, 1.0)) if low < 1.0 else (low, min(high, low * 1e6))
    return low, high


class ValueSlider(QSlider):
    """Moves through a field's values; by factors for a wide or logarithmic one."""

    #: A value the person moved to.
    value_moved = Signal(object)

    def __init__(self, field: Field, span: tuple[float, float], parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._field = field
        self._low, self._high = span
        self._by_factors = field.logarithmic or (field.kind == "integer" and self._high - self._low > _WIDE)
        #: A logarithmic range that starts at 0 has 0 as its leftmost position.
        self._zero = field.kind == "real" and field.logarithmic and field.minimum == 0.0
        self.setRange(0, _POSITIONS)
        if field.kind == "integer" and not self._by_factors:
            self.setRange(0, int(self._high - self._low))
        self.setSingleStep(max(1, self.maximum() // 60))
        self.setPageStep(max(1, self.maximum() // 10))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.valueChanged.connect(lambda position: self.value_moved.emit(self.value_at(position)))

    def minimumSizeHint(self) -> QSize:
        return QSize(40, 20)

    def sizeHint(self) -> QSize:
        return QSize(100, 20)

    def wheelEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        # Scrolling a form must not change what is in it.
        event.ignore()

    def value_at(self, position: int) -> float:
        """The field's value at a position."""
        share = position / self.maximum()
        if self._by_factors:
            if self._zero and position == 0:
                return 0.0
            value = self._low * (self._high / self._low) ** share
        else:
            value = self._low + share * (self._high - self._low)
        if self._field.kind == "integer":
            return float(round(value))
        return float(f"{value:.2g}") if self._by_factors else float(round(value, 3))

    def position_of(self, value: float) -> int:
        """The position nearest to a value."""
        if self._by_factors:
            if value <= self._low:
                return 0
            share = math.log(value / self._low) / math.log(self._high / self._low)
        else:
            share = (value - self._low) / (self._high - self._low)
        return round(max(0.0, min(1.0, share)) * self.maximum())

    def show_value(self, value: float) -> None:
        """Move there without telling anybody."""
        if self.isSliderDown():
            return
        blocked = self.blockSignals(True)
        self.setValue(self.position_of(value))
        self.blockSignals(blocked)
        self.update()
