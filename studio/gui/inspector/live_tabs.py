"""The inspector's live tabs: weights, activations and gradients of one node."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from studio.engine.commands import Watch
from studio.engine.messages import NodeView, Snapshot
from studio.gui.inspector.array_view import ArrayView
from studio.gui.live import Live
from studio.gui.panels.panel import Panel
from studio.gui.session import Session
from studio.gui.widgets.label import Label
from studio.gui.widgets.tiles import activation_tiles, weight_tiles


class LiveTab(Panel):
    """Arrays of the node that is looked at; a list to choose from where there are several."""

    interval = 0.2
    #: What a person reads while there is nothing to show.
    nothing = ""

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(session, live, parent)
        self.node = ""
        self.choice = QComboBox()
        self.choice.setAccessibleName(self.tr("Which numbers"))
        self.choice.activated.connect(self.refresh)
        self.view = ArrayView()
        self.empty = Label(self.nothing, "body", "text-3", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        row = QHBoxLayout()
        row.addWidget(self.choice)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.empty)
        column.addWidget(self.view)

    def look_at(self, node: str) -> None:
        """Show another node."""
        self.node = node
        self.refresh()

    def arrays(self, view: NodeView) -> Mapping[str, np.ndarray]:
        """The arrays to choose from."""
        raise TypeError(f"{type(self).__name__} shows nothing.")

    def show_snapshot(self, snapshot: Snapshot) -> None:
        view = snapshot.nodes.get(self.node)
        arrays = self.arrays(view) if view is not None else {}
        arrays = {name: values for name, values in arrays.items() if values.size}
        self.empty.setVisible(not arrays)
        self.view.setVisible(bool(arrays))
        self.choice.setVisible(len(arrays) > 1)
        if not arrays:
            return
        if [self.choice.itemText(i) for i in range(self.choice.count())] != list(arrays):
            self.choice.clear()
            self.choice.addItems(list(arrays))
        name = self.choice.currentText() or next(iter(arrays))
        self.show_array(name, arrays[name])

    def show_array(self, name: str, values: np.ndarray) -> None:
        """Show the chosen array."""
        self.view.show_array(values, weight_tiles(values))


class WeightsTab(LiveTab):
    """Weights as they are now."""

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        self.nothing = self.tr("The weights appear as soon as the network is ready to train.")
        super().__init__(session, live, parent)

    def wish(self) -> Watch | None:
        return Watch(details=frozenset({self.node}), nodes=frozenset({self.node})) if self.node else None

    def arrays(self, view: NodeView) -> Mapping[str, np.ndarray]:
        return view.weights


class GradientsTab(WeightsTab):
    """Gradients of the last minibatch."""

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(session, live, parent)
        self.empty.setText(self.tr("Gradients say how each weight should change. They appear after the first step."))

    def arrays(self, view: NodeView) -> Mapping[str, np.ndarray]:
        return view.gradients


class ActivationsTab(LiveTab):
    """What the node gives for the probe samples."""

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        self.nothing = self.tr("What the layer gives appears as soon as the network is ready to train.")
        super().__init__(session, live, parent)

    def wish(self) -> Watch | None:
        return Watch(nodes=frozenset({self.node})) if self.node else None

    def arrays(self, view: NodeView) -> Mapping[str, np.ndarray]:
        return {} if view.activations is None else {"activations": view.activations, **view.extras}

    def show_array(self, name: str, values: np.ndarray) -> None:
        words = self.session.inference.words.get((self.node, 0), ()) if name == "activations" else ()
        self.view.show_array(values, activation_tiles(values), words)
