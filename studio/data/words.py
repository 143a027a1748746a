"""Text as a row of numbers: its words or characters, and the vocabulary they are counted in."""

from __future__ import annotations

from collections import Counter

from studio.core.vocabulary import SPECIAL, UNKNOWN, vocabulary_of, words_of_text

#: Most names in a vocabulary; rarer ones become `UNKNOWN`.
MOST = {"characters": 256, "words": 4000}
LARGEST_TEXT = 256 << 20


def pieces_of(text: str, level: str) -> list[str] | str:
    """The characters, or the words and marks, of a text."""
    return text if level == "characters" else words_of_text(text)


def vocabulary_and_note(counted: Counter[str], level: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The most frequent pieces first, equally frequent ones in order of their first place; and what was left out."""
    vocabulary = vocabulary_of(piece for piece, _ in counted.most_common(MOST[level] - len(SPECIAL)))
    left_out = len(counted) - (len(vocabulary) - len(SPECIAL))
    return vocabulary, (f"{left_out:,} rare {level} are shown as {SPECIAL[UNKNOWN]}.",) if left_out else ()
