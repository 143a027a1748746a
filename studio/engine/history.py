"""Append-only curves of a run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_FIRST_CAPACITY = 1024
#: A curve with so many points, those of four minutes, is thinned out: more than a screen has columns.
MOST_POINTS = 1 << 13


class History:
    """Named columns of (epoch, value) points; one writer, any number of readers.

    The writer appends and then raises the count; a reader takes the count first and looks at
    no more than that, so no lock is needed. Names in use: ``loss``, ``accuracy``,
    ``val_loss``, ``val_accuracy``, ``learning_rate`` (Keras's).
    """

    def __init__(self) -> None:
        self._columns: dict[str, tuple[np.ndarray, int]] = {}

    def append(self, name: str, epoch: float, value: float) -> None:
        """Add one point to the curve `name`."""
        points, count = self._columns.get(name, (np.empty((_FIRST_CAPACITY, 2)), 0))
        if count == len(points):
            points = np.concatenate([points, np.empty((max(count, _FIRST_CAPACITY), 2))])
        points[count] = epoch, value
        self._columns[name] = points, count + 1

    @property
    def names(self) -> tuple[str, ...]:
        """Curves that have points."""
        return tuple(self._columns)

    def count(self, name: str) -> int:
        """How many points the curve has."""
        return self._columns[name][1] if name in self._columns else 0

    def series(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Epochs and values of a curve: two float64 views, empty for an unknown name."""
        if name not in self._columns:
            return np.empty(0), np.empty(0)
        points, count = self._columns[name]
        return points[:count, 0], points[:count, 1]

    @property
    def last_epoch(self) -> float:
        """Where the longest curve ends; 0 if there is none."""
        ends = [float(points[count - 1, 0]) for points, count in self._columns.values() if count]
        return max(ends, default=0.0)

    def until(self, epoch: float) -> History:
        """A history of its own that has only the points up to an epoch."""
        arrays = self.to_arrays()
        return History.from_arrays({name: points[points[:, 0] <= epoch] for name, points in arrays.items()})

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Copies of all curves, float64 ``(points, 2)``, for files."""
        return {name: points[:count].copy() for name, (points, count) in self._columns.items()}

    @property
    def is_full(self) -> bool:
        """Whether a curve has as many points as one should."""
        return any(count >= MOST_POINTS for _, count in self._columns.values())

    def thinned(self) -> History:
        """A history of its own in which full curves have every other point of their older three quarters.

        An hour's curve then is as sharp as ever at its end, and takes no more memory than a minute's.
        """
        arrays = self.to_arrays()
        for name, points in arrays.items():
            if len(points) >= MOST_POINTS:
                old = len(points) * 3 // 4
                arrays[name] = np.concatenate([points[:old:2], points[old:]])
        return History.from_arrays(arrays)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> History:
        """The history that `to_arrays` gave."""
        history = cls()
        for name, points in arrays.items():
            if len(points):
                history._columns[name] = np.array(points, np.float64).reshape(-1, 2), len(points)
        return history
