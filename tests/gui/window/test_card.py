"""Training on a graphics card from the window; the processor stands for the card."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from studio.cuda import card as cards
from studio.cuda.probe import TOO_OLD, Cards, FoundCard
from studio.gui import devices
from studio.gui.panels.speed.table import BEST
from studio.gui.places import CARD_KEY, Places
from studio.testing.cards import ProcessorCard


@pytest.fixture
def two_cards(monkeypatch):
    made = ProcessorCard(), ProcessorCard()
    cards.use(*made)
    listed = Cards((FoundCard(0, "Small Card", (8, 6), 8_300_000_000), FoundCard(1, "Large Card", (9, 0), 85_000_000_000)))
    monkeypatch.setattr(devices, "cards", lambda: listed)
    monkeypatch.setattr(devices, "why_no_cuda", lambda: "")
    yield made
    cards.use(None)


def _choose(window, qtbot, words: str) -> None:
    """Open the device menu and press one of its lines, as a hand would."""
    bar = window.workspace.run_bar
    menu = bar.device_button.menu()
    bar.device_button.fill()
    menu.popup(bar.device_button.mapToGlobal(bar.device_button.rect().bottomLeft()))
    qtbot.waitUntil(menu.isVisible)
    action = next(a for a in menu.actions() if a.text().startswith(words))
    qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())


def test_the_card_takes_over_in_the_middle_and_the_processor_when_it_is_lost(make_studio, hands, qtbot, card):
    window = make_studio("spirals")
    me, bar = hands(window), window.workspace.run_bar
    me.click(bar.run_button)
    qtbot.waitUntil(lambda: window.live.latest.step > 20, timeout=60_000)
    assert window.live.latest.device == "cpu"
    _choose(window, qtbot, "CUDA")
    qtbot.waitUntil(lambda: window.live.latest.device == "cuda" and bar.device_button.text() == "CUDA", timeout=60_000)
    before = window.live.latest.step
    qtbot.waitUntil(lambda: window.live.latest.step > before + 20, timeout=60_000)
    assert before > 20  # it went on from there
    assert window.link.running
    card.lasts = card.runs
    qtbot.waitUntil(lambda: window.live.latest.device == "cpu", timeout=60_000)
    qtbot.waitUntil(lambda: bar.device_button.text().startswith("CPU"))
    qtbot.waitUntil(lambda: window.notice.isVisible())
    assert "The card for tests failed (error 700)" in window.notice.text
    assert "Training goes on on the processor." in window.notice.text
    after = window.live.latest.step
    qtbot.waitUntil(lambda: window.live.latest.step > after + 20, timeout=60_000)
    assert window.link.running
    loss = window.live.latest.train
    assert loss is not None
    assert np.isfinite(loss.loss)
    me.click(bar.run_button)


def test_the_speed_panel_shows_what_a_card_takes_and_compares_it_with_nothing(make_studio, hands, qtbot, card):
    window = make_studio("spirals", size=(1280, 800))
    me, bar, panel = hands(window), window.workspace.run_bar, window.workspace.bottom.speed
    rows, latest = panel.table.rows, lambda: window.live.latest
    _choose(window, qtbot, "CUDA")
    me.click(bar.run_button)
    qtbot.waitUntil(lambda: latest().device == "cuda" and latest().step > 20, timeout=60_000)
    assert card.timed == 0  # nobody looks
    tabs = window.workspace.bottom.right.tabs
    (speed,) = (i for i in range(tabs.count()) if tabs.tabText(i) == "Speed")
    qtbot.waitUntil(lambda: tabs.isTabVisible(speed) and tabs.rect().contains(tabs.tabRect(speed).center()))
    me.click(tabs, tabs.tabRect(speed).center())
    qtbot.waitUntil(lambda: panel.table.isVisible() and len(rows.lines) > 3, timeout=60_000)
    assert card.timed > 0
    times = latest().speed
    assert times.device == "cuda"
    nodes = [line for line in rows.lines if line.is_node]
    graph = window.session.document.graph
    assert {graph.node(line.key).layer.type_name() for line in nodes} >= {"Data", "Dense"}
    assert all(line.microseconds > 0 for line in nodes)
    assert sum(line.share for line in rows.lines) == pytest.approx(1.0)
    for row in range(len(rows.lines)):
        assert rows.index(row, BEST).data() == "–"
    assert panel.limits.isVisible()
    assert panel.limits.text().startswith("The card's own limits are not measured yet")

    # Nothing is drawn below the processor's roofline; the history and the times on the nodes are there.
    me.click(panel.pages_choice, panel.pages_choice.segment(1).center().toPoint())
    assert panel.empty.isVisible()
    assert "no roofline" in panel.empty.label.text()
    assert not panel.limits.isVisible()
    me.click(panel.pages_choice, panel.pages_choice.segment(2).center().toPoint())
    qtbot.waitUntil(lambda: panel.rate_plot.isVisible() and len(panel.rates) > 1)
    me.click(panel.bars)
    items = window.workspace.canvas.graph_scene.nodes
    qtbot.waitUntil(lambda: all(items[line.key].time[0].endswith("s") for line in nodes))

    # On the processor it is compared again.
    me.click(panel.pages_choice, panel.pages_choice.segment(0).center().toPoint())
    qtbot.waitUntil(panel.limits.isVisible)
    card.lasts = card.runs
    qtbot.waitUntil(lambda: latest().speed is not None and latest().speed.device == "cpu" and latest().speed.steps > 0, timeout=60_000)
    qtbot.waitUntil(lambda: panel.table.isVisible() and rows.roof is not None and not panel.limits.isVisible())
    assert any(rows.index(row, BEST).data() != "–" for row in range(len(rows.lines)))
    me.click(bar.run_button)


def _ticked(window):
    """The ticked line of the device menu's upper part."""
    window.workspace.run_bar.device_button.fill()
    lines = [a for a in window.workspace.run_bar.device_button.menu().actions() if a.text().startswith(("CPU", "CUDA"))]
    (ticked,) = [a.text() for a in lines if a.isChecked()]
    return ticked


