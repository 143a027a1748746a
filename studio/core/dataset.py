"""What the engine and the window need to know of a data set, and the arrays themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from studio.core.shapes import Shape
from studio.core.stored import StoredArray

#: Samples in memory, or such that stay on the disk and are indexed in the same way.
Samples = np.ndarray | StoredArray
TargetKind = Literal["labels", "one_hot", "values"]


@dataclass(frozen=True)
class DatasetInfo:
    """Shapes and names of a data set, known before its arrays are loaded.

    Parameters
    ----------
    title : str
        For people, such as ``Handwritten digits``.
    x_shape : Shape
        Shape of one sample, channels last, without the batch axis.
    y_shape : Shape
        Shape of one target; ``()`` for one class a sample, the shape of the sequence or picture
        for a class of each step or pixel.
    target : {"labels", "one_hot", "values"}
        What Y holds: class numbers, one-hot vectors, or real values.
    classes : tuple of str
        Class names; empty for values.
    features : tuple of str
        Names of the columns of X, if it has some.
    samples : int
        Number of samples in all splits together.
    plane : bool
        Whether samples are points of a plane, so that heatmaps over it make sense.
    targets : tuple of str
        Names of the columns of Y, if it holds values and they have names.
    notes : tuple of str
        What a person should know of how the arrays came about, one sentence each: scaled
        answers, columns left out, a test part that the file brings itself.
    vocabulary : tuple of str
        Names of the numbers in X, where these stand for words or characters; the first is
        the filling behind the end of a sequence.
    continues : bool
        Whether Y are the words or characters that follow those of X, each one step later.
    weighted : bool
        Whether the data say how much each sample counts; Data then has a third output.
    on_disk : bool
        Whether samples stay on the disk, since all of them would take too much memory.
    """

    title: str
    x_shape: Shape
    y_shape: Shape
    target: TargetKind
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    samples: int = 0
    plane: bool = False
    targets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    continues: bool = False
    weighted: bool = False
    on_disk: bool = False

    @property
    def ports(self) -> int:
        """How many outputs the Data node has, and arrays each part."""
        return 3 if self.weighted else 2

    def kind_of(self, port: int) -> TargetKind:
        """What X (port 0) or Y (port 1) holds as a target: words are classes too; weights (port 2) are values."""
        if port == 1:
            return self.target
        return "labels" if self.vocabulary and port == 0 else "values"

    def names_of(self, port: int) -> tuple[str, ...]:
        """Names of the words or classes that X (port 0) or Y (port 1) holds; empty where it holds values."""
        return (self.vocabulary, self.classes, ())[port]


class StillReading(str):
    """In place of a `DatasetInfo`: the sentence that its files are being looked into just now."""

    __slots__ = ()


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set.

    Parameters
    ----------
    x : numpy.ndarray or StoredArray
        float32, C-contiguous, ``(samples, *x_shape)``.
    y : numpy.ndarray
        float32, C-contiguous, ``(samples, *y_shape)``; labels are whole numbers.
    weights : numpy.ndarray or None
        float32, ``(samples,)``: how much each sample counts; None where all count alike.
    """

    x: Samples
    y: np.ndarray
    weights: np.ndarray | None = None

    @property
    def arrays(self) -> tuple[Samples, ...]:
        """What the outputs of the Data node give, in their order."""
        return (self.x, self.y) if self.weights is None else (self.x, self.y, self.weights)

    def take(self, samples: np.ndarray | slice) -> Split:
        """Some of the samples, in memory."""
        return Split(self.x[samples], self.y[samples], None if self.weights is None else self.weights[samples])

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A loaded data set, split and standardised.

    `x_mean` and `x_scale` are what standardisation subtracted and divided by (fitted on the
    training part only), so that pictures and axes can be shown in the original units:
    ``original = x * x_scale + x_mean``. They broadcast against one sample. `y_mean` and
    `y_scale` say the same of answers that are values; for classes they are 0 and 1.
    """

    info: DatasetInfo
    train: Split
    validation: Split
    test: Split
    x_mean: np.ndarray = field(default_factory=lambda: np.zeros(1, np.float32))
    x_scale: np.ndarray = field(default_factory=lambda: np.ones(1, np.float32))
    y_mean: np.ndarray = field(default_factory=lambda: np.zeros(1, np.float32))
    y_scale: np.ndarray = field(default_factory=lambda: np.ones(1, np.float32))
