"""All actions in one searchable list (Ctrl+Shift+P)."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QKeySequence, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from studio.gui.menus import Actions
from studio.gui.theme import Theme
from studio.gui.widgets.label import Label

_WIDTH, _HEIGHT = 480, 380
_ACTION, _KEYS = Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2
_ROW = 30


class _Row(QStyledItemDelegate):
    """The command at the left, its keys at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(200, round(_ROW * Theme.instance().scale))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        theme, rect = Theme.instance(), QRectF(option.rect)
        enabled = bool(index.flags() & Qt.ItemFlag.ItemIsEnabled)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        current = bool(option.state & QStyle.StateFlag.State_Selected)
        if enabled and (current or option.state & QStyle.StateFlag.State_MouseOver):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent-bg" if current else "hover"))
            painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 5, 5)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font("body"))
        painter.setPen(theme.color("text" if enabled else "text-3"))
        painter.drawText(rect.adjusted(10, 0, -120, 0), middle, str(index.data()))
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text-3"))
        painter.drawText(rect.adjusted(0, 0, -10, 0), middle | Qt.AlignmentFlag.AlignRight, str(index.data(_KEYS)))
        painter.restore()


class CommandPalette(QFrame):
    """Type to filter, arrows to choose, Enter to do it, Escape to leave."""

    def __init__(self, actions: Actions, window: QWidget) -> None:
        super().__init__(window)
        self._actions = actions
        self._before: QWidget | None = None
        self.setAccessibleName(self.tr("Commands"))
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("What do you want to do?"))
        self.field.setAccessibleName(self.tr("Search commands"))
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Commands found"))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setItemDelegate(_Row(self.list))
        self.list.setProperty("floating", True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._nothing = Label(self.tr("No command has that name."), "body", "text-3")
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 10)
        column.setSpacing(8)
        column.addWidget(self.field)
        column.addWidget(self._nothing)
        column.addWidget(self.list, 1)
        self.field.textChanged.connect(self._filter)
        self.field.installEventFilter(self)
        self.list.itemClicked.connect(self._do)
        Theme.instance().changed.connect(self.update)
        self.hide()

    def open(self) -> None:
        """Show all commands, ready for typing."""
        window = self.parentWidget()
        assert window is not None
        self._before = window.focusWidget()
        width, height = min(_WIDTH, window.width() - 40), min(_HEIGHT, window.height() - 120)
        self.setGeometry((window.width() - width) // 2, 84, width, height)
        self.field.clear()
        self._filter("")
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        self.list.clear()
        for name, action in sorted(self._actions.listed(), key=lambda pair: pair[0].lower()):
            if not all(word in name.lower() for word in words):
                continue
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            item = QListWidgetItem(name)
            item.setData(_ACTION, action)
            item.setData(_KEYS, keys)
            item.setToolTip(action.toolTip())
            if not _can(action):
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)
        enabled = (i for i in range(self.list.count()) if self.list.item(i).flags())
        self.list.setCurrentRow(next(enabled, -1))
        self._nothing.setVisible(self.list.count() == 0)

    def _do(self, item: QListWidgetItem | None) -> None:
        action = item.data(_ACTION) if item is not None else None
        self._leave()
        if isinstance(action, QAction) and _can(action):
            action.trigger()

    def _leave(self) -> None:
        self.hide()
        if self._before is not None and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self._before = None

    def eventFilter(self, watched, event) -> bool:  # type: ignore[no-untyped-def]
        if watched is self.field and event.type() == QEvent.Type.KeyPress:
            key, row, rows = event.key(), self.list.currentRow(), self.list.count()
            if key in (Qt.Key.Key_Down, Qt.Key.Key_Up) and rows:
                step = 1 if key == Qt.Key.Key_Down else -1
                for offset in range(1, rows + 1):
                    other = (row + step * offset) % rows
                    if self.list.item(other).flags():
                        self.list.setCurrentRow(other)
                        break
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._do(self.list.currentItem())
                return True
            if key == Qt.Key.Key_Escape:
                self._leave()
                return True
        if watched is self.field and event.type() == QEvent.Type.FocusOut and not self.underMouse():
            self.hide()
        return bool(super().eventFilter(watched, event))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("border-strong"), 1))
        painter.setBrush(theme.color("node"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)


def _can(action: QAction) -> bool:
    """Whether an action can be done now; one of a part that is not in use cannot."""
    owner = action.parent()
    return action.isEnabled() and (not isinstance(owner, QWidget) or owner.isEnabled())
