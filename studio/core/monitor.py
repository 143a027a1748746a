"""What can be watched from epoch to epoch, and when it has become better."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from studio.core import registry

if TYPE_CHECKING:
    from studio.core.document import Training

MODES = ("auto", "min", "max")
_VALIDATION = "val_"


def monitors() -> tuple[str, ...]:
    """Legal monitors by Keras's names: loss and accuracy of the two parts, then all other metrics.

    Metrics but for the accuracy are worked out of the validation part only.
    """
    others = (f"{_VALIDATION}{name}" for name in registry.metric_names() if name != "accuracy")
    return ("val_loss", "val_accuracy", "loss", "accuracy", *others)


def metric_of(monitor: str) -> str:
    """Name of the metric that is watched; empty for the loss."""
    name = monitor.removeprefix(_VALIDATION)
    return "" if name == "loss" else name


def watched_metrics(training: Training) -> tuple[str, ...]:
    """Names of the metrics that the schedule and the rule for stopping look at."""
    watched = (metric_of(getattr(part, "monitor", "loss")) for part in (training.schedule, training.early_stopping))
    return tuple(name for name in watched if name)


def in_words(monitor: str) -> str:
    """What a monitor is called in a sentence."""
    part = "validation" if monitor.startswith(_VALIDATION) else "training"
    name = metric_of(monitor)
    title = registry.metric(name).title if name else "loss"
    # Names such as AUC and R² stay as they are.
    return f"the {part} {title.lower() if title[1:].islower() else title}"


def higher_is_better(monitor: str) -> bool:
    """Whether more of what is watched is better."""
    name = metric_of(monitor)
    return bool(name) and registry.metric(name).higher_is_better


def is_better(monitor: str, mode: str, min_delta: float, value: float, best: float | None) -> bool:
    """Whether a value beats the best so far by more than `min_delta`; None is no value so far.

    Parameters
    ----------
    mode : str
        ``min`` (less is better), ``max``, or ``auto``: as the monitor asks for.
    """
    if not math.isfinite(value):
        return False
    if best is None:
        return True
    if mode == "max" or (mode == "auto" and higher_is_better(monitor)):
        return value - min_delta > best
    return value + min_delta < best
