"""What a layer sees, as small pictures: arrays of a snapshot become pixmaps of a node's body."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPixmap, QPolygonF

from studio.core.dataset import Dataset
from studio.core.vocabulary import PADDING as PADDING_WORD
from studio.core.vocabulary import text_of
from studio.engine.messages import NodeView, Snapshot
from studio.gui.canvas.faces import PADDING, Face, strip_grid
from studio.gui.canvas.style import Style
from studio.gui.widgets.numbers import loss as loss_text

#: Activations whose values stay within -1 and 1, so that colours need no rescaling.
_BOUNDED = {"tanh", "sigmoid", "softmax", "softsign"}
_SUPERSAMPLED = 2
_MOST_POINTS = 600
#: Most columns of a sequence that are shown as curves rather than as a picture.
MOST_SERIES = 4


@dataclass
class Thumbnail:
    """Pictures and numbers of one node's body, ready to paint.

    Parameters
    ----------
    sheet : QPixmap or None
        Heatmaps, feature maps, or the one picture, one below the other.
    count : int
        How many pictures are on the sheet.
    smooth : bool
        Whether pictures are scaled smoothly (heatmaps) or show their pixels (feature maps).
    numbers : list of float
        Heights of bars, or values of the table.
    percent : bool
        Whether the numbers are shares.
    predicted, actual : int
        Class numbers of the sample on show; -1 where there is none.
    curve : QPolygonF or None
        The loss so far, in the unit square, y downwards.
    value : str
        The loss now.
    check, check_value, check_share : str, str, float
        The line under the loss curve and its bar; a negative share means no bar.
    """

    sheet: QPixmap | None = None
    count: int = 0
    smooth: bool = False
    numbers: list[float] | None = None
    percent: bool = False
    predicted: int = -1
    actual: int = -1
    curve: QPolygonF | None = None
    value: str = ""
    check: str = ""
    check_value: str = ""
    check_share: float = -1.0
    #: Words, in lines as wide as the node; and whether they are the right answer, if that is known.
    lines: tuple[str, ...] = ()
    is_right: bool | None = None
    #: What the pictures were made of: two thumbnails with the same look alike.
    made_of: bytes = b""

    @property
    def aspect(self) -> float:
        """Width by height of one picture."""
        return self.sheet.width() * self.count / self.sheet.height() if self.sheet is not None else 1.0

    def source(self, index: int) -> QRectF:
        """Where a picture is on the sheet."""
        assert self.sheet is not None
        height = self.sheet.height() // self.count
        return QRectF(0, index * height, self.sheet.width(), height)

    def picture(self, index: int) -> QPixmap:
        """One of the pictures by itself."""
        assert self.sheet is not None
        return self.sheet.copy(self.source(index).toRect())

    def looks_like(self, other: Thumbnail | None) -> bool:
        """Whether there is nothing to paint anew once the other one was painted."""
        if other is None or self.curve is not None or self.count != other.count:
            return False
        if self.count:
            return bool(self.made_of) and self.made_of == other.made_of
        return self._as_seen() == other._as_seen()

    def _as_seen(self) -> tuple[object, ...]:
        """Numbers as finely as bars and their texts show them."""
        numbers = self.numbers
        if self.percent and numbers is not None:
            numbers = [round(200 * n) for n in numbers] if np.isfinite(numbers).all() else None
        figures = self.percent, self.predicted, self.actual, self.value, self.check, self.check_value
        return numbers, *figures, self.lines, self.is_right


def make_thumbnail(face: Face, snapshot: Snapshot, style: Style) -> Thumbnail | None:
    """The thumbnail of a node from the latest snapshot; None while there is nothing to show.

    A view that does not fit the face (it belongs to the graph before the last edit) counts
    as nothing.
    """
    if face.kind == "loss":
        return _loss(snapshot)
    if face.kind in ("points", "picture", "table") or (face.kind == "text" and face.info is not None):
        return _data(face, snapshot, style)
    view = snapshot.nodes.get(face.node.id)
    if view is None or face.shape is None:
        return None
    if face.kind == "neurons":
        return _neurons(face, view, style)
    name, shape = face.extra
    values = view.extras.get(name) if name else view.activations
    if values is None or not len(values) or values.shape[1:] != (shape if name else face.shape):
        return None
    sample = np.asarray(values[0], np.float32)
    if face.kind == "maps":
        return _maps(sample, style)
    if face.kind == "text":
        return Thumbnail(lines=text_lines(sample, face, style))
    if face.kind == "steps":
        return _steps(sample, face, snapshot, style)
    if face.kind == "strip":
        return _strip(sample, style)
    return _bars(face, sample, snapshot)


def indexed(values: np.ndarray, table: np.ndarray) -> QPixmap:
    """A picture of a uint8 array ``(height, width)`` through a table of 256 pixels, uint32."""
    pixels = table[values]
    height, width = pixels.shape
    return QPixmap.fromImage(QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32))


def sheet_of(stack: np.ndarray, table: np.ndarray, smooth: bool = False) -> Thumbnail:
    """Pictures ``(count, height, width)`` of bytes, one below the other."""
    stack = np.ascontiguousarray(stack)
    sheet = indexed(stack.reshape(-1, stack.shape[2]), table)
    return Thumbnail(sheet, len(stack), smooth, made_of=stack.tobytes() + bytes(table[:2]))


def symmetric(values: np.ndarray, scale: float) -> np.ndarray:
    """Bytes of values for the diverging map: 0 becomes 128, `scale` 255; NaN counts as 0."""
    scaled = _finite(values * (127.0 / max(scale, 1e-12)), 127.0, -127.0)
    return np.clip(scaled + 128.5, 0, 255).astype(np.uint8)


def from_zero(values: np.ndarray, scale: float) -> np.ndarray:
    """Bytes of values for the sequential map: 0 becomes 0, `scale` 255."""
    scaled = _finite(values * (255.0 / max(scale, 1e-12)), 255.0, 0.0)
    return np.clip(scaled + 0.5, 0, 255).astype(np.uint8)


def _finite(values: np.ndarray, high: float, low: float) -> np.ndarray:
    """Infinities as these numbers and NaN as 0; values that are finite, as they mostly are, untouched."""
    if np.isfinite(values.sum(dtype=np.float64)):
        return values
    return np.asarray(np.nan_to_num(values, nan=0.0, posinf=high, neginf=low))


def is_bounded(face: Face) -> bool:
    """Whether the layer's values stay within -1 and 1 by its activation."""
    layer = face.node.layer
    return getattr(layer, "activation", "") in _BOUNDED or layer.type_name().lower() in _BOUNDED


