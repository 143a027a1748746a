"""A layer's activations for many samples, projected to the plane or to space."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from studio.engine.commands import Watch
from studio.engine.messages import Snapshot
from studio.gui.panels.class_scores import class_names, class_numbers, one_class_each
from studio.gui.panels.projection import Projector
from studio.gui.panels.representation.scatter_canvas import ScatterCanvas
from studio.gui.panels.representation.scores_box import ScoresBox
from studio.gui.panels.representation.view import View
from studio.gui.panels.sample_choice import SampleChoice
from studio.gui.session import Session


class ScatterView(View):
    """Principal components of a layer, live."""

    interval = 0.2

    def __init__(
        self, session: Session, samples: SampleChoice, space: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, samples, parent)
        self.canvas = ScatterCanvas(space, self)
        self.canvas.setAccessibleName(self.tr("Samples by their largest spread"))
        self.canvas.picked.connect(samples.pick)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)
        self.side = QWidget()
        self.legend = ScoresBox()
        self.spread = QLabel()
        self.labels = [self.spread]
        self.spread.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.spread.setToolTip(
            self.tr(
                "Each sample is as many numbers as the layer has outputs. PC 1 is the direction in which the samples "
                "differ most, PC 2 the next one; the share says how much of all differences it shows."
            )
        )
        column = QVBoxLayout(self.side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.legend)
        column.addStretch(1)
        column.addWidget(self.spread)
        self._projector = Projector()
        self._layer = ""

    def wish(self, layer: str) -> Watch:
        """The layer's activations for many validation samples."""
        return Watch(scatter=layer, sample=self.samples.index)

    def show_layer(self, snapshot: Snapshot, layer: str) -> str:
        """Project the layer's activations and draw them."""
        scatter = snapshot.scatter
        if scatter is None or scatter.node != layer or len(scatter.activations) < 2:
            return self.tr("Each validation sample becomes a point here as soon as the network is complete.")
        if layer != self._layer:
            self._layer = layer
            self._projector.forget()
            self.canvas.forget()
        try:
            projection = self._projector.update(scatter.activations.reshape(len(scatter.activations), -1))
        except ValueError:
            return self.tr("This layer holds numbers that are not finite, so it cannot be drawn: lower the learning rate and reset.")
        dataset = self.samples.dataset
        count = len(projection.points)
        words = tuple(self._words(i) for i in range(count))
        if dataset is None or dataset.info.target == "values":
            scale, mean = (1.0, 0.0) if dataset is None else (dataset.y_scale, dataset.y_mean)
            groups, colours, names = self._by_value((scatter.targets * scale + mean).reshape(count, -1)[:, 0])
        elif not one_class_each(dataset.info):
            # Each step or pixel is of a class of its own: the sample as a whole is of none.
            groups, colours, names = np.zeros(count, int), (self.theme.color("accent"),), ()
            self.legend.show_lines(self.tr("Samples"), (), None)
        else:
            names = class_names(dataset.info)
            groups = class_numbers(scatter.targets, len(names))
            colours = tuple(self.theme.class_color(i, len(names)) for i in range(len(names)))
            self.legend.squares = len(names) == 2
            self.legend.show_classes(self.tr("Classes"), names, colours, None)
        self.canvas.show_points(projection, groups, colours, names, words, self.samples.shown)
        axes = 3 if self.canvas.space else 2
        shown = 100 * float(projection.explained[:axes].sum())
        self.spread.setText(self.tr("{0} % of differences shown").format(f"{shown:.0f}"))
        return ""

    def _words(self, index: int) -> str:
        label = self.samples.label(index)
        return f"{label}  ·  #{index}" if label else f"#{index}"

    def _by_value(self, targets: np.ndarray) -> tuple[np.ndarray, tuple[QColor, ...], tuple[str, ...]]:
        """Groups of targets from low to high, in the colours of the sequential map."""
        steps = 24
        low, high = (float(targets.min()), float(targets.max())) if len(targets) else (0.0, 1.0)
        places = np.nan_to_num((targets - low) / ((high - low) or 1.0)) * (steps - 1)
        lut = self.theme.lut("sequential")
        colours = tuple(QColor(*lut[i].tolist()) for i in np.linspace(40, 255, steps).astype(int).tolist())
        self.legend.show_lines(self.tr("Target"), (), (low, high, "sequential"))
        return places.round().astype(int), colours, ()
