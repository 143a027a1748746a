"""What a program must do to samples before a network reads them, and what its answers mean."""

from __future__ import annotations

import numpy as np

from studio.core.dataset import Dataset, DatasetInfo

#: More numbers than this do not go into a program's text.
_MOST_NUMBERS = 1024


def preparation(info: DatasetInfo | None, dataset: Dataset | None) -> str:
    """Constants and functions for the samples; empty where there is nothing to say.

    Parameters
    ----------
    info : DatasetInfo or None
        Gives the names of classes and words.
    dataset : Dataset or None
        Gives the mean and the spread that standardising took away.
    """
    parts = []
    if info is not None and info.classes:
        parts.append(f"#: What the classes are, from 0 on.\nCLASSES = {list(info.classes)!r}\n")
    if info is not None and info.vocabulary:
        parts.append(f"#: The words or characters that numbers stand for, from 0 on.\nWORDS = {list(info.vocabulary)!r}\n")
    if dataset is not None:
        parts += _scaling("prepare", "Samples as the network reads them, from the units they came in.", "x", dataset.x_mean, dataset.x_scale)
        if dataset.info.target == "values":
            words = "Answers in the units they came in, from what the network gives."
            parts += _scaling("restore", words, "y", dataset.y_mean, dataset.y_scale, back=True)
    return "\n".join(parts)


def _scaling(name: str, words: str, of: str, mean: np.ndarray, scale: np.ndarray, back: bool = False) -> list[str]:
    """A function that takes a mean off and divides by a spread, or the way back."""
    if not np.any(mean) and np.all(scale == 1):
        return []
    if mean.size > _MOST_NUMBERS or scale.size > _MOST_NUMBERS:
        return [f"# {of.upper()} was shifted and scaled number by number: too many to write down here.\n"]
    upper = of.upper()
    formula = f"{of} * {upper}_SCALE + {upper}_MEAN" if back else f"({of} - {upper}_MEAN) / {upper}_SCALE"
    return [
        f"{upper}_MEAN = numpy.array({_written(mean)}, \"float32\")\n{upper}_SCALE = numpy.array({_written(scale)}, \"float32\")\n",
        f'\ndef {name}({of}):\n    """{words}"""\n    return {formula}\n\n',
    ]


def _written(numbers: np.ndarray) -> str:
    """Numbers as short as they can be and still be the same float32."""
    values = np.asarray(numbers, np.float32)
    return str(np.vectorize(lambda v: float(str(np.float32(v))), otypes=[object])(values).tolist())
