"""Precision and recall in one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.metric import ConfusionMetric, over_classes, share


@dataclass(frozen=True)
class F1(ConfusionMetric):
    """The harmonic mean of precision and recall.

    Of two classes, of the second; of more, the mean over the classes that occur.
    """

    metric: ClassVar[str] = "f1"
    title: ClassVar[str] = "F1"
    help: ClassVar[str] = "High only when precision and recall both are: few false alarms and few misses."
    formula: ClassVar[str] = "2 precision · recall / (precision + recall)"
    source: ClassVar[str] = "C. J. van Rijsbergen, Information retrieval (1979); Keras: F1Score"

    def result(self, kept: np.ndarray) -> float:
        return over_classes(share(2 * np.diag(kept), kept.sum(0) + kept.sum(1)), kept)

    def reference(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        found = []
        classes = sorted({*predictions.tolist(), *targets.tolist()})
        for k in [1] if max(classes) < 2 else classes:
            hits = sum((p == k) and (t == k) for p, t in zip(predictions, targets, strict=True))
            precision = hits / max(1, sum(p == k for p in predictions))
            recall = hits / max(1, sum(t == k for t in targets))
            found.append(2 * precision * recall / (precision + recall) if hits else 0.0)
        return float(np.mean(found))
