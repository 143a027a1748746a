"""All maps, or all neurons, of one layer as large as they fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from studio.engine.commands import Watch
from studio.engine.messages import Snapshot
from studio.gui.panels.class_scores import output_node
from studio.gui.panels.representation.activation_picture import (
    MOST_BARS,
    ActivationPicture,
    as_block,
    bar_rows,
    best_columns,
    paint_bar_names,
    paint_bars,
    paint_number,
    paint_tiles,
    picture_of,
    tile_rects,
)
from studio.gui.panels.representation.layer_list import layer_entries
from studio.gui.panels.representation.scores_box import ScoresBox
from studio.gui.panels.representation.strip import sample_values
from studio.gui.panels.representation.view import View
from studio.gui.panels.sample_choice import SampleChoice, SamplePicker
from studio.gui.panels.ticks import number_text
from studio.gui.session import Session
from studio.gui.theme import Theme

_GAP, _SMALLEST, _CAPTION = 8.0, 40.0, 15.0
_PLANE = 40


class MapsCanvas(QWidget):
    """Tiles with their numbers; the pointer reads single values."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self.picture: ActivationPicture | None = None
        self.values: np.ndarray = np.zeros((0, 0, 0), np.float32)
        self.flipped = False
        self.hovered: tuple[int, int, int] | None = None
        #: What bars of a short vector, or the tiles, stand for; empty for plain numbers.
        self.names: tuple[str, ...] = ()
        self.on_hover: Callable[[], None] = self.update
        self.setMouseTracking(True)

    def show_maps(self, picture: ActivationPicture, values: np.ndarray, flipped: bool) -> None:
        """Show tiles; `values` is ``(rows, columns, tiles)``, upside down if `flipped`."""
        resize = self.picture is None or picture.maps != self.picture.maps
        self.picture, self.values, self.flipped = picture, values, flipped
        if self.hovered is not None and self.hovered[0] >= picture.maps:
            self.hovered = None
        if resize:
            self.updateGeometry()
        self.update()

    def minimumSizeHint(self) -> QSize:
        count = self.picture.maps if self.picture is not None else 1
        parent = self.parentWidget()
        width = max(200, parent.width() if parent is not None else 0)
        columns = max(1, int((width + _GAP) // (_SMALLEST + _GAP)))
        return QSize(120, round(-(-count // columns) * (_SMALLEST + _CAPTION + _GAP)))

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()

    def tiles(self) -> list[QRectF]:
        """Places of the tiles, in the widget's pixels."""
        if self.picture is None or not self.picture.maps:
            return []
        count, aspect = self.picture.maps, self.picture.aspect
        area = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        # The caption is part of the tile when space is shared out.
        columns = best_columns(count, area, _GAP, aspect * 0.9)
        rows = -(-count // columns)
        room = area.adjusted(0, 0, 0, -_CAPTION * rows)
        places = tile_rects(count, QRectF(room), columns, _GAP, aspect)
        top = area.center().y() - (rows * (places[0].height() + _CAPTION + _GAP) - _GAP) / 2
        for i, place in enumerate(places):
            place.moveTop(top + (i // columns) * (place.height() + _CAPTION + _GAP))
        return places

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.picture is None:
            return
        theme, painter, picture = self.theme, QPainter(self), self.picture
        area = QRectF(self.rect())
        if not picture.maps:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if picture.values.size == 1:
                paint_number(painter, float(picture.values.reshape(-1)[0]), area, theme)
            else:
                values = picture.values.reshape(-1)
                names = self.names or tuple(str(i + 1) for i in range(len(values)))
                strong = int(values.argmax()) if self.names else -1
                rows = bar_rows(names, area.adjusted(8, 8, -8, -8), theme)
                paint_bar_names(painter, names, rows, theme, strong)
                paint_bars(painter, values, rows, theme)
            return
        exposed = QRectF(event.rect())
        places = {
            index: place
            for index, place in enumerate(self.tiles())
            if place.adjusted(0, 0, 0, _CAPTION).intersects(exposed)
        }
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.flipped)
        paint_tiles(painter, picture, places, theme)
        painter.setFont(theme.font("small"))
        for index, rect in places.items():
            on = self.hovered is not None and self.hovered[0] == index
            if on:
                painter.setPen(QPen(theme.color("accent"), 2))
                painter.drawRect(rect)
            painter.setPen(theme.color("text" if on else "text-3"))
            caption = QRectF(rect.left() - 4, rect.bottom() + 1, rect.width() + 8, _CAPTION)
            words = self.names[index] if index < len(self.names) else str(index + 1)
            painter.drawText(caption, Qt.AlignmentFlag.AlignCenter, words)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        where, found = event.position(), None
        for index, rect in enumerate(self.tiles()):
            if rect.contains(where):
                rows, columns = self.values.shape[:2]
                row = min(rows - 1, int((where.y() - rect.top()) / rect.height() * rows))
                column = min(columns - 1, int((where.x() - rect.left()) / rect.width() * columns))
                found = (index, rows - 1 - row if self.flipped else row, column)
        self._hover(found)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(None)

    def _hover(self, found: tuple[int, int, int] | None) -> None:
        if found != self.hovered:
            self.hovered = found
            self.on_hover()
            self.update()


class MapsView(View):
    """Feature maps of the picked sample, or each neuron over the plane for 2-D data."""

    def __init__(self, session: Session, samples: SampleChoice, parent: QWidget | None = None) -> None:
        super().__init__(session, samples, parent)
        self.canvas = MapsCanvas()
        self.canvas.on_hover = self._show_value
        scroll = QScrollArea(self)
        scroll.setWidget(self.canvas)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.viewport().setAutoFillBackground(False)
        self.canvas.setAutoFillBackground(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)
        self.side = QWidget()
        self.sample_label = QLabel(self.tr("Sample"))
        self.labels = [self.sample_label]
        self.picker = SamplePicker(samples)
        self.value = ScoresBox()
        column = QVBoxLayout(self.side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.sample_label)
        column.addWidget(self.picker)
        column.addSpacing(4)
        column.addWidget(self.value)
        column.addStretch(1)
        self._is_plane = False

    def wish(self, layer: str) -> Watch:
        """The layer for the picked sample, and over the plane."""
        return Watch(nodes=frozenset({layer}), sample=self.samples.index, plane=_PLANE)

    def show_layer(self, snapshot: Snapshot, layer: str) -> str:
        """Draw the layer's maps."""
        entry = next((e for e in layer_entries(self.session) if e.id == layer), None)
        view = snapshot.nodes.get(layer)
        values = sample_values(view, snapshot, entry, self.samples.dataset) if entry is not None else None
        plane = view.plane if view is not None else None
        self._is_plane = plane is not None and plane.ndim == 3
        if self._is_plane:
            assert plane is not None
            # Row 0 of the plane is at the bottom, row 0 of a picture at the top.
            picture = picture_of(plane[::-1], self.theme)
            self.canvas.show_maps(picture, plane, flipped=True)
        elif values is not None:
            if view is not None and view.extras:
                # Such as who looks at whom, which tells more than what comes of it.
                extra, samples = next(iter(view.extras.items()))
                values = samples[0]
                names = self.session.document.graph.node(layer).layer.extra_names(extra)
            else:
                names = self._class_names(layer, values)
            picture = picture_of(values, self.theme)
            self.canvas.names = names
            if values.ndim == 2:
                values = values.T[..., None]
            elif values.ndim == 1 and len(values) > MOST_BARS:
                values = as_block(values)[..., None]
            self.canvas.show_maps(picture, values, flipped=False)
        else:
            return self.tr("This layer's maps show here as soon as the network is complete.")
        self.sample_label.setVisible(not self._is_plane)
        self.picker.setVisible(not self._is_plane)
        self._show_value()
        return ""

    def _class_names(self, layer: str, values: np.ndarray) -> tuple[str, ...]:
        """Names of the classes if the layer is the output that scores them."""
        output, dataset = output_node(self.session.document.graph), self.samples.dataset
        names = dataset.info.classes if dataset is not None else ()
        return names if output is not None and output.id == layer and values.shape == (len(names),) else ()

    def _show_value(self) -> None:
        picture, at = self.canvas.picture, self.canvas.hovered
        if picture is None:
            return
        low, high, name = picture.low, picture.high, picture.lut
        if not picture.maps:
            numbers = picture.values.reshape(-1)
            most = int(numbers.argmax())
            if self.canvas.names:
                words = self.tr("says {0}").format(self.canvas.names[most])
            else:
                words = self.tr("largest: neuron {0}").format(most + 1)
            self.value.show_lines(self.tr("Output"), (words,) if numbers.size > 1 else (), None)
            return
        legend = (low, high, name)
        if at is None:
            self.value.show_lines(self.tr("Values"), (), legend)
            return
        index, row, column = at
        value = float(self.canvas.values[row, column, min(index, self.canvas.values.shape[-1] - 1)])
        if self._is_plane:
            self.value.show_lines(self.tr("Neuron {0}").format(index + 1), (number_text(value),), legend)
        elif picture.values.ndim == 1:
            number = row * self.canvas.values.shape[1] + column + 1
            words = number_text(value) if number <= picture.values.size else "–"
            self.value.show_lines(self.tr("Neuron {0}").format(number), (words,), legend)
        else:
            place = self.tr("row {0}, column {1}: {2}").format(row + 1, column + 1, number_text(value))
            named = self.canvas.names[index] if index < len(self.canvas.names) else ""
            self.value.show_lines(named.capitalize() or self.tr("Map {0}").format(index + 1), (place,), legend)
