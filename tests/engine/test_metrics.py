"""Metrics that are worked out whenever a part of the data is computed."""

from __future__ import annotations

import dataclasses
from contextlib import closing

import numpy as np
import pytest

from studio.core import registry
from studio.core.document import Training
from studio.core.fields import FieldError
from studio.engine.changes import only_live
from studio.engine.optimizers.sgd import SGD
from studio.testing.rig import Rig

#: More than are computed at a time.
SAMPLES = 300


def scores(shape: tuple[int, ...]) -> np.ndarray:
    generator = np.random.default_rng(3)
    p = generator.random((SAMPLES, *shape)).astype(np.float32) + 0.01
    return p / p.sum(-1, keepdims=True) if shape[-1] > 1 else p / 1.01


def measured(rig: Rig, **settings: object) -> dict[str, float]:
    network = rig.network
    network.set_numbers(network.graph, dataclasses.replace(network.training, **settings))
    found = network.evaluate(lambda dataset: dataset.train)
    assert found is not None
    return dict(found.metrics)


def test_steps_have_accuracy_and_exact_match_without_those_to_ignore() -> None:
    p, labels = scores((4, 3)), np.random.default_rng(4).integers(0, 3, (SAMPLES, 4))
    loss = registry.layer("SparseCategoricalCrossentropy")(ignore_class=0)
    with closing(Rig(loss, [p], labels.astype(np.float32), 32, answer_kind="labels", classes=3)) as rig:
        found = measured(rig)
        more = measured(rig, metrics=("top_k_categorical_accuracy", "perplexity"), top_k=2)
        evaluation = rig.network.evaluate(lambda dataset: dataset.train)
    counted = labels != 0
    own = np.take_along_axis(p, labels[..., None], -1)[..., 0]
    right = (p.argmax(-1) == labels)[counted]
    assert list(found) == ["accuracy", "exact_match"]
    assert found["accuracy"] == pytest.approx(right.mean())
    whole = ((p.argmax(-1) == labels) | ~counted).all(1)[counted.any(1)]
    assert 0.02 < whole.mean() < right.mean()
    assert found["exact_match"] == pytest.approx(whole.mean())
    assert more["perplexity"] == pytest.approx(np.exp(-np.log(own[counted]).mean()), rel=1e-5)
    assert more["top_k_categorical_accuracy"] == pytest.approx(((p > own[..., None]).sum(-1) < 2)[counted].mean())
    assert evaluation is not None
    assert evaluation.accuracy == pytest.approx(right.mean())
    assert evaluation.loss == pytest.approx(-np.log(own[counted]).mean(), rel=1e-5)


def test_steps_whose_weight_is_0_are_neither_right_nor_wrong() -> None:
    p, labels = scores((4, 3)), np.random.default_rng(4).integers(0, 3, (SAMPLES, 4))
    weights = np.random.default_rng(5).integers(0, 3, (SAMPLES, 4)).astype(np.float32)
    loss = registry.layer("SparseCategoricalCrossentropy")(ignore_class=0)
    with closing(Rig(loss, [p, None, weights], labels.astype(np.float32), 32, answer_kind="labels", classes=3)) as rig:
        evaluation = rig.network.evaluate(lambda dataset: dataset.train)
        perplexity = measured(rig, metrics=("perplexity",))["perplexity"]
        rig.train(2)
        sums = rig.sums()
        seen = rig.network.train_plan.order[0][:64]
    answered = (labels != 0) & (weights != 0)
    own = np.take_along_axis(p, labels[..., None], -1)[..., 0]
    right = p.argmax(-1) == labels
    assert evaluation is not None
    assert evaluation.accuracy == pytest.approx(right[answered].mean())
    assert evaluation.confusion is not None
    assert evaluation.confusion.sum() == answered.sum()
    assert evaluation.metrics["exact_match"] == pytest.approx((right | ~answered).all(1)[answered.any(1)].mean())
    assert perplexity == pytest.approx(np.exp(-np.log(own[answered]).mean()), rel=1e-5)
    # The loss is still Keras's: the mean over all steps that count, each times its weight.
    assert evaluation.loss == pytest.approx((-np.log(own) * weights)[labels != 0].mean(), rel=1e-5)
    assert sums.accuracy() == pytest.approx(right[seen][answered[seen]].mean(), rel=1e-6)
    assert sums.samples[0] == pytest.approx((labels[seen] != 0).sum() / 4)


def test_pixels_have_accuracy_and_overlap() -> None:
    p = scores((3, 5, 1))
    mask = (p[..., 0] + np.random.default_rng(5).normal(0, 0.3, (SAMPLES, 3, 5)) > 0.6).astype(np.float32)
    loss = registry.layer("BinaryCrossentropy")()
    with closing(Rig(loss, [p], mask, 32, answer_kind="labels", classes=2)) as rig:
        found = measured(rig)
        area = measured(rig, metrics=("auc",))
    said, true = p[..., 0] > 0.5, mask > 0.5
    yes, no = (said & true).sum() / (said | true).sum(), (~said & ~true).sum() / (~said | ~true).sum()
    assert found == pytest.approx({"accuracy": (said == true).mean(), "mean_iou": (yes + no) / 2})
    assert 0.5 < area["auc"] < 1


def test_values_are_measured_in_the_units_of_the_data() -> None:
    generator = np.random.default_rng(6)
    y, t = (generator.normal(size=(SAMPLES, 2)).astype(np.float32) for _ in range(2))
    with closing(Rig(registry.layer("MeanSquaredError")(), [y], t, 32)) as rig:
        source = rig.sources[0]
        dataset = rig.network.datasets[source]
        rig.network.datasets[source] = dataclasses.replace(dataset, y_scale=np.array([1.0, 10.0], np.float32))
        found = measured(rig)
        nothing = measured(rig, metrics=("accuracy",))
    errors = (y - t) * [1, 10]
    assert list(found) == ["mae", "rmse", "r2"]
    assert found["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-5)
    assert found["rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-5)
    assert found["r2"] == pytest.approx((1 - ((y - t) ** 2).sum(0) / ((t - t.mean(0)) ** 2).sum(0)).mean(), rel=1e-5)
    assert nothing == {}


def test_metrics_change_without_a_restart_and_unknown_ones_are_refused() -> None:
    training = Training(optimizer=SGD())
    assert only_live(training, dataclasses.replace(training, metrics=("f1",), top_k=3))
    with pytest.raises(FieldError, match="metrics cannot be 'beauty'"):
        Training(metrics=("beauty",))
