"""Going to another part of the canvas in a short, eased motion."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QObject, QPointF, QRectF, QVariantAnimation

from studio.gui.canvas.view import GraphView

_MILLISECONDS = 120


class Journey(QObject):
    """Moves a view to where a rectangle fills it.

    Parameters
    ----------
    view : GraphView
        What moves.
    """

    def __init__(self, view: GraphView, parent: QObject) -> None:
        super().__init__(parent)
        self._view = view
        self._way = (QPointF(), 1.0, QPointF(), 1.0)
        self._easing = QVariantAnimation(self)
        self._easing.setDuration(_MILLISECONDS)
        self._easing.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._easing.setStartValue(0.0)
        self._easing.setEndValue(1.0)
        self._easing.valueChanged.connect(self._go)

    def _here(self) -> tuple[QPointF, float]:
        return self._view.mapToScene(self._view.viewport().rect().center()), self._view.transform().m11()

    def set_out(self, rect: QRectF, largest: float = 1.0) -> None:
        """Go to where the rectangle fills the view, enlarged at most `largest` times."""
        self.stop()
        start = self._here()
        self._view.fit_rect(rect, largest)
        end = self._here()
        if self._view.isVisible() and start != end:
            self._way = (*start, *end)
            self._easing.start()

    def stop(self) -> None:
        """Stay where the view is now."""
        self._easing.stop()

    def _go(self, share: float) -> None:
        place1, scale1, place2, scale2 = self._way
        scale = scale1 * (scale2 / scale1) ** share
        # Where scale changes, equal shares of the way would look like a detour.
        part = share if scale1 == scale2 else (1 / scale - 1 / scale1) / (1 / scale2 - 1 / scale1)
        self._view.look_at(place1 + (place2 - place1) * part, scale)
