"""Pictures of the templates for the welcome page: what each network saw once it was trained.

``python -m studio.gui.template_pictures [NAME ...]`` trains all templates, or those named, and
writes the numbers behind the pictures to ``assets/templates/pictures.npz``; colours come from the
theme when painting.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from studio.core.assets import assets_folder
from studio.core.vocabulary import has_characters, joined
from studio.gui import tokens
from studio.gui.theme import Theme

_FILE = "pictures.npz"
_PLANE, _POINTS = 56, 260
#: Samples of text, and steps of a series.
_LINES, _STEPS = 5, 150


def pictures_file() -> Path:
    """Where the numbers are."""
    return assets_folder() / "templates" / _FILE


@cache
def _numbers() -> Mapping[str, np.ndarray]:
    try:
        with np.load(pictures_file(), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError):
        return {}  # the cards then show no picture; nothing else needs it


def paint(painter: QPainter, rect: QRectF, name: str) -> None:
    """Paint the picture of a template into a rectangle."""
    theme, found = Theme.instance(), _numbers()
    painter.save()
    painter.setClipRect(rect)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if f"{name}/plane" in found:
        image = _plane_image(name, theme.dark)
        side = max(rect.width(), rect.height())
        painter.drawImage(QRectF(rect.center().x() - side / 2, rect.center().y() - side / 2, side, side), image)
    elif f"{name}/mosaic" in found:
        _paint_mosaic(painter, rect, found[f"{name}/mosaic"], theme)
    else:
        painter.fillRect(rect, theme.color("field"))
    if f"{name}/line" in found:
        _paint_line(painter, rect, found[f"{name}/line"], theme)
    if f"{name}/words" in found:
        _paint_words(painter, rect, found[f"{name}/words"], theme)
    if f"{name}/points" in found:
        _paint_points(painter, rect, found[f"{name}/points"], found[f"{name}/labels"], theme)
    painter.restore()


@cache
def _plane_image(name: str, dark: bool) -> QImage:
    """What the network answers over the plane; numbers are interpolated before they get colours."""
    plane = _numbers()[f"{name}/plane"][::-1].astype(float)
    at = np.linspace(0, len(plane) - 1, 5 * len(plane))
    low = np.minimum(at.astype(int), len(plane) - 2)
    share = at - low
    rows = plane[low] * (1 - share[:, None]) + plane[low + 1] * share[:, None]
    smooth = rows[:, low] * (1 - share) + rows[:, low + 1] * share
    return _colored(smooth.round().astype(np.uint8), tokens.bake("boundary", dark))


def _paint_points(painter: QPainter, rect: QRectF, points: np.ndarray, labels: np.ndarray, theme: Theme) -> None:
    """Points in shares of a square around all of them, coloured by class (or by value)."""
    side = max(rect.width(), rect.height())
    left, top = rect.center().x() - side / 2, rect.center().y() - side / 2
    classes = int(labels.max()) + 1
    values = classes > 10
    painter.setPen(QPen(theme.color("canvas") if theme.dark else QColor("#FFFFFF"), 0.8))
    for (x, y), label in zip(points, labels, strict=True):
        if values:
            color = QColor(*(int(c) for c in theme.lut("diverging")[int(label)]))
        else:
            color = theme.class_color(int(label), max(2, classes))
        painter.setBrush(color)
        painter.drawEllipse(QRectF(left + x * side - 2.6, top + (1 - y) * side - 2.6, 5.2, 5.2))


def _paint_line(painter: QPainter, rect: QRectF, values: np.ndarray, theme: Theme) -> None:
    """A series, 0 to 1, across the whole rectangle."""
    box = rect.adjusted(0, rect.height() * 0.15, 0, -rect.height() * 0.15)
    painter.setPen(QPen(theme.color("train"), 1.6))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    across = np.linspace(box.left(), box.right(), len(values))
    painter.drawPolyline([QPointF(x, box.bottom() - float(y) * box.height()) for x, y in zip(across, values, strict=True)])


def _paint_words(painter: QPainter, rect: QRectF, lines: np.ndarray, theme: Theme) -> None:
    """A few samples, a line each; the answer in the accent's colour."""
    painter.setFont(theme.font("mono"))
    metrics = painter.fontMetrics()
    height = rect.height() / (len(lines) + 0.5)
    for i, (words, answer) in enumerate(lines.tolist()):
        row = QRectF(rect.left() + 10, rect.top() + (i + 0.25) * height, rect.width() - 20, height)
        painter.setPen(theme.color("accent"))
        painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, answer)
        room = row.width() - metrics.horizontalAdvance(answer) - 12
        painter.setPen(theme.color("text-2"))
        text = metrics.elidedText(words, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(row, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def _paint_mosaic(painter: QPainter, rect: QRectF, tiles: np.ndarray, theme: Theme) -> None:
    """Small pictures ``(count, height, width)`` in rows, 0 to 255, over the whole rectangle."""
    painter.fillRect(rect, theme.color("field"))
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    count = len(tiles)
    columns = max(1, round(math.sqrt(count * rect.width() / rect.height())))
    rows = max(1, count // columns)  # a last row with a few would look like a mistake
    cell = min(rect.width() / columns, rect.height() / rows)
    left = rect.center().x() - cell * columns / 2
    top = rect.center().y() - cell * rows / 2
    gap = cell * 0.07
    for i, tile in enumerate(tiles[: rows * columns]):
        row, column = divmod(i, columns)
        box = QRectF(left + column * cell, top + row * cell, cell, cell).adjusted(gap, gap, -gap, -gap)
        painter.drawImage(box, _colored(tile, theme.lut("sequential")))


def _colored(values: np.ndarray, table: np.ndarray) -> QImage:
    pixels = np.ascontiguousarray(table[values])
    height, width = values.shape
    # A copy: the image must not outlive the array it was made from.
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def make(file: Path, names: Sequence[str] = ()) -> None:
    """Train templates and write the numbers behind their pictures.

    Parameters
    ----------
    file : Path
        Where to write them.
    names : sequence of str
        Only of these; those of the others stay as they are. Of all, if empty.
    """
    from studio import data
    from studio.engine.run import TrainingRun
    from studio.layers.data import Data
    from studio.storage import templates

    listed = [templates.template(n) for n in names] or list(templates.templates())
    numbers: dict[str, np.ndarray] = {}
    if names:
        again = {t.name for t in listed}
        numbers = {key: values for key, values in _numbers().items() if key.partition("/")[0] not in again}
    for template in listed:
        document = template.document()
        datasets = {n.id: data.load(n.layer) for n in document.graph.nodes if isinstance(n.layer, Data)}
        run = TrainingRun(document.graph, document.training, datasets)
        run.train(document.training.epochs)
        numbers.update(_numbers_of(template.name, run, datasets))
        run.close()
    np.savez_compressed(file, allow_pickle=False, **numbers)


def _numbers_of(name: str, run, datasets) -> dict[str, np.ndarray]:  # type: ignore[no-untyped-def]
    from studio.core.layer import Loss
    from studio.engine.commands import Watch
    from studio.engine.views import take_views

    graph = run.network.graph
    loss = next(n.id for n in graph.nodes if isinstance(n.layer, Loss))
    output = graph.incoming(loss)[0].source
    dataset = next(iter(datasets.values()))
    maps = [n.id for n in graph.nodes if n.layer.family == "Convolution"]
    views = take_views(run.network, Watch(nodes=frozenset({output, *maps[-1:]}), plane=_PLANE))
    found: dict[str, np.ndarray] = {}
    plane = views.nodes[output].plane
    if plane is not None:
        low, high, bottom, top = views.plane_extent
        points = dataset.train.x[:_POINTS]
        found[f"{name}/plane"] = _bytes(plane[..., -1], not dataset.info.classes)
        scaled = (points - (low, bottom)) / (high - low, top - bottom)
        found[f"{name}/points"] = scaled.astype(np.float32)
        labels = dataset.train.y[:_POINTS].reshape(len(points), -1)[:, 0]
        found[f"{name}/labels"] = _bytes(labels, True) if not dataset.info.classes else labels.astype(np.uint8)
    elif dataset.info.vocabulary:
        from studio.layers.random_mask import RandomMask

        hiding = next((n.layer for n in graph.nodes if isinstance(n.layer, RandomMask)), None)
        lines = [_line_of(dataset, i) for i in range(_LINES)] if hiding is None else _hidden_lines(dataset, hiding)
        found[f"{name}/words"] = np.array(lines)
    elif len(dataset.info.x_shape) == 2:
        series = dataset.train.x[:_STEPS, 0, 0]
        found[f"{name}/line"] = ((series - series.min()) / np.ptp(series)).astype(np.float32)
    elif dataset.info.x_shape[-1:] == (1,):
        if name.endswith("residual"):  # the shortcut's maps are what this template is about
            activations = views.nodes[maps[-1]].activations
            assert activations is not None
            tiles = activations[:4].transpose(0, 3, 1, 2).reshape(-1, 8, 8)
            tiles = np.abs(tiles[:24])
        else:
            first = {"digits-mlp": 40, "digits-convnet": 0}.get(name, 80)
            tiles = dataset.train.x[first : first + (12 if name == "lenet" else 30), ..., 0]
        flat = tiles.reshape(len(tiles), -1)
        low, high = flat.min(1)[:, None, None], flat.max(1)[:, None, None]
        found[f"{name}/mosaic"] = (255 * (tiles - low) / np.maximum(high - low, 1e-9)).astype(np.uint8)
    else:
        x = dataset.train.x - dataset.train.x.mean(0)
        axes = np.linalg.svd(x, full_matrices=False)[2][:2]
        points = x @ axes.T
        centre, half = (points.max(0) + points.min(0)) / 2, np.ptp(points, axis=0).max() / 2 * 1.25
        found[f"{name}/points"] = (0.5 + (points - centre) / (2 * half)).astype(np.float32)
        classes = bool(dataset.info.classes)
        found[f"{name}/labels"] = dataset.train.y.astype(np.uint8) if classes else _bytes(dataset.train.y[:, 0], True)
    return found


def _hidden_lines(dataset, hiding) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]
    """Sentences with one hidden word each, and that word."""
    names = hiding.words_out(0, dataset.info.vocabulary)
    words, _ = hiding.chosen(dataset.train.x)
    found = []
    for row, true in zip(words, dataset.train.x, strict=True):
        (places,) = np.nonzero(row == hiding.vocabulary_size)
        if len(places) == 1 and np.count_nonzero(true) < 7:
            found.append((" ".join(names[int(n)] for n in row if n), names[int(true[places[0]])]))
    return found[:_LINES]


def _line_of(dataset, sample: int) -> tuple[str, str]:  # type: ignore[no-untyped-def]
    """A sample of text and its answer, for people."""
    info = dataset.info
    pieces = [info.vocabulary[int(n)] for n in dataset.train.x[sample] if info.vocabulary[int(n)]]
    words = joined(pieces, has_characters(info.vocabulary)).strip()
    if not info.y_shape:
        return words, info.classes[int(dataset.train.y[sample])]
    answer = [info.classes[int(n)] for n in dataset.train.y[sample]]
    # A model that continues a text is asked for what comes after it.
    if info.continues:
        return words, answer[-1]
    return words, "".join(word for word in answer if not word.startswith("["))


def _bytes(values: np.ndarray, symmetric: bool) -> np.ndarray:
    """Numbers as 0 to 255: shares as they are, others symmetric about their middle."""
    if symmetric:
        low, high = float(values.min()), float(values.max())
        values = (values - low) / max(high - low, 1e-9)
    return np.asarray((np.clip(values, 0.0, 1.0) * 255).round(), np.uint8)


if __name__ == "__main__":
    make(pictures_file(), sys.argv[1:])
