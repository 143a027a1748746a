"""How well predicted and true areas overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.metric import ConfusionMetric, share


@dataclass(frozen=True)
class MeanIoU(ConfusionMetric):
    """Overlap of a class's predicted and true pixels by their union, averaged over the classes that occur."""

    metric: ClassVar[str] = "mean_iou"
    title: ClassVar[str] = "Mean IoU"
    help: ClassVar[str] = (
        "For pictures whose pixels are sorted into classes: how well the predicted area of each class covers "
        "the true one. Small classes count as much as large ones."
    )
    formula: ClassVar[str] = "mean over classes of |predicted ∩ true| / |predicted ∪ true|"
    source: ClassVar[str] = "P. Jaccard, Étude comparative de la distribution florale (1901); Keras: MeanIoU"

    def result(self, kept: np.ndarray) -> float:
        union = kept.sum(0) + kept.sum(1) - np.diag(kept)
        return float(share(np.diag(kept), union)[union > 0].mean()) if union.any() else float("nan")

    def reference(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        found = []
        for k in {*predictions.tolist(), *targets.tolist()}:
            predicted = {i for i, p in enumerate(predictions) if p == k}
            true = {i for i, t in enumerate(targets) if t == k}
            found.append(len(predicted & true) / len(predicted | true))
        return float(np.mean(found))
