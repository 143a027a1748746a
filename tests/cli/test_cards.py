"""Which of several graphics cards commands compute on, what the doctor says of them, and races against them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.cli.card_choice import remembered
from studio.cli.race import verdict
from studio.cuda import card as cards
from studio.cuda.probe import NO_CARD, Cards, FoundCard
from studio.engine.race_messages import Racer, RaceView
from studio.gui.places import CARD_KEY, FOLDER_VARIABLE, Places
from studio.storage import open_project
from studio.testing.cards import ProcessorCard
from tests.cli.commands import Outcome, Studio

LISTED = Cards((FoundCard(0, "Small Card", (8, 6), 8_300_000_000), FoundCard(1, "Large Card", (9, 0), 85_000_000_000)))


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ProcessorCard, ProcessorCard]]:
    made = ProcessorCard(), ProcessorCard()
    cards.use(*made)
    monkeypatch.setattr("studio.cuda.probe.cards", lambda: LISTED)
    monkeypatch.setattr("studio.project.why_not", lambda: "")
    yield made
    cards.use(None)


def choose_in_the_window(number: object) -> None:
    settings = Places.usual().open_settings()
    settings.setValue("files/recent", '[{"path": "a; b = 50 %", "note": ""}]')
    settings.setValue("window/geometry", b"\x00\x01\xff[x]\n=")
    settings.setValue(CARD_KEY, number)
    settings.sync()


def train(studio: Studio, device: str, *more: object) -> None:
    outcome = studio("train", "xor", "--epochs", 2, "--device", device, "--json", *more)
    assert outcome.code == 0, outcome.err
    assert outcome.values["device"] == "cuda"


def test_a_card_is_named_by_its_number_which_the_file_does_not_keep(
    studio: Studio, two: tuple[ProcessorCard, ProcessorCard], tmp_path: Path
) -> None:
    first, second = two
    path = tmp_path / "x.studio"
    train(studio, "cuda:1", "-o", path)
    assert second.runs
    assert not first.runs
    assert open_project(path).document.training.device == "cuda"
    train(studio, "cuda:0")
    assert first.runs
    assert second.closed


def test_without_a_number_it_is_the_card_that_was_chosen_in_the_window(
    studio: Studio, two: tuple[ProcessorCard, ProcessorCard], tmp_path: Path
) -> None:
    first, second = two
    path = tmp_path / "x.studio"
    train(studio, "cuda", "-o", path)
    assert first.runs
    choose_in_the_window(1)
    train(studio, "cuda")
    assert second.runs
    before = first.runs, second.runs
    assert studio("evaluate", path).code == 0
    assert first.runs == before[0]
    assert second.runs > before[1]


def test_a_number_that_is_not_there_is_a_sentence_with_those_that_are(
    studio: Studio, two: tuple[ProcessorCard, ProcessorCard]
) -> None:
    outcome = studio("train", "xor", "--device", "cuda:2")
    assert outcome.code == 1
    assert outcome.sentence.endswith(
        "There is no card cuda:2: this machine has cuda:0 (Small Card, 8.3 GB) and cuda:1 (Large Card, 85.0 GB)."
    )
    assert not two[0].most
    choose_in_the_window(7)  # a card that was taken out
    train(studio, "cuda")
    assert two[0].runs


@pytest.mark.parametrize("number", ["", "many", "1.5"])
def test_what_is_no_number_chooses_nothing(number: str) -> None:
    assert remembered() is None
    choose_in_the_window(1)
    assert remembered() == 1
    choose_in_the_window(number)
    assert remembered() is None
    Places.usual().settings.write_bytes(b"\xff\xfe[device\ncard")
    assert remembered() is None


def test_the_doctor_lists_all_cards_and_says_which_is_chosen(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.cli.doctor.has_package", lambda: True)
    monkeypatch.setattr("studio.cli.doctor.cards", lambda: LISTED)
    found = {f["name"]: f for f in studio("doctor", "--json").values["findings"] if f["area"] == "cuda"}
    assert found["graphics card cuda:0"]["value"] == "Small Card, 8.3 GB, compute capability 8.6, chosen"
    assert found["graphics card cuda:1"]["value"] == "Large Card, 85.0 GB, compute capability 9.0"
    choose_in_the_window(1)
    outcome = studio("doctor", "--json").values
    found = {f["name"]: f for f in outcome["findings"] if f["area"] == "cuda"}
    assert found["graphics card cuda:1"]["value"].endswith(", chosen")
    assert not found["graphics card cuda:0"]["value"].endswith(", chosen")
    assert found["training"]["value"].startswith("on cuda:1 with `--device cuda`, ")
    assert outcome["ready"]["cuda"]


def test_the_doctor_knows_cards_that_are_too_old(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.cli.doctor.has_package", lambda: True)
    old = FoundCard(0, "Old Card", (6, 1), 4_000_000_000)
    beside = Cards((old, FoundCard(1, "Large Card", (9, 0), 85_000_000_000)))
    monkeypatch.setattr("studio.cli.doctor.cards", lambda: beside)
    outcome = studio("doctor", "--json").values
    values = [f["value"] for f in outcome["findings"] if f["name"].startswith("graphics card")]
    assert values == [
        "Old Card, 4.0 GB, compute capability 6.1, too old",
        "Large Card, 85.0 GB, compute capability 9.0, chosen",
    ]
    assert outcome["ready"]["cuda"]
    monkeypatch.setattr("studio.cli.doctor.cards", lambda: Cards((old,), old.problem))
    outcome = studio("doctor", "--json").values
    (finding,) = [f for f in outcome["findings"] if f["name"] == "graphics card"]
    assert finding["value"] == "Old Card, 4.0 GB, compute capability 6.1"
    assert finding["remedy"] == old.problem
    assert not outcome["ready"]["cuda"]


# A race ---------------------------------------------------------------------------------------


def race(studio: Studio, *more: object) -> Outcome:
    return studio("race", "xor", "--seconds", 0.005, *more)


@pytest.fixture
def usable(monkeypatch: pytest.MonkeyPatch, two: tuple[ProcessorCard, ProcessorCard]) -> tuple[ProcessorCard, ProcessorCard]:
    monkeypatch.setattr("studio.cli.race.why_not", lambda: "")
    return two


def test_a_race_prints_both_rates_and_a_sentence(studio: Studio, usable: tuple[ProcessorCard, ProcessorCard]) -> None:
    first, second = usable
    outcome = race(studio, "--device", "cuda:1")
    assert outcome.code == 0, outcome.err
    assert second.runs > 6
    assert not first.runs
    assert second.blocks == 0
    here, there, sentence = outcome.out.splitlines()
    pattern = r"{}: ([\d,]+) samples/s \(turns from [\d,]+ to [\d,]+\)"
    assert re.fullmatch(pattern.format("Processor, 1 thread"), here)
    assert re.fullmatch(pattern.format("card for tests"), there)
    assert sentence.endswith((" times as fast on this graph.", "too little to do at once.", "Both are about as fast on this graph."))


def test_a_race_as_json_says_what_it_prints(studio: Studio, usable: tuple[ProcessorCard, ProcessorCard]) -> None:
    choose_in_the_window(1)
    values = race(studio, "--json").values
    assert usable[1].runs > 6  # the one that was chosen
    assert values["source"] == "xor"
    assert values["cuda"]["card"] == "card for tests"
    assert values["cpu"]["threads"] == 1
    rates = {}
    for side in ("cpu", "cuda"):
        assert len(values[side]["turns"]) == 5
        rates[side] = values[side]["samples_per_second"]
        assert rates[side] == sorted(values[side]["turns"])[2]
    assert values["factor"] == pytest.approx(max(rates.values()) / min(rates.values()))
    if values["faster"] is not None:
        assert rates[values["faster"]] == max(rates.values())
    assert {"cpu": "The processor", "cuda": "The card", None: "Both are"}[values["faster"]] in values["sentence"]


@pytest.mark.parametrize(
    ("here", "there", "sentence"),
    [
        (100.0, 710.0, "The card is 7.1 times as fast on this graph."),
        (180.0, 100.0, "The processor is 1.8 times as fast on this graph, which gives the card too little to do at once."),
        (100.0, 101.0, "Both are about as fast on this graph."),
    ],
)
def test_the_sentence_of_a_race(here: float, there: float, sentence: str) -> None:
    assert verdict(RaceView(processor=Racer(rates=(here,)), card=Racer(rates=(there,)))) == sentence


def test_without_a_card_there_is_no_race_but_a_sentence(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.cli.race.why_not", lambda: NO_CARD)
    outcome = race(studio)
    assert outcome.code == 1
    assert outcome.sentence == f"studio: {NO_CARD}"


def test_a_race_says_why_it_cannot_be(studio: Studio, usable: tuple[ProcessorCard, ProcessorCard]) -> None:
    outcome = race(studio, "--device", "cuda:2")
    assert outcome.code == 1
    assert "There is no card cuda:2: this machine has" in outcome.sentence
    usable[0].room = 1000
    outcome = race(studio)
    assert outcome.code == 1
    assert "of the card's memory, of which 1 kB is free" in outcome.sentence
    usable[0].room, usable[0].lasts = 1 << 30, 3
    outcome = race(studio, "--device", "cuda:0")
    assert outcome.code == 1
    assert outcome.sentence == "studio: The card for tests failed (error 700): train on the processor."
    for wrong in (("--device", "cpu"), ("--device", "gpu"), ("--seconds", 0), ("--seconds", "x"), ("--seconds", 61)):
        outcome = studio("race", "xor", *wrong)
        assert outcome.code == 2
        assert wrong[0] in outcome.sentence
