"""How often which numbers occur, as bars in the colours of the heat map."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.gui.theme import Theme
from studio.gui.widgets import numbers
from studio.gui.widgets.tiles import histogram

_AXIS = 17


class Histogram(QWidget):
    """Bars over a range that is symmetric about 0 for signed numbers."""

    def __init__(self, height: int = 76, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts, self._low, self._high = np.zeros(1, np.int64), -1.0, 1.0
        self.setFixedHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        Theme.instance().changed.connect(self.update)

    @property
    def counts(self) -> np.ndarray:
        """int64 ``(bins,)``, as painted."""
        return self._counts

    def show_values(self, values: np.ndarray) -> None:
        """Count other numbers."""
        self._counts, self._low, self._high = histogram(values.ravel())
        self.setToolTip(
            self.tr("{count} numbers from {low} to {high}").format(
                count=numbers.grouped(values.size),
                low=numbers.short(self._low),
                high=numbers.short(self._high),
            )
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        signed = self._low < 0
        table = theme.lut("diverging" if signed else "sequential")
        most, bins = max(1, int(self._counts.max())), len(self._counts)
        room, step = self.height() - _AXIS - 2, self.width() / bins
        for i, count in enumerate(self._counts):
            if count == 0:
                continue
            share = (i + 0.5) / bins
            # The middle of the map is the background's colour: bars keep away from it.
            if signed and 0.38 < share < 0.62:
                share = 0.3 if share < 0.5 else 0.7
            elif not signed:
                share = 0.35 + 0.5 * share
            r, g, b = (int(c) for c in table[int(share * 255)])
            height = max(1.5, room * float(count) / most)
            painter.fillRect(QRectF(i * step, room - height + 2, max(1.0, step - 1), height), QColor(r, g, b))
        painter.fillRect(QRectF(0, room + 2, self.width(), 1), theme.color("border"))
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text-3"))
        axis = QRectF(0, room + 4, self.width(), _AXIS - 3)
        painter.drawText(axis, Qt.AlignmentFlag.AlignLeft, numbers.short(self._low, 2))
        painter.drawText(axis, Qt.AlignmentFlag.AlignRight, ("+" if signed else "") + numbers.short(self._high, 2))
        if signed:
            painter.drawText(axis, Qt.AlignmentFlag.AlignHCenter, "0")
