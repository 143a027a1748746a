"""The square with the plane, its points and the pointer's cross."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QWidget

from studio.gui.panels.images import colour_image
from studio.gui.panels.representation.plane_picture import PlanePicture
from studio.gui.theme import Theme

#: More points than this hide the picture.
MOST_POINTS = 1500


@dataclass(frozen=True, eq=False)
class PlanePoints:
    """Samples on the plane.

    Parameters
    ----------
    places : numpy.ndarray
        ``(points, 2)`` in the plane's units.
    colours : tuple of QColor
        Of each point.
    square : numpy.ndarray
        bool ``(points,)``: drawn as a square rather than a circle.
    checking : numpy.ndarray
        bool ``(points,)``: validation rather than training.
    outline : str
        Token of the training points' outline; validation points have the text's.
    """

    places: np.ndarray
    colours: tuple[QColor, ...]
    square: np.ndarray
    checking: np.ndarray
    outline: str = "canvas"


class PlaneView(QWidget):
    """A picture over the plane with points; the mouse or the arrow keys read values."""

    #: Emitted with the place under the pointer as (x, y) from 0 to 1, y upwards, or None.
    pointed = Signal(object)
    #: Emitted with a place, as of `pointed`, that was clicked (or Enter pressed there).
    clicked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self.extent = (-1.0, 1.0, -1.0, 1.0)
        self.place: tuple[float, float] | None = None
        #: A place of the person's own, in the plane's units, that everybody looks at.
        self.own: tuple[float, float] | None = None
        self._image = QImage()
        self._lines: list[QLineF] = []
        self._points: PlanePoints | None = None
        self._rings = np.empty(0, int)
        self._layer: QPixmap | None = None
        self._ring: QPixmap | None = None
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.BlankCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 120)
        self.theme.changed.connect(self._forget_layer)

    def sizeHint(self) -> QSize:
        return QSize(320, 320)

    # What is shown ------------------------------------------------------------------------------

    def show_picture(self, picture: PlanePicture, extent: tuple[float, float, float, float]) -> None:
        """Show another picture of the plane."""
        if extent != self.extent:
            self.extent = extent
            self._layer = None
        self._image = colour_image(picture.colours)
        self._lines = [QLineF(a[0], 1 - a[1], b[0], 1 - b[1]) for a, b in picture.lines.tolist()]
        self.update()

    def show_points(self, points: PlanePoints) -> None:
        """Show other points."""
        if points is not self._points:
            self._points = points
            self._rings = np.empty(0, int)
            self._layer = None
            self.update()

    def show_rings(self, wrong: np.ndarray) -> None:
        """Ring the points with these numbers."""
        self._rings = wrong
        self.update()

    @property
    def rings(self) -> np.ndarray:
        """Numbers of the ringed points."""
        return self._rings

    # Geometry -------------------------------------------------------------------------------------

    def square(self) -> QRectF:
        """Where the picture is, in the widget's pixels."""
        side = min(self.width(), self.height())
        return QRectF((self.width() - side) // 2, (self.height() - side) // 2, side, side)

    def pixel(self, x: float, y: float) -> QPointF:
        """Where a point of the plane is, in the widget's pixels."""
        low, high, bottom, top = self.extent
        area = self.square()
        u = (x - low) / (high - low)
        v = (y - bottom) / (top - bottom)
        return QPointF(area.left() + u * area.width(), area.bottom() - v * area.height())

    # Painting -------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = self.square()
        painter.save()
        painter.setClipRect(area)
        painter.drawImage(area, self._image)
        painter.translate(area.topLeft())
        painter.scale(area.width(), area.height())
        pen = QPen(self.theme.color("text"), 1.8)
        pen.setCosmetic(True)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawLines(self._lines)
        painter.restore()
        painter.save()
        painter.setClipRect(area)
        painter.drawPixmap(area.topLeft(), self._point_layer(area))
        self._paint_rings(painter)
        if self.own is not None:
            self._paint_own(painter)
        # Round corners by covering them: clipping everything by a path is far slower.
        corners = QPainterPath()
        corners.addRect(area)
        corners.addRoundedRect(area, 4, 4)
        painter.fillPath(corners, self.theme.color("dock"))
        painter.restore()
        if self.hasFocus():
            painter.setPen(QPen(self.theme.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(1, 1, -1, -1), 4, 4)
        if self.place is not None:
            self._paint_cross(painter, area)

    def _point_layer(self, area: QRectF) -> QPixmap:
        """All points, painted once: they change far less often than the picture below."""
        ratio = self.devicePixelRatioF()
        size = QSize(round(area.width() * ratio), round(area.height() * ratio))
        if self._layer is not None and self._layer.size() == size:
            return self._layer
        layer = QPixmap(size)
        layer.setDevicePixelRatio(ratio)
        layer.fill(Qt.GlobalColor.transparent)
        painter = QPainter(layer)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(-area.topLeft())
        if self._points is not None:
            points = self._points
            few = len(points.places) <= 400
            trained = QPen(self.theme.color(points.outline), 1.1 if few else 0.8)
            checked = QPen(self.theme.color("text"), 1.4 if few else 1.0)
            radius = 3.6 if few else 2.7
            for (x, y), colour, square, checking in zip(
                points.places.tolist(), points.colours, points.square.tolist(), points.checking.tolist(), strict=True
            ):
                painter.setBrush(colour)
                painter.setPen(checked if checking else trained)
                at = self.pixel(x, y)
                if square:
                    half = radius * 0.9
                    painter.drawRect(QRectF(at.x() - half, at.y() - half, 2 * half, 2 * half))
                else:
                    painter.drawEllipse(at, radius, radius)
        painter.end()
        self._layer = layer
        return layer

    def _paint_rings(self, painter: QPainter) -> None:
        if self._points is None:
            return
        low, high, bottom, top = self.extent
        area = self.square()
        places = self._points.places[self._rings]
        x = area.left() + (places[:, 0] - low) / (high - low) * area.width() - 10
        y = area.bottom() - (places[:, 1] - bottom) / (top - bottom) * area.height() - 10
        ring = self._ring_picture()
        for left, up in zip(x.tolist(), y.tolist(), strict=True):
            painter.drawPixmap(QPointF(left, up), ring)

    def _ring_picture(self) -> QPixmap:
        """One ring; early in training there are hundreds, and copies are far cheaper than circles."""
        ratio = self.devicePixelRatioF()
        if self._ring is None or self._ring.devicePixelRatioF() != ratio:
            self._ring = QPixmap(round(20 * ratio), round(20 * ratio))
            self._ring.setDevicePixelRatio(ratio)
            self._ring.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._ring)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for token, width in (("canvas", 4.0), ("text", 2.0)):
                painter.setPen(QPen(self.theme.color(token), width))
                painter.drawEllipse(QPointF(10, 10), 7, 7)
            painter.end()
        return self._ring

    def show_own(self, own: tuple[float, float] | None) -> None:
        """Mark a place of the person's own, in the plane's units."""
        if own != self.own:
            self.own = own
            self.update()

    def _paint_own(self, painter: QPainter) -> None:
        at = self.pixel(*self.own)  # type: ignore[misc]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for token, width in (("canvas", 5.0), ("accent", 2.5)):
            painter.setPen(QPen(self.theme.color(token), width))
            painter.drawEllipse(at, 6, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("text"))
        painter.drawEllipse(at, 2, 2)

    def _paint_cross(self, painter: QPainter, area: QRectF) -> None:
        x, y = self.place  # type: ignore[misc]
        at = QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())
        for colour, width in ((QColor(0, 0, 0, 150), 3.6), (QColor("#FFFFFF"), 1.8)):
            painter.setPen(QPen(colour, width))
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                painter.drawLine(QPointF(at.x() + 3 * dx, at.y() + 3 * dy), QPointF(at.x() + 9 * dx, at.y() + 9 * dy))

    # Mouse and keys -------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        area, where = self.square(), event.position()
        if area.contains(where):
            self._point(((where.x() - area.left()) / area.width(), (area.bottom() - where.y()) / area.height()))
        else:
            self._point(None)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._point(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.mouseMoveEvent(event)
        if event.button() == Qt.MouseButton.LeftButton and self.place is not None:
            self.clicked.emit(self.place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.place is not None:
            self.clicked.emit(self.place)
            return
        moves = {
            Qt.Key.Key_Left: (-0.02, 0.0),
            Qt.Key.Key_Right: (0.02, 0.0),
            Qt.Key.Key_Up: (0.0, 0.02),
            Qt.Key.Key_Down: (0.0, -0.02),
        }
        move = moves.get(Qt.Key(event.key()))
        if move is None:
            super().keyPressEvent(event)
            return
        x, y = self.place or (0.5, 0.5)
        self._point((min(1.0, max(0.0, x + move[0])), min(1.0, max(0.0, y + move[1]))))

    def _point(self, place: tuple[float, float] | None) -> None:
        if place != self.place:
            self.place = place
            self.setCursor(Qt.CursorShape.ArrowCursor if place is None else Qt.CursorShape.BlankCursor)
            self.pointed.emit(place)
            self.update()

    def _forget_layer(self) -> None:
        self._layer = self._ring = None
        self.update()
