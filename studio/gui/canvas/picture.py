"""The whole graph as a picture or a drawing, for slides and reports."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize
from PySide6.QtGui import QImage, QImageWriter, QPainter
from PySide6.QtSvg import QSvgGenerator

from studio.gui.canvas.scene import GraphScene
from studio.gui.theme import Theme
from studio.storage import StorageError
from studio.storage.durable import write_durably

#: Around the graph, in scene pixels.
_MARGIN = 24.0
#: Pixels of the picture for one of the scene, and most of them along a side.
_SCALE, _LARGEST = 2.0, 12_000


def draw(scene: GraphScene, path: Path, form: str) -> None:
    """Write what the scene shows of the whole graph.

    Parameters
    ----------
    scene : GraphScene
    path : Path
    form : {"png", "svg"}
        A picture of twice the canvas's pixels, or a drawing that stays sharp at any size.

    Raises
    ------
    StorageError
        When the canvas is empty, or the file cannot be written.
    """
    if not scene.nodes:
        raise StorageError("The canvas is empty, so there is nothing to draw: add some layers first.")
    area = scene.bounds().adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN)
    content = _svg(scene, area) if form == "svg" else _png(scene, area)

    def write(file: IO[bytes]) -> None:
        file.write(content)

    write_durably(path, write)


def _png(scene: GraphScene, area: QRectF) -> bytes:
    scale = min(_SCALE, _LARGEST / max(area.width(), area.height()))
    image = QImage(round(area.width() * scale), round(area.height() * scale), QImage.Format.Format_RGB32)
    image.fill(Theme.instance().color("canvas"))
    painter = QPainter(image)
    _paint(scene, painter, area, QRectF(image.rect()))
    painter.end()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not QImageWriter(buffer, QByteArray(b"png")).write(image):
        raise StorageError("The picture could not be made, because there is not enough memory: close other programs.")
    buffer.close()
    return bytes(data.data())


def _svg(scene: GraphScene, area: QRectF) -> bytes:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(QSize(round(area.width()), round(area.height())))
    generator.setResolution(96)  # what browsers take a pixel to be
    generator.setViewBox(QRectF(0, 0, area.width(), area.height()))
    generator.setTitle("Layer Studio")
    painter = QPainter(generator)
    painter.fillRect(QRectF(0, 0, area.width(), area.height()), Theme.instance().color("canvas"))
    _paint(scene, painter, area, QRectF(0, 0, area.width(), area.height()))
    painter.end()
    buffer.close()
    return bytes(data.data())


def _paint(scene: GraphScene, painter: QPainter, area: QRectF, target: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    scene.render(painter, target, area)
