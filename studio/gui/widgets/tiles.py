"""Arrays as tiles of numbers that can be painted: pure functions, no Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: Most tiles a side, and most cells a side of one tile; more cannot be told apart.
MOST_TILES, MOST_CELLS = 16, 128
#: A histogram of more numbers looks the same.
MOST_COUNTED = 100_000


@dataclass(frozen=True, eq=False)
class Tiles:
    """A grid of small matrices.

    Parameters
    ----------
    values : numpy.ndarray
        float32 ``(rows, columns, height, width)``.
    caption : str
        What rows and columns are, for a person.
    left_out : int
        How many tiles (or cells) there are beyond those shown.
    reduced : (int, int)
        Rows and columns of the array behind one painted cell; 1 and 1 if all are shown.
    square : bool
        Whether cells are pixels of pictures, which keep their shape when painted.
    empty : int
        Places at the end of the grid without a tile.
    """

    values: np.ndarray
    caption: str = ""
    left_out: int = 0
    reduced: tuple[int, int] = (1, 1)
    square: bool = True
    empty: int = 0


@dataclass(frozen=True)
class Statistics:
    """Numbers about an array; those that are not finite are counted apart."""

    count: int
    mean: float
    deviation: float
    low: float
    high: float
    norm: float
    zeros: float
    broken: int


def statistics(values: np.ndarray) -> Statistics:
    """Count, mean, spread, range, Euclidean norm and share of exact zeros."""
    flat = values.ravel()
    good = np.isfinite(flat)
    finite = flat if good.all() else flat[good]
    if not len(finite):
        return Statistics(flat.size, math.nan, math.nan, math.nan, math.nan, math.nan, 0.0, flat.size)
    # Sums in float64 without a copy in float64: some weights have millions of numbers.
    mean = float(finite.mean(dtype=np.float64))
    square = float(np.einsum("i,i->", finite, finite, dtype=np.float64, casting="same_kind"))
    return Statistics(
        flat.size,
        mean,
        math.sqrt(max(0.0, square / len(finite) - mean * mean)),
        float(finite.min()),
        float(finite.max()),
        math.sqrt(square),
        float(np.count_nonzero(finite == 0) / len(finite)),
        int(flat.size - len(finite)),
    )


def saturated(values: np.ndarray, activation: str) -> float | None:
    """Share of activations where the curve is flat; None for curves that have no flat ends.

    Parameters
    ----------
    values : numpy.ndarray
        Outputs of the layer.
    activation : str
        Keras's name.
    """
    if not values.size:
        return None
    if activation == "tanh":
        return float((np.abs(values) > 0.95).mean())
    if activation == "sigmoid":
        return float(((values > 0.975) | (values < 0.025)).mean())
    if activation == "relu":
        return float((values <= 0).mean())
    return None


def histogram(values: np.ndarray, bins: int = 24) -> tuple[np.ndarray, float, float]:
    """Counts over a range that is symmetric about 0 for signed numbers.

    The range is that of all numbers; of more than `MOST_COUNTED` only every so many are counted.

    Returns
    -------
    counts : numpy.ndarray
        int64 ``(bins,)``.
    low, high : float
        The range.
    """
    flat = values.ravel()
    low, high = (float(f(flat)) if flat.size else math.nan for f in (np.min, np.max))
    if not (math.isfinite(low) and math.isfinite(high)):
        flat = flat[np.isfinite(flat)]
        if not flat.size:
            return np.zeros(bins, np.int64), -1.0, 1.0
        low, high = float(flat.min()), float(flat.max())
    if low < 0:
        high = max(-low, high)
        low = -high
    else:
        low = 0.0
    if high == low:
        high = low + 1.0
    sample = flat[:: math.ceil(flat.size / MOST_COUNTED)]
    # Equal bins need no search for each number; only NumPy's own function cares for the last digit at an edge.
    places = ((sample.astype(np.float64) - low) * (bins / (high - low))).astype(np.intp)
    inside = places[(sample >= low) & (sample <= high)]
    return np.bincount(np.minimum(inside, bins - 1), minlength=bins), low, high


def weight_tiles(values: np.ndarray) -> Tiles:
    """A weight array in Keras's layout as tiles.

    A convolution's kernels ``(height, width, in, out)`` become one tile a pair of maps, with
    a row for each output map; matrices are one tile with a row for each input.
    """
    if values.ndim == 4:
        tiles = values.transpose(3, 2, 0, 1)
        if tiles.shape[1] == 1:
            return _grid_of(tiles[:, 0], "One kernel an output map.")
        shown = tiles[:MOST_TILES, :MOST_TILES]
        left_out = tiles.shape[0] * tiles.shape[1] - shown.shape[0] * shown.shape[1]
        return Tiles(shown, "Rows: output map. Columns: input map.", left_out)
    if values.ndim == 2:
        return _matrix(values, "Rows: inputs. Columns: neurons.")
    flat = values.reshape(-1)
    if len(flat) <= 64:
        return Tiles(flat[None, None, None, :], "One number a neuron.")
    return _wrapped(flat, "One number a neuron, line by line.")


def activation_tiles(values: np.ndarray, sample: int = 0) -> Tiles:
    """What a layer gives for a few samples, as tiles.

    Pictures ``(samples, height, width, maps)`` show the maps of one sample; flat ones
    ``(samples, features)`` have a row for each sample.
    """
    if values.ndim == 4:
        maps = values[sample].transpose(2, 0, 1)
        return _grid_of(maps, "One picture a map, for the sample that is looked at.")
    if values.ndim == 2:
        if values.shape[1] > 4 * MOST_CELLS:
            return _wrapped(values[sample], "All numbers for the sample that is looked at, line by line.")
        return _matrix(values, "Rows: samples. Columns: neurons.")
    if values.ndim == 3:
        return _matrix(values[sample], "Rows: places. Columns: features, for one sample.")
    return _wrapped(values.reshape(-1), "All numbers, line by line.")


def _grid_of(maps: np.ndarray, caption: str) -> Tiles:
    count = len(maps)
    shown = min(count, 64)
    columns = min(shown, 4 if shown <= 16 else 8)
    rows = math.ceil(shown / columns)
    empty = rows * columns - shown
    padded = np.concatenate([maps[:shown], np.zeros((empty, *maps.shape[1:]), maps.dtype)])
    return Tiles(padded.reshape(rows, columns, *maps.shape[1:]), caption, count - shown, empty=empty)


def _wrapped(flat: np.ndarray, caption: str) -> Tiles:
    shown = flat[: MOST_CELLS * MOST_CELLS]
    width = min(MOST_CELLS, max(1, math.ceil(math.sqrt(2 * len(shown)))))
    rows = max(1, math.ceil(len(shown) / width))
    padded = np.full(rows * width, np.nan, np.float32)
    padded[: len(shown)] = shown
    return Tiles(padded.reshape(1, 1, rows, width), caption, len(flat) - len(shown))


def _matrix(values: np.ndarray, caption: str) -> Tiles:
    """One tile with at most `MOST_CELLS` a side: of each block the number furthest from 0."""
    down, across = (max(1, math.ceil(n / MOST_CELLS)) for n in values.shape)
    if down > 1 or across > 1:
        rows, columns = math.ceil(values.shape[0] / down), math.ceil(values.shape[1] / across)
        padded = np.zeros((rows * down, columns * across), values.dtype)
        padded[: values.shape[0], : values.shape[1]] = values
        blocks = padded.reshape(rows, down, columns * across)
        high, low = (f(f(blocks, axis=1).reshape(rows, columns, across), axis=2) for f in (np.max, np.min))
        values = np.where(high >= -low, high, low)
    return Tiles(values[None, None], caption, reduced=(down, across), square=False)


def color_indices(values: np.ndarray, largest: float, signed: bool) -> np.ndarray:
    """Places in a 256-entry colour map, uint8, for numbers up to `largest`; NaN is the middle."""
    scale = largest if largest > 0 else 1.0
    share = values / scale
    if signed:
        share = 0.5 + 0.5 * share
    if not np.isfinite(share.sum(dtype=np.float64)):
        share = np.nan_to_num(share, nan=0.5 if signed else 0.0, posinf=1.0, neginf=0.0)
    return (np.clip(share, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)
