"""From the numbers of a source to parts that a network can be trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.core.dataset import Dataset, DatasetInfo, Samples, Split
from studio.core.stored import StoredArray
from studio.data.errors import DataError
from studio.data.facts import Arrays, Facts
from studio.data.files import check_size
from studio.data.on_disk import mean_and_spread
from studio.data.progress import Progress, silent
from studio.data.resample import nearest, resample
from studio.data.splits import check_shares, split, split_in_order
from studio.layers.data import Data

#: Spread is measured in pieces of this many samples, so that temporary arrays stay small.
_PIECE = 4096
_SCALED = "Answers are shifted and scaled like the columns: a loss (squared error) of 1 is no better than always answering the mean."


def info_of(facts: Facts, layer: Data) -> DatasetInfo:
    """What the data set of a Data node will look like.

    Raises
    ------
    DataError
        When the node's shares leave nothing to train on, or pictures become too large.
    """
    check_shares(layer.validation, 0.0 if facts.test_samples else layer.test)
    if bool(facts.weights) != (len(layer.outputs) > 2):
        raise DataError("The option weight is not written plainly: write it as &weight=COLUMN, or rename the file.")
    x_shape, y_shape = facts.x_shape, facts.y_shape
    count = facts.samples + facts.test_samples
    if _resizes(facts, layer):
        x_shape = (layer.resize, layer.resize, x_shape[2])
        check_size(facts.title, count * layer.resize**2 * x_shape[2])
        y_shape = (layer.resize, layer.resize) if len(y_shape) == 2 else y_shape
    scaled = facts.target == "values" and layer.standardize
    one_hot = facts.target == "labels" and layer.one_hot
    notes = (*facts.notes, f"The column {facts.weights} says how much each sample counts.") if facts.weights else facts.notes
    return DatasetInfo(
        facts.title,
        x_shape,
        (*y_shape, len(facts.classes)) if one_hot else y_shape,
        "one_hot" if one_hot else facts.target,
        classes=facts.classes,
        features=facts.features,
        samples=count,
        plane=facts.plane,
        targets=facts.targets,
        notes=(*notes, _SCALED) if scaled else notes,
        vocabulary=facts.vocabulary,
        continues=facts.continues,
        on_disk=facts.on_disk and not _resizes(facts, layer),
        weighted=bool(facts.weights),
    )


def _resizes(facts: Facts, layer: Data) -> bool:
    """Whether pictures get another size than they have."""
    return facts.pictures and layer.resize > 0 and facts.x_shape[:2] != (layer.resize, layer.resize)


def prepare(facts: Facts, arrays: Arrays, layer: Data, progress: Progress = silent) -> Dataset:
    """Resize, split and standardise.

    Pictures get one mean and one spread for all their pixels and channels, so that they keep
    their look; tables and points get one for each column. Means and spreads are those of the
    training part. Answers that are values are standardised as well, one mean and spread for
    each column; `Dataset.y_mean` and `y_scale` bring them back.

    Raises
    ------
    DataError
        As `info_of`, and when numbers are too large to compute with.
    """
    info = info_of(facts, layer)
    x, x_test, y, y_test = arrays.x, arrays.x_test, arrays.y, arrays.y_test
    if _resizes(facts, layer):
        x = resample(x, layer.resize)
        x_test = None if x_test is None else resample(x_test, layer.resize)
        if len(facts.y_shape) == 2:
            y = nearest(y, layer.resize)
            y_test = None if y_test is None else nearest(y_test, layer.resize)
    labels = facts.target == "labels"
    own_test = x_test is not None
    # Only one class a sample can be kept in the same shares.
    codes = y if labels and y.ndim == 1 else None
    shares = (layer.validation, 0.0 if own_test else layer.test)
    parts = split_in_order(len(x), *shares) if facts.ordered else split(len(x), codes, *shares, layer.seed)
    if info.on_disk:
        # Neighbours in a part are then neighbours in the file, which is read block by block.
        parts = (np.sort(parts[0]), np.sort(parts[1]), np.sort(parts[2]))
    train, validation, test = parts
    ys = [y[train], y[validation], y_test if y_test is not None else y[test]]
    if not labels:
        _check_numbers(ys)
    scaling: dict[str, np.ndarray] = {}
    # The numbers of words are only names.
    wanted = layer.standardize and not facts.vocabulary
    xs: Sequence[Samples]
    if isinstance(x, StoredArray):
        xs = _on_disk(x, x_test, parts, wanted, facts.pictures, scaling, progress)
    else:
        assert not isinstance(x_test, StoredArray)
        xs = _in_memory(x, [x[train], x[validation], x_test if x_test is not None else x[test]], wanted, facts.pictures, scaling)
    if layer.standardize and not labels:
        axes = (0,) if ys[0].ndim == 2 else tuple(range(ys[0].ndim))
        ys, scaling["y_mean"], scaling["y_scale"] = _standardised(ys, axes)
    if info.target == "one_hot":
        check_size(facts.title, sum(map(len, ys)) * len(facts.classes))
        ys = [np.eye(len(facts.classes), dtype=np.float32)[y] for y in ys]
    weights = [None if arrays.weights is None else arrays.weights[part].astype(np.float32) for part in parts]
    done = [
        Split(
            px if isinstance(px, StoredArray) else np.ascontiguousarray(px, np.float32),
            np.ascontiguousarray(py, np.float32),
            pw,
        )
        for px, py, pw in zip(xs, ys, weights, strict=True)
    ]
    return Dataset(info, done[0], done[1], done[2], **scaling)


def _in_memory(
    x: np.ndarray, xs: list[np.ndarray], standardize: bool, pictures: bool, scaling: dict[str, np.ndarray]
) -> list[np.ndarray]:
    """The parts' samples, checked, without gaps and standardised."""
    if x.dtype == np.uint8:
        xs = [np.divide(part, np.float32(255.0), dtype=np.float32) for part in xs]
    _check_numbers(xs)
    _fill_gaps(xs)
    if standardize:
        axes = tuple(range(4)) if pictures else tuple(range(x.ndim - 1))
        xs, scaling["x_mean"], scaling["x_scale"] = _standardised(xs, axes)
    return xs


