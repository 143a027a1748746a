"""How many threads a network trains with: counted, measured, and remembered by plan."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from networks import classifier, clouds, layer, network

from studio.core.document import Training
from studio.engine import threads
from studio.engine.run import TrainingRun
from studio.engine.threads import best_number, counted_threads, numbers_to_try
from studio.kernels import cache
from studio.kernels.simd import LANES


@pytest.fixture(autouse=True)
def _nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(threads, "_known", {})
    monkeypatch.setattr(threads, "_file", lambda: str(tmp_path / "threads.json"))
    return


def _medium() -> tuple[object, str, Training]:
    """A network whose size leaves the number of threads open."""
    graph, data, _ = classifier(layer("Dense", units=64))
    with closing(network(graph, {data: clouds()})) as one:
        training = dataclasses.replace(one.training, batch_size=4096, threads=0)
    return graph, data, training


class _Times:
    """Networks that take what they are told to take."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: dict[int, tuple[float, float]]) -> None:
        self.measured: list[int] = []
        self.closed = 0
        monkeypatch.setattr(threads, "_time", self._time)
        self._times = times

    def make(self, number: int) -> object:
        times = self

        class Made:
            threads = number

            def close(self) -> None:
                times.closed += 1

        return Made()

    def _time(self, made: object) -> tuple[float, float]:
        self.measured.append(made.threads)
        return self._times[made.threads]


def _best(times: _Times, numbers: tuple[int, ...] = (1, 2, 4), counted: int = 1, batch_size: int = 64) -> int:
    graph, data, _ = classifier(layer("Dense", units=8))
    with closing(network(graph, {data: clouds()}, batch_size=batch_size, threads=counted)) as one:
        return best_number(one, numbers, times.make)


def test_the_fastest_number_is_taken_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    times = _Times(monkeypatch, {1: (9e-5, 1.0), 2: (5e-5, 1.0), 4: (7e-5, 1.0)})
    assert _best(times) == 2
    assert (times.measured, times.closed) == ([1, 2, 4], 3)
    assert _best(times) == 2
    threads._known.clear()  # as in another process
    assert _best(times) == 2
    assert times.measured == [1, 2, 4]
    # Another plan is another measurement.
    assert _best(times, batch_size=32) == 2
    assert times.measured == [1, 2, 4] * 2


def test_more_threads_must_gain_more_than_a_little(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _best(_Times(monkeypatch, {1: (9.0e-5, 1.0), 2: (8.6e-5, 1.0), 4: (8.5e-5, 1.0)})) == 1


def test_minibatches_that_take_long_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    times = _Times(monkeypatch, {1: (0.5, 1.0)})
    assert _best(times, counted=2) == 2
    assert times.measured == [1]


def test_what_other_programs_disturbed_is_counted_and_measured_another_time(monkeypatch: pytest.MonkeyPatch) -> None:
    disturbed = _Times(monkeypatch, {1: (9e-5, 1.0), 2: (9e-5, 0.5)})
    assert _best(disturbed, (1, 2), counted=2) == 2
    # Within one process a run repeats.
    assert _best(disturbed, (1, 2), counted=2) == 2
    assert disturbed.measured == [1, 2]
    threads._known.clear()
    quiet = _Times(monkeypatch, {1: (4e-5, 1.0), 2: (9e-5, 1.0)})
    assert _best(quiet, (1, 2), counted=2) == 1


def test_networks_that_cannot_be_had_now_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    times = _Times(monkeypatch, {1: (9e-5, 1.0)})
    monkeypatch.setattr(times, "make", lambda number: None)
    assert _best(times, (1, 2), counted=2) == 2
    assert times.measured == []


@pytest.mark.parametrize("text", ["", "[1]", '{"a": "b"}', "\x00"])
def test_a_file_that_makes_no_sense_is_replaced(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(threads._file())
    file.write_text(text, encoding="utf-8")
    times = _Times(monkeypatch, {1: (9e-5, 1.0), 2: (5e-5, 1.0)})
    assert _best(times, (1, 2)) == 2
    assert list(json.loads(file.read_text(encoding="utf-8")).values()) == [2]


def test_a_folder_that_cannot_be_written_is_no_reason_not_to_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(threads, "_file", lambda: str(tmp_path / "file" / "threads.json"))
    times = _Times(monkeypatch, {1: (9e-5, 1.0), 2: (5e-5, 1.0)})
    assert _best(times, (1, 2)) == 2
    assert cache.problem() == ""


def test_numbers_to_try_follow_from_work_batch_and_cores() -> None:
    graph, data, training = _medium()
    sets = {data: clouds()}
    assert numbers_to_try(graph, training, sets, most=1) == (1,)
    assert numbers_to_try(graph, training, sets, most=2) == (1, 2)
    assert numbers_to_try(graph, training, sets, most=6) == (1, 2, 4, 6)
    few = dataclasses.replace(training, batch_size=2)
    assert numbers_to_try(graph, few, sets, most=8) == (1,)
    small = classifier(layer("Dense", units=2))[0]
    assert numbers_to_try(small, dataclasses.replace(training, batch_size=2 * LANES), sets, most=8) == (1,)


@pytest.mark.parametrize("number", [1, 2])
def test_a_run_takes_the_number_that_is_fastest(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, data, training = _medium()
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(threads, "_time", lambda made: (1e-5 if made.threads == number else 2e-5, 1.0))
    with closing(TrainingRun(graph, training, {data: clouds()})) as run:
        assert run.threads == number
        # Nothing of the measurement is left in the network.
        assert (run.network.step, run.network.epoch) == (0, 0.0)
    with closing(TrainingRun(graph, dataclasses.replace(training, threads=2), {data: clouds()})) as run:
        assert run.threads == 2


def test_measuring_trains_and_says_what_it_took() -> None:
    graph, data, training = _medium()
    assert counted_threads(graph, training, {data: clouds()}, most=2) in (1, 2)
    with closing(network(graph, {data: clouds()}, threads=2, batch_size=64)) as one:
        seconds, share = threads._time(one)
        assert 0 < seconds < 10
        assert share > 0
        assert one.step > 2
