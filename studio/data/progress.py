"""How far the reading of data is, and how it is stopped."""

from __future__ import annotations

from collections.abc import Callable

#: Told how many of how many files or lines are read; a total of 0 is not known yet. What it
#: raises stops the reading.
Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Nobody wants to know."""
