"""Telling where one change by hand ends and the next begins, for the steps of undo."""

from __future__ import annotations

import time

#: Changes of one thing within so many seconds are one gesture.
_PAUSE = 1.5


class Gesture:
    """Gives merge keys that stay the same while a slider is dragged or an arrow is held."""

    def __init__(self) -> None:
        self._what, self._when, self._number = "", 0.0, 0

    def key(self, what: str) -> str:
        """The merge key for a change of `what` now."""
        now = time.monotonic()
        if what != self._what or now - self._when > _PAUSE:
            self._number += 1
        self._what, self._when = what, now
        return f"{what}#{self._number}"
