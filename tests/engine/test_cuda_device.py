"""Networks on a card, whose kernels the processor runs here: memory, data, orders of samples, and a card that fails."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from networks import classifier, clouds, layer, optimizer, pictures, require_equal_states
from waiting import wait

from studio.core import registry
from studio.core.document import Training
from studio.cuda import card as cards
from studio.cuda.card import CardProblem, Launch
from studio.cuda.resident import could_pay
from studio.engine.commands import SetCard, SetGraph, Step
from studio.engine.cuda_device import CardFloats, is_launched, shares
from studio.engine.failure import EngineProblem
from studio.engine.network import Network
from studio.engine.run import TrainingRun
from studio.engine.trainer import Trainer
from studio.kernels.jit import compile_ahead
from studio.testing.cards import ProcessorCard


def settings(**changes: Any) -> Training:
    return dataclasses.replace(Training(optimizer=optimizer("Adam"), batch_size=7, seed=4, threads=1), **changes)


def both(graph: Any, data: Any, training: Training, card: ProcessorCard) -> tuple[Network, Network]:
    return (
        Network(graph, training, data, 1, compile_ahead),
        Network(graph, training, data, 1, compile_ahead, card=card),
    )


def mlp() -> tuple[Any, Any]:
    graph, data, _ = classifier(layer("Dense", units=9, activation="tanh"), layer("BatchNormalization"), layer("Dropout", rate=0.3))
    return graph, {data: clouds(45, validation=9)}


def test_a_card_learns_to_the_last_bit_what_one_thread_learns(card: ProcessorCard) -> None:
    graph, data = mlp()
    here, there = both(graph, data, settings(), card)
    with closing(here), closing(there):
        assert there.device.name == "cuda"
        assert there.threads == 1
        # Chunks that end within epochs, at their ends, and after several.
        for steps in (1, 4, 1, 13, 30):
            assert here.train(steps) == there.train(steps) == steps
            require_equal_states(here.state(), there.state())
            assert np.array_equal(here.take_sums().loss, there.take_sums().loss)
        for split in ("train", "validation"):
            one, other = (n.evaluate(lambda d, s=split: getattr(d, s)) for n in (here, there))
            assert one is not None
            assert other is not None
            assert (one.loss, one.accuracy) == (other.loss, other.accuracy)
            assert np.array_equal(one.confusion, other.confusion)
        probes = here.probe_arrays(0)
        assert np.array_equal(here.look(probes, [here.output])[here.output], there.look(probes, [there.output])[there.output])
        node = graph.nodes[1].id
        for name, gradient in here.node_gradients(node).items():
            assert np.array_equal(gradient, there.node_gradients(node)[name])
    assert card.blocks == 0


def test_pictures_and_a_rate_for_each_step(card: ProcessorCard) -> None:
    graph, data, _ = classifier(
        layer("Conv2D", filters=5, kernel_size=(3, 3), padding="same", activation="relu"),
        layer("RandomFlip"), layer("MaxPooling2D", pool_size=(2, 2)), layer("Flatten"),
    )  # fmt: skip
    schedule = registry.schedules()["CosineDecay"](decay_steps=30)
    here, there = both(graph, {data: pictures(24)}, settings(schedule=schedule, optimizer=optimizer("SGD", momentum=0.9)), card)
    with closing(here), closing(there):
        for steps in (3, 11, 5):
            assert here.train(steps) == there.train(steps) == steps
        assert here.learning_rate == there.learning_rate
        require_equal_states(here.state(), there.state())


def test_a_run_goes_over_to_the_card_and_back_with_its_optimizers_state(card: ProcessorCard) -> None:
    graph, data = mlp()
    here, there = both(graph, data, settings(), card)
    again = Network(graph, settings(), data, 1, compile_ahead)
    with closing(here), closing(there), closing(again):
        here.train(9)
        there.restore(here.state())
        there.train(4)
        again.restore(there.state())
        for one in (here, again):
            one.train(13 - one.step)
        require_equal_states(here.state(), again.state())
        here.train(6)
        again.train(6)
        require_equal_states(here.state(), again.state())


def test_a_loss_that_is_not_finite_stops_the_run_at_that_step(card: ProcessorCard) -> None:
    graph, data = mlp()
    training = settings(optimizer=optimizer("SGD", learning_rate=100.0))
    here, there = both(graph, data, training, card)
    with closing(here), closing(there):
        assert here.train(50) == there.train(50) < 50
        assert here.failed
        assert there.failed
        assert here.step == there.step


def test_a_diverging_run_is_put_back_and_told_of(card: ProcessorCard) -> None:
    graph, data = mlp()
    run = TrainingRun(graph, settings(device="cuda", optimizer=optimizer("SGD", learning_rate=100.0)), data, compile_ahead)
    with closing(run):
        with pytest.raises(EngineProblem, match="learning rate"):
            run.train(20)
        assert np.isfinite(next(iter(run.state().weights.values()))).all()
        assert run.network.device.name == "cuda"


@pytest.mark.parametrize("lasts", [0, 3])
def test_training_goes_on_on_the_processor_when_the_card_fails(card: ProcessorCard, lasts: int) -> None:
    graph, data = mlp()
    run = TrainingRun(graph, settings(device="cuda"), data, compile_ahead)
    with closing(run):
        assert run.network.device.name == "cuda"
        card.lasts = card.runs + lasts
        run.train(12)
        assert run.network.epoch == 12
        assert run.network.device.name == "cpu"
        assert run.card_problem == "The card for tests failed (error 700): train on the processor. Training goes on on the processor."
        assert run.evaluate("train") is not None


def test_a_card_without_room_or_without_a_driver_is_told_of_and_the_processor_trains(
    card: ProcessorCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, data = mlp()
    card.room = 1000
    run = TrainingRun(graph, settings(device="cuda"), data, compile_ahead)
    with closing(run):
        assert run.card_problem.startswith("The network needs ")
        run.train(2)
        assert run.network.epoch == 2
    assert card.blocks == 0
    cards.use(None)
    monkeypatch.setattr("studio.cuda.probe.why_not", lambda: "No NVIDIA driver was found: install it, or train on the processor.")
    run = TrainingRun(graph, settings(device="cuda"), data, compile_ahead)
    with closing(run):
        assert run.card_problem.startswith("No NVIDIA driver was found")
        assert run.network.device.name == "cpu"


@pytest.mark.parametrize("room", [10_000, 40_000, 60_000, 100_000])
def test_what_another_program_takes_meanwhile_leaves_nothing_on_the_card(
    card: ProcessorCard, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    graph, data = mlp()
    monkeypatch.setattr(card, "free_bytes", lambda: (1 << 30) - card.used)  # as it was before
    with closing(Network(graph, settings(), data, 1, compile_ahead, card=card)):
        needed = (1 << 30) - card.free_bytes()
    card.room = min(room, needed - 100)
    with pytest.raises(CardProblem, match="no room"):
        Network(graph, settings(), data, 1, compile_ahead, card=card)
    assert card.blocks == 0


def test_the_trainer_says_where_it_trains_and_goes_over_in_the_middle(card: ProcessorCard) -> None:
    graph, data = mlp()
    (dataset,) = data.values()
    trainer = Trainer(lambda source, progress: dataset, ahead=False)
    trainer.start()
    try:
        trainer.send(SetGraph(graph, settings()))
        trainer.send(Step(steps=10))
        wait(trainer, lambda s: s.step == 10 and s.device == "cpu")
        trainer.send(SetGraph(graph, settings(device="cuda")))
        trainer.send(Step(steps=10))
        seen = wait(trainer, lambda s: s.step == 20)
        assert seen.device == "cuda"
        assert not seen.notice
        card.lasts = card.runs
        trainer.send(Step(steps=10))
        seen = wait(trainer, lambda s: s.step >= 20 and s.device == "cpu" and bool(s.notice))
        assert seen.notice.startswith("The card for tests failed")
        assert seen.problem is None
    finally:
        trainer.close()


def test_another_card_takes_over_with_weights_and_optimizers_state() -> None:
    graph, data = mlp()
    (dataset,) = data.values()
    first, second = ProcessorCard(), ProcessorCard()
    cards.use(first, second)
    trainer = Trainer(lambda source, progress: dataset, ahead=False)
    trainer.start()
    try:
        trainer.send(SetGraph(graph, settings(device="cuda")))
        trainer.send(Step(steps=10))
        wait(trainer, lambda s: s.step == 10 and s.device == "cuda" and s.status == "paused")
        assert first.runs
        assert not second.runs
        trainer.send(SetCard(1))
        trainer.send(Step(steps=10))
        seen = wait(trainer, lambda s: s.step == 20 and s.status == "paused")
        assert seen.device == "cuda"
        assert second.runs
        assert first.closed
        saved = trainer.export_state()
        # Choosing the same card once more changes nothing, and one that is there no more is the first.
        trainer.send(SetCard(1))
        trainer.send(Step(steps=1))
        wait(trainer, lambda s: s.step == 21 and s.status == "paused")
        before = first.runs
        trainer.send(SetCard(2))
        trainer.send(Step(steps=1))
        wait(trainer, lambda s: s.step == 22 and s.status == "paused")
        assert first.runs > before
        assert second.closed
    finally:
        trainer.close()
        cards.use(None)
    with closing(Network(graph, settings(), data, 1, compile_ahead)) as here:
        here.train(20)
        assert saved is not None
        require_equal_states(here.state(), saved)


def test_a_card_that_could_not_be_used_is_tried_again_when_it_is_chosen_again(card: ProcessorCard) -> None:
    graph, data = mlp()
    (dataset,) = data.values()
    card.room = 1000
    trainer = Trainer(lambda source, progress: dataset, ahead=False)
    trainer.start()
    try:
        trainer.send(SetGraph(graph, settings(device="cuda")))
        wait(trainer, lambda s: s.device == "cpu" and s.notice.startswith("The network needs "))
        card.room = 1 << 30
        trainer.send(SetCard(0))
        wait(trainer, lambda s: s.device == "cuda" and not s.notice)
    finally:
        trainer.close()


def test_data_stays_on_the_card_while_it_is_used(card: ProcessorCard, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, data = mlp()
    with closing(Network(graph, settings(), data, 1, compile_ahead, card=card)) as there:
        there.train(1)
        for _ in range(3):
            there.evaluate(lambda d: d.validation)
        before = card.blocks
        for first in range(200):
            there.look(there.probe_arrays(first), [there.output])
        assert card.blocks < before + 70
        there.train(3)
    assert card.blocks == 0


def test_launches_say_who_shares_and_how_much_there_is_to_do(card: ProcessorCard, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[Launch]] = []
    monkeypatch.setattr(card, "prepare", lambda launches: seen.append(launches) or launches)
    graph, data = mlp()
    large, source, _ = classifier(layer("Dense", units=600, activation="tanh"), layer("Dense", units=600, activation="tanh"))
    for one, sets, batch_size in ((graph, data, 7), (large, {source: clouds(200)}, 200)):
        with closing(Network(one, settings(batch_size=batch_size), sets, 1, compile_ahead, card=card)) as there:
            calls = [call.kernel for call in there.train_plan.plan.calls if is_launched(call)]
    small_plan, large_plan = seen[0], seen[3]
    assert [launch.kernel for launch in large_plan[1:-1]] == calls
    for launch in small_plan + large_plan:
        assert launch.shares == (launch.kernel.blocks is not None or shares(launch.kernel))
        assert launch.shares or launch.groups == 1
        assert 1 <= launch.groups <= max(1, launch.vectors // 4)
    assert {launch.shares for launch in small_plan} == {True, False}
    # Only what is short may be faster on one multiprocessor than on the whole card.
    assert could_pay(small_plan)
    assert not could_pay(large_plan)


def test_floats_on_a_card_are_read_and_written_in_parts() -> None:
    card = ProcessorCard()
    floats = CardFloats(card, card.allocate(80), 20)
    floats[3] = 2.5
    floats[5:9] = np.arange(4)
    floats[10:12] = 7.0
    assert list(floats[2:12]) == [0, 2.5, 0, 0, 1, 2, 3, 0, 7, 7]
    assert list(floats[np.array([[3, 6], [10, 3]])].ravel()) == [2.5, 1, 7, 2.5]
    assert len(floats[4:4]) == 0
    copy = floats[0:20]
    copy[:] = 1.0
    assert floats[3:4][0] == 2.5
    with pytest.raises(CardProblem):
        ProcessorCard(room=10).allocate(100)
