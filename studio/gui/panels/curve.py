"""What a plot keeps of one growing curve, so that a redraw costs the same however long it is."""

from __future__ import annotations

import numpy as np

from studio.gui.panels.smoothing import moving_average

#: A full view is drawn from at most twice this many points.
MOST_BUCKETS = 1024


class Curve:
    """A growing curve with its smoothed form, both reducible to a few points for drawing.

    Only points that are new since the last `update` are looked at; the picture of the whole
    is kept as the lowest and highest value of equal runs of points, whose length doubles
    when there are too many of them.
    """

    def __init__(self) -> None:
        self._weight = 0.0
        self._clear()

    def _clear(self) -> None:
        self._source: tuple[float, float] | None = None
        self.epochs = np.empty(0)
        self.values = np.empty(0)
        self._smooth = np.empty(1024)
        self._count = 0
        self._raw_view = _Buckets()
        self._smooth_view = _Buckets()

    def __len__(self) -> int:
        return self._count

    @property
    def weight(self) -> float:
        """Weight of the moving average; 0 for none."""
        return self._weight

    @property
    def smoothed(self) -> np.ndarray:
        """The moving average, float64 ``(points,)``."""
        return self._smooth[: self._count]

    def update(self, epochs: np.ndarray, values: np.ndarray, weight: float) -> None:
        """Take in the points that are new.

        Parameters
        ----------
        epochs, values : numpy.ndarray
            float64 ``(points,)``: the whole curve; epochs never fall.
        weight : float
            Of the moving average, 0 to below 1; another one than before begins afresh.
        """
        first = (float(epochs[0]), float(values[0])) if len(epochs) else None
        # Another run may have grown past the old count, so the first point is compared too;
        # so is the last one seen, since a rewound run shares its beginning.
        same = (
            weight == self._weight
            and len(epochs) >= self._count
            and _equal(first, self._source)
            and (self._count == 0 or epochs[self._count - 1] == self.epochs[-1])
        )
        if not same:
            self._clear()
            self._weight = weight
        fresh_epochs, fresh = epochs[self._count :], values[self._count :]
        self.epochs, self.values = epochs, values
        self._source = first
        if not len(fresh):
            return
        finite = np.isfinite(fresh)
        # A value that is not a number would poison the average for good.
        usable = fresh if finite.all() else np.where(finite, fresh, _last_finite(fresh, finite))
        start = float(self._smooth[self._count - 1]) if self._count else None
        smooth = moving_average(usable, weight, start)
        total = self._count + len(fresh)
        if total > len(self._smooth):
            grown = np.empty(max(total, 2 * len(self._smooth)))
            grown[: self._count] = self._smooth[: self._count]
            self._smooth = grown
        self._smooth[self._count : total] = smooth
        self._count = total
        self._raw_view.extend(fresh_epochs, usable)
        if weight:
            self._smooth_view.extend(fresh_epochs, smooth)

    def visible(self, low: float, high: float, smooth: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Few points that draw like all those between two epochs.

        Parameters
        ----------
        low, high : float
            Ends of the axis, in epochs.
        smooth : bool
            The moving average rather than the curve itself.

        Returns
        -------
        epochs, values : numpy.ndarray
            float64, at most about ``4 * MOST_BUCKETS`` points.
        """
        if not self._count:
            return np.empty(0), np.empty(0)
        smooth = smooth and self._weight > 0
        begin = max(0, int(np.searchsorted(self.epochs, low)) - 1)
        end = min(self._count, int(np.searchsorted(self.epochs, high, "right")) + 1)
        if begin == 0 and end == self._count and self._count > 2 * MOST_BUCKETS:
            return (self._smooth_view if smooth else self._raw_view).points()
        values = self._smooth if smooth else self.values
        return reduced(self.epochs[begin:end], values[begin:end])

    def at(self, epoch: float) -> tuple[float, float, float] | None:
        """Epoch, value and smoothed value of the point nearest to an epoch."""
        if not self._count:
            return None
        i = int(np.searchsorted(self.epochs, epoch))
        if i > 0 and (i == self._count or epoch - self.epochs[i - 1] <= self.epochs[i] - epoch):
            i -= 1
        return float(self.epochs[i]), float(self.values[i]), float(self._smooth[i])


def _equal(a: tuple[float, float] | None, b: tuple[float, float] | None) -> bool:
    if a is None or b is None:
        return b is None
    return a[0] == b[0] and (a[1] == b[1] or (a[1] != a[1] and b[1] != b[1]))


def _last_finite(values: np.ndarray, finite: np.ndarray) -> np.ndarray:
    """At each place the last finite value so far; the first finite one before that, else 0."""
    places = np.where(finite, np.arange(len(values)), -1)
    places = np.maximum.accumulate(places)
    first = float(values[finite][0]) if finite.any() else 0.0
    return np.where(places >= 0, values[np.maximum(places, 0)], first)


def reduced(epochs: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value of equal runs, in the order they are drawn.

    Short curves come back as they are.
    """
    count = len(values)
    size = -(-count // MOST_BUCKETS)
    if size <= 2:
        return epochs, values
    whole = count - count % size
    runs = values[:whole].reshape(-1, size)
    x = np.repeat(epochs[:whole:size], 2)
    y = np.stack([runs.min(1), runs.max(1)], 1).reshape(-1)
    return np.concatenate([x, epochs[whole:]]), np.concatenate([y, values[whole:]])


class _Buckets:
    """Lowest and highest value of runs of points; the runs double when there are too many."""

    def __init__(self) -> None:
        self._size = 1
        self._epochs = np.empty(0)
        self._low = np.empty(0)
        self._high = np.empty(0)
        self._tail_epochs = np.empty(0)
        self._tail = np.empty(0)

    def extend(self, epochs: np.ndarray, values: np.ndarray) -> None:
        epochs = np.concatenate([self._tail_epochs, epochs])
        values = np.concatenate([self._tail, values])
        # A long batch goes straight into runs of the size it will end up with.
        while (len(self._low) + len(values) / self._size) > 2 * MOST_BUCKETS:
            self._double()
        whole = len(values) - len(values) % self._size
        runs = values[:whole].reshape(-1, self._size)
        self._epochs = np.concatenate([self._epochs, epochs[: whole : self._size]])
        self._low = np.concatenate([self._low, runs.min(1) if whole else np.empty(0)])
        self._high = np.concatenate([self._high, runs.max(1) if whole else np.empty(0)])
        self._tail_epochs, self._tail = epochs[whole:].copy(), values[whole:].copy()

    def _double(self) -> None:
        pairs = len(self._low) // 2
        low, high = self._low[: 2 * pairs].reshape(-1, 2), self._high[: 2 * pairs].reshape(-1, 2)
        odd = slice(2 * pairs, None)  # the last run stays short; it is one of a thousand
        self._epochs = np.concatenate([self._epochs[: 2 * pairs : 2], self._epochs[odd]])
        self._low = np.concatenate([low.min(1), self._low[odd]])
        self._high = np.concatenate([high.max(1), self._high[odd]])
        self._size *= 2

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        tail_x, tail_y = reduced(self._tail_epochs, self._tail)
        if self._size == 1:
            return np.concatenate([self._epochs, tail_x]), np.concatenate([self._low, tail_y])
        x = np.repeat(self._epochs, 2)
        y = np.stack([self._low, self._high], 1).reshape(-1)
        return np.concatenate([x, tail_x]), np.concatenate([y, tail_y])
