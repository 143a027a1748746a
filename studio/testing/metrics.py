"""The contract of a metric."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from studio.core.metric import Metric
from studio.testing.declarations import check_declaration, check_json, require, require_close

#: Samples, and classes or features.
SIZES = tuple(product((1, 2, 13, 40), (2, 3, 7)))


def check_metric(metric_class: type[Metric]) -> None:
    """Check everything the product relies on of one metric class.

    For a few sizes, and for each whole number among its parameters at 1 and 2: the result against
    the naive `reference`, and against scikit-learn where that is installed and has the metric;
    that it does not matter how samples are cut into chunks; that perfect answers are not worse than
    others; that no samples at all raise nothing. Of the class: name, title, help, formula, source.

    Parameters
    ----------
    metric_class : type
        A metric.

    Raises
    ------
    AssertionError
        When something does not hold; says what.
    """
    check_declaration(metric_class)
    name = metric_class.type_name()
    require(bool(metric_class.metric) and bool(metric_class.title), f"{name} has no name for settings or people.")
    require(metric_class.reads in ("classes", "scores", "values", "sequences"), f"{name} reads {metric_class.reads!r}.")
    for metric in _variants(metric_class):
        check_json(metric)
        nothing = metric.result(metric.start())
        require(isinstance(nothing, float), f"{metric!r} of no samples is {nothing!r}.")
        for samples, width in SIZES:
            _check(metric, samples, width)


def _variants(metric_class: type[Metric]) -> Iterator[Metric]:
    yield metric_class()
    for parameter, field in metric_class.parameters().items():
        if field.kind == "integer":
            yield from (metric_class(**{parameter: value}) for value in (1, 2))


def _draw(reads: str, samples: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions, targets, and predictions that are perfect."""
    generator = np.random.default_rng(samples * 100 + width)
    if reads == "values":
        targets = generator.normal(3.0, 2.0, (samples, width)).astype(np.float32)
        return (targets + generator.normal(size=targets.shape)).astype(np.float32), targets, targets
    if reads == "sequences":
        # Some steps, and all of some samples, do not count; some are right everywhere by chance.
        steps = generator.integers(-1, width, (samples, 3))
        steps[generator.random(samples) < 0.1] = -1
        wrong = generator.random(steps.shape) < 0.2
        return np.where(wrong, generator.integers(0, width, steps.shape), steps), steps, steps
    # Every class occurs if there are samples enough.
    targets = np.resize(np.arange(width), samples)
    if reads == "classes":
        return np.where(generator.random(samples) < 0.5, targets, generator.integers(0, width, samples)), targets, targets
    scores = generator.random((samples, width)) + 0.3 * np.eye(width)[targets]
    scores = (np.round(scores, 1) + 0.1).astype(np.float32)  # some are equal
    perfect = (0.01 + np.eye(width)[targets]).astype(np.float32)
    scores[np.arange(samples), targets] += np.float32(0.01)  # but none of a sample's others is its class's own
    return scores / scores.sum(1, keepdims=True), targets, perfect / perfect.sum(1, keepdims=True)


def _check(metric: Metric, samples: int, width: int) -> None:
    what = f"{metric!r} of {samples} samples, {width} wide"
    predictions, targets, perfect = _draw(metric.reads, samples, width)
    whole = metric.value(predictions, targets)
    if metric.metric in ("auc", "r2", "exact_match") and samples < 3:
        return  # one class alone, a mean of one number, or a sample that does not count says nothing
    expected = metric.reference(predictions.astype(np.float64) if metric.reads == "values" else predictions, targets)
    require_close(np.array(whole), np.array(expected), 2e-5, what)
    kept = metric.start()
    for first in range(0, samples, 5):
        kept = metric.add(kept, predictions[first : first + 5], targets[first : first + 5])
    require_close(np.array(metric.result(kept)), np.array(whole), 1e-9, f"{what}, in chunks")
    best = metric.value(perfect, targets)
    better = best >= whole if metric.higher_is_better else best <= whole
    require(bool(better), f"{what}: perfect answers give {best:g}, others {whole:g}.")
    independent = _scikit_learn(metric, predictions, targets)
    if independent is not None:
        require_close(np.array(whole), np.array(independent), 2e-5, f"{what}, by scikit-learn")


def _scikit_learn(metric: Metric, predictions: np.ndarray, targets: np.ndarray) -> float | None:
    """The same metric by scikit-learn; None where it has none or is not installed."""
    if importlib.util.find_spec("sklearn") is None:
        return None
    from sklearn import metrics

    two = metric.reads != "values" and max(int(targets.max()), 1 if predictions.ndim > 1 else int(predictions.max())) < 2
    average = {"average": "binary" if two else "macro", "zero_division": 0.0}
    by_class: dict[str, Callable[..., float]] = {
        "precision": metrics.precision_score,
        "recall": metrics.recall_score,
        "f1": metrics.f1_score,
    }
    if metric.metric in by_class:
        return float(by_class[metric.metric](targets, predictions, **average))
    if metric.metric == "accuracy":
        return float(metrics.accuracy_score(targets, predictions))
    if metric.metric == "mean_iou":
        return float(metrics.jaccard_score(targets, predictions, average="macro", zero_division=0.0))
    if metric.metric == "auc" and len(set(targets.tolist())) == predictions.shape[1]:
        if predictions.shape[1] == 2:
            return float(metrics.roc_auc_score(targets, predictions[:, 1]))
        areas = [metrics.roc_auc_score(targets == k, predictions[:, k]) for k in range(predictions.shape[1])]
        return float(np.mean(areas))
    if metric.metric == "mae":
        return float(metrics.mean_absolute_error(targets, predictions))
    if metric.metric == "rmse":
        return float(metrics.root_mean_squared_error(targets.ravel(), predictions.ravel()))
    if metric.metric == "r2" and len(targets) > 1:
        return float(metrics.r2_score(targets, predictions))
    return None
