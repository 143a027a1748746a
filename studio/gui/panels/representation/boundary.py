"""The decision boundary of 2-D data, and each neuron's share in it."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from studio.core.dataset import Dataset
from studio.engine.commands import Watch
from studio.engine.messages import OwnSample, Snapshot
from studio.gui.panels.class_scores import class_numbers, class_scores, data_node, output_node
from studio.gui.panels.contour import sampled
from studio.gui.panels.representation.plane_picture import (
    PlanePicture,
    neuron_picture,
    shares_picture,
    values_picture,
)
from studio.gui.panels.representation.plane_view import MOST_POINTS, PlanePoints, PlaneView
from studio.gui.panels.representation.scores_box import PointLegend, ScoresBox
from studio.gui.panels.representation.view import View
from studio.gui.panels.sample_choice import SampleChoice
from studio.gui.panels.ticks import number_text
from studio.gui.session import Session

#: Pixels a side that are asked of the trainer; interpolated for the screen.
PLANE = 64


class BoundaryView(View):
    """What the chosen layer says over the input plane, with the samples on it."""

    def __init__(self, session: Session, samples: SampleChoice, parent: QWidget | None = None) -> None:
        super().__init__(session, samples, parent)
        self.plane = PlaneView(self)
        self.plane.setAccessibleName(self.tr("The input plane"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plane)
        self.side = QWidget()
        self.neuron = QComboBox()
        self.neuron.setAccessibleName(self.tr("Neuron or class"))
        self.neuron.setToolTip(self.tr("Which of the layer's outputs the picture shows."))
        self.neuron.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.neuron.activated.connect(lambda _index: self.again())
        self.scores = ScoresBox()
        self.legend = PointLegend()
        column = QVBoxLayout(self.side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.neuron)
        column.addWidget(self.scores)
        column.addStretch(1)
        column.addWidget(self.legend)
        self.plane.pointed.connect(lambda _place: self._show_scores())
        self.plane.clicked.connect(self._take_place)
        self._picture: PlanePicture | None = None
        self._dataset: Dataset | None = None
        self._dark: bool | None = None
        self._points: PlanePoints | None = None
        self._is_output = True
        self._is_data = False
        self._choices: tuple[str, ...] = ()

    def wish(self, layer: str) -> Watch:
        """The chosen layer and the output over the plane, and all validation answers."""
        output = output_node(self.session.document.graph)
        nodes = {layer} | ({output.id} if output else set())
        return Watch(nodes=frozenset(nodes), answers=output is not None, sample=self.samples.index, plane=PLANE)

    # Drawing --------------------------------------------------------------------------------------

    def show_layer(self, snapshot: Snapshot, layer: str) -> str:
        """Draw the layer over the plane."""
        dataset = self.samples.dataset
        view = snapshot.nodes.get(layer)
        output = output_node(self.session.document.graph)
        if dataset is None or not dataset.info.plane:
            return self.tr("This shows how the plane is divided, for data that are points of a plane, such as spirals.")
        if view is None or view.plane is None or view.plane.ndim != 3:
            return self.tr("What this layer makes of the plane shows here as soon as the network is complete.")
        self._dataset = dataset
        self._is_output = output is not None and output.id == layer
        self._is_data = layer in snapshot.datasets
        plane, info = view.plane, dataset.info
        self._set_choices(self._words_of_choices(plane.shape[-1], dataset))
        classes = len(info.classes)
        chosen = self.neuron.currentIndex()
        # As many pixels as are seen, so that nothing has to be scaled while painting.
        size = max(16, min(800, round(self.plane.square().width() * self.devicePixelRatioF())))
        if self._is_output and info.target == "values":
            low, high = _target_range(dataset)
            shown = plane * np.ravel(dataset.y_scale)[0] + np.ravel(dataset.y_mean)[0]
            self._picture = values_picture(shown, low, high, self.theme.lut("sequential"), size)
        elif self._is_output and classes >= 2 and chosen <= 0:
            colours = np.array([_rgb(c) for c in self._class_colours()], np.uint8)
            ground = np.array(_rgb(self.theme.color("field")), np.float32)
            self._picture = shares_picture(plane, colours, ground, self.theme.lut("boundary"), size)
        elif self._is_output and classes >= 2:
            share = class_scores(plane, classes)[..., chosen - 1 : chosen]
            self._picture = neuron_picture(share, 0, self.theme.lut("sequential"), signed=False, size=size)
        else:
            neuron = max(0, min(chosen, plane.shape[-1] - 1))
            signed = bool(plane[..., neuron].min() < 0)
            lut = self.theme.lut("boundary" if signed else "sequential")
            self._picture = neuron_picture(plane, neuron, lut, signed, size)
        self.plane.show_picture(self._picture, snapshot.plane_extent)
        own = self.samples.watched()
        self.plane.show_own((float(own.x[0]), float(own.x[1])) if own is not None else None)
        self._show_points(dataset)
        self._show_rings(snapshot, dataset, output.id if output else "")
        self._show_scores()
        return ""

    def _words_of_choices(self, features: int, dataset: Dataset) -> tuple[str, ...]:
        info = dataset.info
        if self._is_output and info.target == "values":
            return ()
        if self._is_output and len(info.classes) == 2:
            return ()
        if self._is_output and len(info.classes) > 2:
            return (self.tr("All classes"), *info.classes)
        if features < 2:
            return ()
        if self._is_data:
            return tuple(info.features[:features]) or tuple(self.tr("Input {0}").format(i + 1) for i in range(features))
        return tuple(self.tr("Neuron {0}").format(i + 1) for i in range(features))

    def _set_choices(self, words: tuple[str, ...]) -> None:
        if words != self._choices:
            before = self.neuron.currentIndex() if len(words) == len(self._choices) else 0
            self._choices = words
            self.neuron.clear()
            self.neuron.addItems(list(words))
            if words:
                self.neuron.setCurrentIndex(max(0, before))
        self.neuron.setVisible(bool(words))

    def _class_colours(self) -> tuple[QColor, ...]:
        assert self._dataset is not None
        count = len(self._dataset.info.classes)
        return tuple(self.theme.class_color(i, count) for i in range(count))

    # Points ---------------------------------------------------------------------------------------

    def _show_points(self, dataset: Dataset) -> None:
        if self._points is None or self._points_of is not dataset or self._dark != self.theme.dark:
            self._points, self._points_of, self._dark = self._make_points(dataset), dataset, self.theme.dark
        self.plane.show_points(self._points)

    _points_of: Dataset | None = None

    def _make_points(self, dataset: Dataset) -> PlanePoints:
        info = dataset.info
        # Of very many samples some stand for all, of both parts in the same share.
        every = max(1, -(-(len(dataset.train) + len(dataset.validation)) // MOST_POINTS))
        self._shown_train = np.arange(0, len(dataset.train), every)
        self._shown_check = np.arange(0, len(dataset.validation), every)
        x = np.concatenate([dataset.train.x[self._shown_train], dataset.validation.x[self._shown_check]])
        y = np.concatenate([dataset.train.y[self._shown_train], dataset.validation.y[self._shown_check]])
        checking = np.arange(len(x)) >= len(self._shown_train)
        square = np.zeros(len(x), bool)
        if info.target == "values":
            low, high = _target_range(dataset)
            lut = self.theme.lut("sequential")
            true = (y * dataset.y_scale + dataset.y_mean).reshape(len(y), -1)[:, 0]
            places = np.clip((true - low) / (high - low) * 255, 0, 255).astype(np.uint8)
            colours = tuple(QColor(*c) for c in lut[places].tolist())
            self._labels = np.empty(0, int)
        else:
            self._labels = class_numbers(y, len(info.classes))
            palette = self._class_colours()
            colours = tuple(palette[n] for n in self._labels.tolist())
            if len(info.classes) == 2:
                square = self._labels == 1
        outline = "border-strong" if info.target == "values" else "canvas"
        return PlanePoints(x.reshape(len(x), -1)[:, :2], colours, square, checking, outline)

    def _show_rings(self, snapshot: Snapshot, dataset: Dataset, output: str) -> None:
        view = snapshot.nodes.get(output)
        if dataset.info.target == "values" or view is None or view.plane is None or self._points is None:
            self.plane.show_rings(np.empty(0, int))
            self.legend.show_wrong(None)
            return
        classes, shown = len(dataset.info.classes), self._points.places
        low, high, bottom, top = snapshot.plane_extent
        rows, columns = view.plane.shape[:2]
        u = (shown[:, 0] - low) / (high - low) * (columns - 1)
        v = (shown[:, 1] - bottom) / (top - bottom) * (rows - 1)
        answers = class_scores(sampled(view.plane, u, v), classes).argmax(-1)
        given = snapshot.answers
        if given is not None and given.node == output:
            # Exact where the trainer gave the answers, so that the count fits the accuracy.
            known = self._shown_check < len(given.activations)
            exact = class_scores(given.activations[self._shown_check[known]], classes).argmax(-1)
            answers[len(self._shown_train) + np.flatnonzero(known)] = exact
        wrong = np.flatnonzero(answers != self._labels)
        self.plane.show_rings(wrong)
        self.legend.show_wrong(len(wrong))

    # Values at the pointer ------------------------------------------------------------------------

    def _show_scores(self) -> None:
        picture, dataset = self._picture, self._dataset
        if picture is None or dataset is None:
            return
        place, info = self.plane.place, dataset.info
        self.scores.squares = len(info.classes) == 2
        is_shares = picture.legend is None
        if place is None:
            if is_shares:
                self.scores.show_classes(self.tr("Classes"), info.classes, self._class_colours(), None)
            else:
                title = self.tr("Prediction") if info.target == "values" and self._is_output else self.tr("Output")
                self.scores.show_lines(title, (), picture.legend)
            return
        rows, columns = picture.values.shape[:2]
        at = sampled(picture.values, np.array([place[0] * (columns - 1)]), np.array([place[1] * (rows - 1)]))[0]
        title = self.tr("At ({0}, {1})").format(*(_coordinate(v) for v in self._original(place)))
        if is_shares:
            self.scores.show_classes(title, info.classes, self._class_colours(), tuple(at.tolist()))
        else:
            self.scores.show_lines(title, (number_text(float(at[0])),), picture.legend)

    def _take_place(self, place: tuple[float, float]) -> None:
        """A click: this point is the sample that the strip and the canvas look at."""
        node = data_node(self.session.document.graph)
        if node is not None:
            low, high, bottom, top = self.plane.extent
            point = np.array([low + place[0] * (high - low), bottom + place[1] * (top - bottom)], np.float32)
            self.samples.show_own(OwnSample(node.id, point), self.tr("Your point"))

    def _original(self, place: tuple[float, float]) -> np.ndarray:
        """A place of the picture in the units the data came in."""
        assert self._dataset is not None
        low, high, bottom, top = self.plane.extent
        point = np.array([low + place[0] * (high - low), bottom + place[1] * (top - bottom)])
        return np.asarray(point * np.resize(self._dataset.x_scale, 2) + np.resize(self._dataset.x_mean, 2))


def _coordinate(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()


def _target_range(dataset: Dataset) -> tuple[float, float]:
    """Lowest and highest target in the units the data came in."""
    y = dataset.train.y * dataset.y_scale + dataset.y_mean
    low, high = (float(y.min()), float(y.max())) if y.size else (0.0, 1.0)
    return (low, high) if high > low else (low, low + 1.0)
