"""Hands for the window's tests."""

from __future__ import annotations

import pytest
from hands import Hands

from studio.gui import devices
from studio.testing.cards import ProcessorCard


@pytest.fixture
def hands(qtbot):
    """Makes hands for a window."""
    return lambda window: Hands(window, qtbot)


@pytest.fixture
def card(card: ProcessorCard, monkeypatch: pytest.MonkeyPatch) -> ProcessorCard:
    """The same, seen by the window."""
    monkeypatch.setattr(devices, "why_no_cuda", lambda: "")
    return card
