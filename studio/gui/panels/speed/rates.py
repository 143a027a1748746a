"""How many samples a second training has learned from, over the last minutes."""

from __future__ import annotations

from collections import deque

import numpy as np

#: Seconds between two points, and how many are kept: ten minutes.
SPACING, MOST = 0.5, 1200


class RateHistory:
    """Pure arithmetic: it is told the rate with its time, and averages it in even steps."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque(maxlen=MOST)
        self._began = float("-inf")
        self._sum, self._count = 0.0, 0

    def add(self, now: float, rate: float) -> None:
        """Take note of a rate; 0, where training pauses, interrupts the curve.

        Parameters
        ----------
        now : float
            Seconds, of a clock that only goes forward.
        rate : float
            Samples a second.
        """
        if rate <= 0:
            if self._count:
                self._close(now)
            if self._points and not np.isnan(self._points[-1][1]):
                self._points.append((now, np.nan))
            self._began = float("-inf")
            return
        if self._began == float("-inf"):
            self._began = now
        self._sum += rate
        self._count += 1
        if now - self._began >= SPACING:
            self._close(now)
            self._began = now

    def _close(self, now: float) -> None:
        self._points.append((now, self._sum / self._count))
        self._sum, self._count = 0.0, 0

    def clear(self) -> None:
        """Forget all."""
        self._points.clear()
        self._began = float("-inf")
        self._sum, self._count = 0.0, 0

    def __len__(self) -> int:
        return len(self._points)

    def series(self) -> tuple[np.ndarray, np.ndarray]:
        """Seconds and rates, float64 each; NaN where training paused."""
        if not self._points:
            return np.empty(0), np.empty(0)
        points = np.array(self._points)
        return points[:, 0], points[:, 1]
