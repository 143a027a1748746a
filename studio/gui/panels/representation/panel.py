"""The Representation tab: a view of the chosen layer, and the choice of layer and view."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from studio.core.document import Document
from studio.engine.commands import Watch
from studio.engine.messages import Snapshot
from studio.gui.live import Live
from studio.gui.panels.class_scores import data_node, output_node
from studio.gui.panels.empty import Switch
from studio.gui.panels.labels import style_label
from studio.gui.panels.panel import Panel
from studio.gui.panels.representation.boundary import BoundaryView
from studio.gui.panels.representation.layer_list import ROW, LayerList, last_hidden, layer_entries
from studio.gui.panels.representation.maps import MapsView
from studio.gui.panels.representation.scatter import ScatterView
from studio.gui.panels.representation.strip import StripView
from studio.gui.panels.representation.view import View
from studio.gui.panels.sample_choice import SampleChoice, SamplePicker
from studio.gui.session import Session

_COLUMN = 168


class RepresentationPanel(Panel):
    """What a layer makes of the data, in several views.

    Parameters
    ----------
    samples : SampleChoice
        Which sample goes through the strip and the maps.
    """

    def __init__(
        self, session: Session, live: Live, samples: SampleChoice, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, live, parent)
        self.samples = samples
        strip = StripView(session, samples)
        self.views: dict[str, View] = {
            "boundary": BoundaryView(session, samples),
            "strip": strip,
            "maps": MapsView(session, samples),
            "pca2": ScatterView(session, samples, space=False),
            "pca3": ScatterView(session, samples, space=True),
        }
        self._words = {
            "boundary": self.tr("Boundary"),
            "strip": self.tr("Layer strip"),
            "maps": self.tr("Feature maps"),
            "pca2": self.tr("PCA 2-D"),
            "pca3": self.tr("PCA 3-D"),
        }
        self._tips = {
            "boundary": self.tr("What the layer answers at every place of the plane, with the samples on it. A click sends a point of your own through the network."),
            "strip": self.tr("One sample on its way through all layers."),
            "maps": self.tr("Every map or neuron of one layer, as large as it fits."),
            "pca2": self.tr("All samples as this layer sees them, turned so that they differ most to the eye."),
            "pca3": self.tr("The same in space: drag to turn it."),
        }
        self.layers = LayerList()
        self.view_choice = QComboBox()
        self.view_choice.setAccessibleName(self.tr("View"))
        self.view_choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.picker = SamplePicker(samples)
        self._sample_label = QLabel(self.tr("Sample"))
        self._view_label = QLabel(self.tr("View"))
        self._layer_label = QLabel(self.tr("Layer"))
        self._stack = QStackedWidget()
        self._sides = QStackedWidget()
        for view in self.views.values():
            self._stack.addWidget(view)
            self._sides.addWidget(view.side)
            view.again = self.refresh
        self._build()
        self._data: tuple[str, object] | None = None
        self.layers.picked.connect(self._pick_layer)
        strip.picked.connect(self._pick_layer)
        self.view_choice.activated.connect(self._take_view)
        #: Whether the layer is still the one that suits the view, since nobody has chosen one.
        self._untouched = True
        samples.chosen.connect(self._follow_sample)
        samples.loaded.connect(self.refresh)
        session.selection_changed.connect(self._follow_selection)
        session.document_changed.connect(self._follow_document)
        session.opened.connect(self._open)
        self._current = "strip"
        self._follow_document()
        self.restyle()

    def _build(self) -> None:
        self._bar = QWidget()
        self._bar_row = QHBoxLayout(self._bar)
        self._bar_row.setContentsMargins(0, 0, 0, 0)
        self._bar_row.setSpacing(8)
        self._bar_row.addStretch(1)
        self._bar_row.addWidget(self._sample_label)
        self._bar_row.addWidget(self.picker)
        self._bar_row.addSpacing(8)
        holder = QWidget()
        self._switch = Switch(self._stack)
        holder.setLayout(self._switch)
        inside = QWidget()
        inside.setAutoFillBackground(False)
        self._column = QScrollArea()
        self._column.setWidget(inside)
        self._column.setWidgetResizable(True)
        self._column.setFrameShape(QFrame.Shape.NoFrame)
        self._column.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._column.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._column.viewport().setAutoFillBackground(False)
        self._column.setFixedWidth(_COLUMN)
        self._column_box = column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 2, 0)
        column.setSpacing(4)
        column.addWidget(self._layer_label)
        column.addWidget(self.layers, 100)
        column.addWidget(self._view_label)
        column.addWidget(self.view_choice)
        self._line = QFrame()
        self._line.setFixedHeight(1)
        column.addSpacing(4)
        column.addWidget(self._line)
        column.addSpacing(2)
        column.addWidget(self._sides, 1)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(14)
        row.addWidget(holder, 1)
        row.addWidget(self._column)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(14, 9, 12, 9)
        outer.setSpacing(6)
        outer.addWidget(self._bar)
        outer.addLayout(row, 1)

    # What is shown --------------------------------------------------------------------------------

    @property
    def view(self) -> View:
        """The view that is seen."""
        return self.views[self._current]

    @property
    def view_key(self) -> str:
        """Key of the view that is seen."""
        return self._current

    def wish(self) -> Watch | None:
        """What the view needs of the chosen layer."""
        layer = self.layers.layer
        return self.view.wish(layer) if layer else None

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Draw the chosen layer."""
        self.samples.follow(snapshot, self.session.document.graph)
        layer = self.layers.layer
        if not layer:
            self._switch.say(self.tr("Add Data and a layer: what the layer makes of the data will show here."))
            return
        if snapshot.status == "preparing" and not snapshot.nodes and snapshot.scatter is None and snapshot.answers is None:
            self._switch.say(self.tr("The network is being prepared: its picture shows here in a moment."))
            return
        words, turns = self.view.show_layer(snapshot, layer), snapshot.turns
        if words and turns is not None and turns.number < len(turns.names) - 1:
            name = self.session.document.graph.node(layer).name
            words = self.tr("Training goes layer by layer: now {0} learns, and {1} has its turn later.")
            words = words.format(turns.names[turns.number], name)
        self._switch.say(words)

    def show_view(self, key: str) -> None:
        """Bring another view to the front."""
        self._current = key
        if self._untouched:
            self.layers.show_layer(self._default())
        strip = key == "strip"
        self._stack.setCurrentWidget(self.view)
        self._sides.setCurrentWidget(self.view.side)
        self.interval = self.view.interval
        for side in (view.side for view in self.views.values()):
            # A stack is as high as its highest page; pages that are not seen shall not count.
            vertical = QSizePolicy.Policy.Preferred if side is self.view.side else QSizePolicy.Policy.Ignored
            side.setSizePolicy(QSizePolicy.Policy.Ignored, vertical)
        self._column.setVisible(self.layers.count() > 0 and not strip)
        self._bar.setVisible(strip)
        # The strip needs the whole width, so its choices stand in a row above it.
        if strip:
            self._bar_row.addWidget(self._view_label)
            self._bar_row.addWidget(self.view_choice)
        else:
            self._column_box.insertWidget(2, self._view_label)
            self._column_box.insertWidget(3, self.view_choice)
        self._view_label.show()
        self.view_choice.show()
        self.view_choice.setMinimumWidth(124)
        index = self.view_choice.findData(key)
        if index >= 0:
            self.view_choice.setCurrentIndex(index)
        self.refresh()

    # Following the document -----------------------------------------------------------------------

    def _follow_sample(self, _index: int) -> None:
        self.refresh()

    def _open(self) -> None:
        """Another document: which layer was looked at in the last one says nothing."""
        self._untouched = True
        self._follow_document()

    def _default(self) -> str:
        """Id of the layer that says most: the answer, or in a projection what the answer is made of."""
        output = output_node(self.session.document.graph)
        if output is None:
            return ""
        return last_hidden(self.session, output.id) if self._current.startswith("pca") else output.id

    def _follow_document(self, _before: Document | None = None, _after: Document | None = None) -> None:
        entries = layer_entries(self.session)
        graph = self.session.document.graph
        self.layers.set_entries(entries, self._default())
        if self._untouched:
            self.layers.show_layer(self._default())
        self.layers.setMinimumHeight(max(1, min(len(entries), 3)) * ROW)
        self.layers.setMaximumHeight(max(1, len(entries)) * ROW)
        self._column.setVisible(bool(entries) and self._current != "strip")
        source = data_node(graph)
        info = self.session.datasets.get(source.id) if source is not None else None
        data = (source.id if source is not None else "", info)
        if data != self._data:
            self._data = data
            plane, shape = getattr(info, "plane", False), getattr(info, "x_shape", ())
            values = getattr(info, "target", "") == "values"
            self._words["boundary"] = self.tr("Surface") if values else self.tr("Boundary")
            self._offer(list(self.views) if plane else list(self.views)[1:])
            self.show_view("boundary" if plane else "strip" if len(shape) == 3 else "pca2")
        else:
            self.refresh()

    def _offer(self, keys: list[str]) -> None:
        self.view_choice.clear()
        for key in keys:
            self.view_choice.addItem(self._words[key], key)
            self.view_choice.setItemData(self.view_choice.count() - 1, self._tips[key], Qt.ItemDataRole.ToolTipRole)

    def _take_view(self, index: int) -> None:
        self.show_view(self.view_choice.itemData(index))

    def _pick_layer(self, layer: str) -> None:
        self._untouched = False
        self.layers.show_layer(layer)
        self.session.select(frozenset({layer}))
        self.refresh()

    def _follow_selection(self, selection: frozenset[str]) -> None:
        if len(selection) == 1:
            (node,) = selection
            if node != self.layers.layer and self.layers.show_layer(node):
                self._untouched = False
                self.refresh()

    # Looks ----------------------------------------------------------------------------------------

    def restyle(self) -> None:
        """Take colours and fonts from the theme again."""
        labels = [self._layer_label, self._view_label, self._sample_label]
        for view in self.views.values():
            labels += view.labels
        for label in labels:
            style_label(label, "small", "text-2")
        self._line.setStyleSheet(f"background: {self.theme.color('border').name()}; border: 0;")
