"""The trainer's thread: commands in, snapshots out."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from networks import classifier, clouds, layer, optimizer, run
from waiting import wait

from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.layer import Layer
from studio.engine.commands import Pause, Reset, Run, SetGraph, SetPace, SetTraining, SetWeights, Step, Watch
from studio.engine.history import History
from studio.engine.messages import Snapshot
from studio.engine.trainer import Trainer

SETTINGS = Training(optimizer=optimizer(learning_rate=0.05), batch_size=8, epochs=5, threads=1)
FAST = SetPace(0.0)


def load(source: Layer, progress: object = None):  # type: ignore[no-untyped-def]
    if source.source == "missing":  # type: ignore[attr-defined]
        raise ValueError("There is no such file: choose another.")
    if source.source == "broken":  # type: ignore[attr-defined]
        raise OSError("the disk is on fire")
    return clouds(90, features=2 if source.source == "plane" else 4, validation=30)  # type: ignore[attr-defined]


@pytest.fixture
def trainer() -> Iterator[Trainer]:
    made = Trainer(load, ahead=False)
    made.start()
    made.send(Watch(interval=0.0))
    made.send(FAST)
    yield made
    made.close()
    assert not any(t.name.startswith("studio-") for t in threading.enumerate())


def status(*wanted: str) -> Callable[[Snapshot], bool]:
    return lambda snapshot: snapshot.status in wanted


def test_training_runs_to_the_end_and_on_again(trainer: Trainer) -> None:
    graph, _, _ = classifier(layer("Dense", units=5, activation="tanh"))
    trainer.send(SetGraph(graph, SETTINGS))
    ready = wait(trainer, status("ready"))
    assert (ready.step, ready.epoch, ready.history.names) == (0, 0.0, ())
    assert ready.graph == graph
    trainer.send(Run())
    done = wait(trainer, status("finished"))
    assert (done.step, done.epoch) == (40, 5.0)
    assert set(done.history.names) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert done.validation is not None
    assert done.validation.epoch == 5.0
    assert done.validation.confusion is not None
    assert done.validation.confusion.sum() == 30
    assert done.samples_per_second == 0.0
    trainer.send(Run())
    again = wait(trainer, lambda s: s.status == "finished" and s.epoch > 5.0)
    assert again.epoch == 10.0


def test_it_trains_exactly_as_without_a_thread(trainer: Trainer) -> None:
    graph, data, _ = classifier(layer("Dense", units=5, activation="tanh"))
    trainer.send(SetGraph(graph, SETTINGS))
    trainer.send(Run())
    wait(trainer, status("finished"))
    found = trainer.export_state()
    assert found is not None
    plain = run(graph, {data: load(graph.node(data).layer)}, 1, 8, SETTINGS.optimizer)  # type: ignore[arg-type]
    plain.train(5)
    for key, values in plain.network.weights().items():
        assert np.array_equal(found.weights[key], values)
    plain.close()


def test_pause_and_go_on(trainer: Trainer) -> None:
    graph, _, _ = classifier()
    trainer.send(SetGraph(graph, dataclasses.replace(SETTINGS, epochs=1_000_000)))
    trainer.send(Run())
    assert wait(trainer, lambda s: s.status == "running" and s.step > 20).samples_per_second > 0
    trainer.send(Pause())
    paused = wait(trainer, status("paused"))
    step = paused.step
    trainer.send(Watch(interval=0.0, sample=1))
    assert wait(trainer, lambda s: s.serial > paused.serial).step == step
    trainer.send(Run())
    wait(trainer, lambda s: s.status == "running" and s.step > step)


def test_single_steps_and_epochs(trainer: Trainer) -> None:
    graph, _, _ = classifier()
    trainer.send(SetGraph(graph, SETTINGS))
    trainer.send(Step(steps=1))
    assert wait(trainer, status("paused")).step == 1
    trainer.send(Step(steps=3))
    assert wait(trainer, lambda s: s.status == "paused" and s.step > 1).step == 4
    trainer.send(Step(epochs=1))
    assert wait(trainer, lambda s: s.status == "paused" and s.step > 4).epoch == 1.0
    trainer.send(Step(epochs=1))
    assert wait(trainer, lambda s: s.status == "paused" and s.epoch > 1.0).epoch == 2.0


def test_reset_draws_the_same_weights_or_new_ones(trainer: Trainer) -> None:
    graph, _, (dense, _) = classifier()
    trainer.send(SetGraph(graph, SETTINGS))
    wait(trainer, status("ready"))
    start = trainer.export_state()
    found = []
    for fresh in (False, True):
        trainer.send(Step(epochs=2))
        wait(trainer, status("paused"))
        trainer.send(Reset(fresh))
        reset = wait(trainer, status("ready"))
        assert (reset.step, reset.epoch, reset.history.names) == (0, 0.0, ())
        assert reset.validation is None
        found.append(trainer.export_state())
    assert start is not None
    assert np.array_equal(found[0].weights[dense, "kernel"], start.weights[dense, "kernel"])
    assert not np.array_equal(found[1].weights[dense, "kernel"], start.weights[dense, "kernel"])


def test_reset_while_training_runs(trainer: Trainer) -> None:
    graph, _, _ = classifier()
    trainer.send(SetGraph(graph, dataclasses.replace(SETTINGS, epochs=1_000_000)))
    trainer.send(Run())
    wait(trainer, lambda s: s.step > 50)
    trainer.send(Reset())
    assert wait(trainer, status("ready")).step == 0


def test_a_snapshot_is_made_only_after_the_last_was_taken(trainer: Trainer) -> None:
    graph, _, _ = classifier()
    trainer.send(SetGraph(graph, dataclasses.replace(SETTINGS, epochs=1_000_000)))
    trainer.send(Run())
    wait(trainer, lambda s: s.status == "running" and s.step > 20)
    # One more may come, since that one was taken; then no other.
    end = time.monotonic() + 60.0
    while trainer._publisher.taken.is_set() and time.monotonic() < end:
        time.sleep(0.001)
    state = trainer.export_state()
    assert state is not None
    untaken = trainer.snapshot  # made by now: states are handed out between two
    while (later := trainer.export_state()) is not None and later.step < state.step + 50:
        time.sleep(0.001)
    assert trainer.snapshot is untaken
    trainer.take()
    assert wait(trainer, lambda s: s.serial > untaken.serial).step > untaken.step


def test_snapshots_keep_their_distance(trainer: Trainer) -> None:
    graph, _, _ = classifier()
    trainer.send(Watch(interval=0.1))
    trainer.send(SetGraph(graph, dataclasses.replace(SETTINGS, epochs=1_000_000)))
    trainer.send(Run())
    wait(trainer, status("running"))
    seen, begin = {trainer.snapshot.serial}, time.monotonic()
    while time.monotonic() < begin + 0.5:
        seen.add(trainer.take().serial)
        time.sleep(0.001)
    assert 2 <= len(seen) <= 7


def test_only_what_is_watched_is_copied(trainer: Trainer) -> None:
    graph, data = Graph().add(layer("Data", source="plane"))
    graph, first = graph.add(layer("Dense", units=5, activation="tanh"))
    graph, last = graph.add(layer("Dense", units=3, activation="softmax"))
    graph, loss = graph.add(layer("SparseCategoricalCrossentropy"))
    for wire in ((data, 0, first, 0), (first, 0, last, 0), (last, 0, loss, 0), (data, 1, loss, 1)):
        graph = graph.connect(*wire)
    trainer.send(SetGraph(graph, SETTINGS))
    assert wait(trainer, status("ready")).nodes == {}
    trainer.send(
        Watch(nodes=frozenset([data, first, last]), details=frozenset([first]), scatter=last, plane=20, interval=0.0)
    )
    trainer.send(Step(steps=1))
    seen = wait(trainer, lambda s: s.status == "paused" and bool(s.nodes))
    assert set(seen.nodes) == {data, first, last}
    assert seen.nodes[first].activations is not None
    assert seen.nodes[first].activations.shape == (16, 5)
    assert seen.nodes[first].plane is not None
    assert seen.nodes[first].plane.shape == (20, 20, 5)
    assert {k: v.shape for k, v in seen.nodes[first].weights.items()} == {"kernel": (2, 5), "bias": (5,)}
    assert seen.nodes[first].gradients["kernel"].any()
    assert seen.nodes[last].weights == {}
    assert seen.probe_x is not None
    assert seen.probe_x.shape == (16, 2)
    assert seen.scatter is not None
    assert seen.scatter.activations.shape == (30, 3)
    state = trainer.export_state()
    assert state is not None
    # What is shown is what the weights give, at the probe batch and over the plane.
    low_x, high_x, low_y, high_y = seen.plane_extent
    corner = np.array([high_x, low_y])
    kernel, bias = state.weights[first, "kernel"], state.weights[first, "bias"]
    assert np.allclose(seen.nodes[first].plane[0, -1], np.tanh(corner @ kernel + bias), atol=1e-5)
    assert np.allclose(seen.nodes[first].activations, np.tanh(seen.probe_x @ kernel + bias), atol=1e-5)
    assert low_x < high_x
    assert low_y < high_y


def test_snapshots_do_not_change_afterwards(trainer: Trainer) -> None:
    graph, _, (dense, _) = classifier()
    trainer.send(Watch(frozenset([dense]), frozenset([dense]), interval=0.0))
    trainer.send(SetGraph(graph, SETTINGS))
    early = wait(trainer, lambda s: s.status == "ready" and bool(s.nodes))
    copy = early.nodes[dense].weights["kernel"].copy()
    trainer.send(Step(epochs=3))
    wait(trainer, status("paused"))
    assert np.array_equal(early.nodes[dense].weights["kernel"], copy)


def test_a_learning_rate_changes_without_a_rebuild(trainer: Trainer) -> None:
    graph, _, _ = classifier()
    trainer.send(SetGraph(graph, dataclasses.replace(SETTINGS, epochs=1_000_000)))
    trainer.send(Run())
    wait(trainer, lambda s: s.step > 20)
    assert trainer._run is not None
    network = trainer._run.network
    for rate in np.linspace(0.01, 0.2, 20):
        slower = dataclasses.replace(SETTINGS, epochs=1_000_000, optimizer=optimizer(learning_rate=float(rate)))
        trainer.send(SetTraining(slower))
    state = trainer.export_state()
    assert state is not None
    assert trainer._run is not None
    assert trainer._run.network is network
    assert network.optimizer.learning_rate == pytest.approx(0.2)
    assert wait(trainer, lambda s: s.step > state.step).status == "running"


def test_another_batch_size_goes_on_from_the_same_weights(trainer: Trainer) -> None:
    graph, _, _ = classifier()
    trainer.send(SetGraph(graph, dataclasses.replace(SETTINGS, epochs=1_000_000)))
    trainer.send(Run())
    before = wait(trainer, lambda s: s.step > 100)
    count = before.history.count("loss")
    trainer.send(SetTraining(dataclasses.replace(SETTINGS, epochs=1_000_000, batch_size=16)))
    after = wait(trainer, lambda s: s.status == "running" and s.step > before.step + 100)
    assert after.history.count("loss") > count
    assert after.history.series("loss")[1][-1] < after.history.series("loss")[1][0]


def test_an_edit_keeps_training_and_its_curves(trainer: Trainer) -> None:
    graph, _, (first, last, _) = classifier(layer("Dense", units=5))
    trainer.send(SetGraph(graph, dataclasses.replace(SETTINGS, epochs=1_000_000)))
    trainer.send(Run())
    before = wait(trainer, lambda s: s.epoch > 3)
    count = before.history.count("loss")
    edited = graph.set_parameters(first, units=9)
    trainer.send(SetGraph(edited, dataclasses.replace(SETTINGS, epochs=1_000_000)))
    after = wait(trainer, lambda s: s.graph == edited and s.status == "running" and s.epoch > before.epoch + 2)
    assert after.history.count("loss") > count
    state = trainer.export_state()
    assert state is not None
    assert state.weights[last, "kernel"].shape == (9, 3)


def test_a_problem_in_between_loses_nothing(trainer: Trainer) -> None:
    graph, _, (first, _last, _) = classifier(layer("Dense", units=5))
    trainer.send(SetGraph(graph, SETTINGS))
    trainer.send(Step(epochs=3))
    before = wait(trainer, status("paused"))
    count, state = before.history.count("loss"), trainer.export_state()
    broken = graph.disconnect(graph.incoming(first)[0])
    trainer.send(SetGraph(broken, SETTINGS))
    invalid = wait(trainer, status("invalid"))
    assert invalid.problem is not None
    assert invalid.problem.message.startswith("Dense has no input")
    assert invalid.history.count("loss") == count
    assert (invalid.step, invalid.epoch) == (before.step, before.epoch)
    trainer.send(SetGraph(graph, SETTINGS))
    repaired = wait(trainer, status("paused"))
    assert (repaired.step, repaired.epoch) == (before.step, before.epoch)
    assert repaired.history.count("loss") == count
    after = trainer.export_state()
    assert state is not None
    assert after is not None
    assert all(np.array_equal(after.weights[k], v) for k, v in state.weights.items())


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("missing", "Data has no data: There is no such file: choose another."),
        ("broken", "the disk is on fire"),
    ],
)
def test_data_that_cannot_be_loaded(trainer: Trainer, source: str, words: str) -> None:
    graph, data, _ = classifier()
    trainer.send(SetGraph(graph.set_parameters(data, source=source), SETTINGS))
    seen = wait(trainer, status("invalid", "failed"))
    assert seen.problem is not None
    assert words in seen.problem.message
    trainer.send(SetGraph(graph, SETTINGS))
    wait(trainer, status("ready"))


def test_numbers_that_explode_pause_training_and_name_the_node(trainer: Trainer) -> None:
    graph, _, nodes = classifier(layer("Dense", units=5))
    wild = optimizer(learning_rate=0.05)
    object.__setattr__(wild, "learning_rate", 1e30)
    trainer.send(SetGraph(graph, dataclasses.replace(SETTINGS, optimizer=wild)))
    trainer.send(Run())
    failed = wait(trainer, status("failed"))
    assert failed.problem is not None
    assert failed.problem.node in nodes
    state = trainer.export_state()
    assert state is not None
    assert all(np.isfinite(v).all() for v in state.weights.values())
    trainer.send(SetTraining(SETTINGS))
    assert wait(trainer, status("ready", "paused")).problem is None
    trainer.send(Run())
    done = wait(trainer, status("finished"))
    assert done.train is not None
    assert done.train.loss < 1.0


def test_the_pace_is_kept(trainer: Trainer) -> None:
    graph, _, _ = classifier()
    trainer.send(SetGraph(graph, dataclasses.replace(SETTINGS, epochs=1_000_000)))
    wait(trainer, status("ready"))
    trainer.send(SetPace(20.0))
    trainer.send(Run())
    first = wait(trainer, lambda s: s.epoch > 0)
    begin = time.monotonic()
    last = wait(trainer, lambda s: s.epoch >= first.epoch + 12)
    # The machine may be busy, but training must not be faster than it may.
    assert time.monotonic() - begin > 0.45
    trainer.send(FAST)
    wait(trainer, lambda s: s.epoch > last.epoch + 500, seconds=30.0)


def test_without_a_pace_a_short_run_is_slow_enough_to_watch() -> None:
    graph, _, _ = classifier()
    made = Trainer(load, ahead=False)
    made.start()
    made.send(SetGraph(graph, SETTINGS))
    wait(made, status("ready"))
    made.send(Run())
    wait(made, status("running"))
    begin = time.monotonic()
    half = wait(made, lambda s: s.epoch >= 0.5)
    seconds = time.monotonic() - begin
    made.close()
    assert half.status == "running"
    assert seconds > 0.5  # five epochs are meant to take ten seconds


def test_saved_weights_are_put_in_place(trainer: Trainer) -> None:
    graph, _, _ = classifier()
    trainer.send(SetGraph(graph, SETTINGS))
    trainer.send(Step(epochs=2))
    wait(trainer, status("paused"))
    state = trainer.export_state()
    assert state is not None
    trainer.send(Reset())
    wait(trainer, status("ready"))
    history = History.from_arrays({"loss": np.array([[1.0, 0.9], [2.0, 0.8]])})
    trainer.send(SetWeights(state, history))
    back = wait(trainer, lambda s: s.step == state.step)
    assert back.epoch == 2.0
    assert list(back.history.series("loss")[1]) == [0.9, 0.8]
    again = trainer.export_state()
    assert again is not None
    assert all(np.array_equal(again.weights[k], v) for k, v in state.weights.items())
    trainer.send(Step(epochs=1))
    assert wait(trainer, lambda s: s.status == "paused" and s.epoch > 2.0).history.count("loss") >= 3


def test_weights_sent_before_the_graph_wait_for_it(trainer: Trainer) -> None:
    graph, _, (dense, _) = classifier()
    trainer.send(SetGraph(graph, SETTINGS))
    trainer.send(Step(epochs=2))
    wait(trainer, status("paused"))
    state = trainer.export_state()
    assert state is not None
    other = Trainer(load, ahead=False)
    other.start()
    other.send(SetWeights(state))
    other.send(SetGraph(graph, SETTINGS))
    assert wait(other, status("paused")).step == state.step
    found = other.export_state()
    other.close()
    assert found is not None
    assert np.array_equal(found.weights[dense, "kernel"], state.weights[dense, "kernel"])


def test_an_empty_graph_is_no_problem(trainer: Trainer) -> None:
    trainer.send(SetGraph(Graph(), SETTINGS))
    trainer.send(Run())
    assert wait(trainer, lambda s: s.graph is not None).status == "empty"
    assert trainer.export_state() is None


def test_a_defect_is_shown_and_does_not_end_the_thread(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, _, _ = classifier()
    trainer.send(SetGraph(graph, SETTINGS))
    wait(trainer, status("ready"))
    assert trainer._run is not None
    monkeypatch.setattr(trainer._run, "advance", lambda *arguments: 1 // 0)
    trainer.send(Run())
    failed = wait(trainer, status("failed"))
    assert failed.problem is not None
    assert "internal error" in failed.problem.message
    monkeypatch.undo()
    trainer.send(Run())
    wait(trainer, status("finished"))


def test_the_state_can_be_had_after_closing() -> None:
    graph, _, _ = classifier()
    made = Trainer(load, ahead=False)
    made.start()
    made.send(SetGraph(graph, SETTINGS))
    made.send(FAST)
    made.send(Step(epochs=1))
    wait(made, status("paused"))
    before = made.export_state()
    made.close()
    after = made.export_state()
    assert before is not None
    assert after is not None
    assert after.step == before.step
    assert all(np.array_equal(after.weights[k], v) for k, v in before.weights.items())


def test_figures_are_there_again_after_weights_were_restored(trainer: Trainer) -> None:
    graph, _, _ = classifier()
    trainer.send(SetGraph(graph, SETTINGS))
    trainer.send(FAST)
    trainer.send(Step(epochs=2))
    before = wait(trainer, status("paused"))
    state = trainer.export_state()
    assert state is not None
    trainer.send(Reset())
    wait(trainer, lambda s: s.step == 0 and s.validation is None)
    trainer.send(SetWeights(state, before.history))
    after = wait(trainer, lambda s: s.step == state.step and s.validation is not None)
    assert before.validation is not None
    assert after.validation is not None
    assert after.validation.loss == before.validation.loss
    assert after.history.count("val_loss") == before.history.count("val_loss")


@pytest.mark.parametrize("threads", [1, 2])
def test_closing_in_the_middle_of_training_a_hundred_times(threads: int) -> None:
    graph, _, _ = classifier(layer("Dense", units=5))
    settings = dataclasses.replace(SETTINGS, epochs=1_000_000, threads=threads)
    for cycle in range(100):
        made = Trainer(load, ahead=False)
        made.start()
        made.send(SetGraph(graph, settings))
        made.send(FAST)
        made.send(Run())
        if cycle % 3:
            wait(made, lambda s: s.step > 5)
        begin = time.monotonic()
        made.close()
        assert time.monotonic() - begin < 10.0
    assert not any(t.name.startswith("studio-") for t in threading.enumerate())


def test_kernels_are_compiled_ahead_with_progress(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """In a process with an empty cache, so that there is something to compile."""
    import subprocess
    import sys
    from pathlib import Path

    program = (
        "import time\n"
        "from networks import classifier, layer\n"
        "from test_trainer import SETTINGS, load\n"
        "from studio.engine.commands import SetGraph, Step\n"
        "from studio.engine.trainer import Trainer\n"
        "graph, _, _ = classifier()\n"
        "trainer = Trainer(load)\n"
        "trainer.start()\n"
        "trainer.send(SetGraph(graph, SETTINGS))\n"
        "trainer.send(Step(epochs=1))\n"
        "messages, end = set(), time.monotonic() + 200\n"
        "while trainer.take().status != 'paused' and time.monotonic() < end:\n"
        "    messages.add((trainer.snapshot.status, trainer.snapshot.message.partition(':')[0]))\n"
        "    time.sleep(0.002)\n"
        "print(trainer.snapshot.status, trainer.snapshot.epoch)\n"
        "assert ('preparing', 'Preparing kernels') in messages, messages\n"
        "trainer.close()\n"
    )
    monkeypatch.setenv("STUDIO_CACHE_DIR", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["paused", "1.0"]


def test_other_data_go_on_with_weights_memory_and_curves(trainer: Trainer) -> None:
    graph, data, nodes = classifier(layer("Dense", units=6, activation="tanh"))
    settings = dataclasses.replace(SETTINGS, optimizer=optimizer("Adam", learning_rate=0.01))
    trainer.send(SetGraph(graph, settings))
    trainer.send(Step(steps=20))
    wait(trainer, lambda s: s.status == "paused" and s.step == 20)
    before, points = trainer.export_state(), trainer.take().history.count("loss")
    assert before is not None
    trainer.send(SetGraph(graph.set_parameters(data, source="moons"), settings))
    snapshot = wait(trainer, lambda s: s.graph is not graph and s.status == "paused")
    after = trainer.export_state()
    assert after is not None
    assert (after.step, after.epoch, after.position) == (20, np.ceil(before.epoch), 0)
    assert all(np.array_equal(v, before.weights[k]) for k, v in after.weights.items())
    assert all(np.array_equal(v, before.slots[k]) for k, v in after.slots.items())
    assert snapshot.history.count("loss") == points
    trainer.send(Step(steps=5))
    snapshot = wait(trainer, lambda s: s.step == 25)
    assert snapshot.history.count("loss") >= points
    assert nodes


def test_layer_by_layer_ends_with_the_whole_network(trainer: Trainer) -> None:
    graph, _, nodes = classifier(layer("Dense", units=6, activation="tanh"))
    trainer.send(SetGraph(graph, dataclasses.replace(SETTINGS, mode="greedy", epochs=4)))
    trainer.send(Watch(nodes=frozenset(nodes), interval=0.0))
    trainer.send(Run())
    snapshot = wait(trainer, lambda s: s.status == "finished")
    assert snapshot.graph is graph
    assert snapshot.epoch == 4
    assert snapshot.problem is None
    assert snapshot.nodes[nodes[1]].activations is not None
    trainer.send(Reset())
    snapshot = wait(trainer, lambda s: s.status == "ready")
    assert snapshot.step == 0


def test_why_training_ended_early_is_said_until_it_goes_on(trainer: Trainer) -> None:
    from studio.engine.stopping import EarlyStopping

    graph, _, _ = classifier(layer("Dense", units=6))
    rule = EarlyStopping(patience=2, min_delta=1e6, restore_best_weights=True)
    trainer.send(SetGraph(graph, dataclasses.replace(SETTINGS, epochs=50, early_stopping=rule)))
    trainer.send(Run())
    snapshot = wait(trainer, lambda s: s.status == "finished")
    assert snapshot.epoch == 3
    assert snapshot.message.startswith("Training stopped early: the validation loss has not improved for 2 epochs")
    assert snapshot.message.endswith("The weights of epoch 1 are back, the best ones by the validation loss.")
    trainer.send(Run())
    snapshot = wait(trainer, lambda s: s.status == "finished" and s.epoch == 6)
    assert snapshot.learning_rate == pytest.approx(0.05)


def test_a_long_reading_says_how_far_it_is_and_ends_when_nobody_waits_for_it() -> None:
    reading, told, ended = threading.Event(), threading.Event(), []

    def slow(source: Layer, progress: Callable[[int, int], None]) -> object:
        if source.source != "slow":  # type: ignore[attr-defined]
            return load(source)
        reading.set()
        try:
            for done in range(100_000):
                progress(done, 100_000)
                told.wait(0.002)
        except BaseException:
            ended.append(source)
            raise
        raise AssertionError("nobody ended it")

    graph, data, _ = classifier()
    made = Trainer(slow, ahead=False)  # type: ignore[arg-type]
    made.start()
    try:
        made.send(SetGraph(graph.set_layer(data, layer("Data", source="slow")), SETTINGS))
        said = wait(made, lambda s: s.message.startswith("Reading data: ")).message
        assert said.endswith(" of 100,000")
        made.send(SetGraph(graph, SETTINGS))
        wait(made, status("ready"))
        assert len(ended) == 1
        made.send(SetGraph(graph.set_layer(data, layer("Data", source="slow")), SETTINGS))
        wait(made, lambda s: s.message.startswith("Reading data: "))
    finally:
        begin = time.monotonic()
        made.close()
    assert time.monotonic() - begin < 5.0
    assert len(ended) == 2