def test_one_of_two_cards_is_chosen_changed_in_the_middle_and_remembered(make_studio, hands, qtbot, two_cards):
    first, second = two_cards
    window = make_studio("spirals")
    me, bar = hands(window), window.workspace.run_bar
    bar.device_button.fill()
    texts = [a.text() for a in bar.device_button.menu().actions()]
    assert texts[:3] == ["CPU (processor)", "CUDA:0 (Small Card, 8.3 GB)", "CUDA:1 (Large Card, 85.0 GB)"]
    assert _ticked(window) == texts[0]
    me.click(bar.run_button)
    qtbot.waitUntil(lambda: window.live.latest.step > 20, timeout=60_000)
    _choose(window, qtbot, "CUDA:1")
    qtbot.waitUntil(lambda: window.live.latest.device == "cuda" and bar.device_button.text() == "CUDA:1", timeout=60_000)
    qtbot.waitUntil(lambda: second.runs > 5, timeout=60_000)
    assert not first.runs
    assert window.session.document.training.device == "cuda"
    assert _ticked(window) == texts[2]
    before = window.live.latest.step
    _choose(window, qtbot, "CUDA:0")
    qtbot.waitUntil(lambda: first.runs > 5 and bar.device_button.text() == "CUDA:0", timeout=60_000)
    qtbot.waitUntil(lambda: window.live.latest.step > before + 20, timeout=60_000)
    assert before > 20  # it went on from there
    assert second.closed
    assert window.link.running
    assert not window.notice.isVisible()
    _choose(window, qtbot, "CUDA:1")
    qtbot.waitUntil(lambda: bar.device_button.text() == "CUDA:1")
    me.click(bar.run_button)
    assert str(window.settings.value(CARD_KEY)) == "1"


def test_the_card_that_was_chosen_once_is_that_of_the_next_start(make_studio, qtbot, two_cards, tmp_path):
    first, second = two_cards
    settings = Places.below(tmp_path / "places").open_settings()
    settings.setValue(CARD_KEY, 1)
    settings.sync()
    window = make_studio("xor")
    assert window.live.latest.device == "cpu"
    window.session.edit(window.session.document.with_training(device="cuda"), "")
    qtbot.waitUntil(lambda: window.live.latest.device == "cuda", timeout=60_000)
    assert second.most > 0
    assert first.most == 0
    assert _ticked(window) == "CUDA:1 (Large Card, 85.0 GB)"


def test_a_card_that_is_too_old_or_gone_is_not_chosen(make_studio, qtbot, two_cards, monkeypatch):
    window = make_studio("xor")
    _choose(window, qtbot, "CUDA:1")
    qtbot.waitUntil(lambda: window.live.latest.device == "cuda", timeout=60_000)
    small, large = devices.cards().found
    monkeypatch.setattr(devices, "cards", lambda: Cards((small, FoundCard(1, "Old Card", (5, 2), large.bytes))))
    bar = window.workspace.run_bar
    bar.device_button.fill()
    old = next(a for a in bar.device_button.menu().actions() if a.text().startswith("CUDA:1"))
    assert not old.isEnabled()
    assert old.toolTip() == TOO_OLD.format("Old Card")
    monkeypatch.setattr(devices, "cards", lambda: Cards((small,)))
    assert _ticked(window) == "CUDA (NVIDIA card)"
    window.settings.setValue(CARD_KEY, "nonsense")
    assert bar.device_button._remembered() is None


def test_without_a_card_the_menu_says_why(make_studio, qtbot, monkeypatch):
    monkeypatch.setattr(devices, "why_no_cuda", lambda: "No NVIDIA driver was found: install it, or train on the processor.")
    window = make_studio("xor")
    _choose(window, qtbot, "CUDA")
    assert window.session.document.training.device == "cpu"
    menu = window.workspace.run_bar.device_button.menu()
    action = next(a for a in menu.actions() if a.text().startswith("CUDA"))
    assert action.toolTip().startswith("No NVIDIA driver was found")
    menu.close()
