"""Learning-rate schedules and the rule for stopping do what Keras's do, step for step and epoch for epoch."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import jax
import keras
import numpy as np
import pytest

from studio.core import registry
from studio.core.schedule import Schedule
from studio.engine.schedules.cosine_decay import CosineDecay
from studio.engine.schedules.cosine_decay_restarts import CosineDecayRestarts
from studio.engine.schedules.exponential_decay import ExponentialDecay
from studio.engine.schedules.piecewise_constant_decay import PiecewiseConstantDecay
from studio.engine.schedules.reduce_lr_on_plateau import ReduceLROnPlateau
from studio.engine.stopping import EarlyStopping

INITIAL, STEPS = 0.05, 60
#: Schedules that are not compared with Keras, and why.
NOT_COMPARED = {
    "Constant": "no schedule at all",
    "OneCycle": "Keras has none; it is PyTorch's OneCycleLR",
}
SCHEDULES: list[Schedule] = [
    ExponentialDecay(decay_steps=7, decay_rate=0.8),
    ExponentialDecay(decay_steps=7, decay_rate=0.8, staircase=True),
    CosineDecay(decay_steps=40),
    CosineDecay(decay_steps=25, alpha=0.1),
    CosineDecay(decay_steps=30, alpha=0.2, warmup_target=0.3, warmup_steps=11),
    CosineDecayRestarts(first_decay_steps=9),
    CosineDecayRestarts(first_decay_steps=8, t_mul=1.5, m_mul=0.7, alpha=0.1),
    CosineDecayRestarts(first_decay_steps=10, t_mul=1.0, m_mul=0.9),
    PiecewiseConstantDecay(boundaries=(11, 30), values=(0.3, 0.02, 0.001)),
    PiecewiseConstantDecay(boundaries=(1,), values=(0.1, 0.2)),
]
PLATEAUS = [
    ReduceLROnPlateau(patience=2),
    ReduceLROnPlateau(patience=1, factor=0.5, cooldown=2, min_lr=0.01, min_delta=0.05),
    ReduceLROnPlateau(monitor="val_accuracy", patience=1, factor=0.3),
    ReduceLROnPlateau(monitor="loss", mode="max", patience=0, factor=0.9),
]
STOPPINGS = [
    EarlyStopping(),
    EarlyStopping(patience=2),
    EarlyStopping(patience=2, min_delta=0.1, start_from_epoch=3),
    EarlyStopping(monitor="val_accuracy", patience=3),
    EarlyStopping(monitor="accuracy", mode="min", patience=4),
]


def test_every_schedule_is_compared() -> None:
    compared = {type(schedule).type_name() for schedule in (*SCHEDULES, *PLATEAUS)}
    assert set(registry.schedules()) == compared | set(NOT_COMPARED)
    assert set(registry.stoppings()) == {type(rule).type_name() for rule in STOPPINGS}


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda part: type(part).__name__)
def test_rates_are_keras_s(schedule: Schedule) -> None:
    kind = getattr(keras.optimizers.schedules, type(schedule).type_name())
    values: dict[str, Any] = {name: getattr(schedule, name) for name in schedule.parameters()}
    values = {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
    if "warmup_target" in values:
        values["warmup_target"] = values["warmup_target"] or None
    if "initial_learning_rate" in inspect.signature(kind.__init__).parameters:
        values["initial_learning_rate"] = INITIAL
    theirs = np.asarray(jax.jit(jax.vmap(kind(**values)))(np.arange(STEPS)))
    np.testing.assert_allclose(schedule.rates(INITIAL, 0, STEPS, STEPS), theirs, rtol=2e-5, atol=1e-8)


def _callback(kind: Any, component: Any, **model: Any) -> Any:
    values = {name: getattr(component, name) for name in component.parameters()}
    if values["mode"] == "auto" and values["monitor"] == "val_accuracy":
        values["mode"] = "max"  # Keras asks the model's metric, and there is no model here
    made = kind(**values)
    made.set_model(SimpleNamespace(stop_training=False, metrics=[], **model))
    made.on_train_begin()
    return made


def _courses() -> list[np.ndarray]:
    """Values of a monitor over 30 epochs: noise about what falls, then stays."""
    generator = np.random.default_rng(4)
    falling = np.maximum(1.0 - 0.1 * np.arange(30), 0.3)
    return [falling + 0.1 * generator.normal(size=30) for _ in range(8)]


@pytest.mark.parametrize("schedule", PLATEAUS, ids=lambda part: type(part).__name__)
def test_plateaus_are_keras_s(schedule: ReduceLROnPlateau) -> None:
    for values in _courses():
        optimizer = SimpleNamespace(learning_rate=INITIAL)
        theirs = _callback(keras.callbacks.ReduceLROnPlateau, schedule, optimizer=optimizer)
        memory: dict[str, float] = {}
        for epoch, value in enumerate(values):
            theirs.on_epoch_end(epoch, {schedule.monitor: value})
            memory = schedule.after_epoch(INITIAL, memory, value)
            assert schedule.current(INITIAL, memory) == pytest.approx(float(optimizer.learning_rate), rel=1e-5), epoch


@pytest.mark.parametrize("rule", STOPPINGS, ids=lambda part: type(part).__name__)
def test_training_ends_where_keras_ends_it(rule: EarlyStopping) -> None:
    ends = set()
    for values in _courses():
        theirs = _callback(keras.callbacks.EarlyStopping, rule)
        memory: dict[str, float] = {}
        for epoch, value in enumerate(values):
            theirs.on_epoch_end(epoch, {rule.monitor: value})
            memory = rule.after_epoch(memory, epoch + 1, value)
            assert bool(memory.get("stopped")) == theirs.model.stop_training, epoch
            if theirs.model.stop_training:
                break
        assert memory["best_epoch"] == theirs.best_epoch + 1
        ends.add(epoch)
    assert len(ends) > 1
