"""A button with a menu behind its right edge."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from studio.gui.theme import Theme

_ARROW = 24


class SplitButton(QPushButton):
    """Pressing it does the usual thing; the chevron, or the Down key, opens a menu of variants."""

    def __init__(self, text: str, icon: str, menu: QMenu, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._icon, self._words = icon, text
        self.setAccessibleName(text)
        self._menu = menu
        Theme.instance().changed.connect(self._restyle)
        self._restyle()

    def sizeHint(self) -> QSize:
        return super().sizeHint() + QSize(_ARROW - 6, 0)

    def set_brief(self, brief: bool) -> None:
        """Show the icon alone, where there is little room."""
        words = "" if brief else self._words
        if words != self.text():
            self.setText(words)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def open_menu(self) -> None:
        """Show the variants below the button."""
        self._menu.popup(self.mapToGlobal(QPoint(0, self.height() + 2)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and event.position().x() >= self.width() - _ARROW:
            self.setDown(False)
            self.open_menu()
            return
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Down:
            self.open_menu()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        theme, painter = Theme.instance(), QPainter(self)
        chevron = theme.pixmap("chevron-down", "text-3", 14)
        painter.drawPixmap(QRectF(self.width() - 23, self.height() / 2 - 7, 14, 14), chevron, QRectF(chevron.rect()))

    def _restyle(self) -> None:
        theme = Theme.instance()
        self.setIcon(theme.icon(self._icon, "text"))
        # Leaves the place of the chevron free.
        self.setStyleSheet("QPushButton { padding-right: 26px; text-align: left; }")
