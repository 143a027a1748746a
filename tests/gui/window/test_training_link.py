"""What reaches the trainer, in which order, for what a person does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from studio import data
from studio.core.problems import Problem
from studio.engine.commands import Command, Pause, Reset, Run, SetGraph, SetTraining, SetWeights, Step, Watch
from studio.engine.messages import Snapshot, TrainingState
from studio.gui.live import Live
from studio.gui.session import Session
from studio.gui.training_link import TrainingLink, optimizer_of
from studio.storage import templates


class RecordingEngine:
    """Writes down commands; shows whatever snapshot the test gives it."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.sent: list[Command] = []

    def send(self, command: Command) -> None:
        if not isinstance(command, Watch):
            self.sent.append(command)

    def take(self) -> Snapshot:
        return self.snapshot


class Bench:
    """A session, a link and an engine that only writes down."""

    def __init__(self) -> None:
        self.engine = RecordingEngine()
        self.session = Session(data.describe_all)
        self.live = Live(self.engine)
        self.link = TrainingLink(self.session, self.live, self.engine)
        self.said: list[str] = []
        self.session.said.connect(lambda sentence, error: self.said.append(sentence))

    def kinds(self) -> list[type]:
        found = [type(c) for c in self.engine.sent]
        self.engine.sent.clear()
        return found

    def show(self, **changes) -> None:
        old = self.engine.snapshot
        changes.setdefault("graph", self.session.document.graph)
        self.engine.snapshot = replace(old, serial=old.serial + 1, **changes)
        self.live.look()


@pytest.fixture
def bench(qtbot):
    bench = Bench()
    bench.session.open(templates.load("xor"))
    assert bench.kinds() == [Pause, SetGraph, Reset]
    qtbot.wait(320)  # snapshots from before the opening are not believed for a moment
    return bench


def _set_rate(bench: Bench, rate: float) -> None:
    training = bench.session.document.training
    after = bench.session.document.with_training(optimizer=optimizer_of(training).replace(learning_rate=rate))
    bench.session.edit(after, "change learning rate")


def test_a_change_of_training_alone_does_not_rebuild(bench, qtbot):
    _set_rate(bench, 0.123)
    qtbot.waitUntil(lambda: bool(bench.engine.sent))
    (command,) = bench.engine.sent
    assert isinstance(command, SetTraining)
    assert command.training.optimizer.learning_rate == 0.123


def test_edits_of_one_moment_are_one_command(bench, qtbot):
    document = bench.session.document
    graph = document.graph
    for units in (5, 6, 7):
        graph = graph.set_parameters("n2", units=units)
        bench.session.edit(bench.session.document.with_graph(graph), "change units")
    qtbot.waitUntil(lambda: bool(bench.engine.sent))
    (command,) = bench.engine.sent
    assert isinstance(command, SetGraph)
    assert command.graph.node("n2").layer.units == 7


def test_moving_a_node_sends_nothing(bench, qtbot):
    bench.session.edit(bench.session.document.moved({"n1": (5.0, 5.0)}), "move")
    qtbot.wait(50)
    assert bench.engine.sent == []


def test_run_sends_pending_edits_first(bench):
    _set_rate(bench, 0.5)
    bench.link.run()
    assert bench.kinds() == [SetTraining, Run]
    assert bench.link.running


def test_run_says_why_a_graph_cannot_be_trained(bench, qtbot):
    graph = bench.session.document.graph.remove(["n1"])
    bench.session.edit(bench.session.document.with_graph(graph), "delete")
    bench.link.run()
    assert Run not in bench.kinds()
    assert bench.said[-1].endswith(".")
    assert not bench.link.running


def test_steps_and_resets(bench):
    bench.link.one_step()
    bench.link.one_epoch()
    bench.link.reset(True)
    assert bench.engine.sent == [Step(steps=1), Step(epochs=1), Reset(True)]


def test_a_snapshot_from_before_pause_does_not_flip_the_button(bench, qtbot):
    bench.link.run()
    bench.show(status="running", step=3)
    bench.link.pause()
    bench.show(status="running", step=4)
    assert not bench.link.running
    bench.show(status="paused", step=4)
    qtbot.wait(320)
    assert not bench.link.running


def test_a_run_that_is_over_at_once_is_seen_to_be_over(bench, qtbot):
    bench.link.run()
    bench.show(status="finished", step=40)
    qtbot.waitUntil(lambda: not bench.link.running)


def test_training_makes_the_document_unsaved(bench):
    bench.show(status="running", step=1)
    assert bench.session.dirty


def test_opened_weights_do_not_count_as_training(bench, qtbot):
    bench.session.open(templates.load("xor"))
    bench.link.restore(TrainingState(weights={}, step=50))
    assert bench.kinds()[-1] is SetWeights
    qtbot.wait(320)
    bench.show(status="paused", step=50)
    assert not bench.session.dirty
    bench.show(status="running", step=51)
    assert bench.session.dirty


def test_opened_weights_that_arrive_late_do_not_count_as_training(bench, qtbot):
    bench.session.open(templates.load("xor"))
    bench.link.restore(TrainingState(weights={}, step=50))
    qtbot.wait(320)
    bench.show(status="preparing", step=0)
    bench.show(status="ready", step=0)
    bench.show(status="paused", step=50)
    assert not bench.session.dirty
    bench.show(status="running", step=51)
    assert bench.session.dirty


def test_a_failure_is_said_once(bench):
    problem = Problem("n2", "Hidden gave numbers that are too large at step 7: lower the learning rate.")
    bench.show(status="failed", problem=problem)
    bench.show(status="failed", problem=problem)
    assert bench.said.count(problem.message) == 1
