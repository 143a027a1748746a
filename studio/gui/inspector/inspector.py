"""The inspector: the page that fits the selection."""

from __future__ import annotations

from PySide6.QtCore import QSettings, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from studio.core.document import Document
from studio.gui.inspector.facts import Facts
from studio.gui.inspector.node_page import NodePage
from studio.gui.inspector.training_page import TrainingPage
from studio.gui.live import Live
from studio.gui.session import Session
from studio.gui.theme import Theme
from studio.gui.widgets import numbers
from studio.gui.widgets.label import Label


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
        self.many = _Many(session)
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


class _Many(QWidget):
    """What several selected nodes are together."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._title = Label("", "inspector-title")
        self._facts = Facts()
        hint = self.tr("Align and arrange them in the Graph menu, or select one to see what is inside it.")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 14, 12, 12)
        column.setSpacing(10)
        column.addWidget(self._title)
        column.addWidget(self._facts)
        column.addWidget(Label(hint, "body", "text-3", wrap=True))
        column.addStretch(1)
        column.setAlignment(Qt.AlignmentFlag.AlignTop)

    def show_nodes(self, nodes: frozenset[str]) -> None:
        graph, inference = self._session.document.graph, self._session.inference
        self._title.show_text(self.tr("{count} layers selected").format(count=len(nodes)))
        rows = []
        for node in (n for n in graph.nodes if n.id in nodes):
            count = inference.parameters(node.id)
            rows.append((node.name, numbers.grouped(count) if count else "–"))
        total = sum(inference.parameters(n) for n in nodes)
        self._facts.show_rows(*rows[:20], (self.tr("Parameters together"), numbers.grouped(total)))
