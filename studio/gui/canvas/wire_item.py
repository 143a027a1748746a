"""Wires on the scene: one curve, one strand a weight, or the square way of labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QRegion
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from studio.core.graph import Edge
from studio.gui.canvas import routes
from studio.gui.canvas.style import Style, current_style, mixed

#: Weights smaller than this share of the largest one are not worth a strand.
_FAINTEST = 0.03
_OUTLINE = 8.0
#: Below this zoom neither strands nor labels are drawn.
_DETAILS_FROM = 0.28


class WireItem(QGraphicsItem):
    """One wire; told where to run by the scene.

    Parameters
    ----------
    edge : Edge
        The wire in the graph.
    """

    def __init__(self, edge: Edge) -> None:
        super().__init__()
        self.edge = edge
        self.width = 3.0
        self.label = ""
        self.chosen = False
        self.hovered = False
        #: A node or layer would go onto this wire if it were dropped now.
        self.target = False
        #: The neuron of the target that is selected; other strands fade.
        self.unit = -1
        self._path = QPainterPath()
        self._points: np.ndarray | None = None
        self._plate = QPointF()
        self._strands: tuple[list[QPointF], list[QPointF]] | None = None
        self._weights: np.ndarray | None = None
        self._box = QRectF()
        self.setZValue(1)
        #: Asks the view which part of it is being painted; None paints everything.
        self.exposed_part: Callable[[], QRegion | None] = lambda: None

    def set_state(self, **state: object) -> None:
        """Change flags such as `hovered`; repaints if that makes a difference."""
        if any(getattr(self, name) != value for name, value in state.items()):
            for name, value in state.items():
                setattr(self, name, value)
            self.setZValue(1.5 if self.chosen or self.target else 1)
            self.update()

    def run(self, path: QPainterPath, plate: QPointF | None = None) -> None:
        """Run along this path, with the label at `plate`."""
        self._strands = None
        self._plate = plate or QPointF()
        self._follow(path, path.boundingRect())

    def run_strands(self, starts: list[QPointF], ends: list[QPointF], path: QPainterPath) -> None:
        """Run as strands from each start to each end; `path` is their middle, for the mouse."""
        self._strands = starts, ends
        points = [*starts, *ends]
        left, right = min(p.x() for p in points), max(p.x() for p in points)
        top, bottom = min(p.y() for p in points), max(p.y() for p in points)
        reach = routes.control_length(starts[0].x(), ends[0].x()) if right > left else 24.0
        back = reach if ends[0].x() < starts[0].x() else 0.0
        self._follow(path, QRectF(left - back, top, right - left + 2 * back, bottom - top))

    def _follow(self, path: QPainterPath, box: QRectF) -> None:
        self.prepareGeometryChange()
        self._path, self._points = path, None
        self._box = box.adjusted(-_OUTLINE, -_OUTLINE, _OUTLINE, _OUTLINE)
        if self.label:
            self._box = self._box.united(QRectF(self._plate.x() - 60, self._plate.y() - 12, 120, 24))
        self.update()

    def show_weights(self, weights: np.ndarray | None) -> None:
        """Colour the strands by these weights, float ``(inputs, units)``."""
        self._weights = weights
        if self._strands is not None:
            self.update()

    @property
    def is_strands(self) -> bool:
        """Whether the wire is drawn as one strand a weight."""
        return self._strands is not None

    def _sampled(self) -> np.ndarray:
        """Points along the wire, found when the mouse first comes near."""
        if self._points is None:
            self._points = routes.sampled(self._path)
        return self._points

    def distance(self, place: QPointF) -> float:
        """How far from the wire a place of the scene is, in pixels."""
        return routes.distance(self._sampled(), place.x(), place.y())

    def middle(self) -> QPointF:
        """A place half way along."""
        points = self._sampled()
        return QPointF(*points[len(points) // 2])

    def ends(self) -> tuple[QPointF, QPointF]:
        """Where the wire starts and where it ends."""
        points = self._sampled()
        return QPointF(*points[0]), QPointF(*points[-1])

    def boundingRect(self) -> QRectF:
        return self._box

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        region = self.exposed_part()
        # Qt paints all that lies between the parts that changed, and long wires take their time.
        if region is not None and not region.intersects(painter.worldTransform().mapRect(self._box).toAlignedRect()):
            return
        style = current_style()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        marked = self.chosen or self.hovered or self.target
        near = option.levelOfDetailFromTransform(painter.worldTransform()) >= _DETAILS_FROM
        if self._strands is not None and not marked and near:
            self._paint_strands(painter, style)
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.target:
            painter.setPen(QPen(style.ring, self.width + 8, c=Qt.PenCapStyle.RoundCap))
            painter.drawPath(self._path)
        color = style.color("accent") if marked else style.color("wire")
        painter.setPen(QPen(color, self.width + (1 if marked else 0), c=Qt.PenCapStyle.RoundCap))
        painter.drawPath(self._path)
        if self._strands is not None and near:
            self._paint_strands(painter, style)
        if self.label and near:
            self._paint_plate(painter, style)

    def _paint_plate(self, painter: QPainter, style: Style) -> None:
        width = style.width(self.label, "small") + 24
        plate = QRectF(self._plate.x() - width / 2, self._plate.y() - 9, width, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.color("canvas"))
        painter.drawRect(plate)
        painter.setFont(style.fonts["small"])
        painter.setPen(style.color("text-3"))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, self.label)

    def _paint_strands(self, painter: QPainter, style: Style) -> None:
        assert self._strands is not None
        starts, ends = self._strands
        painter.setBrush(Qt.BrushStyle.NoBrush)
        canvas = style.color("canvas")
        weights = self._weights
        if weights is None or weights.ndim != 2:
            painter.setPen(QPen(mixed(canvas, style.color("wire"), 0.6), 1))
            for start in starts:
                for end in ends:
                    painter.drawPath(routes.cubic(start, end))
            return
        rows = folded(folded(weights, len(starts), 0), len(ends), 1)
        largest = float(np.abs(rows).max()) or 1.0
        low, high = (QColor(style.tables["diverging"][i]) for i in (0, 255))
        shares = np.abs(rows) / largest
        for flat in np.argsort(shares, axis=None):
            i, j = divmod(int(flat), rows.shape[1])
            share = float(shares[i, j])
            if not share >= _FAINTEST or i >= len(starts) or j >= len(ends):
                continue
            dim = 0.3 if self.unit >= 0 and j != self.unit else 1.0
            color = mixed(canvas, high if rows[i, j] > 0 else low, (0.3 + 0.7 * share) * dim)
            painter.setPen(QPen(color, 0.7 + 3.4 * share))
            painter.drawPath(routes.cubic(starts[i], ends[j]))


def folded(weights: np.ndarray, count: int, axis: int) -> np.ndarray:
    """Weights with at most `count` entries along an axis; the last stands for all the rest.

    It takes the largest of those it stands for, so that no strong weight goes unseen.
    """
    if weights.shape[axis] <= count:
        return weights
    rest = np.moveaxis(weights, axis, 0)[count - 1 :]
    strongest = np.take_along_axis(rest, np.abs(rest).argmax(axis=0, keepdims=True), axis=0)
    kept = np.moveaxis(weights, axis, 0)[: count - 1]
    return np.moveaxis(np.concatenate([kept, strongest]), 0, axis)


class DraggedWire(QGraphicsItem):
    """The dashed wire that follows the mouse."""

    def __init__(self) -> None:
        super().__init__()
        self._path = QPainterPath()
        self._legal = True
        self.setZValue(4)

    def run(self, start: QPointF, end: QPointF, legal: bool) -> None:
        """Run from a port to the mouse."""
        self.prepareGeometryChange()
        self._path, self._legal = routes.cubic(start, end), legal
        self.update()

    def boundingRect(self) -> QRectF:
        return self._path.boundingRect().adjusted(-6, -6, 6, 6)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(current_style().pen("accent" if self._legal else "error", 2, (6, 4)))
        painter.drawPath(self._path)
