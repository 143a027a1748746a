"""How well the scores put samples in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.metric import Metric


@dataclass(frozen=True)
class AUC(Metric):
    """Area under the ROC curve, exactly, from all scores.

    Of two classes, of the second's score; of more, the mean over the classes, each against all
    others.
    """

    metric: ClassVar[str] = "auc"
    title: ClassVar[str] = "AUC"
    reads: ClassVar[str] = "scores"
    help: ClassVar[str] = (
        "How often a sample of the class gets a higher score than one that is not of it. "
        "0.5 is guessing, 1 is a perfect order; where the line between yes and no is drawn does not matter."
    )
    formula: ClassVar[str] = "share of pairs (yes, no) with score(yes) > score(no); ties count half"
    source: ClassVar[str] = "J. A. Hanley, B. J. McNeil, The meaning and use of the area under a ROC curve (1982); Keras: AUC"

    def start(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return []

    def add(
        self, kept: list[tuple[np.ndarray, np.ndarray]], predictions: np.ndarray, targets: np.ndarray
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        return [*kept, (predictions, targets)]

    def result(self, kept: list[tuple[np.ndarray, np.ndarray]]) -> float:
        if not kept:
            return float("nan")
        scores = np.concatenate([s for s, _ in kept])
        targets = np.concatenate([t for _, t in kept])
        classes = [1] if scores.shape[1] == 2 else range(scores.shape[1])
        found = [_area(scores[:, k], targets == k) for k in classes]
        known = [area for area in found if not np.isnan(area)]
        return float(np.mean(known)) if known else float("nan")

    def reference(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        areas = []
        for k in [1] if predictions.shape[1] == 2 else range(predictions.shape[1]):
            yes, no = predictions[targets == k, k], predictions[targets != k, k]
            if len(yes) and len(no):
                areas.append(float(np.mean([(y > n) + 0.5 * (y == n) for y in yes for n in no])))
        return float(np.mean(areas))


def _area(scores: np.ndarray, yes: np.ndarray) -> float:
    """By the ranks of the scores; equal scores share their mean rank."""
    positive = int(yes.sum())
    negative = len(yes) - positive
    if not positive or not negative:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    total = float(ranks[place][yes].sum())
    return (total - positive * (positive + 1) / 2) / (positive * negative)
