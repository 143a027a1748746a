"""A race of processor and card: what it finds, and that training knows nothing of it; the processor stands for the card."""

from __future__ import annotations

import dataclasses
import functools
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import classifier, clouds, layer, optimizer, require_equal_states
from test_windows import on_disk
from waiting import wait

from studio.core import registry
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.layer import Layer
from studio.cuda import card as cards
from studio.cuda.card import CardProblem, Launch
from studio.engine import race as module
from studio.engine import racing
from studio.engine.commands import (
    Pause,
    Run,
    SetGraph,
    SetPace,
    SetTraining,
    StartRace,
    Step,
    StopRace,
    Watch,
)
from studio.engine.failure import EngineProblem
from studio.engine.loaded_data import Outdated
from studio.engine.messages import Snapshot, TrainingState
from studio.engine.publishing import Standing
from studio.engine.race import NOT_FINITE, ON_DISK, Race
from studio.engine.race_messages import Racer, RaceView
from studio.engine.racing import MESSAGE, Racing, ends_race
from studio.engine.run import TrainingRun
from studio.engine.trainer import Trainer
from studio.kernels.jit import compile_ahead
from studio.testing.cards import ProcessorCard

#: Seconds of a turn: all that is of interest here is there in a moment.
SHORT = 0.005
LOST = "The card for tests failed (error 700): train on the processor."
DATA = clouds(93, validation=30)


class WatchedCard(ProcessorCard):
    """Is lost after so many runs from when that is said."""

    def __init__(self, room: int = 1 << 30) -> None:
        super().__init__(room)
        self.lost_after: int | None = None

    def run(self, prepared: Sequence[Launch], times: int) -> None:
        if self.lost_after is not None and self.lasts is None:
            self.lasts = self.runs + self.lost_after
        super().run(prepared, times)


@pytest.fixture
def card(small_peaks: Path) -> Iterator[WatchedCard]:
    made = WatchedCard()
    cards.use(made)
    yield made
    cards.use(None)


def mlp() -> Graph:
    graph, _, _ = classifier(layer("Dense", units=9, activation="tanh"), layer("BatchNormalization"), layer("Dropout", rate=0.3))
    return graph


def settings(**changes: Any) -> Training:
    """Ten minibatches and a rest in an epoch, and a learning rate that follows from the step."""
    schedule = registry.schedules()["CosineDecay"](decay_steps=500)
    made = Training(optimizer=optimizer("Adam", learning_rate=0.01), batch_size=6, epochs=40, threads=2, seed=4, schedule=schedule)
    return dataclasses.replace(made, **changes)


def run_of(training: Training, data: Any = DATA, graph: Graph | None = None) -> TrainingRun:
    graph = graph or mlp()
    return TrainingRun(graph, training, {graph.nodes[0].id: data}, compile_ahead)


# The race itself --------------------------------------------------------------------------------


def test_turns_alternate_and_the_first_does_not_count(card: WatchedCard) -> None:
    with closing(run_of(settings())) as run:
        run.advance(40, steps=13)
        before = run.state()
        with closing(Race(run, compile_ahead, SHORT, turns=3)) as race:
            seen = []
            goes_on = True
            while goes_on:
                goes_on = race.advance()
                seen.append(race.view(7))
        require_equal_states(before, run.state())
    order = [(view.turn, view.on_turn) for view in seen if view.stage == "racing"]
    assert list(dict.fromkeys(order)) == [(turn, who) for turn in range(4) for who in ("cpu", "cuda")]
    assert not any(view.processor.rates or view.card.rates for view in seen if view.turn == 0)
    last = seen[-1]
    assert (last.number, last.stage, last.progress, last.turns) == (7, "done", 1.0, 3)
    assert len(last.processor.rates) == len(last.card.rates) == 3
    assert min(last.processor.rates + last.card.rates) > 0
    assert (last.processor.threads, last.card.threads, last.card.title) == (2, 1, "card for tests")
    progress = [view.progress for view in seen]
    assert progress == sorted(progress)
    assert card.runs > 4
    assert card.blocks == 0


def test_both_start_where_training_stands_and_train_alike(card: WatchedCard) -> None:
    with closing(run_of(settings(threads=1))) as run:
        run.advance(40, steps=13)
        with closing(Race(run, compile_ahead, SHORT)) as race:
            here, there = (side.network for side in race._sides)
            require_equal_states(run.state(), here.state())
            require_equal_states(run.state(), there.state())
            assert here.train(9) == there.train(9) == run.network.train(9) == 9
            require_equal_states(run.state(), here.state())
            for key, values in run.state().weights.items():
                np.testing.assert_allclose(there.weights()[key], values, rtol=1e-4, atol=1e-5)


