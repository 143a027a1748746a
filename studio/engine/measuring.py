"""Which metrics suit a network, and how they are worked out while a part of the data is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from studio.core import registry
from studio.core.document import Training
from studio.core.layer import Loss
from studio.core.metric import ConfusionMetric, Metric
from studio.core.monitor import watched_metrics
from studio.core.shapes import Shape


def automatic(classes: bool, loss: Loss, prediction: Shape, whole: bool = True) -> tuple[str, ...]:
    """Names of the metrics that people expect of a task.

    Parameters
    ----------
    classes : bool
        Whether classes are told apart; otherwise numbers are predicted.
    loss : Loss
    prediction : Shape
        One sample's.
    whole : bool
        Whether the steps of a sample are one answer together, such as the digits of a number, rather
        than many, such as what follows each character of a text.
    """
    if not classes:
        return ("mae", "rmse", "r2")
    if len(prediction) == 3:
        return ("accuracy", "mean_iou")
    if len(prediction) == 2 and loss.reads == "softmax":
        return ("accuracy", "exact_match" if whole else "perplexity")
    return ("accuracy",)


def chosen_metrics(
    training: Training, classes: bool, loss: Loss, prediction: Shape, whole: bool = True
) -> list[Metric]:
    """The metrics of the training settings, and those that are watched, that have a meaning for the task."""
    found = []
    wanted = (*(training.metrics or automatic(classes, loss, prediction, whole)), *watched_metrics(training))
    for name in dict.fromkeys(wanted):
        kind = registry.metric(name)
        if kind.probabilities and loss.domain != (0.0, 1.0):
            continue
        if (kind.reads != "values") == classes:
            own = {"k": training.top_k} if "k" in kind.parameters() else {}
            found.append(kind.from_json(own))
    return found


@dataclass
class Measuring:
    """Takes a part's outputs chunk by chunk, and gives the metrics.

    Parameters
    ----------
    metrics : sequence of Metric
        Those of the confusion matrix are not asked before the end.
    scale : numpy.ndarray
        What values are multiplied by to be in the units of the data.
    """

    metrics: Sequence[Metric]
    scale: np.ndarray
    _kept: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self._streamed = [m for m in self.metrics if not isinstance(m, ConfusionMetric)]
        self._kept = {m.metric: m.start() for m in self._streamed}

    @property
    def reads_outputs(self) -> bool:
        """Whether it must be given the outputs."""
        return any(m.reads != "sequences" for m in self._streamed)

    def add_answers(self, predicted: np.ndarray, labels: np.ndarray) -> None:
        """Take a chunk: classes of all terms ``(samples, terms)``, as predicted and right; -1 does not count."""
        self._add(predicted, labels, "sequences")

    def add_scores(self, outputs: np.ndarray, labels: np.ndarray) -> None:
        """Take a chunk: scores ``(samples, ..., classes)``, and the terms' labels; -1 does not count."""
        scores = outputs.reshape(labels.size, -1)
        if scores.shape[1] == 1:
            scores = np.concatenate([1 - scores, scores], 1)
        labels = labels.ravel()
        counted = labels >= 0
        if not counted.all():
            scores, labels = scores[counted], labels[counted]
        self._add(scores, labels, "scores")

    def add_values(self, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Take a chunk of predicted and true values."""
        rows = len(targets)
        targets = targets.reshape(rows, *np.broadcast_shapes(targets.shape[1:], self.scale.shape)) * self.scale
        outputs = outputs.reshape(targets.shape) * self.scale
        self._add(outputs.reshape(rows, -1), targets.reshape(rows, -1), "values")

    def _add(self, predictions: np.ndarray, targets: np.ndarray, reads: str) -> None:
        for metric in self._streamed:
            if metric.reads == reads:
                self._kept[metric.metric] = metric.add(self._kept[metric.metric], predictions, targets)

    def results(self, confusion: np.ndarray | None) -> dict[str, float]:
        """The metrics by name, in their order; those without meaning here are left out."""
        found = {}
        for metric in self.metrics:
            if isinstance(metric, ConfusionMetric) and confusion is None:
                continue
            value = metric.result(confusion if isinstance(metric, ConfusionMetric) else self._kept[metric.metric])
            if np.isfinite(value):
                found[metric.metric] = value
        return found
