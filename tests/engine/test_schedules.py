"""Learning rates that change: to the step, to the bit, and as the state of training says."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import pytest
from networks import classifier, clouds, layer, optimizer, require_equal_states

from studio.core import registry
from studio.core.component import Component
from studio.core.document import Training
from studio.engine import rates
from studio.engine.changes import only_live
from studio.engine.network import Network
from studio.engine.run import TrainingRun
from studio.kernels.jit import compile_ahead


def schedule(name: str, **values: Any) -> Component:
    return registry.schedules()[name](**values)


COSINE = schedule("CosineDecay", decay_steps=40, alpha=0.1, warmup_target=0.2, warmup_steps=5)


@contextmanager
def scheduled(using: Component | None, threads: int = 1, epochs: int = 100, **more: Any) -> Iterator[TrainingRun]:
    graph, data, nodes = classifier(layer("Dense", units=6, activation="tanh"))
    if "multiplier" in more:
        graph = graph.set_learning_rate_multiplier([nodes[0]], more.pop("multiplier"))
    settings: dict[str, Any] = {"optimizer": optimizer("SGD", learning_rate=0.05, momentum=0.9), **more}
    training = Training(schedule=using, batch_size=8, threads=threads, epochs=epochs, **settings)
    with closing(TrainingRun(graph, training, {data: clouds(60, validation=20)}, compile_ahead)) as run:
        yield run


def kernels(one: Network) -> list[str]:
    return [c.kernel.name for c in one.train_plan.plan.calls]


def test_without_a_schedule_there_is_no_kernel_for_it() -> None:
    for using in (None, schedule("Constant"), schedule("ReduceLROnPlateau")):
        with scheduled(using) as run:
            assert "set_rate" not in kernels(run.network)
    with scheduled(COSINE) as run:
        assert kernels(run.network).count("set_rate") == 1


@pytest.mark.parametrize("name", sorted(n for n, c in registry.schedules().items() if c.stepwise))  # type: ignore[attr-defined]
@pytest.mark.parametrize("threads", [1, 2])
def test_each_step_has_the_rate_that_the_formula_gives(name: str, threads: int) -> None:
    """As if a person had set the rate before each step."""
    using = schedule(name)
    if name == "PiecewiseConstantDecay":
        using = using.replace(boundaries=(3, 9), values=(0.05, 0.01, 0.2))
    initial = optimizer("SGD", learning_rate=0.05, momentum=0.9)
    with scheduled(using, threads, epochs=4) as run, scheduled(None, threads, epochs=4) as plain:
        one, other = run.network, plain.network
        for step in range(20):
            rate = using.reference(0.05, step, 20)  # type: ignore[attr-defined]
            by_hand = initial.replace(learning_rate=float(np.float32(rate)))
            other.set_numbers(other.graph, dataclasses.replace(other.training, optimizer=by_hand))
            other.train(1)
        assert one.learning_rate == pytest.approx(using.reference(0.05, 0, 20))  # type: ignore[attr-defined]
        one.train(20)
        assert one.learning_rate == pytest.approx(using.reference(0.05, 20, 20))  # type: ignore[attr-defined]
        require_equal_states(one.state(), other.state())


def test_a_layer_s_own_rate_follows_the_schedule_too() -> None:
    with scheduled(COSINE, multiplier=0.0) as run:
        assert kernels(run.network).count("set_rate") == 2
        before = run.network.weights()
        run.network.train(10)
        after = run.network.weights()
    assert [np.array_equal(after[key], before[key]) for key in sorted(before)] == [True, True, False, False]


@pytest.mark.parametrize("chunks", [(1,) * 60, (7, 20, 33)])
def test_the_size_of_the_chunks_does_not_matter(chunks: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    with scheduled(COSINE) as run:
        run.network.train(60)
        expected = run.network.state()
    monkeypatch.setattr("studio.engine.network.MOST_STEPS", 5)
    with scheduled(COSINE) as run:
        for steps in chunks:
            assert run.network.train(steps) == steps
        require_equal_states(run.network.state(), expected)


def test_the_ring_wraps_around() -> None:
    floats = np.zeros(rates.RING, np.float32)
    ring = rates.RateRing(floats, 0)
    asked = []

    def identity(first: int, count: int) -> np.ndarray:
        asked.append(first)
        return np.arange(first, first + count)

    step = 0
    for steps in (1, 5000, rates.MOST_STEPS, 3, rates.MOST_STEPS, rates.MOST_STEPS):
        ring.fill(step, steps, identity)
        places = np.arange(step, step + steps)
        assert np.array_equal(floats[places % rates.RING], places)
        step += steps
    assert len(asked) == len(set(asked))
    ring.fill(0, 10, identity)  # back to the start
    assert np.array_equal(floats[:10], np.arange(10))


@pytest.mark.parametrize(
    ("using", "more"),
    [
        (COSINE, {}),
        (schedule("ReduceLROnPlateau", patience=1, min_delta=0.05, factor=0.5), {}),
        (schedule("ReduceLROnPlateau", patience=1, min_delta=0.05, factor=0.5, monitor="loss"), {}),
        (None, {"early_stopping": registry.stoppings()["EarlyStopping"](patience=2, min_delta=0.02)}),
        (None, {"keep_best_weights": True}),
    ],
    ids=["cosine", "plateau", "plateau of loss", "stopping", "best"],
)
@pytest.mark.parametrize("first", [7, 10, 13])
def test_going_on_later_is_the_same_as_never_stopping(using: Component | None, more: dict[str, Any], first: int) -> None:
    def train(run: TrainingRun, step: int) -> None:
        while run.network.step < step and run.advance(100, step - run.network.step):
            pass

    with scheduled(using, **more) as run:
        train(run, 60)
        expected = run.network.state()
        message = run.stopped
    with scheduled(using, **more) as run:
        train(run, first)
        saved = run.network.state()
    with scheduled(using, **more) as run:
        run.restore(saved)
        train(run, 60)
        found = run.network.state()
        require_equal_states(found, expected)
        assert found.memory == pytest.approx(expected.memory)
        assert found.best.keys() == expected.best.keys()
        assert all(np.array_equal(v, expected.best[k]) for k, v in found.best.items())
        assert run.stopped == message


def test_a_plateau_lowers_the_rate_and_the_curve_shows_it() -> None:
    using = schedule("ReduceLROnPlateau", patience=2, min_delta=1e6, factor=0.5, min_lr=0.01)
    with scheduled(using) as run:
        run.train(12)
        found = run.history.series("learning_rate")[1]
        assert run.network.learning_rate == 0.01
    assert sorted(set(found), reverse=True) == [0.05, 0.025, 0.0125, 0.01]


def test_the_rate_is_a_curve_only_where_there_is_a_schedule() -> None:
    with scheduled(None) as run:
        run.train(2)
        assert "learning_rate" not in run.history.names
    with scheduled(COSINE) as run:
        run.train(2)
        assert run.history.count("learning_rate") == run.history.count("loss")


def test_without_a_length_of_its_own_a_schedule_takes_the_whole_run() -> None:
    with scheduled(schedule("CosineDecay")) as run:
        run.train(6)  # five steps an epoch
        assert run.network.learning_rate == pytest.approx(0.0)
        rates_seen = run.history.series("learning_rate")[1]
        assert np.all(np.diff(rates_seen) <= 0)


def test_other_numbers_are_live_but_another_kind_of_schedule_is_not() -> None:
    base = Training(optimizer=optimizer())
    cosine = dataclasses.replace(base, schedule=COSINE)
    assert only_live(cosine, dataclasses.replace(base, schedule=COSINE.replace(alpha=0.5)))
    assert only_live(cosine, dataclasses.replace(base, schedule=schedule("OneCycle")))
    assert not only_live(base, cosine)
    assert only_live(base, dataclasses.replace(base, schedule=schedule("ReduceLROnPlateau")))
    with scheduled(COSINE) as run:
        run.network.train(10)
        run.set_numbers(run.network.graph, dataclasses.replace(run.network.training, schedule=schedule("OneCycle")))
        one_cycle = run.network.training.schedule
        assert run.network.learning_rate == pytest.approx(one_cycle.reference(0.05, 10, 500))  # type: ignore[union-attr]
