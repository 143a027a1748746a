"""Training on a graphics card from the window; the processor stands for the card."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from studio.cuda import card as cards
from studio.gui import devices
from studio.testing.cards import ProcessorCard


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch):
    made = ProcessorCard()
    cards.use(made)
    monkeypatch.setattr(devices, "why_no_cuda", lambda: "")
    yield made
    cards.use(None)


def _choose(window, qtbot, words: str) -> None:
    """Open the device menu and press one of its lines, as a hand would."""
    bar = window.workspace.run_bar
    menu = bar.device_button.menu()
    bar._fill_device_menu()
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


def test_without_a_card_the_menu_says_why(make_studio, qtbot, monkeypatch):
    monkeypatch.setattr(devices, "why_no_cuda", lambda: "No NVIDIA driver was found: install it, or train on the processor.")
    window = make_studio("xor")
    _choose(window, qtbot, "CUDA")
    assert window.session.document.training.device == "cpu"
    menu = window.workspace.run_bar.device_button.menu()
    action = next(a for a in menu.actions() if a.text().startswith("CUDA"))
    assert action.toolTip().startswith("No NVIDIA driver was found")
    menu.close()
