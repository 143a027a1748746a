"""How many samples of each class a data set has."""

from __future__ import annotations

import numpy as np

from studio.core.dataset import Dataset


def class_balance(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Count the samples of each class in each part.

    Returns
    -------
    dict
        By part (``train``, ``validation``, ``test``) the count by class name, in the order
        of the classes; no counts for data whose answers are values.
    """
    info = dataset.info
    counts: dict[str, dict[str, int]] = {}
    for name in ("train", "validation", "test"):
        y = getattr(dataset, name).y
        codes = y.argmax(axis=-1) if info.target == "one_hot" else y
        found = np.bincount(codes.astype(np.int64).ravel(), minlength=len(info.classes)) if info.classes else ()
        counts[name] = {c: int(n) for c, n in zip(info.classes, found, strict=False)}
    return counts
