"""Dividing samples into a training, a validation and a test part."""

from __future__ import annotations

import numpy as np

from studio.data.chance import Chance
from studio.data.errors import DataError


def check_shares(validation: float, test: float) -> None:
    """Refuse shares that leave nothing to train on.

    Raises
    ------
    DataError
        When both together are 1 or more.
    """
    if validation + test >= 0.9995:  # shares are shown with three digits
        raise DataError(
            f"A validation share of {validation:g} and a test share of {test:g} leave nothing to "
            "train on: make them smaller."
        )


def split(
    count: int, codes: np.ndarray | None, validation: float, test: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Divide the samples 0 to `count` - 1, each class in the same shares.

    Every class keeps at least one sample for training, so a class of one sample is only
    trained on; a share above 0 gets at least one sample where three or more are there.

    Parameters
    ----------
    count : int
        How many samples there are.
    codes : numpy.ndarray or None
        Class codes int64 ``(count,)``; None where there are no classes.
    validation, test : float
        Shares of all samples, 0 to 1.
    seed : int
        What the division follows from.

    Returns
    -------
    tuple of numpy.ndarray
        Indices int64 of the training, validation and test part, each in random order.
    """
    chance = Chance(seed, "split")
    order = chance.permutation(count)
    if codes is None:
        groups = [order]
    else:
        by_class = order[np.argsort(codes[order], kind="stable")]
        counts = np.bincount(codes, minlength=1)
        groups = np.split(by_class, np.cumsum(counts)[:-1])
    sizes = np.array([len(g) for g in groups])
    room = np.maximum(sizes - 1, 0)
    testing = _allocate(sizes, _wanted(count, test), room)
    validating = _allocate(sizes, _wanted(count, validation), room - testing)
    parts: tuple[list[np.ndarray], ...] = ([], [], [])
    for group, t, v in zip(groups, testing, validating, strict=True):
        for part, piece in zip(parts, (group[t + v :], group[t : t + v], group[:t]), strict=True):
            part.append(piece)
    joined = [np.concatenate(part) for part in parts]
    train, held, last = (part[chance.permutation(len(part))] for part in joined)
    return train, held, last


def split_in_order(count: int, validation: float, test: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Divide samples that follow each other in time: first training, then validation, last test.

    Otherwise what is to be forecast would stand in a training sample a step later.

    Parameters
    ----------
    count : int
        How many samples there are.
    validation, test : float
        Shares of all samples, 0 to 1.

    Returns
    -------
    tuple of numpy.ndarray
        Indices int64 of the training, validation and test part, in order.
    """
    testing = min(_wanted(count, test), count - 1)
    validating = min(_wanted(count, validation), count - 1 - testing)
    order = np.arange(count, dtype=np.int64)
    first = count - testing - validating
    return order[:first], order[first : first + validating], order[first + validating :]


def _wanted(count: int, share: float) -> int:
    least = 1 if share > 0 and count >= 3 else 0
    return max(least, int(count * share + 0.5))


def _allocate(sizes: np.ndarray, wanted: int, room: np.ndarray) -> np.ndarray:
    """Take `wanted` samples from groups in proportion to their sizes (largest remainder)."""
    exact = sizes * (wanted / max(1, int(sizes.sum())))
    taken: np.ndarray = np.minimum(np.floor(exact).astype(np.int64), room)
    left = min(wanted, int(room.sum())) - int(taken.sum())
    while left > 0:
        # Groups furthest below their exact share first; ties in order of the classes.
        for group in np.argsort(taken - exact, kind="stable"):
            if left > 0 and taken[group] < room[group]:
                taken[group] += 1
                left -= 1
    return taken