def _on_disk(
    x: StoredArray,
    x_test: Samples | None,
    parts: Sequence[np.ndarray],
    standardize: bool,
    pictures: bool,
    scaling: dict[str, np.ndarray],
    progress: Progress,
) -> list[Samples]:
    """The same of samples that stay where they are: only what stands for them is scaled."""
    xs: list[Samples] = [x.part(part) for part in parts]
    if x_test is not None:
        xs[2] = x_test
    floats = x.raw.dtype.kind == "f"
    if isinstance(x_test, StoredArray) and floats:
        mean_and_spread(x_test, [x_test], False, progress)  # which says what is no number
    if not standardize and not floats:
        return xs
    # Pictures have one mean for all pixels; of the others the last axis are columns.
    columns = not pictures
    train = xs[0]
    assert isinstance(train, StoredArray)
    mean, spread = mean_and_spread(x, [train], columns, progress)
    if not standardize:
        return xs
    if columns and len(x.each) > 1:
        # The spread of steps together is that within each and that between their means.
        mean, spread = mean.reshape(-1, x.each[-1]), spread.reshape(-1, x.each[-1])
        middle = mean.mean(0)
        mean, spread = middle, np.sqrt((spread**2 + (mean - middle) ** 2).mean(0))
    mean, scale = _scale_of(mean, spread, 1e-12 if x.raw.dtype == np.float64 else 1e-6)
    scaling["x_mean"], scaling["x_scale"] = mean.astype(np.float32), scale.astype(np.float32)
    return [
        part.scaled(mean, scale) if isinstance(part, StoredArray) else ((part - mean) / scale).astype(np.float32)
        for part in xs
    ]


def _check_numbers(parts: list[np.ndarray]) -> None:
    for part in parts:
        for start in range(0, len(part), _PIECE):
            if np.any(np.abs(part[start : start + _PIECE]) > np.finfo(np.float32).max):
                raise DataError("The data have numbers too large to compute with (above 3e38): rescale them.")


def _fill_gaps(parts: list[np.ndarray]) -> None:
    """Put the mean of the training part where a table has no number, in place."""
    if parts[0].ndim != 2 or not any(np.isnan(p).any() for p in parts):
        return
    known = ~np.isnan(parts[0])
    total = np.where(known, parts[0], 0.0).sum(axis=0)
    means = total / np.maximum(known.sum(axis=0), 1)
    for part in parts:
        row, column = np.nonzero(np.isnan(part))
        part[row, column] = means[column]


def _standardised(parts: list[np.ndarray], axes: tuple[int, ...]) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Parts with mean 0 and spread 1 over `axes`, float32; what never changes becomes 0."""
    train = parts[0]
    count = np.prod([train.shape[a] for a in axes])
    mean = np.zeros(())
    for start in range(0, len(train), _PIECE):
        mean = mean + train[start : start + _PIECE].sum(axis=axes, dtype=np.float64) / count
    variance = np.zeros(())
    for start in range(0, len(train), _PIECE):
        centred = train[start : start + _PIECE].astype(np.float64) - mean
        variance = variance + np.square(centred).sum(axis=axes) / count
    mean, scale = _scale_of(mean, np.sqrt(variance), 1e-6 if train.dtype == np.float32 else 1e-12)
    if train.dtype == np.float32:
        mean, scale = mean.astype(np.float32), scale.astype(np.float32)
    done = [((part - mean) / scale).astype(np.float32) for part in parts]
    return done, mean.astype(np.float32), scale.astype(np.float32)


def _scale_of(mean: np.ndarray, spread: np.ndarray, rounding: float) -> tuple[np.ndarray, np.ndarray]:
    """What to subtract, and what to divide by; `rounding` is the precision of the numbers."""
    # Below that there is nothing but rounding to enlarge.
    scale = np.where(spread > np.abs(mean) * rounding, spread, 1.0)
    scale = np.where(scale > 1e-30, scale, 1.0)
    return np.atleast_1d(mean), np.atleast_1d(scale)
