"""The short live view below the parameters: weights, activations and three numbers."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.engine.commands import Watch
from studio.engine.messages import Snapshot
from studio.gui.inspector.facts import Facts
from studio.gui.live import Live
from studio.gui.panels.panel import Panel
from studio.gui.session import Session
from studio.gui.widgets import numbers
from studio.gui.widgets.heatmap import Heatmap
from studio.gui.widgets.histogram import Histogram
from studio.gui.widgets.label import Label, Rule
from studio.gui.widgets.tiles import activation_tiles, saturated, weight_tiles


class LiveSummary(Panel):
    """Picture of the weights (or of the activations, where there are none), and numbers."""

    interval = 0.2

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(session, live, parent)
        self.node, self._unit = "", -1
        self.title = Label("", "heading", wrap=True)
        self.left_caption = Label("", "small", "text-3")
        self.picture = Heatmap(150)
        self.picture.setAccessibleName(self.tr("Weights"))
        self.right_caption = Label(self.tr("Activations"), "small", "text-3")
        self.histogram = Histogram(74)
        self.facts = Facts()
        self.note = Label("", "small", "accent")
        left, right = QVBoxLayout(), QVBoxLayout()
        for column, widgets in (
            (left, (self.left_caption, self.picture)),
            (right, (self.right_caption, self.histogram, self.facts)),
        ):
            column.setSpacing(6)
            for widget in widgets:
                column.addWidget(widget)
            column.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addLayout(left, 11)
        row.addLayout(right, 9)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(8)
        outer.addWidget(Rule())
        outer.addSpacing(2)
        outer.addWidget(self.title)
        outer.addLayout(row)
        outer.addWidget(self.note)
        self.note.hide()
        self.picture.column_picked.connect(self.show_unit)

    def look_at(self, node: str) -> None:
        """Show another node."""
        if node != self.node:
            self.node = node
            self.show_unit(-1)
        self.refresh()

    def show_unit(self, unit: int) -> None:
        """Mark the weights that feed a neuron; -1 for none."""
        self._unit = unit
        self.refresh()

    def wish(self) -> Watch | None:
        return Watch(details=frozenset({self.node}), nodes=frozenset({self.node})) if self.node else None

    def show_snapshot(self, snapshot: Snapshot) -> None:
        view = snapshot.nodes.get(self.node)
        kernel = next((w for w in view.weights.values() if w.size), None) if view is not None else None
        activations = view.activations if view is not None else None
        nothing = kernel is None and activations is None
        for widget in (self.left_caption, self.picture, self.right_caption, self.histogram, self.facts):
            widget.setVisible(not nothing)
        if nothing or view is None:
            self.title.show_text(self.tr("Nothing to see yet: the network is not ready to train."))
            return
        epoch = math.floor(snapshot.epoch + 1e-9)
        running = snapshot.status == "running"
        words = self.tr("Live at epoch {epoch}") if running else self.tr("At epoch {epoch}")
        self.title.show_text(words.format(epoch=numbers.grouped(epoch)))
        self._show_picture(kernel, activations)
        rows = []
        if activations is not None:
            self.histogram.show_values(activations)
            activation = getattr(self._layer(), "activation", "")
            share = saturated(activations, activation)
            if share is not None:
                words = self.tr("Off (0)") if activation == "relu" else self.tr("Saturated")
                rows.append((words, f"{100 * share:.0f} %"))
        self.histogram.setVisible(activations is not None)
        self.right_caption.setVisible(activations is not None)
        if kernel is not None:
            rows.append(("‖W‖", numbers.short(_length(kernel))))
            name = next(n for n, w in view.weights.items() if w is kernel)
            gradient = view.gradients.get(name)
            rows.append(("‖∇W‖", numbers.short(_length(gradient), 2) if gradient is not None else "–"))
        self.facts.show_rows(*rows)

    def _show_picture(self, kernel: np.ndarray | None, activations: np.ndarray | None) -> None:
        if kernel is not None:
            self.left_caption.show_text(_short_caption(kernel, self))
            self.picture.show_tiles(weight_tiles(kernel))
            one = kernel.ndim == 2 and 0 <= self._unit < kernel.shape[1] <= 128
            self.picture.mark_column(self._unit if one else -1)
            self.note.setVisible(one)
            if one:
                self.note.show_text(self.tr("Column {number} feeds neuron {number}").format(number=self._unit + 1))
        elif activations is not None:
            self.left_caption.show_text(self.tr("What it gives"))
            self.picture.show_tiles(activation_tiles(activations))
            self.picture.mark_column(-1)
            self.note.hide()

    def _layer(self) -> object:
        graph = self.session.document.graph
        return graph.node(self.node).layer if self.node in graph else None


def _short_caption(kernel: np.ndarray, widget: QWidget) -> str:
    if kernel.ndim == 4:
        return widget.tr("Kernels: rows out, columns in")
    return widget.tr("W: rows in, columns out") if kernel.ndim == 2 else widget.tr("Weights")


def _length(values: np.ndarray) -> float:
    wide = values.astype(np.float64).ravel()
    return float(np.sqrt(wide @ wide))
