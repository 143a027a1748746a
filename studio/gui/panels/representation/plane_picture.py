"""What a layer says over the input plane, as colours and contour lines (no Qt here)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.gui.panels.class_scores import class_scores
from studio.gui.panels.contour import contour, enlarged


@dataclass(frozen=True, eq=False)
class PlanePicture:
    """The big picture of one layer over the plane.

    Parameters
    ----------
    colours : numpy.ndarray
        uint8 ``(size, size, 3)``; row 0 is at the top.
    lines : numpy.ndarray
        float64 ``(pieces, 2, 2)``: contour pieces from 0 to 1, y upwards.
    values : numpy.ndarray
        ``(pixels, pixels, features)`` that the pointer reads: class shares or plain values.
    legend : tuple of (float, float, str) or None
        Range and colour map of the picture; None for class shares.
    """

    colours: np.ndarray
    lines: np.ndarray
    values: np.ndarray
    legend: tuple[float, float, str] | None = None


def shares_picture(
    plane: np.ndarray, class_colours: np.ndarray, field: np.ndarray, lut: np.ndarray, size: int
) -> PlanePicture:
    """Class shares of the output layer.

    Parameters
    ----------
    plane : numpy.ndarray
        ``(pixels, pixels, features)``, row 0 at the lowest y.
    class_colours : numpy.ndarray
        uint8 ``(classes, 3)``.
    field : numpy.ndarray
        uint8 ``(3,)``: the ground that unsure places take the colour of.
    lut : numpy.ndarray
        uint8 ``(256, 3)``: for two classes, from surely the first to surely the second.
    size : int
        Pixels a side of the picture; the trainer's coarser grid is interpolated.
    """
    classes = len(class_colours)
    shares = class_scores(plane, classes)
    if classes == 2:
        colours = lut[np.clip(enlarged(shares[..., 1], size) * 255 + 0.5, 0, 255).astype(np.uint8)]
        return PlanePicture(colours[::-1], _lines(shares[..., 1], 0.5), shares)
    big = enlarged(shares, size)
    # Held back like the two-class map, so that points in full colour stand out.
    sure = np.clip((big.max(-1, keepdims=True) - 1 / classes) / (1 - 1 / classes), 0, 1)
    mixed = big @ class_colours.astype(np.float32)
    colours = field + (mixed - field) * (0.15 + 0.45 * sure)
    pieces = []
    for index in range(classes):
        others = np.delete(shares, index, -1).max(-1)
        pieces.append(_lines(shares[..., index] - others, 0.0))
    return PlanePicture(np.clip(colours, 0, 255).astype(np.uint8)[::-1], np.concatenate(pieces), shares)


def neuron_picture(plane: np.ndarray, neuron: int, lut: np.ndarray, signed: bool, size: int) -> PlanePicture:
    """One neuron's output, blue below and orange above 0 (or from 0 up)."""
    values = np.nan_to_num(np.asarray(plane[..., neuron], np.float64))
    most = float(np.abs(values).max()) or 1.0
    low, high, name = (-most, most, "diverging") if signed else (0.0, most, "sequential")
    big = enlarged(values, size)
    colours = lut[np.clip((big - low) * (255 / (high - low)) + 0.5, 0, 255).astype(np.uint8)]
    lines = _lines(values, 0.0) if signed else np.empty((0, 2, 2))
    return PlanePicture(colours[::-1], lines, values[..., None], (low, high, name))


def values_picture(plane: np.ndarray, low: float, high: float, lut: np.ndarray, size: int) -> PlanePicture:
    """A predicted number, in the same colours as the targets of the points."""
    values = np.nan_to_num(np.asarray(plane[..., 0], np.float64))
    span = high - low if high > low else 1.0
    big = enlarged(values, size)
    colours = lut[np.clip((big - low) * (255 / span) + 0.5, 0, 255).astype(np.uint8)]
    levels = np.linspace(low, high, 5)[1:-1]
    lines = np.concatenate([_lines(values, level) for level in levels])
    return PlanePicture(colours[::-1], lines, values[..., None], (low, high, "sequential"))


def _lines(values: np.ndarray, level: float) -> np.ndarray:
    pieces = contour(values, level)
    return np.asarray(pieces / (np.array(values.shape[::-1], float) - 1))
