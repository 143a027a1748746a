"""Words and characters as numbers, and the way back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

#: The first names of each vocabulary: filling behind the end, the start and the end of a
#: sequence, and what is not in the vocabulary.
PADDING, START, END, UNKNOWN = 0, 1, 2, 3
SPECIAL = ("", "[start]", "[end]", "[other]")
#: The name of a word that is hidden; its number comes after the last word's.
HIDDEN = "[mask]"

_SHOWN = {"": "[none]", " ": "␣", "\n": "⏎", "\t": "⇥"}

_WORD = re.compile(r"\w+|[^\w\s]")
#: Marks that follow a word without a space, and those that a word follows without one.
_CLOSING, _OPENING = frozenset(".,;:!?)]}%'’”"), frozenset("([{‘“")


class WordError(ValueError):
    """A text that a vocabulary has no numbers for; the message is one plain sentence."""


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


def is_special(word: str) -> bool:
    """Whether a name stands for no word of the text."""
    return word in SPECIAL or word == HIDDEN


def shown_word(word: str) -> str:
    """A word by itself, for lists and legends, where nobody sees a space or an end of line."""
    return _SHOWN.get(word, word)


def has_characters(vocabulary: Sequence[str]) -> bool:
    """Whether a vocabulary is one of characters rather than of words."""
    return all(len(word) == 1 for word in vocabulary if not is_special(word))


def words_of_text(text: str) -> list[str]:
    """Words and marks of a text, without what is between them."""
    return _WORD.findall(text)


def numbers_of(text: str, vocabulary: Sequence[str]) -> list[int]:
    """A person's text as numbers; capitals that the vocabulary lacks count as small letters.

    Raises
    ------
    WordError
        When the vocabulary lacks a character or word of it.
    """
    numbers = {word: i for i, word in enumerate(vocabulary) if not is_special(word)}
    characters = has_characters(vocabulary)
    found = []
    for piece in list(text) if characters else words_of_text(text):
        number = numbers.get(piece, numbers.get(piece.lower()))
        if number is None:
            raise WordError(_unknown(piece, list(numbers), characters))
        found.append(number)
    return found


def _unknown(piece: str, known: list[str], characters: bool) -> str:
    shown = piece if piece.isprintable() else repr(piece).strip("'")
    if not characters:
        examples = ", ".join([word for word in known if word.isalpha()][:3])
        such = f", such as {examples}" if examples else ""
        return f"The network does not know the word “{shown[:40]}”: use words of its text{such}."
    if len(known) <= 48:
        listed = "".join(sorted(k for k in known if k.isprintable() and k != " "))
        return f"The network does not know the character “{shown}”: use only {listed} and spaces."
    return f"The network does not know the character “{shown}”: use only characters of its text."


def text_of(numbers: Iterable[float], vocabulary: Sequence[str]) -> str:
    """Numbers as a text that people read: up to the end mark, without filling and start marks."""
    pieces, characters = [], has_characters(vocabulary)
    for number in numbers:
        word = vocabulary[int(number)] if 0 <= number < len(vocabulary) else SPECIAL[UNKNOWN]
        if word == SPECIAL[END]:
            break
        if word == SPECIAL[UNKNOWN] and characters:
            word = "\N{REPLACEMENT CHARACTER}"
        if word and word != SPECIAL[START]:
            pieces.append(word)
    return joined(pieces, characters)


def joined(pieces: Sequence[str], characters: bool) -> str:
    """Characters next to each other; words with spaces between them, but none before a comma."""
    if characters:
        return "".join(pieces)
    text, attached = "", True
    for piece in pieces:
        text += piece if attached or piece in _CLOSING else f" {piece}"
        # An apostrophe belongs to what comes after it too, as in "it's".
        attached = piece in _OPENING or piece in ("'", "’")
    return text
