"""How much of what varies is explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.metric import Metric

#: Sums of one feature each: samples, shift, of targets, of their squares, of squared errors.
Sums = tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class R2(Metric):
    """1 less the share of the targets' variance that is left in the errors, averaged over the features."""

    metric: ClassVar[str] = "r2"
    title: ClassVar[str] = "R²"
    reads: ClassVar[str] = "values"
    help: ClassVar[str] = (
        "How much better the answers are than always saying the mean. 1 is perfect, 0 is no better, below 0 is worse."
    )
    formula: ClassVar[str] = "1 − Σ (y − t)² / Σ (t − mean of t)²"
    source: ClassVar[str] = "S. Wright, Correlation and causation (1921); Keras: R2Score"

    def start(self) -> Sums | None:
        return None

    def add(self, kept: Sums | None, predictions: np.ndarray, targets: np.ndarray) -> Sums | None:
        if not len(targets):
            return kept
        t = targets.astype(np.float64)
        if kept is None:
            # Sums of squares about a number near the mean lose no digits.
            zero = np.zeros(t.shape[1])
            kept = 0, t.mean(0), zero, zero, zero
        count, shift, total, squares, errors = kept
        moved = t - shift
        left = np.square(predictions - t).sum(0)
        return count + len(t), shift, total + moved.sum(0), squares + np.square(moved).sum(0), errors + left

    def result(self, kept: Sums | None) -> float:
        if kept is None:
            return float("nan")
        count, _shift, total, squares, errors = kept
        varies = squares - total**2 / count
        # Where the targets do not vary, only answers without any error explain them.
        constant = np.where(errors == 0, 1.0, 0.0)
        known = varies > 1e-12 * np.maximum(squares, 1e-300)
        return float(np.where(known, 1 - errors / np.where(known, varies, 1.0), constant).mean())

    def reference(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        found = []
        for y, t in zip(predictions.T, targets.T, strict=True):
            mean = sum(t) / len(t)
            found.append(1 - sum((y - t) ** 2) / sum((t - mean) ** 2))
        return float(np.mean(found))
