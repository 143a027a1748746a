"""Sizes in pixels that grow with the type, for a projector."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from studio.gui.theme import Theme


class _Fixed(QObject):
    """Keeps a widget's size, now and after the type has changed; goes with the widget."""

    def __init__(self, widget: QWidget, width: int, height: int) -> None:
        super().__init__(widget)
        self._widget, self._width, self._height = widget, width, height
        Theme.instance().changed.connect(self.apply)
        self.apply()

    def apply(self) -> None:
        """Set the size for the type as it is."""
        scale = Theme.instance().scale
        if self._width:
            self._widget.setFixedWidth(round(self._width * scale))
        if self._height:
            self._widget.setFixedHeight(round(self._height * scale))


def fix(widget: QWidget, width: int = 0, height: int = 0) -> None:
    """Give a widget a fixed width, height or both, in pixels at the usual size of type."""
    _Fixed(widget, width, height)
