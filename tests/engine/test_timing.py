"""Timed training steps: the same bits, and times that add up."""

from __future__ import annotations

import time

import numpy as np
import pytest
from networks import classifier, clouds, layer, network, optimizer, pictures, require_equal_states

from studio.core import registry
from studio.core.document import Training
from studio.engine.commands import Pause, Reset, Run, SetGraph, SetPace, Step, Watch
from studio.engine.messages import TrainingState
from studio.engine.network import Network
from studio.engine.run import TrainingRun
from studio.engine.timing import INTERVAL, KERNELS, StepTimer, clock_of
from studio.engine.trainer import Trainer
from studio.kernels import control
from studio.kernels.jit import compile_ahead


@pytest.fixture(autouse=True)
def _compiled():
    compile_ahead(KERNELS)


def wide(threads: int = 1, **more: object):
    graph, data, _ = classifier(layer("Dense", units=96, activation="tanh"), layer("Dropout", rate=0.2))
    return network(graph, {data: clouds(400)}, threads, 40, using=optimizer("Adam", learning_rate=0.01, **more))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_timed_step_is_an_ordinary_step(threads):
    ordinary, timed = wide(threads), wide(threads)
    timer = StepTimer(timed)
    ordinary.train(23)
    timer.train(7)
    timed.train(3)
    timer.train(13)
    require_equal_states(ordinary.state(), timed.state())
    one, other = ordinary.take_sums(), timed.take_sums()
    assert np.array_equal(one.loss, other.loss)
    assert np.array_equal(one.right, other.right)
    ordinary.close()
    timed.close()


def test_with_a_rate_of_its_own_for_each_step_too():
    graph, data, _ = classifier(layer("Dense", units=8, activation="relu"))
    schedule = registry.schedules()["CosineDecay"]()
    training = Training(optimizer=optimizer(), batch_size=8, schedule=schedule)
    both = [Network(graph, training, {data: clouds()}, 1, compile_ahead) for _ in range(2)]
    both[0].train(30)
    timer = StepTimer(both[1])
    timer.train(30)
    require_equal_states(both[0].state(), both[1].state())
    assert timer.times().steps == 30


@pytest.mark.parametrize("counter", [True, False] if control.HAS_COUNTER else [False])
def test_the_calls_take_as_long_as_the_step(counter):
    """Whichever clock is read: what the calls take adds up to what the step takes."""
    graph, data, nodes = classifier(layer("Conv2D", filters=24, kernel_size=3), layer("Flatten"))
    ready = network(graph, {data: pictures(640)}, 1, 320)
    timer = StepTimer(ready, clock_of(counter))
    timer.train(20)
    ratios = []
    for _ in range(40):
        begin = time.perf_counter()
        timer.train(10)
        taken = (time.perf_counter() - begin) / 10 * 1e6
        ratios.append(timer._rounds[-1].sum() / taken)
    # The rest of the time is the way from Python to the kernels and back.
    assert 0.5 < max(ratios) < 1.02
    times = timer.times()
    assert times.steps == 420
    # Flatten is another look at the same numbers: it calls nothing.
    assert {call.node for call in times.calls} == {data, "", *nodes} - {nodes[1]}
    assert {call.phase for call in times.calls if not call.is_waiting} == {"forward", "backward", "update"}
    convolution = sum(call.microseconds for call in times.calls if call.node == nodes[0])
    assert convolution > 0.3 * times.microseconds
    ready.close()


def test_waiting_for_other_threads_is_told_apart():
    ready = wide(2)
    timer = StepTimer(ready)
    timer.train(50)
    (waiting,) = (call for call in timer.times().calls if call.is_waiting)
    assert waiting.kernel == "barrier"
    assert waiting.microseconds > 0.0
    assert waiting.calls > 1
    assert timer.times().threads == 2
    ready.close()


def test_a_failure_while_timed_leaves_no_times():
    graph, data, nodes = classifier(layer("Dense", units=8))
    ready = network(graph, {data: clouds()})
    ready.restore(TrainingState({(nodes[0], "bias"): np.full(8, np.nan, np.float32)}), place=False)
    timer = StepTimer(ready)
    timer.train(50)
    assert ready.failed
    assert timer.times() is None


def test_the_trainer_times_only_where_somebody_looks():
    graph, data, nodes = classifier(layer("Dense", units=16, activation="tanh"))
    found = clouds(300)
    trainer = Trainer(lambda source, progress: found, ahead=False)
    trainer.start()

    def until(condition) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            trainer.take()
            time.sleep(0.01)

    try:
        trainer.send(SetGraph(graph, Training(optimizer=optimizer(), batch_size=8, epochs=100_000)))
        trainer.send(Watch(interval=0.01))
        trainer.send(SetPace(0.0))
        trainer.send(Run())
        until(lambda: trainer.take().step > 100)
        assert trainer.take().speed is None
        assert trainer._run._timer is None
        trainer.send(Watch(interval=0.01, speed=True))
        until(lambda: trainer.take().speed is not None and trainer._run._timer is not None and len(trainer._run._timer._rounds) > 1)
        times = trainer.take().speed
        assert {call.node for call in times.calls} >= {data, *nodes}
        assert 0.0 <= trainer.take().view_share < 0.5
        # Paused, what was measured stays.
        trainer.send(Pause())
        until(lambda: trainer.take().status == "paused")
        assert trainer.take().speed is not None
        # One step by hand is timed too, and another graph begins anew.
        steps = trainer.take().speed.steps
        time.sleep(INTERVAL)
        trainer.send(Step(steps=1))
        until(lambda: trainer.take().speed.steps == steps + 1)
        trainer.send(SetGraph(graph.set_parameters(nodes[0], units=17), Training(optimizer=optimizer(), batch_size=8)))
        until(lambda: trainer.take().speed is not None and trainer.take().speed.steps == 0)
        assert {call.node for call in trainer.take().speed.calls} >= {data, *nodes}
        assert trainer.take().speed.microseconds == 0.0
        trainer.send(Reset())
        trainer.send(Watch())
        until(lambda: trainer.take().status == "ready")
    finally:
        trainer.close()


def test_each_stage_of_training_layer_by_layer_has_times_of_its_own():
    graph, data, nodes = classifier(layer("Dense", units=6, activation="tanh"), layer("Dense", units=5, activation="tanh"))
    training = Training(optimizer=optimizer(), batch_size=8, epochs=4, mode="greedy")
    run = TrainingRun(graph, training, {data: clouds()}, compile_ahead)
    run.timed = True
    seen = []
    while run.advance(4):
        times = run.times
        if not seen or seen[-1][0] is not run.network:
            seen.append((run.network, frozenset(call.node for call in times.calls)))
        assert {call.node for call in times.calls} == seen[-1][1]
    assert len(seen) == len(run.stages)
    assert nodes[1] not in seen[0][1]
    assert nodes[1] in seen[-1][1]
    run.close()
