"""What calls take on a card: timed minibatches are ordinary ones, and each time is that of the right call."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from networks import classifier, clouds, layer, optimizer, require_equal_states

from studio.core import registry
from studio.core.document import Training
from studio.cuda.card import Launch
from studio.engine import timing
from studio.engine.messages import TrainingState
from studio.engine.network import Network
from studio.engine.peaks import Peaks
from studio.engine.plan import CALL_HEADER
from studio.engine.run import TrainingRun
from studio.engine.timing import StepTimer
from studio.kernels import control
from studio.kernels.jit import compile_ahead
from studio.testing.cards import ProcessorCard


class MarkedCard(ProcessorCard):
    """Its clock tells which launch it was: where the call stands in the record; much more for what is no call."""

    def time(self, prepared: Sequence[Launch]) -> np.ndarray:
        super().time(prepared)
        start = prepared[0].arguments[1]
        edges = (control.begin_step, control.end_step)
        return np.array([1e9 if launch.kernel in edges else (launch.arguments[1] - start) / 8 for launch in prepared])


def training(**changes: Any) -> Training:
    return dataclasses.replace(Training(optimizer=optimizer("Adam"), batch_size=7, seed=4, threads=1), **changes)


def mlp() -> tuple[Any, Any, list[str]]:
    graph, data, nodes = classifier(layer("Dense", units=9, activation="tanh"), layer("BatchNormalization"), layer("Dropout", rate=0.3))
    return graph, {data: clouds(45)}, nodes


def on(card: ProcessorCard, **changes: Any) -> Network:
    graph, data, _ = mlp()
    return Network(graph, training(**changes), data, 1, compile_ahead, card=card)


def schedule() -> Any:
    return registry.schedules()["CosineDecay"](decay_steps=30)


@pytest.mark.parametrize("schedule", [None, schedule()])
def test_a_timed_step_is_an_ordinary_step(schedule: Any) -> None:
    card, other = ProcessorCard(), ProcessorCard()
    ordinary, timed = on(card, schedule=schedule), on(other, schedule=schedule)
    with closing(ordinary), closing(timed):
        timer = StepTimer(timed)
        # Within an epoch of seven minibatches, at its end, over several, and alone.
        for steps in (3, 4, 1, 23, 2):
            assert ordinary.train(steps) == timer.train(steps) == steps
            require_equal_states(ordinary.state(), timed.state())
            one, another = ordinary.take_sums(), timed.take_sums()
            assert np.array_equal(one.loss, another.loss)
            assert np.array_equal(one.right, another.right)
        assert ordinary.train(5) == timed.train(5) == 5
        require_equal_states(ordinary.state(), timed.state())
    assert card.timed == 0
    # The first ones of many only.
    assert other.timed == timer.times().steps == 3 + 4 + 1 + 5 + 2


def test_each_time_is_that_of_its_call() -> None:
    card = MarkedCard()
    with closing(on(card)) as ready:
        timer = StepTimer(ready)
        assert timer.times() is None
        timer.train(3)
        expected: dict[tuple[str, str, str], list[float]] = {}
        place = 1
        for call in ready.train_plan.plan.calls:
            expected.setdefault((call.node, call.phase, call.kernel.name), []).append(place)
            place += CALL_HEADER + len(call.arguments)
        # Launches wait for nothing in between: there is no barrier, and so no time for it.
        barriers = [key for key in expected if key[2] == "barrier"]
        assert barriers
        for key in barriers:
            del expected[key]
        times = timer.times()
        assert {(c.node, c.phase, c.kernel): (c.calls, c.microseconds) for c in times.calls} == {
            key: (len(places), sum(places)) for key, places in expected.items()
        }
        assert not any(call.is_waiting for call in times.calls)
        assert times.device == "cuda"
        assert times.threads == 1


def test_the_costs_of_calls_are_beside_their_times() -> None:
    with closing(on(ProcessorCard())) as there:
        graph, data, _ = mlp()
        here = Network(graph, training(), data, 1, compile_ahead)
        with closing(here):
            one, other = (timing.StepCalls(n) for n in (here, there))
            costs = [
                {(c.node, c.phase, c.kernel): (c.operations, c.traffic) for c in calls.with_times(np.zeros(len(calls.keys)), 0).calls}
                for calls in (one, other)
            ]
    costs[0].pop(("", "", "barrier"))
    assert costs[0] == costs[1]
    assert max(operations for operations, _ in costs[1].values()) > 1000


def test_a_run_times_only_where_somebody_looks_and_each_device_has_its_own_peaks(
    card: ProcessorCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def of_card(of: Any, compile_kernels: Any) -> Peaks:
        asked.append(of)
        return Peaks(50_000.0, 3000.0)

    monkeypatch.setattr(timing, "measured_peaks", lambda threads: Peaks(100.0, 10.0, threads=threads))
    monkeypatch.setattr(timing, "measured_card_peaks", of_card)
    graph, data, nodes = mlp()
    run = TrainingRun(graph, training(device="cuda"), data, compile_ahead)
    with closing(run):
        assert run.advance(1000, steps=20) > 0
        assert card.timed == 0
        assert run.times.steps == 0
        assert run.times.device == "cuda"
        assert asked == []
        run.timed = True
        assert run.advance(1000, steps=20) > 0
        times = run.times
        assert card.timed == times.steps > 0
        assert {call.node for call in times.calls} >= set(nodes)
        assert {call.phase for call in times.calls} == {"forward", "backward", "update"}
        assert all(call.microseconds > 0 for call in times.calls)
        assert (times.peak_gflops, times.peak_gigabytes) == (50_000.0, 3000.0)
        assert asked == [card]
        # The card is lost while it is timed: the processor goes on, and its times begin anew.
        run._timer._last = float("-inf")
        card.lasts = card.runs
        before = card.timed
        assert run.advance(1000, steps=20) > 0
        assert run.network.device.name == "cpu"
        assert card.timed == before
        assert run.card_problem.startswith("The card for tests failed (error 700)")
        assert run.times.device == "cpu"
        assert (run.times.peak_gflops, run.times.peak_gigabytes) == (100.0, 10.0)


def test_a_failure_while_timed_leaves_no_times() -> None:
    with closing(on(ProcessorCard())) as ready:
        node = ready.graph.nodes[1].id
        ready.restore(TrainingState({(node, "bias"): np.full(9, np.nan, np.float32)}), place=False)
        timer = StepTimer(ready)
        assert timer.train(20) < 20
        assert ready.failed
        assert timer.times() is None


def test_a_card_that_is_lost_while_it_is_measured_leaves_training_to_the_processor(
    card: ProcessorCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(of: Any, compile_kernels: Any) -> Peaks:
        card.lasts = card.runs
        card.check()
        raise AssertionError("The card for tests did not fail.")

    monkeypatch.setattr(timing, "measured_peaks", lambda threads: Peaks(100.0, 10.0, threads=threads))
    monkeypatch.setattr(timing, "measured_card_peaks", lost)
    graph, data, _ = mlp()
    with closing(TrainingRun(graph, training(device="cuda"), data, compile_ahead)) as run:
        run.timed = True
        assert run.advance(1000, steps=20) > 0
        assert run.network.device.name == "cpu"
        assert run.card_problem.startswith("The card for tests failed (error 700)")


def test_what_a_timer_measures_at_first_is_no_training(card: ProcessorCard, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(of: Any, compile_kernels: Any) -> Peaks:
        time.sleep(0.5)
        return Peaks(100.0, 10.0)

    monkeypatch.setattr(timing, "measured_card_peaks", slow)
    graph, data, _ = mlp()
    with closing(TrainingRun(graph, training(device="cuda"), data, compile_ahead)) as run:
        run.advance(1000, steps=5)
        run.timed = True
        run.advance(1000, steps=1)
        # Of seven samples a step; with the half second in it 0.3 of that would be 0.15 seconds a step.
        assert run.samples_per_second > 7 / 0.1
