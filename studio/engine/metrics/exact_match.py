"""Share of sequences without any mistake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.metric import Metric


@dataclass(frozen=True)
class ExactMatch(Metric):
    """Share of samples all of whose steps (or pixels) are right; steps that do not count may be anything.

    A network that writes step by step, reading its own answer so far and taking the likeliest
    sign each time, gets exactly these samples right: as long as it makes no mistake, what it
    reads is the right answer so far, which is what it read here.
    """

    metric: ClassVar[str] = "exact_match"
    title: ClassVar[str] = "Exact match"
    reads: ClassVar[str] = "sequences"
    percent: ClassVar[bool] = True
    help: ClassVar[str] = (
        "The share of answers that are right from the first to the last step. "
        "One wrong digit makes a whole number wrong, so this is lower than the accuracy of single steps."
    )
    formula: ClassVar[str] = "samples with all steps right / samples"
    source: ClassVar[str] = (
        "P. Rajpurkar et al., SQuAD: 100,000+ questions for machine comprehension of text (2016), exact match; Keras has none"
    )

    def start(self) -> tuple[int, int]:
        return 0, 0

    def add(self, kept: tuple[int, int], predictions: np.ndarray, targets: np.ndarray) -> tuple[int, int]:
        counted = targets >= 0
        whole = ((predictions == targets) | ~counted).all(1)
        asked = counted.any(1)
        return kept[0] + int((whole & asked).sum()), kept[1] + int(asked.sum())

    def result(self, kept: tuple[int, int]) -> float:
        return kept[0] / kept[1] if kept[1] else float("nan")

    def reference(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        found = []
        for said, true in zip(predictions.tolist(), targets.tolist(), strict=True):
            pairs = [(s, t) for s, t in zip(said, true, strict=True) if t >= 0]
            if pairs:
                found.append(all(s == t for s, t in pairs))
        return sum(found) / len(found)
