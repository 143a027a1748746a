"""A dock with the design's header: 32 px, the title at the left, buttons at the right."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QToolButton, QWidget

from studio.gui.theme import Theme
from studio.gui.widgets.fixed import fix
from studio.gui.widgets.label import Label

_HEADER = 32


class DockHeader(QWidget):
    """Title and buttons; the rest of it drags the dock."""

    def __init__(self, title: str, dock: QDockWidget) -> None:
        super().__init__(dock)
        fix(self, height=_HEADER)
        self.title = Label(title, "node-name", "text-2")
        self._buttons: list[tuple[QToolButton, str]] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 0, 6, 1)
        self._row.setSpacing(2)
        self._row.addWidget(self.title)
        self._row.addStretch(1)
        Theme.instance().changed.connect(self._restyle)

    def add_button(self, icon: str, words: str) -> QToolButton:
        """A small button at the right."""
        button = QToolButton(self)
        button.setFixedSize(22, 22)
        button.setIconSize(QSize(14, 14))
        button.setToolTip(words)
        button.setAccessibleName(words)
        self._buttons.append((button, icon))
        self._row.addWidget(button)
        self._restyle()
        return button

    def set_icon(self, button: QToolButton, icon: str) -> None:
        """Give a button another icon."""
        self._buttons = [(b, icon if b is button else i) for b, i in self._buttons]
        self._restyle()

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.height())

    def minimumSizeHint(self) -> QSize:
        # The dock's layout asks this, not the fixed height.
        return QSize(40, self.height())

    def _restyle(self) -> None:
        for button, icon in self._buttons:
            button.setIcon(Theme.instance().icon(icon, "text-3", 14))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.fillRect(self.rect(), theme.color("dock"))
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme.color("border"))


class Dock(QDockWidget):
    """A dock that can be moved, floated, hidden and restored.

    Parameters
    ----------
    key : str
        Name under which the layout is remembered.
    title : str
        For its header and the View menu.
    content : QWidget
    header : bool
        Whether it has a header; without one it is moved through the View menu only.
    """

    def __init__(self, key: str, title: str, content: QWidget, header: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self.setObjectName(key)
        self.setWidget(content)
        self.header: DockHeader | None = None
        if header:
            self.header = DockHeader(title, self)
            self.setTitleBarWidget(self.header)
            self.header.add_button("close", self.tr("Hide (View brings it back)")).clicked.connect(self.close)
        else:
            self.setTitleBarWidget(QWidget(self))
        self.setAllowedAreas(Qt.DockWidgetArea.AllDockWidgetAreas)
