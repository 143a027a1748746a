"""Keras's words for how a network is trained: losses, optimizer, schedule and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studio.core.component import Component
from studio.core.document import Training
from studio.core.keras_code import Code, NoTwin, call, written_parameters
from studio.core.layer import Loss
from studio.core.monitor import in_words, metric_of, watched_metrics

#: Parameters of losses that are arguments of `compile` or `fit` in Keras.
_OF_FIT = frozenset(("weight", "class_weight", "class_weights"))
#: What Keras's own names for metrics are, and for which targets.
_METRICS = {
    "accuracy": "'accuracy'",
    "mae": "keras.metrics.MeanAbsoluteError(name='mae')",
    "rmse": "keras.metrics.RootMeanSquaredError(name='rmse')",
    "r2": "keras.metrics.R2Score(name='r2')",
}
#: A layer for losses that get their weights from the network: Keras's `fit` takes only weights that are there before.
WEIGHTED_LOSS = '''class WeightedLoss(keras.layers.Layer):
    """Passes answers on, and adds to what training minimises how wrong they are where they count."""

    def __init__(self, loss, factor=1.0, **options):
        super().__init__(**options)
        self.loss, self.factor = loss, factor

    def call(self, answers, truth, weights):
        self.add_loss(self.factor * self.loss(truth, answers, sample_weight=weights))
        return answers'''
_TOP_K = "top_k_categorical_accuracy"


def _values(component: Component, *without: str) -> dict[str, Any]:
    """Parameters that differ from Keras's defaults."""
    values = {n: getattr(component, n) for n in component.parameters() if n not in without}
    return written_parameters(values, component.parameters())


def loss_code(loss: Loss) -> Code:
    """The expression for a loss.

    Raises
    ------
    NoTwin
        When Keras has no such loss.
    """
    if not loss.keras:
        raise NoTwin("has no twin in Keras: choose another loss before exporting.")
    return call(f"keras.losses.{loss.keras}", **_values(loss, *_OF_FIT))


def optimizer_code(training: Training, steps: int) -> tuple[Code, list[Code], list[str]]:
    """The optimizer, the callbacks that go with it, and remarks on what Keras cannot say.

    Parameters
    ----------
    training : Training
    steps : int
        Minibatches of the whole run; 0 where that is not known.
    """
    optimizer, schedule = training.optimizer, training.schedule
    if optimizer is None:
        return Code("'adam'"), [], []
    values = _values(optimizer)
    remarks = [_unwatched(part) for part in (schedule, training.early_stopping) if part is not None and not _watches(part)]
    values["learning_rate"] = getattr(optimizer, "learning_rate", 0.01)
    callbacks: list[Code] = []
    if schedule is not None and schedule.type_name() != "Constant":
        rate = _schedule_code(schedule, values["learning_rate"], steps)
        if rate is None:
            remarks.append(f"Keras has no {schedule.type_name()}: the learning rate stays as it is.")
        elif schedule.type_name() == "ReduceLROnPlateau":
            callbacks += [rate] if _watches(schedule) else []
        else:
            values["learning_rate"] = rate
    first = {"learning_rate": values.pop("learning_rate")}
    stopping = training.early_stopping
    if stopping is not None and _watches(stopping):
        callbacks.append(call("keras.callbacks.EarlyStopping", **_values(stopping)))
    return call(f"keras.optimizers.{optimizer.type_name()}", **first, **values), callbacks, remarks


def _watches(part: Component) -> bool:
    """Whether what a part looks at from epoch to epoch, if anything, is a metric of Keras's by our name."""
    return metric_of(getattr(part, "monitor", "loss")) in ("", *_METRICS, _TOP_K)


def _unwatched(part: Component) -> str:
    return f"Keras does not know {in_words(getattr(part, 'monitor', ''))}: {part.type_name()} is left out."


def _schedule_code(schedule: Component, rate: float, steps: int) -> Code | None:
    name = schedule.type_name()
    values = {n: getattr(schedule, n) for n in schedule.parameters()}
    if name == "ReduceLROnPlateau":
        return call("keras.callbacks.ReduceLROnPlateau", **_values(schedule))
    function = f"keras.optimizers.schedules.{name}"
    if name == "PiecewiseConstantDecay":
        return call(function, boundaries=list(values["boundaries"]), values=list(values["values"]))
    if name == "CosineDecay":
        rise = values["warmup_steps"] if values["warmup_target"] else 0
        fall = values["decay_steps"] or max(1, steps - rise)
        more = {"warmup_target": values["warmup_target"], "warmup_steps": rise} if rise else {}
        return call(function, rate, fall, alpha=values["alpha"], **more)
    if name in ("ExponentialDecay", "CosineDecayRestarts"):
        return call(function, rate, **values)
    return None


def metric_codes(training: Training, loss: Loss) -> list[Code]:
    """Metrics that Keras knows by our names, for the target of this loss."""
    names = [*(training.metrics or (("accuracy",) if loss.has_accuracy else ())), *watched_metrics(training)]
    found = [Code(_METRICS[name]) for name in dict.fromkeys(names) if name in _METRICS]
    if _TOP_K in names and "labels" in loss.targets:
        found.append(call("keras.metrics.SparseTopKCategoricalAccuracy", k=training.top_k, name=_TOP_K))
    return found


def class_weight(losses: Sequence[Loss]) -> dict[int, float] | None:
    """What `fit` takes as class_weight, where the one loss has given weights."""
    if len(losses) != 1:
        return None
    (loss,) = losses
    if getattr(loss, "class_weight", "none") != "given":
        return None
    return dict(enumerate(getattr(loss, "class_weights", ())))