def _is_share(face: Face) -> bool:
    """Whether the layer's values are probabilities, between 0 and 1, by its activation."""
    layer = face.node.layer
    return bool({getattr(layer, "activation", ""), layer.type_name().lower()} & {"sigmoid", "softmax"})


def _largest(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def _neurons(face: Face, view: NodeView, style: Style) -> Thumbnail | None:
    plane = view.plane
    if plane is None or plane.ndim != 3 or plane.shape[2] != (face.shape or (0,))[0]:
        return None
    shown = plane[::-1, :, : face.shown]  # row 0 is the lowest y, a picture's is the highest
    if _is_share(face):
        shown = 2 * shown - 1  # the middle of the map is the border of the decision
    scale = 1.0 if is_bounded(face) else _largest(shown)
    return sheet_of(np.moveaxis(symmetric(shown, scale), 2, 0), style.packed["diverging"], smooth=True)


def _signed_pictures(stack: np.ndarray, style: Style) -> Thumbnail:
    """Pictures of ``(count, height, width)`` on one scale."""
    low, high = (float(stack.min()), float(stack.max())) if stack.size else (0.0, 0.0)
    scale = max(-low, high) if math.isfinite(high - low) else _largest(stack)
    if low < 0 or (low != low and np.nanmin(stack, initial=0.0) < 0):
        return sheet_of(symmetric(stack, scale), style.packed["diverging"])
    return sheet_of(from_zero(stack, scale), style.packed["sequential"])


def _maps(sample: np.ndarray, style: Style) -> Thumbnail:
    stack = sample.T[None] if sample.ndim == 2 else np.moveaxis(sample, 2, 0)[:8]
    return _signed_pictures(stack, style)


def _steps(sample: np.ndarray, face: Face, snapshot: Snapshot, style: Style) -> Thumbnail:
    """The scores as a map, time from left to right, and the words with the highest ones."""
    thumbnail = _maps(sample, style)
    chosen = sample[:, : len(face.words)].argmax(-1)
    info = next((d.info for d in snapshot.datasets.values()), None)
    again = info is not None and face.words == info.vocabulary != info.classes
    probe = snapshot.probe_x if again else snapshot.probe_y
    right = probe[0] if probe is not None and len(probe) else np.empty(0)
    if again and right.shape == chosen.shape:
        chosen = np.where(right == PADDING_WORD, PADDING_WORD, chosen)  # nothing is to be found there
    elif right.shape == chosen.shape and info is not None and not info.continues and info.classes == face.words:
        thumbnail.is_right = text_of(chosen, face.words) == text_of(right, face.words)
    thumbnail.lines = text_lines(chosen, face, style)
    thumbnail.made_of += "\n".join((*thumbnail.lines, str(thumbnail.is_right))).encode()
    return thumbnail


def text_lines(numbers: np.ndarray, face: Face, style: Style) -> tuple[str, ...]:
    """Numbers as words, in lines that fit into the node; what does not fit ends in an ellipsis."""
    width = face.width - 2 * PADDING - 8
    lines = wrapped(text_of(numbers, face.words), width, lambda text: style.width(text, "small"))
    last = face.shown - 1
    if len(lines) > face.shown:
        lines = (*lines[:last], style.elided(f"{lines[last]} {lines[face.shown]}", "small", width))
    return lines


def wrapped(text: str, width: float, measure: Callable[[str], float]) -> tuple[str, ...]:
    """A text in lines; words that are too long for one are cut."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        while measure(word) > width:
            fitting = next(n for n in range(len(word) - 1, -1, -1) if n == 1 or measure(word[:n]) <= width)
            lines += [line, word[:fitting]] if line else [word[:fitting]]
            line, word = "", word[fitting:]
        longer = f"{line} {word}".strip()
        if line and measure(longer) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return (*lines, line) if line else tuple(lines)


def _strip(sample: np.ndarray, style: Style) -> Thumbnail:
    columns, _ = strip_grid(len(sample))
    shown = sample[:1024]
    padded = np.zeros(-(-len(shown) // columns) * columns, np.float32)
    padded[: len(shown)] = shown
    return _signed_pictures(padded.reshape(1, -1, columns), style)


def class_of(target: np.ndarray) -> int:
    """The class a target names: a label, or the position of the 1 in a one-hot vector."""
    target = np.asarray(target)
    return int(target.argmax()) if target.size > 1 else int(target.reshape(()))


def _bars(face: Face, sample: np.ndarray, snapshot: Snapshot) -> Thumbnail:
    numbers = [float(v) for v in sample]
    thumbnail = Thumbnail(numbers=numbers)
    if face.kind == "scores":
        thumbnail.percent = all(0 <= v <= 1 for v in numbers) and (len(numbers) == 1 or abs(sum(numbers) - 1) < 0.01)
        threshold = 0.5 if thumbnail.percent else 0.0
        thumbnail.predicted = int(np.argmax(sample)) if len(sample) > 1 else int(numbers[0] > threshold)
        if snapshot.probe_y is not None and len(snapshot.probe_y):
            thumbnail.actual = class_of(snapshot.probe_y[0])
    return thumbnail


def _loss(snapshot: Snapshot) -> Thumbnail | None:
    _, losses = snapshot.history.series("loss")
    thumbnail = Thumbnail()
    if len(losses):
        thumbnail.curve = curve(losses)
        thumbnail.value = loss_text(float(losses[-1]))
    if snapshot.validation is not None:
        if snapshot.validation.accuracy is not None:
            share = snapshot.validation.accuracy
            thumbnail.check, thumbnail.check_value, thumbnail.check_share = "accuracy", f"{100 * share:.1f} %", share
        else:
            thumbnail.check, thumbnail.check_value = "loss", loss_text(snapshot.validation.loss)
    return thumbnail if thumbnail.value or thumbnail.check else None


def three_digits(value: float) -> str:
    """A number as people read a loss: 0.099, 12.3, 1.2e+05."""
    if value != value or value in (float("inf"), float("-inf")):
        return "not finite"
    if value == 0 or 1e-3 <= abs(value) < 10:
        return f"{value:.3f}"
    return f"{value:.3g}"


def curve(values: np.ndarray, points: int = 72) -> QPolygonF:
    """A curve in the unit square, y downwards; on a log scale where it spans much."""
    values = np.asarray(values, np.float64)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return QPolygonF()
    if len(values) > points:
        edges = np.linspace(0, len(values), points + 1).astype(int)
        values = np.add.reduceat(values, edges[:-1]) / np.diff(edges)
    low, high = float(values.min()), float(values.max())
    if low > 0 and high / low > 8:
        values, low, high = np.log(values), float(np.log(low)), float(np.log(high))
    heights = 1 - (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    places = np.linspace(0, 1, len(values)) if len(values) > 1 else np.zeros(1)
    return QPolygonF([QPointF(float(x), float(y)) for x, y in zip(places, heights, strict=True)])


def _data(face: Face, snapshot: Snapshot, style: Style) -> Thumbnail | None:
    dataset = snapshot.datasets.get(face.node.id)
    if dataset is None or (face.info is not None and dataset.info.x_shape != face.info.x_shape):
        return None
    if face.kind == "points":
        return Thumbnail(scatter(dataset, snapshot.plane_extent, face.body_height, style), 1, smooth=True)
    probe = snapshot.probe_x
    if probe is None or not len(probe) or probe.shape[1:] != dataset.info.x_shape:
        probe = (dataset.validation if len(dataset.validation) else dataset.train).x[:1]
    if not len(probe):
        return None
    sample = probe[0] * dataset.x_scale + dataset.x_mean
    if face.kind == "text":
        return Thumbnail(lines=text_lines(sample, face, style))
    if face.kind == "table":
        return Thumbnail(numbers=[float(v) for v in np.ravel(sample)[: len(face.labels)]])
    sample = np.asarray(sample, np.float32)
    if sample.ndim == 2 and sample.shape[1] <= MOST_SERIES:
        return Thumbnail(series(sample, style), 1, smooth=True)
    return Thumbnail(_picture(sample, style), 1)


def series(sample: np.ndarray, style: Style) -> QPixmap:
    """Numbers over time, float32 ``(steps, series)``, as curves; all share one scale."""
    pixels = round(98 * _SUPERSAMPLED)
    picture = QPixmap(pixels, pixels)
    picture.fill(style.color("canvas"))
    low, high = float(sample.min()), float(sample.max())
    span = high - low or 1.0
    margin = 0.1 * pixels
    xs = np.linspace(margin / 2, pixels - margin / 2, len(sample))
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for number, column in enumerate(sample.T):
        ys = margin + (high - column) / span * (pixels - 2 * margin)
        color = style.color("accent") if sample.shape[1] == 1 else style.class_color(number, sample.shape[1])
        painter.setPen(QPen(color, 1.6 * _SUPERSAMPLED))
        painter.drawPolyline([QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)])
    painter.end()
    return picture


def _picture(sample: np.ndarray, style: Style) -> QPixmap:
    if sample.ndim == 3 and sample.shape[2] == 3:
        low, high = float(sample.min()), float(sample.max())
        pixels = np.ascontiguousarray(from_zero(sample - low, high - low))
        height, width = pixels.shape[:2]
        return QPixmap.fromImage(QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888))
    grey = sample.mean(axis=2) if sample.ndim == 3 else sample
    low = float(grey.min())
    return indexed(from_zero(grey - low, float(grey.max()) - low), style.packed["sequential"])


def scatter(
    dataset: Dataset, extent: tuple[float, float, float, float], side: float, style: Style
) -> QPixmap:
    """The training points of a plane, coloured by class (or by value)."""
    points, targets = dataset.train.x[:_MOST_POINTS], dataset.train.y[:_MOST_POINTS]
    pixels = round(side * _SUPERSAMPLED)
    picture = QPixmap(pixels, pixels)
    picture.fill(QColor(0, 0, 0, 0))
    left, right, low, high = extent
    if not (right > left and high > low):
        left, right, low, high = -1.0, 1.0, -1.0, 1.0
    xs = (points[:, 0] - left) / (right - left) * pixels
    ys = (high - points[:, 1]) / (high - low) * pixels
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    radius = (2.0 if len(points) <= 400 else 1.6) * _SUPERSAMPLED
    for x, y, color in zip(xs.tolist(), ys.tolist(), _target_colors(dataset, targets, style), strict=True):
        painter.setBrush(color)
        painter.drawEllipse(QRectF(x - radius, y - radius, 2 * radius, 2 * radius))
    painter.end()
    return picture


def _target_colors(dataset: Dataset, targets: np.ndarray, style: Style) -> list[QColor]:
    if dataset.info.target == "values":
        flat = targets.reshape(len(targets), -1)[:, 0]
        table = style.tables["diverging"]
        return [QColor(table[i]) for i in symmetric(flat - flat.mean(), _largest(flat - flat.mean()))]
    count = max(2, len(dataset.info.classes))
    labels = targets.argmax(1) if targets.ndim > 1 and targets.shape[1] > 1 else targets.reshape(len(targets))
    colors = [style.class_color(i, count) for i in range(count)]
    return [colors[int(i) % count] for i in labels]
