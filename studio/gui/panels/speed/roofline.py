"""The roofline plot: what each layer reaches, below what this processor, or this card, can do at best."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.gui.panels.speed.axes import area_of, paint_axes, paint_plate, plate_font
from studio.gui.panels.speed.summary import Line, Roof
from studio.gui.panels.ticks import log_ticks, tick_text
from studio.gui.theme import Theme
from studio.gui.widgets import numbers

#: Radius of a dot, which grows with the layer's share of the time, and how near a click must be.
_SMALLEST, _LARGEST, _REACH = 4.0, 11.0, 8.0


class RooflinePlot(QWidget):
    """A dot for each layer: operations a byte to the right, billions of operations a second upwards.

    Both scales are logarithmic. A click, or Enter on the dot that the arrow keys have gone to,
    chooses a layer.
    """

    #: Emitted with a node's id when a person chose its dot.
    node_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self.dots: tuple[Line, ...] = ()
        self.roof: Roof | None = None
        self.selection: frozenset[str] = frozenset()
        self.hovered = ""
        self._across, self._up = (-1.0, 2.0), (-1.0, 3.0)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setToolTip(self._help())
        self.setAccessibleName(self.tr("Roofline: operations a byte against operations a second"))

    def _help(self) -> str:
        """What the plot shows."""
        on_card = self.roof is not None and self.roof.device == "cuda"
        whose = self.tr("The line is what this card does at best.") if on_card else self.tr("The line is what this processor does at best.")
        return self.tr(
            "Each dot is a layer: the larger, the more of the time it takes. {0} "
            "Below its slope a layer waits for numbers, which are about as far away as those of a whole step are: one "
            "whose numbers are nearer may be above. Below its flat part it could only calculate faster. "
            "Click a dot to select its layer."
        ).format(whose)

    def sizeHint(self) -> QSize:
        return QSize(360, 240)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 90)

    def show_lines(self, lines: tuple[Line, ...], roof: Roof | None) -> None:
        """Show these lines' nodes; without a roof only what they reach."""
        self.dots = tuple(line for line in lines if line.operations > 0 and line.traffic > 0 and line.microseconds > 0)
        self.roof = roof
        if self.hovered not in {dot.key for dot in self.dots}:
            self.hovered = ""
        if not self.hovered:
            self.setToolTip(self._help())
        self._find_ranges()
        self.update()

    def show_selection(self, nodes: frozenset[str]) -> None:
        """Ring the dots of the selected nodes."""
        self.selection = nodes
        self.update()

    def _find_ranges(self) -> None:
        """Half decades around all dots and the roof's edge, so that they rarely change."""
        intensities = [dot.intensity for dot in self.dots]
        rates = [dot.gflops for dot in self.dots]
        if self.roof is not None:
            intensities += [self.roof.ridge]
            rates += [self.roof.gflops]
        if not intensities:
            return
        self._across = _half_decades(min(intensities) / 1.6, max(intensities) * 3)
        self._up = _half_decades(min(rates) / 1.6, max(rates) * 1.7)

    # Geometry -----------------------------------------------------------------------------------

    def _area(self) -> QRectF:
        return area_of(self.width(), self.height())

    def _place(self, intensity: float, rate: float) -> QPointF:
        area = self._area()
        x = (math.log10(intensity) - self._across[0]) / (self._across[1] - self._across[0])
        y = (math.log10(rate) - self._up[0]) / (self._up[1] - self._up[0])
        return QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())

    def dot_place(self, key: str) -> QPointF:
        """Where a dot's middle is, in the widget's pixels."""
        (dot,) = (dot for dot in self.dots if dot.key == key)
        return self._place(dot.intensity, dot.gflops)

    def _dot_at(self, where: QPointF) -> str:
        found, nearest = "", float("inf")
        for dot in self.dots:
            apart = self._place(dot.intensity, dot.gflops) - where
            distance = math.hypot(apart.x(), apart.y()) - _radius(dot)
            if distance <= _REACH and distance < nearest:
                found, nearest = dot.key, distance
        return found

    # Painting -----------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter, area = self.theme, QPainter(self), self._area()
        painter.fillRect(self.rect(), theme.color("dock"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        across = log_ticks(10 ** self._across[0], 10 ** self._across[1], max(2, int(area.width() / 52)))
        up = log_ticks(10 ** self._up[0], 10 ** self._up[1], max(2, int(area.height() / 34)))
        paint_axes(
            painter,
            area,
            [(self._place(t, 1.0).x(), tick_text(t)) for t in across],
            [(self._place(1.0, t).y(), tick_text(t)) for t in up if self._place(1.0, t).y() > area.top() + 14],
            (self.tr("operations for each byte"), self.tr("GFLOP/s")),
        )
        painter.setClipRect(area.adjusted(-1, -1, _LARGEST, _LARGEST))
        if self.roof is not None:
            self._paint_roof(painter, area, self.roof)
        for dot in sorted(self.dots, key=lambda dot: -dot.share):
            self._paint_dot(painter, dot)
        painter.setClipping(False)
        named = next((dot for dot in self.dots if dot.key == self.hovered), None)
        if named is not None:
            place = self._place(named.intensity, named.gflops)
            paint_plate(painter, place, self._words(named), area)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 5, 5)

    def _paint_roof(self, painter: QPainter, area: QRectF, roof: Roof) -> None:
        theme = self.theme
        low, high = 10 ** self._across[0], 10 ** self._across[1]
        corner = self._place(roof.ridge, roof.gflops)
        start, end = self._place(low, roof.at(low)), self._place(high, roof.at(high))
        painter.setPen(QPen(theme.color("validation"), 1.6))
        painter.drawLine(start, corner)
        painter.drawLine(corner, end)
        font = theme.font("small")
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        painter.setPen(theme.color("validation"))
        words = self.tr("calculates as fast as it can: {0}").format(numbers.three(roof.gflops))
        for short in (words, numbers.three(roof.gflops)):
            width = metrics.horizontalAdvance(short)
            if width + 8 <= area.right() - corner.x():
                painter.drawText(QPointF(area.right() - width - 4, corner.y() - 5), short)
                break
        slope = math.degrees(math.atan2(start.y() - corner.y(), corner.x() - start.x()))
        words = self.tr("moves numbers as fast as it can: {0} GB/s").format(numbers.three(roof.gigabytes))
        # Only the part of the slope that is seen has room for words.
        from_bottom = min(1.0, (area.bottom() - corner.y()) / max(1.0, start.y() - corner.y()))
        length = math.hypot(corner.x() - start.x(), start.y() - corner.y()) * from_bottom
        if metrics.horizontalAdvance(words) + 24 <= length:
            painter.save()
            painter.translate(corner)
            painter.rotate(-slope)
            painter.drawText(QPointF(-metrics.horizontalAdvance(words) - 14, -5), words)
            painter.restore()

    def _paint_dot(self, painter: QPainter, dot: Line) -> None:
        theme, place, radius = self.theme, self._place(dot.intensity, dot.gflops), _radius(dot)
        colour = theme.color("accent" if dot.is_node else "border-strong")
        if dot.key in self.selection or dot.key == self.hovered:
            painter.setPen(QPen(theme.color("text"), 2))
        else:
            painter.setPen(QPen(theme.color("dock"), 1.5))
        painter.setBrush(colour)
        painter.drawEllipse(place, radius, radius)
        if dot.key in self.selection and dot.key != self.hovered:
            painter.setFont(plate_font())
            painter.setPen(theme.color("text"))
            width = QFontMetricsF(plate_font()).horizontalAdvance(dot.name)
            left = place.x() + radius + 5
            if left + width > self._area().right():
                left = place.x() - radius - 5 - width
            painter.drawText(QPointF(left, place.y() + 4), dot.name)

    def _words(self, dot: Line):  # type: ignore[no-untyped-def]
        theme = self.theme
        rows = [
            (theme.color("text"), dot.name),
            (theme.color("text-2"), self.tr("{0} GFLOP/s").format(numbers.three(dot.gflops))),
            (theme.color("text-2"), self.tr("{0} operations for each byte").format(numbers.three(dot.intensity))),
            (theme.color("text-2"), self.tr("{0} a step").format(numbers.microseconds(dot.microseconds))),
        ]
        if self.roof is not None:
            rows.append((theme.color("accent"), self.tr("{0} of the best").format(numbers.share(dot.share_of(self.roof)))))
        return rows

    # Mouse and keys -----------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._dot_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._hover(self._dot_at(event.position()))
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover("")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1}
        step, keys = steps.get(Qt.Key(event.key())), [dot.key for dot in self.dots]
        if step is not None and keys:
            now = keys.index(self.hovered) if self.hovered in keys else -step if step > 0 else 0
            self._hover(keys[(now + step) % len(keys)])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose()
        else:
            super().keyPressEvent(event)

    def _choose(self) -> None:
        if any(dot.key == self.hovered and dot.is_node for dot in self.dots):
            self.node_chosen.emit(self.hovered)

    def _hover(self, key: str) -> None:
        if key != self.hovered:
            self.hovered = key
            self.setToolTip("" if key else self._help())  # the plate at the dot says enough
            chosen = next((dot for dot in self.dots if dot.key == key), None)
            self.setAccessibleDescription("" if chosen is None else ", ".join(words for _, words in self._words(chosen)))
            self.setCursor(Qt.CursorShape.PointingHandCursor if key else Qt.CursorShape.ArrowCursor)
            self.update()


def _radius(dot: Line) -> float:
    """Its area is the layer's share of the time."""
    return max(_SMALLEST, _LARGEST * math.sqrt(min(1.0, dot.share)))


def _half_decades(low: float, high: float) -> tuple[float, float]:
    return math.floor(2 * math.log10(low)) / 2, math.ceil(2 * math.log10(high)) / 2
