"""Drag events as Qt sends them, for every Qt that the product runs on."""

from __future__ import annotations

import warnings

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent

_ACTION = Qt.DropAction.CopyAction
_BUTTON = Qt.MouseButton.LeftButton
_KEYS = Qt.KeyboardModifier.NoModifier


def drag_enter(place: QPoint, data: QMimeData) -> QDragEnterEvent:
    """Something is dragged onto a widget."""
    with warnings.catch_warnings():
        # Qt 6.12 wants a QPointF here, which Qt 6.11 does not take.
        warnings.simplefilter("ignore", DeprecationWarning)
        return QDragEnterEvent(place, _ACTION, data, _BUTTON, _KEYS)


def drag_move(place: QPoint, data: QMimeData) -> QDragMoveEvent:
    """It is moved over the widget."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return QDragMoveEvent(place, _ACTION, data, _BUTTON, _KEYS)


def drop(place: QPoint, data: QMimeData) -> QDropEvent:
    """It is let go."""
    return QDropEvent(QPointF(place), _ACTION, data, _BUTTON, _KEYS)
