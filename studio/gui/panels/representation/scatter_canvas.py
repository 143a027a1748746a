"""Projected samples as points of the plane, or of a space that can be turned."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from studio.gui.panels.projection import Projection
from studio.gui.theme import Theme

#: Turn of the space at first: from above, a little to the side, all three axes apart.
_YAW, _PITCH = 0.6, 0.42
_RADIUS = 4.2


class ScatterCanvas(QWidget):
    """Points with their axes; in space, dragging or the arrow keys turn them.

    Parameters
    ----------
    space : bool
        Three axes rather than two.
    """

    #: Emitted with the number of a point that was clicked.
    picked = Signal(int)

    def __init__(self, space: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self.space = space
        self.projection: Projection | None = None
        self.hovered = -1
        self.yaw, self.pitch, self.zoom = _YAW, _PITCH, 1.0
        self._groups = np.empty(0, int)
        self._colours: tuple[QColor, ...] = ()
        self._names: tuple[str, ...] = ()
        self._words: tuple[str, ...] = ()
        self._chosen = -1
        self._reach = 0.0
        self._sprites: list[list[QPixmap]] = []
        self._dragged_from: QPointF | None = None
        self._pressed_at: QPointF | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 120)
        self.theme.changed.connect(self._forget_sprites)

    def show_points(
        self,
        projection: Projection,
        groups: np.ndarray,
        colours: tuple[QColor, ...],
        names: tuple[str, ...],
        words: tuple[str, ...],
        chosen: int,
    ) -> None:
        """Show projected samples.

        Parameters
        ----------
        groups : numpy.ndarray
            int ``(samples,)``: which of `colours` each point has.
        names : tuple of str
            Names of the groups, written at their middles; may be empty.
        words : tuple of str
            What each point says under the pointer.
        chosen : int
            The picked sample, ringed.
        """
        self.projection, self._groups, self._words = projection, groups, words
        self._names, self._chosen = names, chosen
        if colours != self._colours:
            self._colours = colours
            self._sprites.clear()
        self._follow(projection.points)
        if self.hovered >= len(projection.points):
            self.hovered = -1
        self.update()

    def _follow(self, points: np.ndarray) -> None:
        """Let the frame grow at once and shrink slowly, so that the picture does not pump."""
        used = points if self.space else points[:, :2]
        reach = float(np.sqrt(np.square(used).sum(1)).max()) if self.space and len(used) else 0.0
        if not self.space and len(used):
            reach = float(np.abs(used).max())
        if reach > self._reach or reach < 0.25 * self._reach:
            self._reach = reach * 1.05
        elif reach < 0.8 * self._reach:
            self._reach *= 0.97

    def forget(self) -> None:
        """Another layer comes: the frame starts afresh."""
        self._reach = 0.0
        self.hovered = -1

    def _forget_sprites(self) -> None:
        self._sprites.clear()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, 320)

    # Geometry -------------------------------------------------------------------------------------

    def _turn(self) -> np.ndarray:
        """Rows: right, up and towards the viewer, as float64 ``(3, 3)``."""
        if not self.space:
            return np.eye(3)
        cy, sy, cp, sp = np.cos(self.yaw), np.sin(self.yaw), np.cos(self.pitch), np.sin(self.pitch)
        return np.array([[cy, 0.0, sy], [sp * sy, cp, -sp * cy], [-cp * sy, sp, cp * cy]])

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of all points, ``(points, 2)``, and how near they are, ``(points,)``."""
        assert self.projection is not None
        turned = self.projection.points @ self._turn().T
        return self._to_pixels(turned), turned[:, 2]

    def _to_pixels(self, turned: np.ndarray) -> np.ndarray:
        scale = self._scale()
        middle = np.array([self.width() / 2, self.height() / 2])
        return np.asarray(middle + turned[:, :2] * [scale, -scale])

    def _scale(self) -> float:
        room = min(self.width(), self.height()) / 2 - 16
        if not self.space:
            # The wider direction may use the whole width; both axes keep one scale.
            room = min(self.height() / 2 - 18, self.width() / 2 - 18)
        return max(10.0, room) * self.zoom / (self._reach or 1.0)

    # Painting -------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.projection is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(self.theme.color("accent" if self.hasFocus() else "border"), 1))
        painter.setBrush(self.theme.color("field"))
        painter.drawRoundedRect(frame, 4, 4)
        painter.setClipRect(frame.adjusted(1, 1, -1, -1))
        self._paint_axes(painter)
        places, near = self.places()
        order = np.argsort(near) if self.space else np.arange(len(places))
        sprites = self._point_sprites()
        if self.space and len(near):
            depth = np.clip((near / (self._reach or 1.0) + 1) / 2, 0, 1)
            steps = (depth * (len(sprites) - 1)).round().astype(int).tolist()
        else:
            steps = [len(sprites) - 1] * len(places)
        half = sprites[0][0].deviceIndependentSize().width() / 2 if sprites and sprites[0] else 0.0
        corners = (places - half).tolist()
        groups = self._groups.tolist()
        for i in order.tolist():
            x, y = corners[i]
            painter.drawPixmap(QPointF(x, y), sprites[steps[i]][groups[i]])
        self._paint_names(painter, places)
        for index, width in ((self._chosen, 2.0), (self.hovered, 2.0)):
            if 0 <= index < len(places):
                painter.setPen(QPen(self.theme.color("text"), width))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(QPointF(*places[index].tolist()), 7, 7)
        if 0 <= self.hovered < len(places):
            self._paint_plate(painter, QPointF(*places[self.hovered].tolist()))

    def axis_words(self) -> list[str]:
        """What stands at the directions in which the samples differ; numbers of one output have only one."""
        explained = self.projection.explained if self.projection is not None else np.empty(0)
        return [self.tr("PC {0}  {1} %").format(i + 1, f"{100 * e:.0f}") for i, e in enumerate(explained) if e > 0]

    def _paint_axes(self, painter: QPainter) -> None:
        theme, words = self.theme, self.axis_words()
        painter.setFont(theme.font("small"))
        metrics = painter.fontMetrics()
        if not self.space:
            painter.setPen(QPen(theme.color("border"), 1))
            middle = QPointF(self.width() / 2, self.height() / 2)
            painter.drawLine(QPointF(1, middle.y()), QPointF(self.width() - 1, middle.y()))
            painter.drawLine(QPointF(middle.x(), 1), QPointF(middle.x(), self.height() - 1))
            painter.setPen(theme.color("text-3"))
            for word in words[:1]:
                painter.drawText(QPointF(self.width() - metrics.horizontalAdvance(word) - 8, middle.y() - 6), word)
            for word in words[1:2]:
                painter.drawText(QPointF(middle.x() + 6, 16), word)
            return
        turn, reach = self._turn(), self._reach or 1.0
        ends = self._to_pixels(np.eye(3) * reach * 0.92 @ turn.T)
        origin = QPointF(self.width() / 2, self.height() / 2)
        for i in range(len(words)):
            end = QPointF(*ends[i].tolist())
            painter.setPen(QPen(theme.color("border-strong"), 1.2))
            painter.drawLine(origin, end)
            painter.setPen(theme.color("text-3"))
            width = metrics.horizontalAdvance(words[i])
            x = min(max(4.0, end.x() + 5 if end.x() >= origin.x() else end.x() - width - 5), self.width() - width - 4.0)
            y = min(max(14.0, end.y() + (-4 if end.y() < origin.y() else 12)), self.height() - 5.0)
            painter.drawText(QPointF(x, y), words[i])

    def _point_sprites(self) -> list[list[QPixmap]]:
        """Pictures of a point by depth and group; far ones are smaller and closer to the ground."""
        if not self._sprites and self._colours:
            ratio = self.devicePixelRatioF()
            ground = self.theme.color("field")
            two = len(self._names) == 2
            depths = np.linspace(0, 1, 6) if self.space else [1.0]
            sprites = []
            for depth in depths:
                radius = _RADIUS * (0.68 + 0.32 * depth)
                row = []
                for index, colour in enumerate(self._colours):
                    pixmap = QPixmap(round(14 * ratio), round(14 * ratio))
                    pixmap.setDevicePixelRatio(ratio)
                    pixmap.fill(Qt.GlobalColor.transparent)
                    painter = QPainter(pixmap)
                    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                    painter.setPen(QPen(ground, 1))
                    painter.setBrush(_mixed(colour, ground, 0.55 + 0.45 * depth))
                    if two and index == 1:
                        side = 1.75 * radius
                        painter.drawRect(QRectF(7 - side / 2, 7 - side / 2, side, side))
                    else:
                        painter.drawEllipse(QPointF(7, 7), radius, radius)
                    painter.end()
                    row.append(pixmap)
                sprites.append(row)
            self._sprites += sprites
        return self._sprites

    def _paint_names(self, painter: QPainter, places: np.ndarray) -> None:
        """Each class's name at its middle: ten colours alone are hard to tell apart."""
        if len(self._names) < 3 or self.hovered >= 0:
            return
        font = self.theme.font("small")
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        for index, name in enumerate(self._names):
            mine = places[self._groups == index]
            if not len(mine):
                continue
            x, y = np.median(mine, axis=0).tolist()
            words = metrics.elidedText(name, Qt.TextElideMode.ElideRight, 90)
            width = metrics.horizontalAdvance(words) + 10
            plate = QRectF(x - width / 2, y - 9, width, 18)
            ground = self.theme.color("node")
            ground.setAlpha(225)
            painter.setBrush(ground)
            painter.setPen(QPen(self._colours[index], 1.4))
            painter.drawRoundedRect(plate, 9, 9)
            painter.setPen(self.theme.color("text"))
            painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_plate(self, painter: QPainter, at: QPointF) -> None:
        font = self.theme.font("small")
        font.setWeight(QFont.Weight.DemiBold)
        words = self._words[self.hovered] if self.hovered < len(self._words) else f"#{self.hovered}"
        width = QFontMetricsF(font).horizontalAdvance(words) + 16
        left = min(max(4.0, at.x() + 10), self.width() - width - 4)
        top = at.y() - 32 if at.y() > 40 else at.y() + 10
        plate = QRectF(left, top, width, 23)
        painter.setPen(QPen(self.theme.color("node-outline"), 1))
        painter.setBrush(self.theme.color("node"))
        painter.drawRoundedRect(plate, 6, 6)
        painter.setFont(font)
        painter.setPen(self.theme.color("text"))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, words)

    # Mouse and keys -------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed_at = self._dragged_from = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged_from is not None and event.buttons() & Qt.MouseButton.LeftButton and self.space:
            step = event.position() - self._dragged_from
            self._dragged_from = event.position()
            self._rotate(step.x() * 0.01, step.y() * 0.01)
            return
        self._hover(self._nearest(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed_at, self._dragged_from = self._pressed_at, None, None
        if pressed is not None and (event.position() - pressed).manhattanLength() < 4:
            nearest = self._nearest(event.position())
            if nearest >= 0:
                self.picked.emit(nearest)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.yaw, self.pitch, self.zoom = _YAW, _PITCH, 1.0
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom = min(8.0, max(0.5, self.zoom * 1.0015 ** event.angleDelta().y()))
        event.accept()
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(-1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: (-0.1, 0.0),
            Qt.Key.Key_Right: (0.1, 0.0),
            Qt.Key.Key_Up: (0.0, -0.1),
            Qt.Key.Key_Down: (0.0, 0.1),
        }
        move = moves.get(Qt.Key(event.key()))
        if move is None or not self.space:
            super().keyPressEvent(event)
            return
        self._rotate(*move)

    def _rotate(self, yaw: float, pitch: float) -> None:
        self.yaw = (self.yaw + yaw) % (2 * np.pi)
        self.pitch = min(np.pi / 2, max(-np.pi / 2, self.pitch + pitch))
        self.hovered = -1
        self.update()

    def _nearest(self, where: QPointF) -> int:
        if self.projection is None or not len(self.projection.points):
            return -1
        places, near = self.places()
        distance = np.hypot(places[:, 0] - where.x(), places[:, 1] - where.y())
        close = np.flatnonzero(distance <= 8)
        if not len(close):
            return -1
        # Of points on top of each other the one in front is meant.
        return int(close[np.lexsort((-near[close], distance[close].round()))[0]])

    def _hover(self, index: int) -> None:
        if index != self.hovered:
            self.hovered = index
            self.update()


def _mixed(colour: QColor, ground: QColor, share: float) -> QColor:
    rest = 1 - share
    return QColor(
        round(share * colour.red() + rest * ground.red()),
        round(share * colour.green() + rest * ground.green()),
        round(share * colour.blue() + rest * ground.blue()),
    )
