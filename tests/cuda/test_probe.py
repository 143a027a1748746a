"""Which cards the driver lists, which of them is used, and opening and leaving them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_driver import FakeDriver, FakeLibrary

from studio.core.amounts import memory_words
from studio.cuda import card as cards
from studio.cuda import probe
from studio.cuda.driver import DriverCard
from studio.cuda.probe import Cards, FoundCard
from studio.testing.cards import ProcessorCard

OLD, NEW, NEWER = ("Old Card", (6, 1), 8_300_000_000), ("New Card", (8, 6), 25_393_692_672), ("Newer Card", (9, 0), 85_000_000_000)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    cards.use(None)
    yield
    cards.use(None)


def found(*described: tuple[str, tuple[int, int], int]) -> Cards:
    return probe.cards(FakeLibrary(described))  # type: ignore[arg-type]


def test_all_cards_are_listed_with_what_they_have() -> None:
    listed = found(OLD, NEWER)
    assert listed.found == (FoundCard(0, *OLD), FoundCard(1, *NEWER))
    assert not listed.problem
    assert [card.key for card in listed.found] == ["cuda:0", "cuda:1"]
    assert listed.listed() == "cuda:0 (Old Card, 8.3 GB) and cuda:1 (Newer Card, 85.0 GB)"
    assert found(NEW).listed() == "cuda:0 (New Card, 25.3 GB)"
    assert [bool(card.problem) for card in listed.found] == [True, False]


def test_cards_that_are_all_too_old_are_none_that_can_be_used() -> None:
    assert found(OLD, OLD).problem.startswith("The card Old Card is too old")
    assert found().problem == probe.NO_CARD
    assert probe.cards(FakeLibrary([NEW], version=11080)).problem.startswith("The NVIDIA driver is too old (for CUDA 11.8)")  # type: ignore[arg-type]


def test_the_first_that_can_be_used_is_taken_where_the_chosen_one_is_gone() -> None:
    listed = found(OLD, NEW, NEWER)
    assert [listed.pick(wanted) for wanted in (None, 0, 1, 2, 3, -1)] == [1, 0, 1, 2, 1, 1]
    assert found(OLD).pick(None) == Cards().pick(2) == 0


def test_another_card_is_opened_once_the_first_is_left() -> None:
    first, second = ProcessorCard(), ProcessorCard()
    cards.use(first, second)
    assert cards.open_card() is first
    assert cards.open_card() is first
    assert not cards.choose(0)
    assert cards.choose(1)
    assert not first.closed
    assert cards.open_card() is second
    assert first.closed
    assert not second.closed
    assert not cards.choose(1)
    assert cards.choose(7)  # which is not there: the first
    assert cards.open_card() is first


def test_the_number_goes_to_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeDriver(cards=2)
    monkeypatch.setattr("studio.cuda.driver._bindings", lambda: driver)
    listed = found(NEW, NEWER)
    monkeypatch.setattr(probe, "cards", lambda: listed)
    first = cards.open_card()
    assert first.title == "Test Card"
    assert cards.choose(1)
    second = cards.open_card()
    assert isinstance(second, DriverCard)
    assert second.title == "Other Card"
    assert driver.retained == {0: 0, 1: 1}
    assert driver.entered == 1
    second.close()


@pytest.mark.parametrize(
    ("count", "down", "up"),
    [
        (0, "0 kB", "0 kB"),
        (1, "0 kB", "1 kB"),
        (51_300, "51 kB", "52 kB"),
        (1_250_001, "1.2 MB", "1.3 MB"),
        (412_000_000, "412 MB", "412 MB"),
        (3_049_000_000, "3.0 GB", "3.1 GB"),
    ],
)
def test_what_is_needed_is_rounded_up_and_what_is_there_down(count: int, down: str, up: str) -> None:
    assert memory_words(count) == down
    assert memory_words(count, up=True) == up
