"""Training on a graphics card from the window; the processor stands for the card."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PySide6.QtCore import Qt

from studio.cuda import card as cards
from studio.cuda.probe import TOO_OLD, Cards, FoundCard
from studio.engine import card_peaks
from studio.gui import devices
from studio.gui.panels.speed.table import BEST
from studio.gui.places import CARD_KEY, Places
from studio.gui.widgets import numbers
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


def _watch_speed(window, me, qtbot, latest):
    """Train on the card, and bring the panel Speed to the front."""
    _choose(window, qtbot, "CUDA")
    me.click(window.workspace.run_bar.run_button)
    qtbot.waitUntil(lambda: latest().device == "cuda" and latest().step > 20, timeout=60_000)
    tabs = window.workspace.bottom.right.tabs
    (speed,) = (i for i in range(tabs.count()) if tabs.tabText(i) == "Speed")
    qtbot.waitUntil(lambda: tabs.isTabVisible(speed) and tabs.rect().contains(tabs.tabRect(speed).center()))
    me.click(tabs, tabs.tabRect(speed).center())


def test_the_speed_panel_compares_what_a_card_takes_with_what_it_can_do(make_studio, hands, qtbot, card, small_peaks):
    window = make_studio("spirals", size=(1280, 800))
    me, bar, panel = hands(window), window.workspace.run_bar, window.workspace.bottom.speed
    rows, latest = panel.table.rows, lambda: window.live.latest
    assert not list(small_peaks.iterdir())
    _watch_speed(window, me, qtbot, latest)
    qtbot.waitUntil(lambda: panel.table.isVisible() and len(rows.lines) > 3 and rows.roof is not None, timeout=60_000)
    # It was measured on the card, by the thread that trains, and kept.
    (file,) = small_peaks.iterdir()
    known = json.loads(file.read_text())
    times = latest().speed
    assert times.device == rows.roof.device == "cuda"
    assert known["card"] == card.identity
    assert (times.peak_gflops, times.peak_gigabytes) == (known["gflops"], known["nearer"][0][1])
    assert card.blocks > 0
    nodes = [line for line in rows.lines if line.is_node]
    graph = window.session.document.graph
    assert {graph.node(line.key).layer.type_name() for line in nodes} >= {"Data", "Dense"}
    assert all(line.microseconds > 0 for line in nodes)
    assert sum(line.share for line in rows.lines) == pytest.approx(1.0)
    (dense,) = {i for i, line in enumerate(rows.lines) if line.key == next(n.key for n in nodes if n.operations > 1e4)}
    assert rows.index(dense, BEST).data().endswith("%")
    assert rows.index(dense, BEST).data() == numbers.share(rows.lines[dense].share_of(rows.roof))
    assert "of the best this card can do" in rows.index(dense, BEST).data(Qt.ItemDataRole.ToolTipRole)
    assert not panel.limits.isVisible()

    me.click(panel.pages_choice, panel.pages_choice.segment(1).center().toPoint())
    qtbot.waitUntil(lambda: panel.roofline.isVisible() and panel.roofline.roof is not None)
    assert panel.roofline.roof.gflops == known["gflops"]
    assert "what this card does at best" in panel.roofline.toolTip()
    assert not panel.limits.isVisible()
    # A click on a dot selects its layer, as for the processor.
    key = max(panel.roofline.dots, key=lambda dot: dot.is_node * dot.share).key
    me.click(panel.roofline, panel.roofline.dot_place(key).toPoint())
    assert window.session.selection == {key}

    me.click(panel.pages_choice, panel.pages_choice.segment(2).center().toPoint())
    qtbot.waitUntil(lambda: panel.rate_plot.isVisible() and len(panel.rates) > 1)
    me.click(panel.bars)
    items = window.workspace.canvas.graph_scene.nodes
    qtbot.waitUntil(lambda: all(items[line.key].time[0].endswith("s") for line in nodes))

    # On the processor it is compared with the processor.
    me.click(panel.pages_choice, panel.pages_choice.segment(0).center().toPoint())
    card.lasts = card.runs
    qtbot.waitUntil(lambda: latest().speed is not None and latest().speed.device == "cpu" and latest().speed.steps > 0, timeout=60_000)
    qtbot.waitUntil(lambda: panel.table.isVisible() and rows.roof is not None and rows.roof.device == "cpu")
    assert any(rows.index(row, BEST).data() != "–" for row in range(len(rows.lines)))
    me.click(bar.run_button)


def test_a_card_that_is_too_full_to_be_measured_shows_times_and_one_sentence(make_studio, hands, qtbot, card, small_peaks, monkeypatch):
    monkeypatch.setattr(card_peaks, "_MEMORY", 1 << 30)
    window = make_studio("spirals", size=(1280, 800))
    me, panel = hands(window), window.workspace.bottom.speed
    rows = panel.table.rows
    card.room = 200 << 20
    _watch_speed(window, me, qtbot, lambda: window.live.latest)
    qtbot.waitUntil(lambda: panel.table.isVisible() and len(rows.lines) > 3, timeout=60_000)
    qtbot.waitUntil(panel.limits.isVisible)
    assert panel.limits.text().startswith("The card's memory is too full to measure how fast it is")
    assert all(rows.index(row, BEST).data() == "–" for row in range(len(rows.lines)))
    assert window.link.running
    assert not list(small_peaks.iterdir())
    me.click(panel.pages_choice, panel.pages_choice.segment(1).center().toPoint())
    assert panel.roofline.isVisible()
    assert panel.limits.isVisible()
    me.click(panel.pages_choice, panel.pages_choice.segment(2).center().toPoint())
    assert not panel.limits.isVisible()
    me.click(window.workspace.run_bar.run_button)


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
