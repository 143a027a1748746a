"""The contract of a metric: a number that tells people how well a network does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.component import Component


@dataclass(frozen=True)
class Metric(Component):
    """What is worked out of predictions and targets; nothing is trained by it.

    Samples come in chunks: `start` gives what is kept, `add` takes a chunk into account, and
    `result` says the number for all chunks so far.
    """

    #: Its name in settings, curves and JSON (Keras's), and for people.
    metric: ClassVar[str] = ""
    title: ClassVar[str] = ""
    #: What it is given: ``classes`` (predicted class numbers ``(n,)`` and true ones), ``scores``
    #: (``(n, classes)`` and true class numbers ``(n,)``), ``values`` (``(n, features)`` both) or
    #: ``sequences`` (class numbers of the steps or pixels of each sample, ``(n, terms)`` both; a
    #: true one of -1 does not count).
    reads: ClassVar[str] = "classes"
    #: Whether scores must be probabilities.
    probabilities: ClassVar[bool] = False
    #: Whether it is a share of 1, so that people read it in percent.
    percent: ClassVar[bool] = False
    higher_is_better: ClassVar[bool] = True

    def start(self) -> Any:
        """What is kept before the first chunk."""
        raise TypeError(f"{self.type_name()} keeps nothing.")

    def add(self, kept: Any, predictions: np.ndarray, targets: np.ndarray) -> Any:
        """What is kept after one more chunk."""
        raise TypeError(f"{self.type_name()} keeps nothing.")

    def result(self, kept: Any) -> float:
        """The number for all chunks; NaN if it has no meaning for them."""
        raise TypeError(f"{self.type_name()} has no result.")

    def value(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """The number for one chunk alone."""
        return self.result(self.add(self.start(), predictions, targets))

    def reference(self, predictions: np.ndarray, targets: np.ndarray) -> float:
        """The same by a naive formula; the oracle of the tests."""
        raise TypeError(f"{self.type_name()} has no formula.")


@dataclass(frozen=True)
class ConfusionMetric(Metric):
    """A metric of the confusion matrix alone: rows are true classes, columns predicted ones."""

    percent: ClassVar[bool] = True

    def start(self) -> np.ndarray:
        return np.zeros((2, 2), np.int64)

    def add(self, kept: np.ndarray, predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        found = confusion(predictions, targets, len(kept))
        found[: len(kept), : len(kept)] += kept
        return found

    def result(self, kept: np.ndarray) -> float:
        raise TypeError(f"{self.type_name()} has no result.")


def confusion(predictions: np.ndarray, targets: np.ndarray, classes: int = 2) -> np.ndarray:
    """How often each class was taken for each, int64; at least so many classes."""
    classes = max(classes, int(predictions.max(initial=0)) + 1, int(targets.max(initial=0)) + 1)
    return np.bincount(targets * classes + predictions, minlength=classes * classes).reshape(classes, classes)


def over_classes(shares: np.ndarray, counts: np.ndarray) -> float:
    """One number for all classes.

    Of two classes it is that of the second (yes); of more, the plain mean over those that occur.

    Parameters
    ----------
    shares : numpy.ndarray
        Of each class.
    counts : numpy.ndarray
        The confusion matrix.
    """
    if len(counts) == 2:
        return float(shares[1])
    occurs = (counts.sum(0) + counts.sum(1)) > 0
    return float(shares[occurs].mean()) if occurs.any() else float("nan")


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole; 0 where there is nothing."""
    return np.asarray(np.where(whole > 0, part / np.maximum(whole, 1), 0.0))
