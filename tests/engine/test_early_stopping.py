"""Training that ends by itself, and the best weights on the way."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest
from networks import classifier, clouds, layer, optimizer

from studio.core import registry
from studio.core.document import Training
from studio.core.monitor import in_words, is_better, monitors
from studio.engine.run import TrainingRun
from studio.engine.schedules.reduce_lr_on_plateau import ReduceLROnPlateau
from studio.engine.stopping import EarlyStopping
from studio.kernels.jit import compile_ahead


def started(validation: int = 20, rate: float = 0.05, **more: Any) -> TrainingRun:
    graph, data, _ = classifier(layer("Dense", units=6, activation="tanh"))
    training = Training(optimizer=optimizer("SGD", learning_rate=rate), batch_size=8, threads=1, **more)
    return TrainingRun(graph, training, {data: clouds(60, validation=validation)}, compile_ahead)


def test_it_stops_says_why_and_goes_on_when_asked_again() -> None:
    rule = EarlyStopping(patience=3, min_delta=1e6)
    with closing(started(early_stopping=rule)) as run:
        run.train(100)
        assert run.network.epoch == 4  # the first epoch is the best by far
        assert run.finish() == (
            "Training stopped early: the validation loss has not improved for 3 epochs, since epoch 1."
        )
        assert run.advance(100) == 0
        run.train(100)
        assert run.network.epoch == 8


def test_patience_follows_keras() -> None:
    rule = EarlyStopping(patience=2, min_delta=0.1, start_from_epoch=1)
    memory: dict[str, float] = {}
    stops = []
    for epoch, value in enumerate([9.0, 5.0, 4.95, 4.0, 4.0, 4.2, 1.0], 1):
        memory = rule.after_epoch(memory, epoch, value)
        stops.append(bool(memory.get("stopped")))
    assert stops == [False, False, False, False, False, True, True]
    assert memory["best_epoch"] == 7
    more = EarlyStopping(monitor="val_accuracy", patience=1)
    memory = more.after_epoch({}, 1, 0.5)
    assert not more.after_epoch(memory, 2, 0.6).get("stopped")
    assert more.after_epoch(memory, 2, 0.4).get("stopped")
    assert not EarlyStopping().after_epoch({}, 1, float("nan")).get("best")


@pytest.mark.parametrize("more", [{"early_stopping": EarlyStopping(patience=4, restore_best_weights=True)}, {}])
def test_the_best_weights_come_back(more: dict[str, Any]) -> None:
    # A rate that is much too large makes later weights worse.
    with closing(started(rate=4.0, keep_best_weights=True, **more)) as run:
        run.train(30)
        losses = dict(zip(*run.history.series("val_loss"), strict=True))
        best = min(losses, key=lambda epoch: losses[epoch])
        assert best != run.network.epoch
        message = run.finish()
        assert message.endswith(f"The weights of epoch {best:.0f} are back, the best ones by the validation loss.")
        found = run.evaluate("validation")
        assert found is not None
        assert found.loss == pytest.approx(losses[best])
        assert run.validation_evaluation is not None
        assert run.validation_evaluation.loss == pytest.approx(losses[best])


def test_without_a_validation_part_the_training_part_is_watched() -> None:
    with closing(started(0, early_stopping=EarlyStopping(patience=3, min_delta=1e6))) as run:
        run.train(100)
        assert run.network.epoch == 4
        assert "the training loss has not improved" in run.finish()


def test_the_loss_of_an_epoch_is_that_of_all_its_minibatches() -> None:
    with closing(started(early_stopping=EarlyStopping(monitor="loss", patience=100))) as run:
        run.advance(1, 2)
        run.advance(1)
        assert run.network.epoch == 1
        seen = run.network.own_memory(EarlyStopping())["best"]
    with closing(started()) as run:
        run.network.train(5)
        assert seen == pytest.approx(run.network.total_loss(run.network.take_sums()))


def test_a_reset_forgets() -> None:
    with closing(started(keep_best_weights=True)) as run:
        run.train(3)
        assert run.network.best
        assert run.network.memory
        run.network.draw_weights(0)
        assert not run.network.best
        assert not run.network.memory


def test_nothing_is_watched_without_a_wish() -> None:
    with closing(started()) as run:
        run.train(3)
        state = run.network.state()
        assert not state.memory
        assert not state.best
        assert not np.isnan(run.network.learning_rate)


CLASS_METRICS = sorted(name for name, kind in registry.metrics().items() if kind.reads in ("classes", "scores"))


@pytest.mark.parametrize("name", CLASS_METRICS)
def test_each_metric_of_classes_can_be_watched(name: str) -> None:
    rule = EarlyStopping(monitor=f"val_{name}", patience=2, min_delta=1e6)
    assert rule.monitor in monitors()
    with closing(started(early_stopping=rule, metrics=("recall",))) as run:
        run.train(50)
        assert run.network.epoch == 3
        assert run.finish() == f"Training stopped early: {in_words(rule.monitor)} has not improved for 2 epochs, since epoch 1."
        assert len(run.history.series(rule.monitor)[0]) == 3


def test_each_metric_says_which_direction_is_better() -> None:
    for name, kind in registry.metrics().items():
        monitor = f"val_{name}"
        better = 0.6 if kind.higher_is_better else 0.4
        for value in (0.4, 0.6):
            assert is_better(monitor, "auto", 0.05, value, 0.5) == (value == better)
            assert is_better(monitor, "min", 0.05, value, 0.5) == (value == 0.4)
    assert is_better("val_loss", "auto", 0.0, 0.4, 0.5)
    assert not is_better("loss", "auto", 0.0, 0.6, 0.5)
    assert in_words("val_auc") == "the validation AUC"
    assert in_words("val_exact_match") == "the validation exact match"
    assert in_words("accuracy") == "the training accuracy"


def test_a_learning_rate_may_follow_a_metric() -> None:
    schedule = ReduceLROnPlateau(monitor="val_f1", factor=0.5, patience=1, min_delta=1e6)
    with closing(started(schedule=schedule)) as run:
        run.train(3)
        assert run.network.learning_rate == pytest.approx(0.05 * 0.5**2)


@pytest.mark.parametrize("part", ["early_stopping", "schedule"])
@pytest.mark.parametrize(("monitor", "validation", "words"), [("val_rmse", 20, "RMSE"), ("val_auc", 0, "AUC")])
def test_what_cannot_be_watched_is_said(part: str, monitor: str, validation: int, words: str) -> None:
    chosen = {"early_stopping": EarlyStopping, "schedule": ReduceLROnPlateau}[part](monitor=monitor)
    with closing(started(validation, **{part: chosen})) as run:
        run.train(3)
        assert run.network.epoch == 3
        assert run.finish() == f"There was no validation {words} to watch: choose another monitor."
