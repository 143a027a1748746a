"""How far answers are off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.metric import Metric


@dataclass(frozen=True)
class MAE(Metric):
    """Mean distance between prediction and target, in the units of the data."""

    metric: ClassVar[str] = "mae"
    title: ClassVar[str] = "MAE"
    reads: ClassVar[str] = "values"
    higher_is_better: ClassVar[bool] = False
    help: ClassVar[str] = "How far an answer is off on average, in the units of the data."
    formula: ClassVar[str] = "mean of |y − t|"
    source: ClassVar[str] = "Keras: MeanAbsoluteError"

    def start(self) -> tuple[float, int]:
        return 0.0, 0

    def add(self, kept: tuple[float, int], predictions: np.ndarray, targets: np.ndarray) -> tuple[float, int]:
        return kept[0] + float(np.abs(predictions - targets).sum(dtype=np.float64)), kept[1] + targets.size

    def result(self, kept: tuple[float, int]) -> float:
        return kept[0] / kept[1] if kept[1] else float("nan")

    def reference(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        errors = [abs(float(y) - float(t)) for y, t in zip(predictions.ravel(), targets.ravel(), strict=True)]
        return sum(errors) / len(errors)
