"""Lines drawn by hand, and how they become a picture of a given size, place and width of line."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QTransform

#: Pixels a side in which it is looked where the ink lies.
_ROUGH = 160
#: Pixels a side, about, before a drawing is made as coarse as the data.
_FINE = 224
#: A dot is not blown up to the size of a digit.
_MOST_ENLARGED = 5.0


@dataclass
class Stroke:
    """One line, from the mouse's press to its release.

    Parameters
    ----------
    points : list of QPointF
        Each from 0 to 1, y downwards.
    erases : bool
        Whether it takes ink away.
    """

    points: list[QPointF]
    erases: bool = False


@dataclass
class Ink:
    """All strokes in the order they were drawn.

    Parameters
    ----------
    pen, eraser : float
        Their widths, as shares of the side.
    """

    pen: float = 0.09
    eraser: float = 0.16
    strokes: list[Stroke] = field(default_factory=list)

    def paint(self, painter: QPainter, pen: QPen, eraser: QPen) -> None:
        """Paint all strokes, in units of the side."""
        for stroke in self.strokes:
            painter.setPen(eraser if stroke.erases else pen)
            if len(stroke.points) == 1:
                painter.drawPoint(stroke.points[0])
            else:
                painter.drawPolyline(stroke.points)

    def raster(self, side: int, move: QTransform | None = None, pen: float | None = None) -> np.ndarray:
        """The strokes as float32 ``(side, side)``, 0 where there is no ink, 1 where there is.

        Parameters
        ----------
        move : QTransform, optional
            From the strokes' units to the picture's, which has the side 1.
        pen : float, optional
            Width of the lines in the picture, whatever `move` enlarges.
        """
        image = QImage(side, side, QImage.Format.Format_Grayscale8)
        image.fill(0)
        enlarged = 1.0 if move is None else move.m11()
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(side, side)
        if move is not None:
            painter.setTransform(move, True)
        width = self.pen if pen is None else pen / enlarged
        # An eraser keeps its distance to the lines beside it, however wide these become.
        eraser = max(0.01, self.eraser + self.pen - width)
        self.paint(painter, round_pen(QColor("white"), width), round_pen(QColor("black"), eraser))
        painter.end()
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(side, image.bytesPerLine())
        return rows[:, :side].astype(np.float32) / np.float32(255.0)

    def arranged(self, size: float, line: float, centre: tuple[float, float], multiple: int) -> np.ndarray | None:
        """The drawing as it would be in a picture of a data set.

        Parameters
        ----------
        size : float
            Its longer side, as a share of the picture's.
        line : float
            Width of its lines.
        centre : tuple of float
            Where its centre of mass comes to lie; less far out where it would not fit.
        multiple : int
            The picture's side is a multiple of so many pixels.

        Returns
        -------
        numpy.ndarray or None
            As of `raster`; None where nothing is drawn.
        """
        rough = self.raster(_ROUGH)
        box = _box(rough)
        if box is None:
            return None
        bare = max(box.width(), box.height()) - self.pen
        enlarged = min(_MOST_ENLARGED, max(0.05, size - line) / max(bare, 1e-3))
        to_middle = QTransform().translate(0.5, 0.5).scale(enlarged, enlarged)
        to_middle.translate(-box.center().x(), -box.center().y())
        side = multiple * max(1, round(_FINE / multiple))
        middle = self.raster(side, to_middle, line)
        box = _box(middle)
        if box is None:
            return None
        weight = middle.sum()
        places = (np.arange(side) + 0.5) / side
        right = _fitting(centre[0] - float(middle.sum(0) @ places / weight), box.left(), box.right())
        down = _fitting(centre[1] - float(middle.sum(1) @ places / weight), box.top(), box.bottom())
        return self.raster(side, to_middle * QTransform.fromTranslate(right, down), line)


def round_pen(color: QColor, width: float) -> QPen:
    """A pen whose lines end round."""
    return QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)


def _fitting(move: float, low: float, high: float) -> float:
    """As much of a move as keeps what lies between `low` and `high` within 0 and 1."""
    return max(-low, min(move, 1 - high)) if high - low <= 1 else (1 - high - low) / 2


def _box(raster: np.ndarray) -> QRectF | None:
    """What surrounds the ink, in units of the side; None where there is none."""
    side = len(raster)
    rows, columns = np.flatnonzero((raster > 0.5).any(1)), np.flatnonzero((raster > 0.5).any(0))
    if not len(rows):
        return None
    width, height = columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]
    return QRectF(columns[0] / side, rows[0] / side, width / side, height / side)
