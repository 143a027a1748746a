"""Hands for the window's tests."""

from __future__ import annotations

import pytest
from hands import Hands


@pytest.fixture
def hands(qtbot):
    """Makes hands for a window."""
    return lambda window: Hands(window, qtbot)
