"""Share of samples whose class is among the best guesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import integer
from studio.core.metric import Metric


@dataclass(frozen=True)
class TopKCategoricalAccuracy(Metric):
    """Share of samples whose class is among the `k` with the largest scores."""

    metric: ClassVar[str] = "top_k_categorical_accuracy"
    title: ClassVar[str] = "Top-k accuracy"
    reads: ClassVar[str] = "scores"
    percent: ClassVar[bool] = True
    help: ClassVar[str] = "How often the right class is among the best few guesses. Useful where there are many similar classes."
    formula: ClassVar[str] = "share of samples with fewer than k larger scores than the class's own"
    source: ClassVar[str] = "A. Krizhevsky et al., ImageNet classification (2012); Keras: TopKCategoricalAccuracy"

    k: int = integer(5, 1, 1000, help="How many guesses there are.")

    def start(self) -> tuple[int, int]:
        return 0, 0

    def add(self, kept: tuple[int, int], predictions: np.ndarray, targets: np.ndarray) -> tuple[int, int]:
        own = np.take_along_axis(predictions, targets[:, None], 1)
        right = (predictions > own).sum(1) < self.k
        return kept[0] + int(right.sum()), kept[1] + len(targets)

    def result(self, kept: tuple[int, int]) -> float:
        return kept[0] / kept[1] if kept[1] else float("nan")

    def reference(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        best = [sorted(range(len(row)), key=lambda k: -row[k])[: self.k] for row in predictions]
        return sum(t in few for t, few in zip(targets.tolist(), best, strict=True)) / len(targets)
