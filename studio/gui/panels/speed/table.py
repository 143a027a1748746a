"""The table of the panel Speed: a line for each node, which opens into its kernels."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QWidget,
)

from studio.gui.panels.speed.summary import OPTIMIZER, WAITING, Line, Roof
from studio.gui.theme import Theme
from studio.gui.widgets import numbers

Index = QModelIndex | QPersistentModelIndex
NAME, TIME, SHARE, BEST, RATE, OPERATIONS, BYTES = range(7)
_NUMBERS = (TIME, BEST, RATE, OPERATIONS, BYTES)
#: Columns that give way in a narrow panel, the first one first, and the width below which they do.
_GIVE_WAY = ((BYTES, 560), (OPERATIONS, 500), (RATE, 400), (BEST, 300))
_ROW = 26


class SpeedModel(QAbstractItemModel):
    """Lines of `summary.lines_of`; kernels are the children of their node."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.lines: tuple[Line, ...] = ()
        self.roof: Roof | None = None
        self._titles = (
            self.tr("Layer"),
            self.tr("Time"),
            self.tr("Share"),
            self.tr("Of best"),
            self.tr("GFLOP/s"),
            self.tr("FLOPs"),
            self.tr("Bytes"),
        )
        self._tips = (
            self.tr("Each layer of the network. Open one to see the kernels, the small programs, that do its work."),
            self.tr("What it takes in one training step: forward, backward and its weights' share of the rest."),
            self.tr("Its share of the whole training step."),
            self.tr(
                "How near it comes to the best that this processor, or the graphics card that trains, "
                "was measured to do, by calculating or by moving numbers."
            ),
            self.tr("Billions of additions and multiplications a second."),
            self.tr("Additions and multiplications in one training step."),
            self.tr("Numbers read from memory and written to it in one training step, in bytes."),
        )
        self._phases = {
            "forward": self.tr("forward"),
            "backward": self.tr("backward"),
            "update": self.tr("update"),
            "waiting": self.tr("waiting"),
        }

    def show(self, lines: tuple[Line, ...], roof: Roof | None) -> bool:
        """Show other numbers; whether the lines are others too, so that all of it was laid out anew."""
        before, self.roof = self.lines, roof
        if _keys(lines) != _keys(before):
            self.beginResetModel()
            self.lines = lines
            self.endResetModel()
            return True
        self.lines = lines
        # Once for all rows: hundreds of kernels would take the view ten milliseconds. It draws what is open anew.
        if lines:
            self.dataChanged.emit(self.index(0, TIME), self.index(len(lines) - 1, self.columnCount() - 1))
        return False

    def line(self, index: Index) -> Line:
        """The line at an index."""
        parent = index.internalId()
        return self.lines[index.row()] if parent == 0 else self.lines[parent - 1].parts[index.row()]

    # What Qt asks -------------------------------------------------------------------------------

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else 0)

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override]
        number = index.internalId() if index.isValid() else 0
        return self.createIndex(number - 1, 0, 0) if number else QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        if not parent.isValid():
            return len(self.lines)
        return len(self.lines[parent.row()].parts) if parent.internalId() == 0 and parent.column() == 0 else 0

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tips[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section in _NUMBERS else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        line, column = self.line(index), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(line, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in _NUMBERS:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ForegroundRole:
            faint = line.phase or not line.is_node
            return Theme.instance().color("text-2" if faint else "text")
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(line)
        if role == Qt.ItemDataRole.UserRole:
            return line.share
        return None

    def _text(self, line: Line, column: int) -> str:
        if column == NAME:
            return f"{self._phases[line.phase]}  {line.name}" if line.phase else line.name
        if column == TIME:
            return numbers.microseconds(line.microseconds)
        if column == SHARE:
            return numbers.share(line.share)
        if column == BEST:
            return numbers.share(line.share_of(self.roof))
        if column == RATE:
            return numbers.three(line.gflops)
        return numbers.amount(line.operations) if column == OPERATIONS else numbers.amount(line.traffic, "B")

    def _tip(self, line: Line) -> str:
        rows = [line.name + self.tr(": double-click to see its text")] if line.phase else [line.name]
        if line.key == WAITING:
            rows.append(self.tr("Threads share a minibatch and wait here until all are done with their part."))
        elif line.key == OPTIMIZER:
            rows.append(self.tr("The optimizer corrects all weights by their gradients."))
        rows.append(self.tr("{0} a step, {1} of it").format(numbers.microseconds(line.microseconds), numbers.share(line.share)))
        if line.operations:
            rows.append(
                self.tr("{0} operations: {1} billion a second").format(numbers.amount(line.operations), numbers.three(line.gflops))
            )
        if line.traffic:
            rows.append(
                self.tr("{0} read and written: {1} GB a second").format(
                    numbers.amount(line.traffic, "B"), numbers.three(line.gigabytes)
                )
            )
        best = line.share_of(self.roof)
        if self.roof is not None and best is not None:
            on_card = self.roof.device == "cuda"
            words = self.tr("{0} of the best this card can do") if on_card else self.tr("{0} of the best this processor can do")
            rows.append(words.format(numbers.share(best)))
        return "\n".join(rows)


def _keys(lines: tuple[Line, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(line.key, line.name, tuple(part.key for part in line.parts)) for line in lines]


class _Bars(QStyledItemDelegate):
    """Draws a share as a bar with its number behind it."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme = Theme.instance()
        rect = QRectF(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("accent-bg"))
        share = float(index.data(Qt.ItemDataRole.UserRole) or 0.0)
        model = index.model()
        assert isinstance(model, SpeedModel)
        line = model.line(index)
        words = theme.font("small")
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(words)
        number = painter.fontMetrics().horizontalAdvance("100 %") + 6
        room = QRectF(rect.left() + 6, rect.center().y() - 3, max(8.0, rect.width() - 12 - number), 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("border"))
        painter.drawRoundedRect(room, 3, 3)
        if share > 0:
            bar = QRectF(room)
            bar.setWidth(max(2.0, room.width() * min(1.0, share)))
            painter.setBrush(theme.color("border-strong" if line.key == WAITING else "accent"))
            painter.drawRoundedRect(bar, min(3.0, bar.width() / 2), 3)
        painter.setPen(theme.color("text-2"))
        where = QRectF(room.right(), rect.top(), number, rect.height())
        painter.drawText(where, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, str(index.data()))
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(96, _ROW)


class SpeedTable(QTreeView):
    """See the module; a click on a node's line selects the node."""

    #: Emitted with a node's id when a person chose its line.
    node_chosen = Signal(str)
    #: Emitted with a node's id, a phase and a kernel's name when a person double-clicked that kernel.
    kernel_chosen = Signal(str, str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = SpeedModel(self)
        self.setModel(self.rows)
        self.setProperty("lines", "true")
        self.setItemDelegateForColumn(SHARE, _Bars(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setIndentation(16)
        self.setExpandsOnDoubleClick(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Time of each layer"))
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setMinimumSectionSize(24)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        self.clicked.connect(self._choose)
        self.activated.connect(self._activate)
        self.restyle()

    def show_lines(self, lines: tuple[Line, ...], roof: Roof | None) -> None:
        """Show other numbers; what is open stays open, and where one has scrolled to stays too."""
        opened = self._opened()
        chosen = self._chosen()
        if self.rows.show(lines, roof):
            for row, line in enumerate(self.rows.lines):
                self.setExpanded(self.rows.index(row, 0), line.key in opened)
            self.show_selection(frozenset({chosen}) if chosen else frozenset())
        self.viewport().update()

    def show_selection(self, nodes: frozenset[str]) -> None:
        """Mark the lines of the selected node, if it is a single one."""
        chosen = self._chosen()
        if len(nodes) == 1 and chosen in nodes:
            return
        selection = self.selectionModel()
        row = next((i for i, line in enumerate(self.rows.lines) if {line.key} == nodes), -1)
        if row < 0:
            selection.clear()
            return
        index = self.rows.index(row, 0)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        selection.setCurrentIndex(index, flags)
        self.scrollTo(index)

    def _opened(self) -> set[str]:
        return {line.key for row, line in enumerate(self.rows.lines) if self.isExpanded(self.rows.index(row, 0))}

    def _chosen(self) -> str:
        indexes = self.selectionModel().selectedRows()
        if not indexes:
            return ""
        index = indexes[0].parent() if indexes[0].parent().isValid() else indexes[0]
        return self.rows.line(index).key

    def _choose(self, index: QModelIndex) -> None:
        top = index.parent() if index.parent().isValid() else index
        line = self.rows.line(top)
        if line.is_node:
            self.node_chosen.emit(line.key)

    def _activate(self, index: QModelIndex) -> None:
        self._choose(index)
        top, line = index.parent(), self.rows.line(index)
        if top.isValid() and self.rows.line(top).is_node:
            self.kernel_chosen.emit(self.rows.line(top).key, line.phase, line.name)

    def restyle(self) -> None:
        """Take colours and fonts from the theme again."""
        theme = Theme.instance()
        self.setFont(theme.font("tab"))
        self.header().setFont(theme.font("small"))
        self._fit_columns()
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Give each column what its numbers take; in a narrow panel some give way."""
        scale = Theme.instance().scale
        metrics, width = self.fontMetrics(), self.viewport().width()
        for column, least in _GIVE_WAY:
            self.setColumnHidden(column, width < least * scale)
        widest = {TIME: "88.8 ms", BEST: "Of best", RATE: "GFLOP/s", OPERATIONS: "88.8 M", BYTES: "88.8 MB"}
        for column, words in widest.items():
            self.setColumnWidth(column, metrics.horizontalAdvance(words) + 16)
        self.setColumnWidth(SHARE, round(max(80 * scale, min(160 * scale, 0.22 * width))))
