"""A person for the journeys' tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from person import Person

from studio.gui.main_window import MainWindow


@pytest.fixture
def person(qtbot, monkeypatch: pytest.MonkeyPatch) -> Callable[[MainWindow], Person]:
    """Makes a person at a window."""
    return lambda window: Person(window, qtbot, monkeypatch)
