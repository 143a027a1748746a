"""Share of right answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.metric import ConfusionMetric


@dataclass(frozen=True)
class Accuracy(ConfusionMetric):
    """Share of samples (or steps, or pixels) whose class is predicted rightly."""

    metric: ClassVar[str] = "accuracy"
    title: ClassVar[str] = "Accuracy"
    help: ClassVar[str] = "The share of right answers. Says little where one class is much more frequent than the others."
    formula: ClassVar[str] = "right / all"
    source: ClassVar[str] = "Keras: Accuracy, SparseCategoricalAccuracy, BinaryAccuracy"

    def result(self, kept: np.ndarray) -> float:
        return float(np.trace(kept) / kept.sum()) if kept.sum() else float("nan")

    def reference(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        return sum(bool(p == t) for p, t in zip(predictions, targets, strict=True)) / len(targets)
