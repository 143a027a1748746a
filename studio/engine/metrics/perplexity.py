"""Among how many equally likely answers the network still wavers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.metric import Metric

_SMALLEST = 1e-7


@dataclass(frozen=True)
class Perplexity(Metric):
    """``exp`` of the mean cross-entropy of the true classes."""

    metric: ClassVar[str] = "perplexity"
    title: ClassVar[str] = "Perplexity"
    reads: ClassVar[str] = "scores"
    probabilities: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = False
    help: ClassVar[str] = (
        "For networks that predict what comes next: among how many equally likely signs they still waver. "
        "1 is certainty; as many as there are signs is guessing."
    )
    formula: ClassVar[str] = "exp(mean of −log p[label])"
    source: ClassVar[str] = "F. Jelinek et al., Perplexity: a measure of the difficulty of speech recognition tasks (1977)"

    def start(self) -> tuple[float, int]:
        return 0.0, 0

    def add(self, kept: tuple[float, int], predictions: np.ndarray, targets: np.ndarray) -> tuple[float, int]:
        own = np.take_along_axis(predictions, targets[:, None], 1)[:, 0].astype(np.float64)
        p = own / predictions.sum(1, dtype=np.float64)
        return kept[0] - float(np.log(np.maximum(p, _SMALLEST)).sum()), kept[1] + len(targets)

    def result(self, kept: tuple[float, int]) -> float:
        return math.exp(kept[0] / kept[1]) if kept[1] else float("nan")

    def reference(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        product = 1.0
        for row, t in zip(predictions, targets, strict=True):
            product *= (row[t] / sum(row)) ** (-1 / len(targets))
        return float(product)
