"""What a person draws, made like the pictures of a data set: their paper, ink, size and place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from studio.core.dataset import Dataset
from studio.data.errors import DataError
from studio.data.loading import describe
from studio.data.resample import resample
from studio.layers.data import Data

#: Pictures that are looked at to see what they are like.
_LOOKED_AT = 1000
_SMALLEST, _LARGEST = 6, 128
#: Ink from here on, of 1, counts as drawn on.
_DRAWN = 0.4


@dataclass(frozen=True)
class Likeness:
    """What the pictures of a data set have in common, as medians.

    Parameters
    ----------
    paper, ink : float
        Value of the ground and of what is drawn on it, in the units the data came in.
    size : float
        Longer side of what is drawn, as a share of the picture's side.
    line : float
        Width of the lines, as a share of the picture's side.
    centre : tuple of float
        Where the ink's centre of mass lies, x from the left and y from the top, 0 to 1.
    """

    paper: float
    ink: float
    size: float
    line: float
    centre: tuple[float, float]


def likeness(dataset: Dataset) -> Likeness | None:
    """What drawings for this data set must be like; None where its samples are no small drawings.

    Drawings are square grey pictures of one class (or some values) each, on an even ground.
    """
    info, train = dataset.info, dataset.train.x[:_LOOKED_AT]
    height, width, channels = info.x_shape if len(info.x_shape) == 3 else (0, 0, 0)
    if height != width or channels != 1 or not _SMALLEST <= height <= _LARGEST or not len(train):
        return None
    if info.vocabulary or len(info.y_shape) > 1:
        return None
    values = (train * dataset.x_scale + dataset.x_mean)[..., 0].astype(np.float64)
    border = np.concatenate([values[:, 0], values[:, -1], values[:, :, 0], values[:, :, -1]], 1)
    paper = float(np.median(border))
    above = float(np.median(values.max((1, 2)))) - paper
    below = float(np.median(values.min((1, 2)))) - paper
    contrast = above if above >= -below else below
    if abs(contrast) < 1e-6 or np.median(np.abs(border - paper)) > 0.15 * abs(contrast):
        return None
    ink = np.clip((values - paper) / contrast, 0.0, 1.0)
    ink = ink[(ink > _DRAWN).any((1, 2))]
    if not len(ink):
        return None
    area = ink.sum((1, 2))
    # A line has its area on both sides of its length; across the grid, edges are 4/pi too long.
    edges = sum(np.abs(np.diff(np.pad(ink, ((0, 0), (1, 1), (1, 1))), axis=axis)).sum((1, 2)) for axis in (1, 2))
    line = float(np.median(2 * area / (edges * np.pi / 4))) / height
    sizes = np.maximum(_extent((ink > _DRAWN).any(2)), _extent((ink > _DRAWN).any(1)))
    places = (np.arange(height) + 0.5) / height
    centre = (float(np.median(ink.sum(1) @ places / area)), float(np.median(ink.sum(2) @ places / area)))
    return Likeness(paper, paper + contrast, float(np.median(sizes)) / height, min(line, 0.25), centre)


def _extent(drawn: np.ndarray) -> np.ndarray:
    """How many pixels lie from the first to the last that is drawn on, for each row of flags."""
    return np.asarray(drawn.shape[1] - drawn[:, ::-1].argmax(1) - drawn.argmax(1))


def native_side(layer: Data, dataset: Dataset) -> int:
    """Pixels a side of the data's pictures before they are resized."""
    if not layer.resize:
        return dataset.info.x_shape[0]
    try:
        shape = describe(replace(layer, resize=0)).x_shape
    except DataError:
        return dataset.info.x_shape[0]
    return shape[0] if len(shape) == 3 and shape[0] == shape[1] else dataset.info.x_shape[0]


def sample_of(drawn: np.ndarray, like: Likeness, dataset: Dataset, native: int) -> np.ndarray:
    """A drawing as a sample.

    Parameters
    ----------
    drawn : numpy.ndarray
        float32 ``(side, side)``, 0 for paper to 1 for ink, of size and place as the data's;
        ``side`` is a multiple of `native`.
    like : Likeness
        Of the data set.
    native : int
        Pixels a side of the data's pictures before they are resized, so that a drawing is as coarse.

    Returns
    -------
    numpy.ndarray
        float32 in the shape of one sample, standardised as the data are.
    """
    side = len(drawn) // native
    coarse = drawn.reshape(native, side, native, side).mean((1, 3), dtype=np.float32)
    values = np.float32(like.paper) + coarse * np.float32(like.ink - like.paper)
    picture = resample(values[None, ..., None], dataset.info.x_shape[0])[0]
    return np.ascontiguousarray((picture - dataset.x_mean) / dataset.x_scale, np.float32)
