"""Deciding what answers are: classes or values.

The rule, for every kind of file: text is classes. Numbers are classes if all are whole, there
are at most 20 different ones, and each comes at least twice on average; otherwise they are
values. Whole numbers of an integer type (``npz:``) may have up to 1000 different ones. The
option ``as=classes`` or ``as=values`` decides otherwise.
"""

from __future__ import annotations

import numpy as np

from studio.data.errors import DataError, shown

#: Numbers with more different values than this are taken for measurements.
MOST_NUMBER_CLASSES = 20
#: More classes than this are taken for a mistake (names, identifiers).
MOST_CLASSES = 1000


def are_classes(distinct: np.ndarray, count: int, most: int = MOST_NUMBER_CLASSES) -> bool:
    """Whether numbers are class labels.

    Parameters
    ----------
    distinct : numpy.ndarray
        The different numbers.
    count : int
        How many numbers there are in all.
    most : int
        How many different ones there may be.
    """
    return len(distinct) <= most and 2 * len(distinct) <= count and bool(np.all(distinct == np.floor(distinct)))


def names_of(distinct: np.ndarray) -> tuple[str, ...]:
    """Class names of sorted numbers: ``3`` rather than ``3.0``."""
    return tuple(str(int(v)) if float(v).is_integer() and abs(v) < 1e15 else repr(float(v)) for v in distinct)


def check_classes(count: int, what: str, only: str = "") -> None:
    """Refuse answers that cannot be told apart, or are too many.

    Raises
    ------
    DataError
        When there are fewer than 2 or more than 1000 classes.
    """
    if count < 2:
        raise DataError(f"{what} holds only one class ({shown(only)!r}): to learn, there must be at least two.")
    if count > MOST_CLASSES:
        raise DataError(
            f"{what} holds more than {MOST_CLASSES} different classes: choose another target, or as=values for numbers."
        )
