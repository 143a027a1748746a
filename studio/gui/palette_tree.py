"""The palette's tree: families and their layers, painted and dragged."""

from __future__ import annotations

import html

from PySide6.QtCore import (
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QDrag, QKeyEvent, QPainter, QPixmap, QStandardItemModel
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QWidget,
)

from studio.core.layer import Layer
from studio.gui.brick_shelf import ShelfEntry
from studio.gui.canvas.drops import BRICK_MIME_TYPE
from studio.gui.theme import Theme

#: A dragged layer: its type name as UTF-8.
MIME_TYPE = "application/x-layer-studio-layer"
TYPE, FAMILY = Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2
_ROW = 29


class _Row(QStyledItemDelegate):
    """Families as a chevron with a word and a count, layers with their icon on its tile."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, round(_ROW * Theme.instance().scale))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        theme, tree = Theme.instance(), self.parent()
        assert isinstance(tree, QTreeView)
        rect = QRectF(4, option.rect.top(), tree.viewport().width() - 8, option.rect.height())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        state = option.state
        current = bool(state & QStyle.StateFlag.State_Selected)
        if current or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("hover"))
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), 5, 5)
        if current and tree.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.color("accent"))
            painter.drawRoundedRect(rect.adjusted(0.5, 1.5, -0.5, -1.5), 5, 5)
        middle = Qt.AlignmentFlag.AlignVCenter
        if index.data(TYPE) is None:
            self._paint_family(painter, theme, rect, str(index.data(FAMILY)), tree.isExpanded(index), index)
        else:
            family = str(index.data(FAMILY))
            tile = QRectF(rect.left() + 13, rect.center().y() - 11, 22, 22)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.family_tint(family))
            painter.drawRoundedRect(tile, 5, 5)
            icon = theme.pixmap(_icon_of(index.data(TYPE)), theme.family(family), 14)
            painter.drawPixmap(tile.adjusted(4, 4, -4, -4), icon, QRectF(icon.rect()))
            painter.setFont(theme.font("tab"))
            painter.setPen(theme.color("text"))
            words = rect.adjusted(44, 0, -4, 0)
            text = painter.fontMetrics().elidedText(
                str(index.data()), Qt.TextElideMode.ElideRight, int(words.width())
            )
            painter.drawText(words, middle, text)
        painter.restore()

    def _paint_family(
        self,
        painter: QPainter,
        theme: Theme,
        rect: QRectF,
        family: str,
        expanded: bool,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        chevron = theme.pixmap("chevron-down" if expanded else "chevron-right", "text-3", 14)
        painter.drawPixmap(QRectF(rect.left() + 5, rect.center().y() - 7, 14, 14), chevron, QRectF(chevron.rect()))
        font = theme.font("tab")
        font.setWeight(font.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(theme.color("text-2"))
        painter.drawText(rect.adjusted(27, 0, -30, 0), middle, str(index.data()))
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text-3"))
        count = index.model().rowCount(index)
        painter.drawText(rect.adjusted(0, 0, -10, 0), middle | Qt.AlignmentFlag.AlignRight, str(count))


class LayerTree(QTreeView):
    """Families and their layers, and a person's bricks; these can be dragged out."""

    #: A layer's type name.
    chosen = Signal(str)
    #: The path of a brick's file.
    brick_chosen = Signal(str)
    #: A `ShelfEntry` whose menu is wanted, and the place on the screen.
    brick_menu_wanted = Signal(object, QPoint)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setModel(QStandardItemModel(self))
        self.setItemDelegate(_Row(self))
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setUniformRowHeights(True)
        self.setExpandsOnDoubleClick(False)
        self.setMouseTracking(True)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setFrameShape(QTreeView.Shape.NoFrame)
        self.setAccessibleName(self.tr("Layers"))
        self.clicked.connect(self._toggle_family)
        self.doubleClicked.connect(self._choose)

    def drawBranches(self, painter, rect, index) -> None:  # type: ignore[no-untyped-def]
        """Nothing: the delegate draws the chevrons."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            index = self.currentIndex()
            if index.data(TYPE) is None:
                self._toggle_family(index)
            else:
                self._choose(index)
            return
        super().keyPressEvent(event)

    def startDrag(self, actions: Qt.DropAction) -> None:
        layer = self.currentIndex().data(TYPE)
        if layer is None:
            return
        data = QMimeData()
        if isinstance(layer, ShelfEntry):
            data.setData(BRICK_MIME_TYPE, str(layer.path).encode())
        else:
            data.setData(MIME_TYPE, layer.type_name().encode())
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.setPixmap(_drag_picture(str(self.currentIndex().data()), str(self.currentIndex().data(FAMILY)), _icon_of(layer)))
        drag.setHotSpot(QPoint(20, 20))
        drag.exec(Qt.DropAction.CopyAction)

    def _toggle_family(self, index: QModelIndex) -> None:
        if index.isValid() and index.data(TYPE) is None:
            self.setExpanded(index, not self.isExpanded(index))

    def _choose(self, index: QModelIndex) -> None:
        layer = index.data(TYPE)
        if isinstance(layer, ShelfEntry):
            self.brick_chosen.emit(str(layer.path))
        elif layer is not None:
            self.chosen.emit(layer.type_name())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        entry = index.data(TYPE)
        if isinstance(entry, ShelfEntry):
            self.setCurrentIndex(index)
            place = self.visualRect(index).center() if by_key else event.pos()
            self.brick_menu_wanted.emit(entry, self.viewport().mapToGlobal(place))
        event.accept()


def _icon_of(entry: type[Layer] | ShelfEntry) -> str:
    return "cube" if isinstance(entry, ShelfEntry) else entry.icon or "layer"


def _drag_picture(name: str, family: str, icon: str) -> QPixmap:
    """What follows the pointer while something is dragged: its tile and name."""
    theme = Theme.instance()
    font = theme.font("node-name")
    pixmap = QPixmap(QSize(180, 40))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(font)
    width = min(178, painter.fontMetrics().horizontalAdvance(name) + 52)
    painter.setPen(theme.color("accent"))
    painter.setBrush(theme.color("node"))
    painter.drawRoundedRect(QRectF(0.5, 0.5, width, 39), 8, 8)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.family_tint(family))
    painter.drawRoundedRect(QRectF(8, 8, 24, 24), 6, 6)
    painter.drawPixmap(12, 12, theme.pixmap(icon, theme.family(family)))
    painter.setPen(theme.color("text"))
    painter.drawText(QRectF(40, 0, width - 44, 40), Qt.AlignmentFlag.AlignVCenter, name)
    painter.end()
    return pixmap


def tip_of(layer: type[Layer]) -> str:
    """What a layer's entry explains on hover."""
    words = f"<b>{layer.type_name()}</b><br>{layer.help}"
    return f"{words}<br><i>{layer.formula.replace('<', '&lt;')}</i>" if layer.formula else words


def tip_of_brick(entry: ShelfEntry) -> str:
    """What a brick's entry explains on hover."""
    layers = ", ".join(n.layer.type_name() for n in entry.brick.graph.nodes)
    lines = [f"<b>{html.escape(entry.name)}</b>", html.escape(layers)]
    if entry.brick.origin:
        lines.append(f"<i>{html.escape(entry.brick.origin)}</i>")
    return "<br>".join(lines)
