"""What can be watched from epoch to epoch, and when it has become better."""

from __future__ import annotations

import math

#: Keras's names: of the validation part, and of the training part.
MONITORS = ("val_loss", "val_accuracy", "loss", "accuracy")
MODES = ("auto", "min", "max")

_WORDS = {
    "val_loss": "the validation loss",
    "val_accuracy": "the validation accuracy",
    "loss": "the training loss",
    "accuracy": "the training accuracy",
}


def in_words(monitor: str) -> str:
    """What a monitor is called in a sentence."""
    return _WORDS.get(monitor, monitor)


def is_better(monitor: str, mode: str, min_delta: float, value: float, best: float | None) -> bool:
    """Whether a value beats the best so far by more than `min_delta`; None is no value so far.

    Parameters
    ----------
    mode : str
        ``min`` (less is better), ``max``, or ``auto``: as the monitor's name says.
    """
    if not math.isfinite(value):
        return False
    if best is None:
        return True
    if mode == "max" or (mode == "auto" and monitor.endswith("accuracy")):
        return value - min_delta > best
    return value + min_delta < best
