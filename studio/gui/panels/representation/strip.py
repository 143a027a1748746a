"""One sample on its way through all layers, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFont,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QScrollArea, QToolTip, QVBoxLayout, QWidget

from studio.core.dataset import Dataset
from studio.core.shapes import describe
from studio.core.vocabulary import text_of
from studio.engine.commands import Watch
from studio.engine.messages import NodeView, Snapshot
from studio.gui.panels.class_scores import class_numbers, class_scores, one_class_each, output_node
from studio.gui.panels.representation.activation_picture import (
    MOST_BARS,
    ActivationPicture,
    bar_rows,
    paint_bar_names,
    paint_bars,
    paint_number,
    paint_tiles,
    picture_of,
    tile_rects,
)
from studio.gui.panels.representation.layer_list import LayerEntry, layer_entries
from studio.gui.panels.representation.view import View
from studio.gui.panels.sample_choice import SampleChoice
from studio.gui.session import Session
from studio.gui.theme import Theme

_NARROWEST, _WIDEST, _HEADER, _FOOTER = 84, 150, 30, 20
#: A column shows this many maps; the rest is in the view of one layer's maps.
_MOST_MAPS = 8


class StripCanvas(QWidget):
    """Columns of layers; a click or the arrow keys choose one."""

    #: Emitted with the node's id when a person chose a column.
    picked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self.entries: list[LayerEntry] = []
        self.pictures: dict[str, ActivationPicture] = {}
        self.layer = ""
        self.class_names: tuple[str, ...] = ()
        #: The sample as words, by layers that hold words.
        self.texts: dict[str, str] = {}
        self.output = ""
        self.verdict = ""
        self.wrong = False
        self._hovered = -1
        self._ground: tuple[object, QPixmap] | None = None
        self.on_resize: Callable[[], None] = self.update
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def minimumSizeHint(self) -> QSize:
        return QSize(_NARROWEST * max(1, len(self.entries)), 150)

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.on_resize()

    def column(self, index: int) -> QRectF:
        """Where a layer's column is, in the widget's pixels."""
        count = max(1, len(self.entries))
        width = min(_WIDEST, self.width() / count)
        left = (self.width() - width * count) / 2
        return QRectF(left + index * width, 0, width, self.height())

    def _column_at(self, x: float) -> int:
        return next((i for i in range(len(self.entries)) if self.column(i).left() <= x < self.column(i).right()), -1)

    # Painting -------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._ground_now())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        exposed = QRectF(event.rect())
        for index, entry in enumerate(self.entries):
            rect, picture = self.column(index), self.pictures.get(entry.id)
            if picture is not None and rect.intersects(exposed):
                self._paint_body(painter, entry, picture, _body(rect))

    def _ground_now(self) -> QPixmap:
        """All that stays from one snapshot to the next, painted again only where it changed."""
        columns = tuple(self._column_key(i, entry) for i, entry in enumerate(self.entries))
        focus, ratio, theme = self.hasFocus(), self.devicePixelRatioF(), self.theme
        wanted = (self.width(), self.height(), columns, focus, ratio, theme.dark, theme.scale)
        if self._ground is None or self._ground[0] != wanted:
            picture = QPixmap(max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio)))
            picture.setDevicePixelRatio(ratio)
            picture.fill(theme.color("dock"))
            painter = QPainter(picture)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for index, entry in enumerate(self.entries):
                self._paint_column(painter, entry, self.column(index), index == self._hovered)
            painter.end()
            self._ground = wanted, picture
        return self._ground[1]

    def _column_key(self, index: int, entry: LayerEntry) -> tuple[object, ...]:
        """All that the unchanging part of a column depends on."""
        return entry, entry.id == self.layer, index == self._hovered, self._footer(entry), self._bars(entry)

    def _footer(self, entry: LayerEntry) -> tuple[str, str]:
        """Words below a column, and the token of their colour."""
        if entry.id == self.output and self.verdict:
            return self.verdict, "error" if self.wrong else "ok"
        picture = self.pictures.get(entry.id)
        if picture is not None and picture.values.ndim == 3 and picture.values.shape[2] > picture.maps:
            return self.tr("{0} of {1} maps").format(picture.maps, picture.values.shape[2]), "text-3"
        return entry.size_text, "text-3"

    def _bars(self, entry: LayerEntry) -> tuple[tuple[str, ...], int] | None:
        """Names of a short vector's bars and the row to stress; None for other layers."""
        picture = self.pictures.get(entry.id)
        values = picture.values if picture is not None else None
        if values is None or values.ndim != 1 or not 1 < len(values) <= MOST_BARS or entry.id in self.texts:
            return None
        if entry.id == self.output and len(values) == len(self.class_names):
            return self.class_names, int(values.argmax())
        return tuple(str(i + 1) for i in range(len(values))), -1

    def _paint_column(self, painter: QPainter, entry: LayerEntry, rect: QRectF, hovered: bool) -> None:
        theme, chosen = self.theme, entry.id == self.layer
        if chosen or hovered:
            painter.setPen(QPen(theme.color("accent"), 2) if chosen and self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent-bg" if chosen else "hover"))
            painter.drawRoundedRect(rect.adjusted(3, 1, -3, -1), 8, 8)
        font = theme.font("tab")
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        words = metrics.elidedText(entry.name, Qt.TextElideMode.ElideRight, int(rect.width()) - 30)
        left = rect.center().x() - (metrics.horizontalAdvance(words) + 20) / 2
        icon = theme.pixmap(entry.icon or "layer", theme.family(entry.family), 15)
        painter.drawPixmap(QPointF(left, rect.top() + 8), icon)
        painter.setPen(theme.color("text"))
        header = QRectF(left + 20, rect.top(), rect.width(), _HEADER)
        painter.drawText(header, Qt.AlignmentFlag.AlignVCenter, words)
        bars = self._bars(entry)
        if bars is not None:
            names, strong = bars
            paint_bar_names(painter, names, bar_rows(names, _body(rect), theme), theme, strong)
        footer = QRectF(rect.left() + 4, rect.bottom() - _FOOTER - 1, rect.width() - 8, _FOOTER)
        words, colour = self._footer(entry)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color(colour))
        words = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(footer.width()))
        painter.drawText(footer, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_body(self, painter: QPainter, entry: LayerEntry, picture: ActivationPicture, body: QRectF) -> None:
        """Paint what a column holds of the snapshot."""
        bars = self._bars(entry)
        if entry.id in self.texts:
            painter.setFont(self.theme.font("small"))
            painter.setPen(self.theme.color("text"))
            wrapping = Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextWrapAnywhere
            painter.drawText(body, int(Qt.AlignmentFlag.AlignCenter | wrapping), self.texts[entry.id])
        elif bars is not None:
            paint_bars(painter, picture.values, bar_rows(bars[0], body, self.theme), self.theme)
        elif picture.values.size == 1 and picture.values.ndim <= 1:
            paint_number(painter, float(picture.values.reshape(-1)[0]), body, self.theme)
        elif picture.maps:
            columns = 1 if picture.maps == 1 else 2
            # A single tile as wide as the column would dwarf the maps beside it.
            area = body if picture.maps > 1 else body.adjusted(2, 0, -2, 0)
            places = tile_rects(picture.maps, area, columns, 4, picture.aspect)
            paint_tiles(painter, picture, dict(enumerate(places)), self.theme)

    # Mouse and keys -------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._column_at(event.position().x()))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(-1)

    def _hover(self, column: int) -> None:
        if column != self._hovered:
            self._hovered = column
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        column = self._column_at(event.position().x())
        if column >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(self.entries[column].id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        move = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if move is None or not self.entries:
            super().keyPressEvent(event)
            return
        ids = [e.id for e in self.entries]
        now = ids.index(self.layer) if self.layer in ids else 0
        self.picked.emit(ids[max(0, min(len(ids) - 1, now + move))])

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            column = self._column_at(event.pos().x())
            if column >= 0:
                entry = self.entries[column]
                QToolTip.showText(event.globalPos(), f"{entry.name}  {describe(entry.shape)}", self)
                return True
        return super().event(event)


def _body(column: QRectF) -> QRectF:
    """The part of a column between its name and its footer."""
    return column.adjusted(11, _HEADER + 2, -11, -_FOOTER - 2)


class StripView(View):
    """The layer strip: the picked sample as every layer sees it."""

    #: Emitted with the node's id when a person chose a column.
    picked = Signal(str)

    def __init__(self, session: Session, samples: SampleChoice, parent: QWidget | None = None) -> None:
        super().__init__(session, samples, parent)
        self.canvas = StripCanvas()
        self.canvas.setAccessibleName(self.tr("The sample at each layer"))
        self.canvas.picked.connect(self.picked)
        self.canvas.on_resize = lambda: self._reveal(self.canvas.layer)
        self.area = QScrollArea(self)
        self.area.setWidget(self.canvas)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.viewport().setAutoFillBackground(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.area)

    def wish(self, layer: str) -> Watch:
        """The columns that can be seen, for the picked sample."""
        seen = self._seen()
        output = output_node(self.session.document.graph)
        return Watch(nodes=frozenset(seen | ({output.id} if output else set())), sample=self.samples.index)

    def _seen(self) -> set[str]:
        left = self.area.horizontalScrollBar().value()
        right = left + self.area.viewport().width()
        canvas = self.canvas
        entries = layer_entries(self.session)
        if len(entries) != len(canvas.entries):
            return {e.id for e in entries}
        return {
            e.id
            for i, e in enumerate(entries)
            if canvas.column(i).right() >= left and canvas.column(i).left() <= right
        }

    def show_layer(self, snapshot: Snapshot, layer: str) -> str:
        """Draw all layers for the picked sample, `layer` highlighted."""
        canvas = self.canvas
        entries = layer_entries(self.session)
        if not entries:
            return self.tr("Add Data and a few layers: each layer's picture of a sample will stand here side by side.")
        pictures, texts = {}, {}
        words = self.session.inference.words
        for entry in entries:
            values = sample_values(snapshot.nodes.get(entry.id), snapshot, entry, self.samples.dataset)
            if values is not None:
                pictures[entry.id] = picture_of(values, self.theme, _MOST_MAPS)
                if (entry.id, 0) in words and values.ndim == 1:
                    texts[entry.id] = text_of(values, words[entry.id, 0])
        if not pictures:
            return self.tr("Each layer's picture of the sample shows here as soon as the network is complete.")
        if [e.id for e in entries] != [e.id for e in canvas.entries]:
            canvas.entries = entries
            canvas.updateGeometry()
        canvas.entries = entries
        canvas.pictures, canvas.texts = pictures, texts
        if layer != canvas.layer:
            canvas.layer = layer
            self._reveal(layer)
        dataset = self.samples.dataset
        canvas.class_names = dataset.info.classes if dataset is not None else ()
        output = output_node(self.session.document.graph)
        canvas.output = output.id if output else ""
        canvas.verdict, canvas.wrong = self._verdict(pictures.get(canvas.output))
        canvas.update()
        return ""

    def _verdict(self, picture: ActivationPicture | None) -> tuple[str, bool]:
        dataset, index = self.samples.dataset, self.samples.index
        beyond = index >= len(dataset.validation) and not self.samples.is_own if dataset is not None else True
        if picture is None or dataset is None or len(dataset.info.classes) < 2 or beyond:
            return "", False
        names = dataset.info.classes
        if not one_class_each(dataset.info):
            words = self.session.inference.answer_words(self.session.document.graph, self.canvas.output)
            if not words or picture.values.ndim != 2:
                return "", False
            return self.tr("says {0}").format(text_of(picture.values[:, : len(words)].argmax(-1), words)), False
        if picture.values.ndim != 1 or picture.values.size not in {len(names), 1}:
            return "", False
        answer = int(class_scores(picture.values, len(names)).argmax())
        if self.samples.is_own:
            return self.tr("says {0}").format(names[answer]), False
        truth = int(class_numbers(dataset.validation.y[index : index + 1], len(names))[0])
        if answer == truth:
            return self.tr("says {0}").format(names[answer]), False
        return self.tr("says {0}, is {1}").format(names[answer], names[truth]), True

    def _reveal(self, layer: str) -> None:
        ids = [e.id for e in self.canvas.entries]
        if layer in ids:
            middle = self.canvas.column(ids.index(layer)).center()
            self.area.ensureVisible(round(middle.x()), 0, _WIDEST // 2, 0)


def sample_values(
    view: NodeView | None, snapshot: Snapshot, entry: LayerEntry, dataset: Dataset | None
) -> np.ndarray | None:
    """The layer's activations for the picked sample, float32 in the layer's shape.

    The Data node's own picture is shown as the data came, before standardisation.
    """
    if entry.family == "Data" and dataset is not None and snapshot.probe_x is not None and len(snapshot.probe_x):
        probe = snapshot.probe_x[0]
        # Just after an edit the snapshot may still be of other data.
        if probe.size == math.prod(entry.shape):
            return np.asarray(probe * dataset.x_scale + dataset.x_mean, np.float32).reshape(entry.shape)
        return None
    if view is not None and view.activations is not None and len(view.activations):
        return np.asarray(view.activations[0], np.float32)
    return None
