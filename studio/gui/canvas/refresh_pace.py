"""When the canvas renews its thumbnails: as often as it is worth, as seldom as it costs."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer

#: Milliseconds between two refreshes of thumbnails (15 Hz at most), and between two of the
#: loss's numbers and the strands (4 Hz).
_THUMBNAILS, _NUMBERS = 66, 250
#: Share of a core that refreshing may take, and milliseconds between refreshes at the most: by its own
#: cost, and while the whole window is to take less.
_SHARE, _SLOWEST, _SLOWEST_STRETCHED = 0.035, 250, 320


class RefreshPace:
    """Knows what refreshes cost and when the last one was."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._since, self._since_numbers = QElapsedTimer(), QElapsedTimer()

    def pause(self, painting: float, stretch: float) -> int:
        """Milliseconds from one refresh to the next.

        Parameters
        ----------
        painting : float
            Processor seconds of painting what a refresh changes.
        stretch : float
            How many times as long the whole window's refresh intervals are to be.
        """
        cost = 1000 * (self._seconds + painting)
        own = max(_THUMBNAILS, min(_SLOWEST, round(cost / _SHARE)))
        return max(own, min(_SLOWEST_STRETCHED, round(own * stretch)))

    def wait(self, pause: int) -> int:
        """Milliseconds from now to the next refresh."""
        elapsed = self._since.elapsed() if self._since.isValid() else pause
        return max(0, pause - elapsed)

    def begin(self, running: bool) -> bool:
        """A refresh begins; whether it is to renew numbers and strands too."""
        self._since.restart()
        numbers = not running or not self._since_numbers.isValid() or self._since_numbers.elapsed() >= _NUMBERS
        if numbers:
            self._since_numbers.restart()
        return numbers

    def took(self, seconds: float) -> None:
        """A refresh took so much processor time; an average of the last few counts."""
        self._seconds += 0.2 * (seconds - self._seconds)
