"""What a card can do at best: measured by kernels that do what they say, exactly what its clock tells, and kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import classifier, clouds, layer, optimizer

from studio.core.document import Training
from studio.cuda.card import CardProblem, Launch
from studio.engine import card_peaks
from studio.engine.card_peaks import (
    KERNELS,
    NoRoomToMeasure,
    change_shared,
    copy_shared,
    measure,
    measured_card_peaks,
    multiply_shared,
    read_shared,
)
from studio.engine.network import Network
from studio.engine.peaks import Peaks
from studio.engine.timing import timer_of
from studio.kernels import state
from studio.kernels.jit import Kernel, compile_ahead
from studio.kernels.simd import LANES
from studio.testing.cards import ProcessorCard

_MIB = 1 << 20
#: Floats that a group goes through at a time.
CHUNK = 8 * LANES


class RatedCard(ProcessorCard):
    """Its clock tells what launches would take at known rates: operations and bytes a microsecond, by kernel and bytes.

    Parameters
    ----------
    rate : callable
        Of a kernel and the bytes that it goes through.
    start : float
        Microseconds that each launch takes besides.
    """

    def __init__(self, rate: Callable[[Kernel, int], float], start: float = 0.0, room: int = 1 << 30) -> None:
        super().__init__(room)
        self.rate, self.start = rate, start
        self.launches: list[tuple[Kernel, int, int]] = []

    def time(self, prepared: Sequence[Launch]) -> np.ndarray:
        self.check()
        self.runs += 1
        (launch,) = prepared
        record = np.zeros(8, np.int64)
        self.get(launch.arguments[1], record)
        turns, groups = int(record[2]), int(record[3])
        assert launch.groups == groups == self.most_groups
        # What the kernels' own texts say that they do with these arguments.
        size = {
            multiply_shared: 0, read_shared: 4 * CHUNK * record[6], copy_shared: 8 * CHUNK * record[5], change_shared: 4 * CHUNK * record[5],
        }[launch.kernel]  # fmt: skip
        amount = 2 * size if launch.kernel is change_shared else size
        if launch.kernel is multiply_shared:
            amount = groups * LANES * 12 * 8 * 2
        self.launches.append((launch.kernel, int(size), turns))
        return np.array([self.start + turns * amount / self.rate(launch.kernel, int(size))])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where peaks are kept; nothing is known yet."""
    monkeypatch.setattr(card_peaks, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(card_peaks, "_known", {})
    return tmp_path


def run(program: Kernel, arena: np.ndarray, arguments: Sequence[int]) -> np.ndarray:
    """Run a kernel on numbers; what they are then."""
    card = ProcessorCard()
    place, record, own = card.allocate(arena.nbytes), card.allocate(80), card.allocate(8 * state.STATE_LENGTH)
    card.put(place, arena)
    card.put(record, np.array([0, 2 + len(arguments), *arguments], np.int64))
    card.run(card.prepare([Launch(program, 3, (place, record, record, own))]), 1)
    found = np.empty_like(arena)
    card.get(place, found)
    return found


def numbers(chunks: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(chunks * CHUNK).astype(np.float32)


@pytest.mark.parametrize(("groups", "shift"), [(3, 2), (1, 0), (8, 3)])
def test_reading_adds_up_every_number_in_every_turn(groups: int, shift: int) -> None:
    x, turns = numbers(7), 2
    arena = np.concatenate([np.zeros(groups * LANES, np.float32), x])
    found = run(read_shared, arena, [turns, groups, shift, 0, 7, groups * LANES])
    sums = found[: groups * LANES].reshape(groups, LANES).astype(np.float64)
    assert np.allclose(sums.sum(0), turns * x.reshape(-1, LANES).sum(0, np.float64), atol=1e-4)
    assert np.array_equal(found[groups * LANES :], x)
    # In each turn a group goes through what another one went through before.
    chunks = x.reshape(7, 8, LANES).sum(1)
    for group in range(groups):
        own = [chunks[(group + turn * shift) % groups :: groups].sum(0) for turn in range(turns)]
        assert np.allclose(sums[group], sum(own), atol=1e-4)


@pytest.mark.parametrize("turns", [1, 4])
def test_copying_copies_all_and_changing_changes_all(turns: int) -> None:
    x, y = numbers(7), numbers(7, seed=4)
    found = run(copy_shared, np.concatenate([x, y]), [turns, 3, 2, 7, 0, 7 * CHUNK])
    assert np.array_equal(found, np.concatenate([x, x]))
    factor = np.full(LANES, 0.5, np.float32)
    found = run(change_shared, np.concatenate([factor, y]), [turns, 3, 2, 7, LANES])
    assert np.array_equal(found[LANES:], np.float32(0.5**turns) * y)


def test_calculating_is_twelve_sums_eight_times_a_turn() -> None:
    a, b = np.float32([0.9, 0.1])
    arena = np.concatenate([np.repeat([a, b], LANES), np.zeros(3 * LANES)]).astype(np.float32)
    found = run(multiply_shared, arena, [2, 3, 2 * LANES])
    a, b = np.float64([a, b])
    sums = [a, b, a + b, a - b, *(base + more for more in (1, 2, 3, 4) for base in (a, b))]
    for _ in range(2 * 8):
        sums = [s * a + b for s in sums]
    assert np.allclose(found[2 * LANES :], sum(sums), rtol=1e-5)


@pytest.mark.parametrize("start", [0.0, 2.0])
def test_peaks_are_what_the_cards_clock_tells(start: float) -> None:
    rates = {read_shared: 3.0, copy_shared: 2.0, change_shared: 2.5}

    def rate(program: Kernel, size: int) -> float:
        """Megabytes, or operations, a microsecond: memory is four times as far away as what is nearer."""
        if program is multiply_shared:
            return 50e6
        return rates[program] * 1e6 * (1 if size > 32 * _MIB else 4)

    card = RatedCard(rate, start)
    found = measure(card)
    # A launch is long enough that its start takes less than a hundredth.
    within = 1e-9 if not start else 0.01
    assert found.gflops == pytest.approx(50e3, rel=within)
    assert found.gigabytes_per_second == pytest.approx(2000.0, rel=within)
    assert [size for size, _ in found.nearer] == [2 * _MIB, 8 * _MIB, 32 * _MIB]
    for kind, program in ((found.nearer, copy_shared), (found.reading, read_shared), (found.changing, change_shared)):
        near = [speed for size, speed in kind if size <= 32 * _MIB]
        assert near == pytest.approx([4e3 * rates[program]] * 3, rel=within)
    assert found.reading[3:] == ((256 * _MIB, pytest.approx(3000.0, rel=within)),)
    assert found.changing[3:] == ((256 * _MIB, pytest.approx(2500.0, rel=within)),)
    assert found.moving(5 * _MIB) == pytest.approx(8000.0, rel=within)
    assert found.moving(64 * _MIB) == pytest.approx(2000.0, rel=within)
    # Each is launched in turn, many times; and all memory is given back.
    assert {program for program, _, _ in card.launches[-13:]} == set(KERNELS)
    assert card.blocks == 0


def test_fewer_numbers_are_no_further_away_than_more_of_them() -> None:
    """Few numbers keep few groups busy, which says nothing of how near they are."""
    speeds = {2 * _MIB: 1e6, 8 * _MIB: 5e6, 32 * _MIB: 3e6, 256 * _MIB: 2e6}
    found = measure(RatedCard(lambda program, size: speeds.get(size, 1e6)))
    assert found.reading == tuple((size * _MIB, pytest.approx(speed)) for size, speed in ((2, 5e3), (8, 5e3), (32, 3e3), (256, 2e3)))


def test_a_clock_that_stands_still_ends_too() -> None:
    assert measure(RatedCard(lambda program, size: float("inf"))).gflops > 0


def test_a_quarter_of_the_free_memory_is_enough() -> None:
    room = 400 * _MIB
    card = RatedCard(lambda program, size: 1e6, room=room)
    taken = card.allocate(40 * _MIB)
    found = measure(card)
    assert found.reading[-1][0] == 90 * _MIB
    assert card.most - 40 * _MIB < 91 * _MIB
    card.release(taken)
    assert card.blocks == 0


def test_a_full_card_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    card = RatedCard(lambda program, size: 1e6, room=200 * _MIB)
    words = r"^The memory of the card for tests is too full to measure how fast it is: close [^.]*\.$"
    with pytest.raises(NoRoomToMeasure, match=words):
        measure(card)
    # Another program takes what was free a moment ago.
    monkeypatch.setattr(card, "free_bytes", lambda: 1 << 30)
    with pytest.raises(NoRoomToMeasure, match=words):
        measure(card)
    assert not card.launches


def test_a_card_that_is_lost_meanwhile_is_not_a_full_one() -> None:
    card = RatedCard(lambda program, size: 1e6)
    card.lasts = 20
    with pytest.raises(CardProblem, match="error 700") as failure:
        measure(card)
    assert not isinstance(failure.value, NoRoomToMeasure)


def made_up(gflops: float, memory: float = 10.0) -> Peaks:
    return Peaks(gflops, memory, ((9, 40.0),), 1, ((9, 50.0), (99, 20.0)), ((9, 60.0), (99, 30.0)))


def test_peaks_are_measured_once_a_card_and_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card, other, measured, compiled = ProcessorCard(), ProcessorCard(), [], []
    other.identity = "another card"

    def found(of: Any) -> Peaks:
        measured.append(of)
        return made_up(float(len(measured)))

    monkeypatch.setattr(card_peaks, "measure", found)
    assert measured_card_peaks(card, compiled.extend) == made_up(1.0)
    assert compiled == list(KERNELS)
    assert measured_card_peaks(card) == made_up(1.0)
    # Another card has a file of its own.
    assert measured_card_peaks(other) == made_up(2.0)
    assert len(list(folder.glob("peaks-card-*.json"))) == 2
    # A start later both are known, and nothing is compiled for that.
    card_peaks._known.clear()
    assert measured_card_peaks(card, lambda kernels: pytest.fail("compiled again")) == made_up(1.0)
    assert measured_card_peaks(other) == made_up(2.0)
    # Measured again, the better rates count.
    assert measured_card_peaks(card, again=True) == measured_card_peaks(card) == made_up(3.0)
    assert measured == [card, other, card]


def test_peaks_of_another_card_or_recipe_do_not_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = ProcessorCard()
    monkeypatch.setattr(card_peaks, "measure", lambda of: made_up(1.0))
    measured_card_peaks(card)
    (file,) = folder.glob("*.json")
    written = json.loads(file.read_text())
    assert written["card"] == card.identity
    monkeypatch.setattr(card_peaks, "measure", lambda of: made_up(2.0))
    for changes in ({"card": "another card"}, {"recipe": "another"}, {"gflops": 0.0}, {"reading": [[9, -1.0]]}):
        card_peaks._known.clear()
        file.write_text(json.dumps({**written, **changes}))
        assert measured_card_peaks(card).gflops == 2.0
    # Other sizes, or kernels, are another recipe.
    card_peaks._known.clear()
    file.write_text(json.dumps(written))
    assert measured_card_peaks(card).gflops == 1.0
    monkeypatch.setattr(card_peaks, "_MEMORY", 128 * _MIB)
    assert measured_card_peaks(card).gflops == 2.0


def network_on(card: ProcessorCard) -> Network:
    graph, data, _ = classifier(layer("Dense", units=9, activation="tanh"))
    training = Training(optimizer=optimizer("Adam"), batch_size=7, seed=4, threads=1)
    return Network(graph, training, {data: clouds(45)}, 1, compile_ahead, card=card)


def test_times_are_compared_with_the_cards_peaks_where_there_is_room(small_peaks: Path) -> None:
    card = ProcessorCard()
    with closing(network_on(card)) as ready:
        blocks = card.blocks
        timer = timer_of(ready, lambda wanted: None)
        assert card.blocks == blocks
        timer.train(3)
        times, known = timer.times(), measured_card_peaks(card)
        assert times is not None
        # Of the processor that stands for it: more than 0.1 and less than 10,000 GFLOP/s and GB/s.
        assert 0.1 < known.gflops < 1e4
        assert 0.1 < known.gigabytes_per_second < 1e4
        assert (times.peak_gflops, times.peak_gigabytes) == (known.gflops, known.moving(1000))
    card_peaks._known.clear()
    next(small_peaks.iterdir()).unlink()
    full = ProcessorCard(room=12 * _MIB)
    with closing(network_on(full)) as ready:
        timer = timer_of(ready, lambda wanted: None)
        timer.train(3)
        times = timer.times()
        assert times is not None
        assert times.steps == 3
        assert (times.peak_gflops, times.peak_gigabytes) == (0.0, 0.0)
