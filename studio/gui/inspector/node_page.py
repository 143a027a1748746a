"""The inspector's page for one selected node."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from studio import data
from studio.core.dataset import DatasetInfo
from studio.core.document import Document
from studio.core.fields import FieldError
from studio.core.graph import Graph, GraphError, Node
from studio.core.layer import Layer, Loss
from studio.core.loss import ClassLoss
from studio.data.wiring import with_source
from studio.engine.messages import Snapshot
from studio.gui.gesture import Gesture
from studio.gui.inspector.balance import BalanceView
from studio.gui.inspector.class_weights import ClassWeightsEditor, balanced_factors, classes_of
from studio.gui.inspector.editors import Editor, title_of
from studio.gui.inspector.form import Form
from studio.gui.inspector.identity import Identity
from studio.gui.inspector.learning import learning_of, with_learning
from studio.gui.inspector.live_summary import LiveSummary
from studio.gui.inspector.live_tabs import ActivationsTab, GradientsTab, WeightsTab
from studio.gui.inspector.origin_box import OriginBox
from studio.gui.inspector.source_editor import SourceEditor
from studio.gui.live import Live
from studio.gui.session import Session
from studio.gui.theme import Theme
from studio.gui.widgets.fixed import fix
from studio.gui.widgets.label import Label, Rule
from studio.layers.data import Data


class TabRow(QTabBar):
    """The inspector's small tabs, with the accent below the current one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(False)
        self.setAccessibleName(self.tr("Inspector"))
        Theme.instance().changed.connect(self._restyle)
        self._restyle()

    def show_only(self, shown: tuple[bool, ...]) -> None:
        """Show some of the tabs."""
        if shown != tuple(self.isTabVisible(i) for i in range(self.count())):
            for index, visible in enumerate(shown):
                self.setTabVisible(index, visible)
                # Without new text, tabs that were hidden keep the width they had then: none.
                self.setTabText(index, self.tabText(index))

    def _restyle(self) -> None:
        font = Theme.instance().font("small-tab")
        font.setWeight(font.Weight.DemiBold)
        self.setFont(font)
        self.update()

    def tabSizeHint(self, index: int) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.tabText(index)) + 17, round(34 * Theme.instance().scale))

    def minimumTabSizeHint(self, index: int) -> QSize:
        return QSize(30, self.tabSizeHint(index).height())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme.color("border"))
        for index in range(self.count()):
            if not self.isTabVisible(index):
                continue
            rect, current = self.tabRect(index), index == self.currentIndex()
            font = theme.font("small-tab")
            if current:
                font.setWeight(font.Weight.DemiBold)
            painter.setFont(font)
            painter.setPen(theme.color("text" if current else "text-2"))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, self.tabText(index))
            if current:
                painter.fillRect(rect.left(), rect.bottom() - 1, rect.width(), 2, theme.color("accent"))
                if self.hasFocus():
                    painter.setPen(theme.color("accent"))
                    painter.drawRoundedRect(rect.adjusted(1, 5, -2, -5), 4, 4)


