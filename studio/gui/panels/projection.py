"""Principal components of a layer's activations, steady from one update to the next."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

#: Components that are kept: enough for the 3-D view.
COMPONENTS = 3
#: How many samples decide on the axes; the work of an update stays below about 10 ms.
_MOST_SAMPLES = 1000
#: A layer with more features than this is looked at with so many samples only.
_WIDE = 256
#: Two axes may be in the wrong order while their variances differ by less than this share.
_TIE = 0.15


@dataclass(frozen=True, eq=False)
class Projection:
    """Samples in the plane (or space) of their largest spread.

    Parameters
    ----------
    points : numpy.ndarray
        float64 ``(samples, 3)``; axes that the data do not have are 0.
    explained : numpy.ndarray
        float64 ``(3,)``: share of the variance along each axis, 0 to 1.
    """

    points: np.ndarray
    explained: np.ndarray


def principal_components(data: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions of the largest spread.

    Parameters
    ----------
    data : numpy.ndarray
        ``(samples, features)``, finite.

    Returns
    -------
    mean : numpy.ndarray
        float64 ``(features,)``.
    directions : numpy.ndarray
        float64 ``(3, features)``, orthonormal rows, largest spread first; rows of zeros where
        there are fewer directions than that.
    variances : numpy.ndarray
        float64 ``(4,)``: along each direction, then in all.

    Notes
    -----
    The eigenvectors of ``X^T X`` for few features, else of the smaller Gram matrix
    ``X X^T`` (Jolliffe, Principal Component Analysis, 2002, ch. 3.5).
    """
    x = np.asarray(data, np.float64)
    samples, features = x.shape
    mean = x.mean(0) if samples else np.zeros(features)
    x = x - mean
    total = float(np.square(x).sum())
    directions = np.zeros((COMPONENTS, features))
    variances = np.zeros(COMPONENTS)
    few = min(samples, features)
    if few and total > 0:
        small = x.T @ x if features <= samples else x @ x.T
        values, vectors = np.linalg.eigh(small)
        keep = min(COMPONENTS, few)
        values = np.maximum(values[::-1][:keep], 0.0)
        vectors = vectors[:, ::-1][:, :keep]
        real = values > 1e-12 * values[0]
        if features > samples:
            vectors = (x.T @ vectors) / np.sqrt(np.where(real, values, 1.0))
        directions[:keep][real] = vectors.T[real]
        variances[:keep] = np.where(real, values, 0.0)
    divisor = max(1, samples - 1)
    return mean, directions, np.append(variances, total) / divisor


class Projector:
    """Projects one layer's activations again and again without sudden flips.

    The sign of a principal component is free, and two components trade places when their
    variances cross: both would make the picture jump while the layer hardly changes. So
    signs follow the components of the time before, and the order too while the variances
    are close; otherwise the largest spread comes first.
    """

    def __init__(self) -> None:
        self._before: np.ndarray | None = None

    def forget(self) -> None:
        """Begin afresh, as for another layer."""
        self._before = None

    def update(self, data: np.ndarray) -> Projection:
        """Project these activations.

        Parameters
        ----------
        data : numpy.ndarray
            float ``(samples, features)``. Of more than 1000 samples (256 for more than 256
            features) evenly spaced ones decide on the axes; all are projected.

        Raises
        ------
        ValueError
            When a number is not finite.
        """
        data = np.asarray(data)
        most = _MOST_SAMPLES if data.shape[1] <= _WIDE else _WIDE
        chosen = data
        if len(data) > most:
            chosen = data[np.linspace(0, len(data) - 1, most).astype(int)]
        if not np.isfinite(chosen).all():
            raise ValueError("The layer holds numbers that are not finite.")
        mean, directions, variances = principal_components(chosen)
        order, signs = self._match(directions, variances[:COMPONENTS])
        directions = directions[order] * signs[:, None]
        if directions.any():
            self._before = directions
        total = variances[-1]
        explained = variances[:COMPONENTS][order] / total if total > 0 else np.zeros(COMPONENTS)
        # Products of the data as they are: a float64 copy of a wide layer would take longer.
        points = (data @ directions.T.astype(data.dtype)).astype(np.float64) - mean @ directions.T
        return Projection(points, explained)

    def _match(self, directions: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Order and signs that resemble the components of the time before most."""
        order = np.arange(COMPONENTS)
        before = self._before
        if before is None or before.shape != directions.shape:
            # The largest weight is positive, so that the first picture is the same each time.
            largest = directions[order, np.abs(directions).argmax(1)]
            return order, np.where(largest < 0, -1.0, 1.0)
        alike = before @ directions.T
        best = float(np.abs(alike.diagonal()).sum())
        for permutation in itertools.permutations(range(COMPONENTS)):
            moved = variances[list(permutation)]
            tied = np.all(moved[1:] <= moved[:-1] * (1 + _TIE) + 1e-300)
            score = float(np.abs(alike[np.arange(COMPONENTS), permutation]).sum())
            if tied and score > best + 1e-9:
                best, order = score, np.array(permutation)
        return order, np.where(alike[np.arange(COMPONENTS), order] < 0, -1.0, 1.0)
