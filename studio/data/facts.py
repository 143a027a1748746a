"""What a source holds, before the settings of a Data node are applied to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

from studio.core.dataset import Samples
from studio.core.shapes import Shape
from studio.data.progress import Progress


@dataclass(frozen=True)
class Facts:
    """Shapes and names of a source.

    Parameters
    ----------
    title : str
        For people.
    x_shape : Shape
        Shape of one sample; three axes are a picture ``(height, width, channels)``.
    target : {"labels", "values"}
        Whether the answers are classes or real numbers.
    samples : int
        How many samples there are to split.
    test_samples : int
        How many samples the source itself keeps for testing; 0 if it leaves that to us.
    classes : tuple of str
        Class names, in the order of their codes; empty for values.
    y_shape : Shape
        Shape of one answer; ``()`` for one class a sample, the shape of the sequence or picture
        for a class of each step or pixel.
    features, targets : tuple of str
        Names of columns, where there are some.
    plane : bool
        Whether samples are points of a plane.
    notes : tuple of str
        Sentences for `DatasetInfo.notes`.
    vocabulary : tuple of str
        Names of the numbers in X, where these stand for words or characters; the first is
        the filling behind the end of a sequence.
    ordered : bool
        Whether samples follow each other in time, so that the last ones are kept for checking.
    continues : bool
        Whether answers are what follows the words or characters of X, each one step later.
    weights : str
        Name of the column that says how much each sample counts; empty if all count alike.
    on_disk : bool
        Whether samples stay on the disk.
    """

    title: str
    x_shape: Shape
    target: Literal["labels", "values"]
    samples: int
    test_samples: int = 0
    classes: tuple[str, ...] = ()
    y_shape: Shape = ()
    features: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    plane: bool = False
    notes: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    ordered: bool = False
    continues: bool = False
    weights: str = ""
    on_disk: bool = False

    @property
    def pictures(self) -> bool:
        """Whether samples are pictures."""
        return len(self.x_shape) == 3


@dataclass(frozen=True, eq=False)
class Arrays:
    """The numbers of a source, as they are in it.

    Parameters
    ----------
    x : numpy.ndarray or StoredArray
        float32 or float64, ``(samples, *x_shape)``; NaN marks a gap to be filled. Pixels may be
        uint8, which stand for 0 to 1.
    y : numpy.ndarray
        Class codes int64 ``(samples, *y_shape)``, or values float64 ``(samples, *y_shape)``.
    x_test, y_test : numpy.ndarray or None
        The same for the source's own test part.
    weights : numpy.ndarray or None
        How much each sample counts, float64 ``(samples,)``, none below 0.
    """

    x: Samples
    y: np.ndarray
    x_test: Samples | None = None
    y_test: np.ndarray | None = None
    weights: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Survey(ABC):
    """How a file or folder becomes arrays: found when it is looked into, used when it is read."""

    facts: Facts

    @abstractmethod
    def arrays(self, side: int, progress: Progress) -> Arrays:
        """Read what was found.

        Parameters
        ----------
        side : int
            Height and width that pictures will have; 0 leaves them as `facts` says. What cannot
            choose the size while it reads ignores it.
        progress : callable

        Raises
        ------
        DataError
            When it changed since, or cannot be read.
        """