class NodePage(QWidget):
    """Identity, then tabs: parameters, weights, activations, gradients; help below all."""

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._live = session, live
        self._node: Node | None = None
        self._gesture = Gesture()
        self.identity = Identity(session)
        self.tabs = TabRow()
        for words in (self.tr("Parameters"), self.tr("Weights"), self.tr("Activations"), self.tr("Gradients")):
            self.tabs.addTab(words)
        self.name = QLineEdit()
        self.name.setAccessibleName(self.tr("Name"))
        self.name.editingFinished.connect(self._rename)
        self.form = Form()
        self.form.edited.connect(self._edit)
        self.learning = Form()
        self.learning.edited.connect(self._edit_learning)
        self.origin = OriginBox(session)
        self.balance = BalanceView(session, live)
        self.summary = LiveSummary(session, live)
        self.weights = WeightsTab(session, live)
        self.activations = ActivationsTab(session, live)
        self.gradients = GradientsTab(session, live)
        self.help = Label("", "body", "text-2", wrap=True)
        self.help_title = Label(self.tr("What it does"), "heading")
        self.source = Label("", "small", "text-3", wrap=True)
        self._pages = _Stack()
        for page in (self._parameters(), self.weights, self.activations, self.gradients):
            self._pages.addWidget(page)
        content = QWidget()
        content.setObjectName("page")
        column = QVBoxLayout(content)
        column.setContentsMargins(12, 12, 12, 16)
        column.setSpacing(12)
        column.addWidget(self._pages)
        column.addWidget(Rule())
        column.addWidget(self.help_title)
        column.addWidget(self.help)
        column.addWidget(self.source)
        column.addStretch(1)
        self.scroll_area = QScrollArea()
        self.scroll_area.setWidgetResizable(True)
        self.scroll_area.setAccessibleName(self.tr("About the layer"))
        self.scroll_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll_area.setWidget(content)
        tabs = QHBoxLayout()
        tabs.setContentsMargins(4, 0, 4, 0)
        tabs.addWidget(self.tabs)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.identity)
        outer.addLayout(tabs)
        outer.addWidget(self.scroll_area, 1)
        self.tabs.currentChanged.connect(self._pages.setCurrentIndex)
        session.document_changed.connect(self._document_changed)
        live.snapshot_taken.connect(self._data_loaded)

    def _parameters(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(7)
        row = QHBoxLayout()
        row.setSpacing(10)
        label = Label(self.tr("Name"), "body", "text-2")
        fix(label, 104)
        label.setBuddy(self.name)
        row.addWidget(label)
        row.addWidget(self.name, 1)
        column.addLayout(row)
        column.addWidget(self.form)
        column.addWidget(self.learning)
        column.addWidget(self.origin)
        column.addSpacing(8)
        column.addWidget(self.balance)
        column.addWidget(self.summary)
        return page

    def show_node(self, node: str) -> None:
        """Show a node of the document."""
        found = self._session.document.graph.node(node)
        other = self._node is None or self._node.id != node
        self._node = found
        inference, layer = self._session.inference, found.layer
        self.identity.show_node(found, inference)
        if not self.name.hasFocus() or other:
            self.name.setText(found.name)
        special = self._special(layer) if self.form.needs_building(layer) else {}
        if other:
            for editor in self.form.editors:
                self.form.refuse(editor, "")
        self.form.show_component(layer, special)
        idle = idle_parameters(layer, self._session.datasets.get(node))
        self.form.hide_rows(idle if self._show_class_weights(found) else idle | {"class_weights"})
        self.help.show_text(layer.help)
        is_data, is_loss = isinstance(layer, Data), isinstance(layer, Loss)
        paper = "" if is_data else layer.source  # of Data it is a parameter
        self.source.show_text(self.tr("From: {source}").format(source=paper) if paper else "")
        self.source.setVisible(bool(paper))
        self.balance.setVisible(is_data)
        computes = not is_loss and layer.family != "Data"
        self.summary.setVisible(computes)
        weights = inference.weights.get(node, ())
        has_weights = bool(weights)
        self.learning.show_component(learning_of(found))
        self.learning.setVisible(any(w.trainable for w in weights))
        self.learning.hide_rows(() if found.trainable else ("learning_rate_multiplier",))
        self.origin.show_nodes([node])
        shown = (True, has_weights, computes, has_weights)
        self.tabs.show_only(shown)
        if not shown[self.tabs.currentIndex()]:
            self.tabs.setCurrentIndex(0)
        self.summary.look_at(node if computes else "")
        self.balance.look_at(node if is_data else "")
        for tab, visible in ((self.weights, has_weights), (self.activations, computes), (self.gradients, has_weights)):
            tab.look_at(node if visible else "")
        if other:
            self.scroll_area.verticalScrollBar().setValue(0)

    def show_unit(self, unit: int) -> None:
        """Mark the weights that feed a neuron."""
        self.summary.show_unit(unit)

    def _special(self, layer: Layer) -> dict[str, Editor]:
        if isinstance(layer, Data):
            field = layer.parameters()["source"]
            return {"source": SourceEditor(field, title_of("source"))}
        if isinstance(layer, ClassLoss):
            field = layer.parameters()["class_weights"]
            return {"class_weights": ClassWeightsEditor(field, title_of("class_weights"))}
        return {}

    def _show_class_weights(self, node: Node) -> bool:
        """Show how much each class counts; whether there is anything to show."""
        loss = node.layer
        if not isinstance(loss, ClassLoss) or loss.class_weight == "none":
            return False
        editor = self.form.editors["class_weights"]
        assert isinstance(editor, ClassWeightsEditor)
        classes, factors = self._classes(node)
        given = loss.class_weight == "given"
        editor.show_classes(classes, given)
        if not given:
            editor.show_value(factors)
        return given or bool(factors)

    def _classes(self, node: Node) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """Names of a loss's classes, and what each would count if all counted alike."""
        session, graph = self._session, self._session.document.graph
        classes = classes_of(node, graph, session.inference, session.datasets)
        return classes, balanced_factors(node, graph, len(classes), self._live.latest.datasets)

    def _with_class_weight(self, node: Node, value: object) -> Graph:
        """Another rule for class weights; numbers of one's own begin as they were, or all alike."""
        loss, graph = node.layer, self._session.document.graph
        assert isinstance(loss, ClassLoss)
        changes: dict[str, object] = {"class_weight": value}
        classes, factors = self._classes(node)
        if value == "given" and len(loss.class_weights) != len(classes):
            changes["class_weights"] = factors if loss.class_weight == "balanced" and factors else (1.0,) * len(classes)
        return graph.set_parameters(node.id, **changes)

    def _data_loaded(self, snapshot: Snapshot) -> None:
        """Balanced weights follow from the data, which may be there only now."""
        node = self._node
        if node is None or not isinstance(node.layer, ClassLoss) or not self.isVisible():
            return
        if node.layer.class_weight == "balanced" and self.form.is_hidden("class_weights") and snapshot.datasets:
            self.show_node(node.id)

    def _document_changed(self, before: Document, after: Document) -> None:
        if self._node is not None and self._node.id in after.graph and self.isVisible():
            self.show_node(self._node.id)

    def _rename(self) -> None:
        node = self._node
        if node is None or node.id not in self._session.document.graph:
            return
        wanted = self.name.text().strip()
        document = self._session.document
        current = document.graph.node(node.id).name
        if wanted and wanted != current:
            graph = document.graph.rename(node.id, wanted)
            self._session.edit(document.with_graph(graph), self.tr("rename {name}").format(name=current))
        self.name.setText(self._session.document.graph.node(node.id).name)

    def _edit(self, name: str, value: object) -> None:
        node = self._node
        document = self._session.document
        if node is None or node.id not in document.graph:
            return
        self.form.refuse(name, "")
        try:
            if name == "class_weight" and isinstance(node.layer, ClassLoss):
                graph = self._with_class_weight(node, value)
            elif name == "source" and isinstance(node.layer, Data):
                graph = with_source(document.graph, node.id, str(value))
            else:
                graph = document.graph.set_parameters(node.id, **{name: value})
        except (FieldError, GraphError) as error:
            self.form.refuse(name, str(error))
            return
        text = self.tr("change {parameter} of {name}").format(parameter=title_of(name).lower(), name=node.name)
        self._session.edit(document.with_graph(graph), text, self._gesture.key(f"{node.id}.{name}"))

    def _edit_learning(self, name: str, value: object) -> None:
        node = self._node
        document = self._session.document
        if node is None or node.id not in document.graph:
            return
        graph = with_learning(document.graph, node.id, name, value)
        if name == "freeze_weights":
            words = self.tr("freeze {name}") if value else self.tr("unfreeze {name}")
            self._session.edit(document.with_graph(graph), words.format(name=node.name))
            return
        text = self.tr("change learning rate of {name}").format(name=node.name)
        self._session.edit(document.with_graph(graph), text, self._gesture.key(f"{node.id}.{name}"))

    def showEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        super().showEvent(event)
        if self._node is not None and self._node.id in self._session.document.graph:
            self.show_node(self._node.id)


def idle_parameters(layer: Layer, info: DatasetInfo | str | None) -> frozenset[str]:
    """Parameters that change nothing, such as the noise of a data set that is not drawn."""
    if not isinstance(layer, Data):
        return layer.idle()
    idle = set()
    drawn = {entry.name for entry in data.catalog() if entry.drawn}
    if layer.source.strip().lower().replace("_", "-") not in drawn:
        idle |= {"samples", "noise"}
    if isinstance(info, DatasetInfo):
        if len(info.x_shape) != 3 and not layer.resize:
            idle.add("resize")
        if not info.classes and not layer.one_hot:
            idle.add("one_hot")
    return frozenset(idle)


class _Stack(QStackedWidget):
    """As tall as its current page, so that a short page does not scroll through emptiness."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.currentChanged.connect(self._fit)

    def _fit(self, index: int) -> None:
        for other in range(self.count()):
            page = self.widget(other)
            assert page is not None
            policy = page.sizePolicy()
            vertical = policy.Policy.Preferred if other == index else policy.Policy.Ignored
            policy.setVerticalPolicy(vertical)
            page.setSizePolicy(policy)
        self.updateGeometry()

    def addWidget(self, widget: QWidget) -> int:
        index = super().addWidget(widget)
        self._fit(self.currentIndex())
        return index

    def sizeHint(self) -> QSize:
        page = self.currentWidget()
        return page.sizeHint() if page is not None else super().sizeHint()

    def minimumSizeHint(self) -> QSize:
        page = self.currentWidget()
        return page.minimumSizeHint() if page is not None else super().minimumSizeHint()

    def hasHeightForWidth(self) -> bool:
        page = self.currentWidget()
        return page is not None and page.hasHeightForWidth()

    def heightForWidth(self, width: int) -> int:
        page = self.currentWidget()
        return page.heightForWidth(width) if page is not None else -1
