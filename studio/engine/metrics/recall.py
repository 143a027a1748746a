"""Which share of what there is is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.metric import ConfusionMetric, over_classes, share


@dataclass(frozen=True)
class Recall(ConfusionMetric):
    """Of the samples of a class, the share that are taken for it.

    Of two classes, of the second; of more, the mean over the classes that occur.
    """

    metric: ClassVar[str] = "recall"
    title: ClassVar[str] = "Recall"
    help: ClassVar[str] = "Of all that should be found, how much is found? Low when many are missed."
    formula: ClassVar[str] = "true positives / (true positives + false negatives)"
    source: ClassVar[str] = "C. J. van Rijsbergen, Information retrieval (1979); Keras: Recall"

    def result(self, kept: np.ndarray) -> float:
        return over_classes(share(np.diag(kept), kept.sum(1)), kept)

    def reference(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        found = []
        classes = sorted({*predictions.tolist(), *targets.tolist()})
        for k in [1] if max(classes) < 2 else classes:
            own = [p == k for p, t in zip(predictions, targets, strict=True) if t == k]
            found.append(sum(own) / len(own) if own else 0.0)
        return float(np.mean(found))
