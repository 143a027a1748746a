"""How far answers are off, where large errors count more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.metric import Metric


@dataclass(frozen=True)
class RMSE(Metric):
    """Root of the mean squared distance between prediction and target, in the units of the data."""

    metric: ClassVar[str] = "rmse"
    title: ClassVar[str] = "RMSE"
    reads: ClassVar[str] = "values"
    higher_is_better: ClassVar[bool] = False
    help: ClassVar[str] = "How far an answer is off, in the units of the data; a few large errors weigh more than in the MAE."
    formula: ClassVar[str] = "√(mean of (y − t)²)"
    source: ClassVar[str] = "Keras: RootMeanSquaredError"

    def start(self) -> tuple[float, int]:
        return 0.0, 0

    def add(self, kept: tuple[float, int], predictions: np.ndarray, targets: np.ndarray) -> tuple[float, int]:
        errors = predictions - targets
        return kept[0] + float(np.square(errors).sum(dtype=np.float64)), kept[1] + targets.size

    def result(self, kept: tuple[float, int]) -> float:
        return float(np.sqrt(kept[0] / kept[1])) if kept[1] else float("nan")

    def reference(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        squares = [(float(y) - float(t)) ** 2 for y, t in zip(predictions.ravel(), targets.ravel(), strict=True)]
        return float((sum(squares) / len(squares)) ** 0.5)
