"""The box that finds a layer by name, at the place where it will go."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from studio.core import registry
from studio.core.layer import Layer
from studio.gui.canvas.layer_search import search_layers
from studio.gui.canvas.style import current_style

_WIDTH, _HEIGHT, _ROW = 300, 336, 36
_LAYER = Qt.ItemDataRole.UserRole + 1


class _Results(QAbstractListModel):
    """Layer types that fit what was typed."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.layers: list[type[Layer]] = []

    def show(self, layers: list[type[Layer]]) -> None:
        self.beginResetModel()
        self.layers = layers
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.layers)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        layer = self.layers[index.row()]
        if role == _LAYER:
            return layer
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{layer.type_name()}, {layer.family}"
        return layer.help if role == Qt.ItemDataRole.ToolTipRole else None


class _Row(QStyledItemDelegate):
    """Icon on its tile, name, and family at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(_WIDTH - 20, _ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        style, layer = current_style(), index.data(_LAYER)
        rect: QRect = option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(style.color("accent-bg" if chosen else "hover"))
            painter.drawRoundedRect(rect.adjusted(2, 1, -2, -1), 6, 6)
        tile = QRect(rect.left() + 8, rect.center().y() - 11, 24, 24)
        painter.setBrush(style.tile(layer.family))
        painter.drawRoundedRect(tile, 6, 6)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(tile.adjusted(4, 4, -4, -4), style.icon(layer.icon, style.family(layer.family)))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(style.fonts["small"])
        painter.setPen(style.color("text-3"))
        painter.drawText(rect.adjusted(0, 0, -12, 0), middle | Qt.AlignmentFlag.AlignRight, layer.family)
        room = rect.width() - 40 - 24 - style.width(layer.family, "small")
        painter.setFont(style.fonts["node-name"])
        painter.setPen(style.color("accent" if chosen else "text"))
        name = style.elided(layer.type_name(), "node-name", room)
        painter.drawText(rect.adjusted(40, 0, 0, 0), middle | Qt.AlignmentFlag.AlignLeft, name)
        painter.restore()


class SearchPopup(QFrame):
    """Type to filter, arrows to choose, Enter to add, Escape to leave."""

    #: Emitted with the type name of the layer a person chose.
    chosen = Signal(str)
    #: Emitted when the box goes away without a choice.
    dismissed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._outer = parent
        self.setObjectName("layer-search")
        self.setAccessibleName(self.tr("Add a layer"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.field = QLineEdit(self)
        self.field.setPlaceholderText(self.tr("Add a layer: type its name"))
        self.field.setAccessibleName(self.tr("Name of the layer to add"))
        self.field.setClearButtonEnabled(True)
        self.list = QListView(self)
        self.list.setAccessibleName(self.tr("Layers found"))
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setStyleSheet("background: transparent;")
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._results = _Results(self)
        self.list.setModel(self._results)
        self.list.setItemDelegate(_Row(self.list))
        self._nothing = QLabel(self.tr("No layer has that name. Try a shorter word."), self)
        self._nothing.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        column.addWidget(self.field)
        column.addWidget(self._nothing)
        column.addWidget(self.list, 1)
        self.field.textChanged.connect(self._filter)
        self.list.clicked.connect(lambda index: self._choose(index.row()))
        self.field.installEventFilter(self)
        self._most = _HEIGHT
        self._fits: Callable[[type[Layer]], bool] = lambda layer: True
        self._suits: Callable[[type[Layer]], bool] = lambda layer: True
        self.hide()

    def open_at(
        self,
        place: QPoint,
        fits: Callable[[type[Layer]], bool] | None = None,
        suits: Callable[[type[Layer]], bool] | None = None,
    ) -> None:
        """Show the box at a place of the parent widget.

        Parameters
        ----------
        place : QPoint
            Where its corner goes, if there is room.
        fits : callable, optional
            Says of a layer class whether it makes sense here; all do if not given.
        suits : callable, optional
            Says whether it takes what there is as it comes; those that do are found first.
        """
        self._fits, self._suits = fits or (lambda layer: True), suits or (lambda layer: True)
        outer = self._outer.rect()
        width, height = min(_WIDTH, outer.width() - 16), min(_HEIGHT, outer.height() - 16)
        x = max(8, min(place.x(), outer.width() - width - 8))
        y = max(8, min(place.y(), outer.height() - height - 8))
        self.setGeometry(x, y, width, height)
        self._most = height
        self.field.clear()
        self._filter("")
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def _filter(self, text: str) -> None:
        found = search_layers((c for c in registry.layers().values() if self._fits(c)), text)
        if text.strip():
            exact = text.strip().lower()
            found.sort(key=lambda c: c.type_name().lower() != exact and not self._suits(c))
        self._results.show(found)
        self._nothing.setVisible(not found)
        self.list.setVisible(bool(found))
        rows = len(found) * _ROW if found else self._nothing.sizeHint().height() + 8
        self.resize(self.width(), min(self._most, rows + self.field.sizeHint().height() + 28))
        if found:
            self.list.setCurrentIndex(self._results.index(0))

    def _choose(self, row: int) -> None:
        if 0 <= row < len(self._results.layers):
            name = self._results.layers[row].type_name()
            self.hide()
            self.chosen.emit(name)

    def dismiss(self) -> None:
        """Go away without a choice."""
        if self.isVisible():
            self.hide()
            self.dismissed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field and event.type() == QEvent.Type.KeyPress:
            assert isinstance(event, QKeyEvent)
            if self._key(event.key()):
                return True
        if watched is self.field and event.type() == QEvent.Type.FocusOut and not self.underMouse():
            self.dismiss()
        return super().eventFilter(watched, event)

    def _key(self, key: int) -> bool:
        row, rows = self.list.currentIndex().row(), self._results.rowCount()
        page = max(1, self.list.height() // _ROW)
        steps: dict[int, int] = {
            Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_Tab: 1, Qt.Key.Key_Backtab: -1,
            Qt.Key.Key_PageDown: page, Qt.Key.Key_PageUp: -page,
        }  # fmt: skip
        if key in steps and rows:
            row = (row + steps[key]) % rows if abs(steps[key]) == 1 else max(0, min(rows - 1, row + steps[key]))
            self.list.setCurrentIndex(self._results.index(row))
            return True
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(row)
            return True
        if key == Qt.Key.Key_Escape:
            self.dismiss()
            return True
        return key in steps

    def paintEvent(self, event: object) -> None:
        style = current_style()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(style.pen("border-strong"))
        painter.setBrush(QColor(style.color("node")))
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 8, 8)
