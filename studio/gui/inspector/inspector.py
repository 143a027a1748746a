"""The inspector: the page that fits the selection."""

from __future__ import annotations

from PySide6.QtCore import QSettings, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from studio.core.document import Document
from studio.gui.inspector.many_page import ManyPage
from studio.gui.inspector.node_page import NodePage
from studio.gui.inspector.training_page import TrainingPage
from studio.gui.live import Live
from studio.gui.session import Session
from studio.gui.theme import Theme


class Inspector(QStackedWidget):
    """Training settings for no selection, one node's page, or a summary of several.

    Parameters
    ----------
    session, live
        The document and the snapshots.
    settings : QSettings
        Remembers the tab.
    """

    def __init__(self, session: Session, live: Live, settings: QSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setMinimumWidth(280)
        self.setAccessibleName(self.tr("Inspector"))
        self.training = TrainingPage(session, live)
        self.node = NodePage(session, live)
        self.many = ManyPage(session)
        for page in (self.training, self.node, self.many):
            self.addWidget(page)
        self.node.tabs.setCurrentIndex(int(settings.value("inspector/tab", 0, int)))  # type: ignore[call-overload]
        self.node.tabs.currentChanged.connect(lambda index: settings.setValue("inspector/tab", index))
        session.selection_changed.connect(self._show_selection)
        session.document_changed.connect(self._document_changed)
        Theme.instance().changed.connect(self.update)
        self._show_selection(session.selection)

    def sizeHint(self) -> QSize:
        return QSize(336, 400)

    def show_unit(self, node: str, unit: int) -> None:
        """Mark the weights that feed a neuron of the selected node."""
        if self._session.selection == frozenset({node}):
            self.node.show_unit(unit)

    def _show_selection(self, selection: frozenset[str]) -> None:
        if not selection:
            self.setCurrentWidget(self.training)
        elif len(selection) == 1:
            self.node.show_node(next(iter(selection)))
            self.setCurrentWidget(self.node)
        else:
            self.many.show_nodes(selection)
            self.setCurrentWidget(self.many)

    def _document_changed(self, before: Document, after: Document) -> None:
        if self.currentWidget() is self.many:
            self.many.show_nodes(frozenset(n for n in self._session.selection if n in after.graph))

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), Theme.instance().color("dock"))
