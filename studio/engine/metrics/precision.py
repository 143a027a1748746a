"""Which share of what is found is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.metric import ConfusionMetric, over_classes, share


@dataclass(frozen=True)
class Precision(ConfusionMetric):
    """Of the samples taken for a class, the share that are of it.

    Of two classes, of the second; of more, the mean over the classes that occur.
    """

    metric: ClassVar[str] = "precision"
    title: ClassVar[str] = "Precision"
    help: ClassVar[str] = "When the network says yes, how often is it right? Low when there are many false alarms."
    formula: ClassVar[str] = "true positives / (true positives + false positives)"
    source: ClassVar[str] = "C. J. van Rijsbergen, Information retrieval (1979); Keras: Precision"

    def result(self, kept: np.ndarray) -> float:
        return over_classes(share(np.diag(kept), kept.sum(0)), kept)

    def reference(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        found = []
        classes = sorted({*predictions.tolist(), *targets.tolist()})
        for k in [1] if max(classes) < 2 else classes:
            said = [t == k for p, t in zip(predictions, targets, strict=True) if p == k]
            found.append(sum(said) / len(said) if said else 0.0)
        return float(np.mean(found))
