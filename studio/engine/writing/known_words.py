"""Which words of a text a network can have learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.core.vocabulary import is_special, words_of_text

#: Characters of the training text that are looked through at most.
_MOST = 4_000_000


class KnownWords:
    """The words of a training text, for networks that write it character by character.

    Parameters
    ----------
    samples : numpy.ndarray
        X of the training part, in the order of the text: ``(samples, steps)``.
    vocabulary : sequence of str
        Of characters.
    """

    def __init__(self, samples: np.ndarray, vocabulary: Sequence[str]) -> None:
        names = np.array(["" if is_special(word) else word for word in vocabulary])
        text = "".join(names[samples.ravel()[:_MOST].astype(np.int64)].tolist())
        self._words = frozenset(_letters(text))

    def unknown(self, text: str) -> tuple[list[str], int]:
        """Words of a text that the training text lacks, and how many words were looked at.

        The last word counts only if something comes after it: it may be cut off.
        """
        words = _letters(text)
        if text and words and text.endswith(words[-1]):
            words = words[:-1]
        return [w for w in words if w not in self._words], len(words)

    def share(self, text: str) -> float | None:
        """The share of a text's words that are in the training text; None where there are no words."""
        unknown, count = self.unknown(text)
        return 1 - len(unknown) / count if count else None


def _letters(text: str) -> list[str]:
    """Words of letters and digits, without marks."""
    return [word for word in words_of_text(text) if word[0].isalnum() or word[0] == "_"]
