"""One of the two groups of tabs below the canvas."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from studio.gui.panels.choices import TabStrip
from studio.gui.theme import Theme
from studio.gui.widgets.fixed import fix


class _Header(QWidget):
    """The tab strip with room for the current panel's own choice at the right."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        fix(self, height=35)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = Theme.instance()
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("dock"))
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), theme.color("border"))


class TabGroup(QWidget):
    """Panels of which one is seen, below a strip with their names."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self.theme.changed.connect(self.update)
        header = _Header(self)
        self.tabs = TabStrip(header)
        self._corner = QStackedWidget(header)
        self._stack = QStackedWidget(self)
        row = QHBoxLayout(header)
        row.setContentsMargins(8, 0, 8, 1)
        row.setSpacing(8)
        row.addWidget(self.tabs)
        row.addStretch(1)
        row.addWidget(self._corner)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(header)
        column.addWidget(self._stack, 1)
        self.tabs.currentChanged.connect(self._show)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """All words of the tabs are to be read where that is possible."""
        self.tabs.fit(self.width() - 24 - self._corner.sizeHint().width())

    def add(self, panel: QWidget, title: str, corner: QWidget | None = None) -> int:
        """Add a panel; `corner` is shown in the header while the panel is."""
        self._stack.addWidget(panel)
        self._corner.addWidget(corner or QWidget())
        return self.tabs.addTab(title)

    def show_panel(self, panel: QWidget) -> None:
        """Bring a panel to the front."""
        self.tabs.setCurrentIndex(self._stack.indexOf(panel))

    def set_title(self, panel: QWidget, title: str) -> None:
        """Name a panel anew."""
        self.tabs.setTabText(self._stack.indexOf(panel), title)
        self.tabs.updateGeometry()

    def set_panel_visible(self, panel: QWidget, visible: bool) -> None:
        """Offer a panel or not; one that is seen and no longer offered gives way to the first."""
        index = self._stack.indexOf(panel)
        if self.tabs.isTabVisible(index) == visible:
            return
        if not visible and self.current is panel:
            self.tabs.setCurrentIndex(0)
        self.tabs.setTabVisible(index, visible)
        self.tabs.updateGeometry()
        self._fit()

    @property
    def current(self) -> QWidget | None:
        """The panel that is seen."""
        return self._stack.currentWidget()

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self.theme.color("dock"))

    def _show(self, index: int) -> None:
        self._stack.setCurrentIndex(index)
        self._corner.setCurrentIndex(index)
