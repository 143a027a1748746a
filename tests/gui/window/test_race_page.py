"""A race of processor and card in the window; the processor stands for the card."""

from __future__ import annotations

import functools
import re

import pytest
from PySide6.QtTest import QTest

from studio.engine import racing
from studio.engine.race import Race
from studio.gui import devices

SENTENCE = re.compile(
    r"The card is \d+(\.\d)? times as fast on this graph\."
    r"|The processor is \d+(\.\d)? times as fast on this graph, which gives the card too little to do at once\."
    r"|Both are about as fast on this graph\."
)


def turns_of(monkeypatch: pytest.MonkeyPatch, seconds: float, turns: int) -> None:
    monkeypatch.setattr(racing, "Race", functools.partial(Race, seconds=seconds, turns=turns))


def turn_to_race(panel, me):
    """Click the last segment, all of which must be seen."""
    place = panel.pages_choice.segment(4)
    assert panel.pages_choice.rect().adjusted(0, 0, 1, 1).contains(place.toAlignedRect())
    me.click(panel.pages_choice, place.center().toPoint())


def open_page(window, me, qtbot):
    """Bring the page of the race to the front, with the mouse."""
    tabs, panel = window.workspace.bottom.right.tabs, window.workspace.bottom.speed
    (speed,) = (i for i in range(tabs.count()) if tabs.tabText(i) == "Speed")
    qtbot.waitUntil(lambda: tabs.isTabVisible(speed) and tabs.rect().contains(tabs.tabRect(speed).center()))
    me.click(tabs, tabs.tabRect(speed).center())
    turn_to_race(panel, me)
    qtbot.waitUntil(lambda: panel.race.isVisible() and panel.race.button.isEnabled())
    return panel.race


def test_a_race_while_the_network_trains(make_studio, hands, qtbot, card, monkeypatch):
    turns_of(monkeypatch, 0.1, 5)
    window = make_studio("spirals", size=(1280, 800))
    me, bar = hands(window), window.workspace.run_bar
    me.click(bar.run_button)
    page = open_page(window, me, qtbot)
    assert page.button.text() == "Race: CPU against CUDA"
    assert "copies of it" in page.sentence.text()
    assert not page.bars.isVisible()
    qtbot.waitUntil(lambda: window.live.latest.step > 20, timeout=60_000)
    seen = []
    words = window.status._state
    window.live.snapshot_taken.connect(lambda s: seen.append((s.race.stage, s.status, window.link.running, words.text())))
    me.click(page.button)
    assert page.button.text() == "Stop the race"
    qtbot.waitUntil(lambda: SENTENCE.fullmatch(page.sentence.text()) is not None, timeout=60_000)
    assert page.button.text() == "Race: CPU against CUDA"
    assert page.state.text() == ""
    assert page.bars.isVisible()
    here, there = page.bars.rows()
    assert here[0].startswith("Processor · ")
    assert there[0] == "card for tests"
    assert max(here[2], there[2]) == 1.0
    assert all(re.fullmatch(r"[\d.]+ ?[kM]? samples/s", row[1]) for row in (here, there))
    # Run is still on, and the status bar says what goes on.
    assert {tuple(rest) for stage, *rest in seen if stage == "racing"} == {("running", True, "Processor and card race; training waits")}
    assert card.runs > 6
    assert card.blocks == 0
    after = window.live.latest.step
    qtbot.waitUntil(lambda: window.live.latest.step > after + 20, timeout=60_000)
    assert window.live.latest.device == "cpu"
    me.click(bar.run_button)


@pytest.mark.parametrize("how", ["click", "run", "edit"])
def test_it_is_stopped_by_what_a_person_does(make_studio, hands, qtbot, card, monkeypatch, how):
    turns_of(monkeypatch, 0.03, 1_000_000)
    window = make_studio("xor", size=(1280, 800))
    me = hands(window)
    page = open_page(window, me, qtbot)
    me.click(page.button)
    qtbot.waitUntil(lambda: window.live.latest.race.progress > 0 and card.blocks > 0, timeout=60_000)
    if how == "click":
        me.click(page.button)
        assert page.button.text() == "Race: CPU against CUDA"
    elif how == "run":
        me.click(window.workspace.run_bar.run_button)
    else:
        me.focus_canvas()
        me.add_layer("Dense")
    qtbot.waitUntil(lambda: window.live.latest.race.stage in ("stopped", "none"), timeout=60_000)
    assert card.blocks == 0
    qtbot.waitUntil(lambda: page.button.text() == "Race: CPU against CUDA")
    if how != "edit":
        qtbot.waitUntil(lambda: page.sentence.text() == "The race was stopped before its end.")
    if how == "run":
        qtbot.waitUntil(lambda: window.live.latest.step > 20, timeout=60_000)
        me.click(window.workspace.run_bar.run_button)
    else:
        assert window.live.latest.step == 0
    assert not window.notice.isVisible()
    # Another one, from the keyboard.
    if how == "click":
        page.button.setFocus()
        QTest.keyClick(page.button, " ")
        qtbot.waitUntil(lambda: window.live.latest.race.number == 2 and window.live.latest.race.stage == "racing", timeout=60_000)


def test_a_card_that_fails_in_the_middle_leaves_a_sentence_and_the_training(make_studio, hands, qtbot, card, monkeypatch):
    turns_of(monkeypatch, 0.03, 1_000_000)
    window = make_studio("spirals", size=(1280, 800))
    me, bar = hands(window), window.workspace.run_bar
    me.click(bar.run_button)
    page = open_page(window, me, qtbot)
    card.lasts = 6
    me.click(page.button)
    qtbot.waitUntil(lambda: page.sentence.text() == "The card for tests failed (error 700): train on the processor.", timeout=60_000)
    assert not page.bars.isVisible()
    assert page.button.isEnabled()
    assert not window.notice.isVisible()
    after = window.live.latest.step
    qtbot.waitUntil(lambda: window.live.latest.step > after + 20, timeout=60_000)
    me.click(bar.run_button)


def test_without_a_card_the_page_says_why(make_studio, hands, qtbot, monkeypatch):
    reason = "No NVIDIA driver was found: install it, or train on the processor."
    monkeypatch.setattr(devices, "why_no_cuda", lambda: reason)
    window = make_studio("xor", size=(1280, 800))
    me, panel = hands(window), window.workspace.bottom.speed
    tabs = window.workspace.bottom.right.tabs
    (speed,) = (i for i in range(tabs.count()) if tabs.tabText(i) == "Speed")
    me.click(tabs, tabs.tabRect(speed).center())
    turn_to_race(panel, me)
    assert not panel.race.button.isEnabled()
    assert panel.race.button.toolTip() == reason
    assert panel.race.sentence.text() == reason
    me.click(panel.race.button)
    QTest.qWait(300)
    assert window.live.latest.race.number == 0