def test_layer_by_layer_those_race_whose_turn_it_is(card: WatchedCard) -> None:
    graph, _, _ = classifier(layer("Dense", units=9, activation="tanh"), layer("Dense", units=7, activation="tanh"))
    with closing(run_of(settings(mode="greedy", schedule=None), graph=graph)) as run:
        while run.network.epoch < run.stages[1].start + 0.3:
            assert run.advance(40, steps=3)
        before = run.state()
        assert len(run.stages) > 1
        with closing(Race(run, compile_ahead, SHORT, turns=1)) as race:
            for side in race._sides:
                assert side.network.graph == run.stages[1].graph
                require_equal_states(run.network.state(), side.network.state())
            while race.advance():
                pass
            assert race.view().card.rates
        require_equal_states(before, run.state())


def test_rates_are_samples_by_seconds(card: WatchedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock by which a minibatch takes 1 ms on the processor and 0.125 ms on the card."""
    with closing(run_of(settings(batch_size=8), clouds(96))) as run, closing(Race(run, compile_ahead, 0.05, turns=2)) as race:
        sides = race._sides

        def clock() -> float:
            return 1e-3 * sides[0].network.step + 0.125e-3 * sides[1].network.step

        monkeypatch.setattr(module, "time", types.SimpleNamespace(perf_counter=clock))
        while race.advance():
            pass
        view = race.view()
    assert view.processor.rates == pytest.approx([8000.0] * 2)
    assert view.card.rates == pytest.approx([64000.0] * 2)
    assert (view.faster, view.factor_words) == ("cuda", "8.0")


@pytest.mark.parametrize(
    ("here", "there", "faster", "words"),
    [
        ((50.0, 100.0, 900.0), (710.0,), "cuda", "7.1"),
        ((1800.0,), (1000.0,), "cpu", "1.8"),
        ((1000.0,), (1040.0,), "", "1.0"),
        ((10.0,), (243.0,), "cuda", "24"),
        ((), (243.0,), "", "1.0"),
    ],
)
def test_who_is_faster(here: tuple[float, ...], there: tuple[float, ...], faster: str, words: str) -> None:
    view = RaceView(processor=Racer(rates=here), card=Racer(rates=there))
    assert (view.faster, view.factor_words) == (faster, words)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_without_room_for_a_copy_there_is_no_race(device: str) -> None:
    first = ProcessorCard()
    cards.use(first)
    with closing(run_of(settings(device="cuda"))) as run:
        run.advance(40, steps=5)
        taken = first.most
    small = ProcessorCard(taken + taken // 2 if device == "cuda" else taken // 2)
    cards.use(small)
    with closing(run_of(settings(device=device))) as run:
        run.advance(40, steps=13)
        before, used = run.state(), small.used
        assert run.network.device.name == device
        assert (used > 0) == (device == "cuda")
        with pytest.raises(CardProblem, match=r"^The network needs .* of the card's memory, of which .* is free: "):
            Race(run, compile_ahead, SHORT)
        assert small.used == used
        require_equal_states(before, run.state())
        assert run.advance(40, steps=5) > 0
        assert run.network.device.name == device
    assert small.blocks == 0
    cards.use(None)


def test_samples_on_the_disk_do_not_race(card: WatchedCard) -> None:
    with closing(run_of(settings(), on_disk(DATA))) as run:
        with pytest.raises(EngineProblem) as problem:
            Race(run, compile_ahead, SHORT)
        assert str(problem.value) == ON_DISK
    assert card.most == 0


def test_what_learns_too_fast_is_timed_all_the_same_and_what_cannot_learn_is_not(card: WatchedCard) -> None:
    wild = settings(optimizer=optimizer("SGD", learning_rate=30.0), schedule=None)
    graph, _, _ = classifier(layer("Dense", units=9))
    with closing(run_of(wild, graph=graph)) as run, closing(Race(run, compile_ahead, SHORT, turns=1)) as race:
        failures = 0
        while race.advance():
            failures += any(side.network.failed for side in race._sides)
        assert failures
        assert min(race.view().processor.rates + race.view().card.rates) > 0
    with closing(run_of(settings(), graph=graph)) as run:
        run.restore(TrainingState({(graph.nodes[1].id, "bias"): np.full(9, np.nan, np.float32)}), place=False)
        with closing(Race(run, compile_ahead, SHORT)) as race:
            # The very first step already fails.
            with pytest.raises(EngineProblem) as problem:
                race.advance()
            assert str(problem.value) == NOT_FINITE
    assert card.blocks == 0


# In the trainer -----------------------------------------------------------------------------------


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trainer]:
    monkeypatch.setattr(racing, "Race", functools.partial(Race, seconds=SHORT))

    def load(source: Layer, progress: object = None) -> Any:
        return on_disk(DATA) if source.source == "disk" else DATA  # type: ignore[attr-defined]

    made = Trainer(load, ahead=False)
    made.start()
    made.send(Watch(interval=0.0, speed=True))
    yield made
    made.close()
    assert not any(t.name.startswith("studio-") for t in threading.enumerate())


@pytest.fixture
def endless(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many turns that a race is on until something ends it."""
    monkeypatch.setattr(racing, "Race", functools.partial(Race, seconds=SHORT, turns=1_000_000))


def stage(*wanted: str, number: int = 1) -> Callable[[Snapshot], bool]:
    return lambda snapshot: snapshot.race.number == number and snapshot.race.stage in wanted


def undisturbed(training: Training, epochs: int = 40) -> TrainingState:
    """What comes of it without a race."""
    with closing(run_of(training)) as run:
        run.train(epochs)
        assert run.network.device.name == training.device
        return run.state()


def in_the_middle(trainer: Trainer, training: Training) -> Snapshot:
    """Train slowly, and come back in the middle of an epoch that is not the first."""
    trainer.send(SetPace(20.0))
    trainer.send(SetGraph(mlp(), training))
    trainer.send(Run())
    return wait(trainer, lambda s: s.status == "running" and s.epoch > 1.5 and s.epoch % 1 > 0.2)


def finish(trainer: Trainer) -> TrainingState:
    trainer.send(SetPace(0.0))
    wait(trainer, lambda s: s.status == "finished")
    state = trainer.export_state()
    assert state is not None
    return state


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_training_goes_on_as_if_there_had_been_no_race(trainer: Trainer, card: WatchedCard, device: str) -> None:
    training = settings(device=device)
    expected = undisturbed(training)
    start = in_the_middle(trainer, training)
    assert start.device == device
    blocks = card.blocks
    trainer.send(StartRace(1))
    done = wait(trainer, stage("done"))
    assert done.status == "running"
    assert start.step <= done.step < expected.step
    assert len(done.race.processor.rates) == len(done.race.card.rates) == 5
    assert card.blocks == blocks
    require_equal_states(expected, finish(trainer))
    assert wait(trainer, lambda s: True).device == device


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_nothing_is_trained_while_it_is_on(trainer: Trainer, card: WatchedCard, device: str, endless: None) -> None:
    expected = undisturbed(settings(device=device))
    in_the_middle(trainer, settings(device=device))
    blocks = card.blocks
    trainer.send(StartRace(1))
    on = wait(trainer, stage("racing"))
    assert (on.status, on.message, on.samples_per_second) == ("running", MESSAGE, 0.0)
    assert card.blocks > blocks
    first = trainer.export_state()
    later = wait(trainer, lambda s: s.race.progress > on.race.progress)
    second = trainer.export_state()
    assert first is not None
    assert second is not None
    assert later.race.is_on
    assert 0 < first.step < expected.step
    require_equal_states(first, second)
    trainer.send(StopRace())
    wait(trainer, lambda s: s.race.stage == "stopped" and s.step > first.step)
    assert card.blocks == blocks
    require_equal_states(expected, finish(trainer))


def test_a_card_that_fails_in_the_middle_ends_the_race_alone(trainer: Trainer, card: WatchedCard) -> None:
    expected = undisturbed(settings())
    in_the_middle(trainer, settings())
    card.lost_after = 6
    trainer.send(StartRace(1))
    over = wait(trainer, stage("failed"))
    assert over.race.problem == LOST
    assert over.status == "running"
    assert over.problem is None
    assert card.lasts is not None
    require_equal_states(expected, finish(trainer))


def test_a_card_that_fails_with_training_on_it_leaves_both_to_the_processor(trainer: Trainer, card: WatchedCard, endless: None) -> None:
    in_the_middle(trainer, settings(device="cuda"))
    trainer.send(StartRace(1))
    wait(trainer, stage("racing"))
    card.lost_after = 3
    assert wait(trainer, stage("failed")).race.problem == LOST
    left = wait(trainer, lambda s: s.device == "cpu" and s.status == "running")
    assert left.notice == f"{LOST} Training goes on on the processor."
    finish(trainer)


@pytest.mark.parametrize("command", [StopRace(), Pause(), Run(), Step(steps=1), SetTraining(settings(epochs=39))])
def test_what_a_person_does_ends_the_race(trainer: Trainer, card: WatchedCard, command: Any, endless: None) -> None:
    expected = undisturbed(settings())
    trainer.send(SetGraph(mlp(), settings()))
    trainer.send(Step(steps=13))
    wait(trainer, lambda s: s.status == "paused" and s.step == 13)
    trainer.send(StartRace(1))
    wait(trainer, lambda s: stage("racing")(s) and len(s.race.card.rates) > 2)
    trainer.send(command)
    stopped = wait(trainer, stage("stopped"))
    assert stopped.race.turn < stopped.race.turns
    assert card.blocks == 0
    state = trainer.export_state()
    assert state is not None
    if isinstance(command, StopRace | Pause):
        assert (stopped.status, stopped.message, stopped.step, state.step) == ("paused", "", 13, 13)
    trainer.send(SetTraining(settings()))
    trainer.send(SetPace(0.0))
    trainer.send(Run())
    require_equal_states(expected, finish(trainer))


def test_an_edit_ends_the_race_and_forgets_what_it_found(
    trainer: Trainer, card: WatchedCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_middle(trainer, settings())
    trainer.send(StartRace(1))
    wait(trainer, stage("done"))
    graph, _, _ = classifier(layer("Dense", units=5))
    trainer.send(SetGraph(graph, settings()))
    assert wait(trainer, stage("none")).race == RaceView(1)
    monkeypatch.setattr(racing, "Race", functools.partial(Race, seconds=SHORT, turns=1_000_000))
    trainer.send(StartRace(2))
    wait(trainer, stage("racing", number=2))
    trainer.send(SetGraph(mlp(), settings()))
    wait(trainer, stage("none", number=2))
    assert card.blocks == 0
    wait(trainer, lambda s: s.status == "running" and s.graph == mlp())


def test_why_there_is_no_race(trainer: Trainer, card: WatchedCard) -> None:
    trainer.send(StartRace(1))
    assert wait(trainer, stage("stopped")).status == "empty"
    graph = mlp()
    disk = graph.set_parameters(graph.nodes[0].id, source="disk")
    trainer.send(SetGraph(disk, settings()))
    wait(trainer, lambda s: s.status == "ready")
    trainer.send(StartRace(2))
    over = wait(trainer, stage("failed", number=2))
    assert (over.race.problem, over.status, over.message) == (ON_DISK, "ready", "")
    card.room = 1000
    trainer.send(SetGraph(graph, settings()))
    trainer.send(StartRace(3))
    assert "of the card's memory, of which" in wait(trainer, stage("failed", number=3)).race.problem


def test_a_race_that_is_called_off_while_it_is_prepared_is_not_begun(card: WatchedCard) -> None:
    standing = Standing(status="paused", message="before")
    race = Racing(standing)
    told: list[RaceView] = []

    def compile_kernels(kernels: Any) -> None:
        compile_ahead(kernels)
        race.note(Watch())
        assert not race.is_off
        race.note(Pause())
        if race.is_off:
            raise Outdated

    with closing(run_of(settings())) as run:
        race.note(StartRace(3))
        race.start(StartRace(3), run, lambda: told.append(race.view), compile_kernels)
        assert [view.stage for view in told] == ["preparing"]
        assert race.view == RaceView(3, "stopped")
        assert not race.is_on
        # Called off, or asked for once more, before its turn in the queue has come.
        race.note(StartRace(4))
        race.note(StartRace(5))
        race.start(StartRace(4), run, lambda: told.append(race.view), compile_ahead)
        assert race.view == RaceView(4, "stopped")
        race.start(StartRace(5), run, lambda: told.append(race.view), compile_ahead)
        assert race.is_on
        race.end()
    assert len(told) == 2
    assert (standing.status, standing.message) == ("paused", "before")
    assert card.blocks == 0


def test_a_defect_in_a_race_is_told_and_harms_nothing(card: WatchedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    race = Racing(Standing())
    with closing(run_of(settings())) as run:
        race.note(StartRace(1))
        race.start(StartRace(1), run, lambda: None, compile_ahead)
        assert race.is_on
        monkeypatch.setattr(Race, "advance", lambda self: 1 / 0)
        race.advance()
    assert not race.is_on
    assert race.view.problem == "The race ended because of an internal error: ZeroDivisionError('division by zero')."
    assert card.blocks == 0


def test_only_what_touches_training_ends_a_race() -> None:
    assert [ends_race(c) for c in (Watch(), SetPace(), StartRace(1), object())] == [False] * 4
    assert all(ends_race(c) for c in (Run(), Pause(), StopRace(), Step(), SetGraph(Graph(), settings())))
