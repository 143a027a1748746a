"""Words and characters as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

#: The first names of each vocabulary: filling behind the end, the start and the end of a
#: sequence, and what is not in the vocabulary.
PADDING, START, END, UNKNOWN = 0, 1, 2, 3
SPECIAL = ("", "[start]", "[end]", "[other]")


def vocabulary_of(words: Iterable[str]) -> tuple[str, ...]:
    """A vocabulary with the special names first, then these words in their order."""
    return (*SPECIAL, *dict.fromkeys(words))


def encode(sequences: Iterable[Sequence[str]], vocabulary: Sequence[str], length: int) -> np.ndarray:
    """Sequences as numbers, cut or filled with `PADDING` to one length.

    Returns
    -------
    numpy.ndarray
        int64 ``(sequences, length)``.
    """
    numbers = {word: i for i, word in enumerate(vocabulary)}
    rows = []
    for sequence in sequences:
        row = [numbers.get(word, UNKNOWN) for word in sequence[:length]]
        rows.append(row + [PADDING] * (length - len(row)))
    return np.array(rows, np.int64).reshape(-1, length)
