"""All actions in one searchable list (Ctrl+Shift+P)."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QAction, QKeySequence, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from studio.gui.menus import Actions
from studio.gui.theme import Theme
from studio.gui.widgets.label import Label

_WIDTH, _HEIGHT = 480, 380
_ACTION = Qt.ItemDataRole.UserRole + 1


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
            item = QListWidgetItem(f"{name}\t{keys}" if keys else name)
            item.setData(_ACTION, action)
            item.setToolTip(action.toolTip())
            if not action.isEnabled():
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)
        enabled = (i for i in range(self.list.count()) if self.list.item(i).flags())
        self.list.setCurrentRow(next(enabled, -1))
        self._nothing.setVisible(self.list.count() == 0)

    def _do(self, item: QListWidgetItem | None) -> None:
        action = item.data(_ACTION) if item is not None else None
        self._leave()
        if isinstance(action, QAction) and action.isEnabled():
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
