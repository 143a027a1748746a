"""Each metric gives what Keras's gives for the same predictions, in two chunks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np
import pytest

from studio.core import registry
from studio.core.metric import Metric
from studio.testing.declarations import require_close
from studio.testing.metrics import _draw

TOLERANCE = 1e-6
#: Metrics that are not compared with Keras, and why.
NOT_COMPARED = {"exact_match": "Keras has none"}
SAMPLES = 40


def _value(metric: Any, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """What a Keras metric gives for two chunks; compiled as one."""

    @jax.jit
    def whole(chunks: Any) -> Any:
        kept = [v.value for v in metric.variables]
        for t, p in chunks:
            kept = metric.stateless_update_state(kept, t, p)
        return metric.stateless_result(kept)

    cut = SAMPLES // 3
    return np.asarray(whole([(targets[:cut], predictions[:cut]), (targets[cut:], predictions[cut:])]), np.float64)


def _each_class(make: Callable[..., Any]) -> Callable[..., float]:
    """A metric of yes and no: of the second of two classes, or the mean over all classes."""

    def value(_metric: Metric, targets: np.ndarray, predictions: np.ndarray, classes: int) -> float:
        chosen = [1] if classes == 2 else range(classes)
        one_hot = np.eye(classes, dtype=np.float32)
        return float(np.mean([_value(make(class_id=k), one_hot[targets], one_hot[predictions]) for k in chosen]))

    return value


def _f1(_metric: Metric, targets: np.ndarray, predictions: np.ndarray, classes: int) -> float:
    one_hot = np.eye(classes, dtype=np.float32)
    found = _value(keras.metrics.F1Score(average=None, threshold=0.5), one_hot[targets], one_hot[predictions])
    return float(found[1] if classes == 2 else found.mean())


def _area(_metric: Metric, targets: np.ndarray, predictions: np.ndarray, classes: int) -> float:
    # Keras's own 200 thresholds only come near the area; one between each two scores gives all of it.
    found = []
    for k in [1] if classes == 2 else range(classes):
        scores = np.unique(predictions[:, k].astype(np.float64))
        between = ((scores[1:] + scores[:-1]) / 2).tolist()
        found.append(_value(keras.metrics.AUC(thresholds=between), (targets == k).astype(np.float32), predictions[:, k]))
    return float(np.mean(found))


def _top_k(metric: Any, targets: np.ndarray, predictions: np.ndarray, classes: int) -> float:
    return float(_value(keras.metrics.SparseTopKCategoricalAccuracy(k=metric.k), targets, predictions))


def _perplexity(_metric: Metric, targets: np.ndarray, predictions: np.ndarray, classes: int) -> float:
    return math.exp(_value(keras.metrics.SparseCategoricalCrossentropy(), targets, predictions))


def _plain(make: Callable[[int], Any]) -> Callable[..., float]:
    def value(_metric: Metric, targets: np.ndarray, predictions: np.ndarray, classes: int) -> float:
        return float(_value(make(classes), targets, predictions))

    return value


#: How Keras works each metric out, for targets, predictions, and how many classes or features there are.
TWINS: dict[str, Callable[..., float]] = {
    "accuracy": _plain(lambda classes: keras.metrics.Accuracy()),
    "auc": _area,
    "f1": _f1,
    "mae": _plain(lambda features: keras.metrics.MeanAbsoluteError()),
    "mean_iou": _plain(keras.metrics.MeanIoU),
    "perplexity": _perplexity,
    "precision": _each_class(keras.metrics.Precision),
    "r2": _plain(lambda features: keras.metrics.R2Score()),
    "recall": _each_class(keras.metrics.Recall),
    "rmse": _plain(lambda features: keras.metrics.RootMeanSquaredError()),
    "top_k_categorical_accuracy": _top_k,
}


def test_every_metric_is_compared() -> None:
    assert set(registry.metrics()) == {*TWINS, *NOT_COMPARED}


# Keras counts in 64 bits, for which JAX takes 32.
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")
@pytest.mark.parametrize("width", [2, 5])
@pytest.mark.parametrize("name", TWINS)
def test_metrics_are_keras_s(name: str, width: int) -> None:
    kind = registry.metric(name)
    predictions, targets, _perfect = _draw(kind.reads, SAMPLES, width)
    for metric in [kind(k=k) for k in (1, 2)] if "k" in kind.parameters() else [kind()]:
        expected = TWINS[name](metric, targets, predictions, width)
        require_close(np.array(metric.value(predictions, targets)), np.array(expected), TOLERANCE, f"{metric!r}, {width} wide")
