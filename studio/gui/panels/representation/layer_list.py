"""The list of layers whose representation can be looked at."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from studio.core.layer import Loss
from studio.core.shapes import Shape, describe
from studio.gui.session import Session
from studio.gui.theme import Theme

_ID = Qt.ItemDataRole.UserRole
_SIZE = Qt.ItemDataRole.UserRole + 1
#: Height of a row in pixels.
ROW = 25


@dataclass(frozen=True)
class LayerEntry:
    """A node whose output can be shown."""

    id: str
    name: str
    shape: Shape
    family: str
    icon: str

    @property
    def size_text(self) -> str:
        """``8-D`` for a vector, ``8 x 8 x 16`` for pictures."""
        return f"{self.shape[0]}-D" if len(self.shape) == 1 else describe(self.shape)


def layer_entries(session: Session) -> list[LayerEntry]:
    """All nodes with an output, in the order data flow through them; losses have none."""
    graph, shapes = session.document.graph, session.inference.shapes
    return [
        LayerEntry(n.id, n.name, shapes[n.id][0], n.layer.family, n.layer.icon)
        for n in (graph.node(i) for i in graph.order)
        if n.id in shapes and n.layer.outputs and not isinstance(n.layer, Loss)
    ]


def last_hidden(session: Session, output: str) -> str:
    """Id of the last layer that learns before the answering one: its numbers say more; else the output's id."""
    graph, weights = session.document.graph, session.inference.weights
    node, learning = output, 0
    while node:
        learning += bool(weights.get(node))
        if learning == 2:
            return node
        node = next((wire.source for wire in graph.incoming(node) if wire.target_port == 0), "")
    return output


class _Rows(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(80, ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        theme = Theme.instance()
        rect = QRectF(option.rect).adjusted(0, 1, 0, -1)  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if chosen or state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(theme.color("accent-bg" if chosen else "hover"))
            painter.drawRoundedRect(rect, 5, 5)
        if chosen and state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.color("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        small = theme.font("small")
        size_text = index.data(_SIZE)
        size_width = QFontMetricsF(small).horizontalAdvance(size_text)
        font = theme.font("tab")
        if chosen:
            font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(theme.color("accent" if chosen else "text"))
        words = rect.adjusted(8, 0, -size_width - 14, 0)
        name = painter.fontMetrics().elidedText(index.data(), Qt.TextElideMode.ElideRight, int(words.width()))
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, name)
        painter.setFont(small)
        painter.setPen(theme.color("accent" if chosen else "text-3"))
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(rect.adjusted(0, 0, -8, 0), right, size_text)
        painter.restore()


class LayerList(QListWidget):
    """Names and sizes of the layers; the mouse and the arrow keys choose one."""

    #: Emitted with the node's id when a person chose a layer.
    picked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setItemDelegate(_Rows(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setAccessibleName(self.tr("Layers"))
        self.setStyleSheet("QListWidget { background: transparent; border: none; padding: 0; outline: 0; }")
        self._entries: list[LayerEntry] = []
        self.currentItemChanged.connect(self._tell)
        Theme.instance().changed.connect(self.viewport().update)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.currentItem() is not None:
            self.scrollToItem(self.currentItem())

    @property
    def layer(self) -> str:
        """Id of the chosen layer; empty when there is none."""
        item = self.currentItem()
        return str(item.data(_ID)) if item is not None else ""

    def set_entries(self, entries: list[LayerEntry], default: str) -> None:
        """Show these layers; the chosen one stays chosen if it is among them, else `default` is."""
        if entries == self._entries:
            return
        before = self.layer
        self._entries = entries
        self.blockSignals(True)
        self.clear()
        for entry in entries:
            item = QListWidgetItem(entry.name)
            item.setData(_ID, entry.id)
            item.setData(_SIZE, entry.size_text)
            item.setToolTip(f"{entry.name}  {describe(entry.shape)}")
            self.addItem(item)
        self.blockSignals(False)
        ids = [e.id for e in entries]
        self.show_layer(before if before in ids else default if default in ids else ids[-1] if ids else "")

    def show_layer(self, layer: str) -> bool:
        """Mark a layer as chosen without telling anybody; False if it is not in the list."""
        for row in range(self.count()):
            if self.item(row).data(_ID) == layer:
                self.blockSignals(True)
                self.setCurrentRow(row)
                self.blockSignals(False)
                self.viewport().update()
                return True
        return False

    def _tell(self, current: QListWidgetItem | None, _before: QListWidgetItem | None) -> None:
        if current is not None:
            self.picked.emit(current.data(_ID))
