"""Text that is written between chunks of training, as the window wishes for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from waiting import wait

from studio.core.document import Training
from studio.engine.commands import Pause, Reset, Run, SetGraph, SetPace, SetWeights, Step, Watch
from studio.engine.messages import Snapshot, TextWish, Written
from studio.engine.run import TrainingRun
from studio.engine.trainer import Trainer
from studio.engine.writing import desk as desks
from studio.engine.writing import writer as writers
from studio.engine.writing.desk import TEXT_SHARE, Desk
from studio.engine.writing.writer import Writer
from studio.kernels.jit import compile_ahead
from studio.kernels.simd import LANES
from tests.engine.languages import LETTERS, decoder, reversals, text_data, translator_graph, writer_graph
from tests.engine.networks import layer, optimizer

SETTINGS = Training(optimizer=optimizer("Adam", learning_rate=0.01), batch_size=8, epochs=100_000, threads=1)
#: So warm that another seed gives another text however much was learned.
WISH = TextWish(prompt="bad", length=30, temperature=3.0, interval=0.0)


@pytest.fixture
def trainer() -> Iterator[Trainer]:
    sets = {"words": reversals, "more words": lambda: reversals(samples=128)}
    made = Trainer(lambda source, progress: sets.get(source.source, text_data)(), ahead=False)  # type: ignore[attr-defined]
    made.start()
    made.send(SetPace(0.0))
    yield made
    made.close()


def written(trainer: Trainer, wish: TextWish, after: int = -1) -> Written:
    """The first complete answer to a wish, of a later step if that is wanted."""
    trainer.send(Watch(interval=0.0, text=wish))

    def is_there(snapshot: Snapshot) -> bool:
        found = snapshot.written
        return found is not None and found.wish == wish and found.complete and found.step > after

    found = wait(trainer, is_there).written
    assert found is not None
    return found


def test_text_is_there_before_training_while_it_runs_and_when_it_pauses(trainer: Trainer) -> None:
    trainer.send(SetGraph(writer_graph(layer("PositionEmbedding"), decoder()), SETTINGS))
    first = written(trainer, WISH)
    assert (first.step, len(first.text), first.problem) == (0, 30, "")
    trainer.send(Run())
    second = written(trainer, WISH, after=100)
    third = written(trainer, WISH, after=second.step)
    assert second.text != first.text
    assert third.step > second.step
    trainer.send(Pause())
    paused = wait(trainer, lambda s: s.status == "paused")
    last = written(trainer, WISH, after=paused.step - 1)
    assert last.step == paused.step
    other = written(trainer, dataclasses.replace(WISH, prompt="fed"))
    # A network this well trained may go on alike after any prompt and seed: it is the answer that must be new.
    assert (other.wish.prompt, other.problem) == ("fed", "")
    assert written(trainer, dataclasses.replace(WISH, seed=9)).wish.seed == 9
    # What was asked for first is written again as it was: from weights, seed and step alone.
    assert written(trainer, WISH).text == last.text


def test_an_opened_file_writes_at_once_and_a_reset_is_followed(trainer: Trainer) -> None:
    trainer.send(SetGraph(writer_graph(decoder()), SETTINGS))
    fresh = written(trainer, WISH)
    trainer.send(Step(epochs=5))
    trained = written(trainer, WISH, after=fresh.step)
    wait(trainer, lambda s: s.status == "paused")
    trained = written(trainer, WISH, after=trained.step - 1)
    state = trainer.export_state()
    assert state is not None
    trainer.send(Reset())
    wait(trainer, lambda s: s.written is not None and s.written.step == 0 and s.written.text == fresh.text)
    trainer.send(SetWeights(state))
    found = wait(trainer, lambda s: s.written is not None and s.written.step == state.step and s.written.complete)
    assert found.written is not None
    assert found.written.epoch == 5.0


def test_what_cannot_be_written_is_said_in_a_sentence(trainer: Trainer) -> None:
    trainer.send(SetGraph(writer_graph(decoder()), SETTINGS))
    assert written(trainer, WISH).problem == ""
    problem = written(trainer, dataclasses.replace(WISH, prompt="bäd"))
    assert "does not know the character “ä”" in problem.problem
    assert problem.text == ""
    assert written(trainer, WISH).text
    seeing = writer_graph(layer("TransformerEncoder", intermediate_dim=8, num_heads=2))
    trainer.send(SetGraph(seeing, SETTINGS))
    wait(trainer, lambda s: s.written is not None and "sees the characters" in s.written.problem)


def test_layer_by_layer_the_network_writes_only_at_the_end(trainer: Trainer) -> None:
    settings = dataclasses.replace(SETTINGS, mode="greedy", epochs=4)
    trainer.send(SetGraph(writer_graph(layer("Dense", units=8, activation="relu")), settings))
    ready = wait(trainer, lambda s: s.status in ("ready", "invalid"))
    assert ready.status == "ready", ready.problem
    trainer.send(Watch(interval=0.0, text=WISH))
    wait(trainer, lambda s: s.written is not None and "layer by layer" in s.written.problem)
    trainer.send(Run())
    done = wait(trainer, lambda s: s.status == "finished")
    found = wait(trainer, lambda s: s.written is not None and s.written.step == done.step and s.written.complete)
    assert found.written is not None
    assert (found.written.problem, len(found.written.text)) == ("", 30)


def test_translations_come_with_the_right_answers(trainer: Trainer) -> None:
    graph = translator_graph()
    graph = graph.set_parameters(graph.nodes[0].id, source="words")
    trainer.send(SetGraph(graph, SETTINGS))
    wish = TextWish(interval=0.0)
    first = written(trainer, wish)
    part = reversals().validation
    assert len(first.answers) == min(16, len(part))
    assert [a.right for a in first.answers] == [a.sentence[::-1] for a in first.answers]
    trainer.send(Step(epochs=60))
    wait(trainer, lambda s: s.status == "paused")
    later = written(trainer, wish, after=first.step)
    right = [sum(a.written == a.right for a in found.answers) for found in (first, later)]
    assert right[1] > right[0]
    own = written(trainer, dataclasses.replace(wish, prompt="abc"))
    assert (own.answers[0].sentence, own.answers[0].right) == ("abc", None)
    assert len(own.answers) == 16
    shifted = written(trainer, dataclasses.replace(wish, first=1))
    assert shifted.answers[0].sentence == first.answers[1].sentence
    long = written(trainer, dataclasses.replace(wish, prompt="abcde"))
    assert "reads only 3" in long.problem


@pytest.fixture
def ready_run() -> Iterator[TrainingRun]:
    run = TrainingRun(writer_graph(decoder()), SETTINGS, {"n1": text_data()}, compile_ahead)
    yield run
    run.close()


def test_nothing_is_computed_without_a_wish(ready_run: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(compile_ahead)
    desk.prepare(ready_run)
    used: list[str] = []
    for name in ("begin", "advance", "take_weights"):
        monkeypatch.setattr(Writer, name, lambda *_a, name=name, **_k: used.append(name))
    for _ in range(20):
        assert not desk.work(ready_run, None)
        assert not desk.is_wanted(ready_run, None)
    assert used == []
    assert desk.written is None


def test_writing_takes_its_share_of_the_time_and_no_more(
    ready_run: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    fake = SimpleNamespace(perf_counter=lambda: clock[0])
    monkeypatch.setattr(desks, "time", fake)
    monkeypatch.setattr(writers, "time", fake)
    desk = Desk(compile_ahead)
    desk.prepare(ready_run)
    assert desk._writer is not None
    device = desk._writer._device
    real, step = device.run, 0.0007

    def slow(bound: object, steps: int) -> int:
        clock[0] += step * steps
        return real(bound, steps)  # type: ignore[arg-type]

    monkeypatch.setattr(device, "run", slow)
    began, texts = clock[0], 0
    writing = 0.0
    for _ in range(4000):
        clock[0] += 0.01  # a chunk of minibatches
        before = clock[0]
        texts += desk.work(ready_run, dataclasses.replace(WISH, interval=0.5), running=True)
        ready_run.network.train(1) if texts % 3 == 0 else None
        writing += clock[0] - before
    assert texts > 10
    assert writing <= TEXT_SHARE * (clock[0] - began) + 0.05
    assert writing >= 0.5 * TEXT_SHARE * (clock[0] - began)


def test_a_wish_is_answered_at_once_when_training_pauses(ready_run: TrainingRun) -> None:
    desk = Desk(compile_ahead)
    desk.prepare(ready_run)
    for wish in (WISH, dataclasses.replace(WISH, length=300)):
        assert desk.is_wanted(ready_run, wish)
        for _ in range(100):
            desk.work(ready_run, wish, running=False)
            if not desk.is_wanted(ready_run, wish):
                break
        assert desk.written is not None
        assert (desk.written.wish, desk.written.complete) == (wish, True)
        assert len(desk.written.text) == wish.length
        assert set(desk.written.text) <= {*LETTERS, "\N{REPLACEMENT CHARACTER}"}


def test_words_that_the_training_text_lacks_are_named(ready_run: TrainingRun) -> None:
    ready_run.network.train(200)
    desk = Desk(compile_ahead)
    desk.prepare(ready_run)
    for temperature, lowest, highest in ((0.0, 0.8, 1.0), (8.0, 0.0, 0.5)):
        wish = TextWish(length=120, temperature=temperature)
        while desk.is_wanted(ready_run, wish):
            desk.work(ready_run, wish, running=False)
        assert desk.written is not None
        assert desk.written.known_share is not None
        assert lowest <= desk.written.known_share <= highest
        assert bool(desk.written.unknown) == (desk.written.known_share < 1)
        assert all(word in desk.written.text for word in desk.written.unknown)
        assert np.isfinite(desk.written.epoch)


def test_more_sentences_are_translated_than_a_vector_has_lanes(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on most processors, whose vectors are shorter than the window's list."""
    monkeypatch.setattr("studio.engine.writing.desk.SENTENCES", LANES + 3)
    graph = translator_graph()
    trainer.send(SetGraph(graph.set_parameters(graph.nodes[0].id, source="more words"), SETTINGS))
    answers = written(trainer, TextWish(interval=0.0)).answers
    assert len(answers) == LANES + 3
    assert [a.right for a in answers] == [a.sentence[::-1] for a in answers]
