"""Text of the user's, for models that predict what comes next.

The file is cut into windows that follow each other. X are the numbers of a window's characters
(or words), Y those of the ones after each. ``level=words`` takes words and marks rather than
characters; ``window=N`` says how many a sample has.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from studio.core.vocabulary import SPECIAL, UNKNOWN, vocabulary_of, words_of_text
from studio.data.csv_text import encoding_of
from studio.data.errors import DataError, shown
from studio.data.facts import Arrays, Facts
from studio.data.files import check_size, look_at, reading, resolved
from studio.data.source import Source

#: Most names in a vocabulary; rarer ones become `UNKNOWN`.
MOST_CHARACTERS, MOST_WORDS = 256, 4000
#: Characters or words a sample has, if the source does not say.
WINDOWS = {"characters": 64, "words": 24}
LARGEST_TEXT = 256 << 20


def facts(source: Source) -> Facts:
    """What the file holds, read once.

    Raises
    ------
    DataError
        When it is not text, or too short for a few windows.
    """
    level = source.option("level") or "characters"
    window = _window(source, level)
    pieces = _pieces(source, level)
    samples = (len(pieces) - 1) // window
    name = shown(resolved(source.name).name)
    if samples < 3:
        raise DataError(
            f"{name} has only {len(pieces)} {level}, too few for samples of {window}: use a longer text, "
            "or a smaller window such as ?window=16."
        )
    check_size(name, 2 * samples * window)
    most = MOST_CHARACTERS if level == "characters" else MOST_WORDS
    # The most frequent first; equally frequent ones in order of their first place.
    counted = Counter(pieces)
    vocabulary = vocabulary_of(piece for piece, _ in counted.most_common(most - len(SPECIAL)))
    left_out = len(counted) - (len(vocabulary) - len(SPECIAL))
    notes = [f"X are {window} {level} in a row, Y the one after each; the end of the text is kept for checking."]
    if left_out:
        notes.append(f"{left_out:,} rare {level} are shown as {SPECIAL[UNKNOWN]}.")
    return Facts(
        resolved(source.name).stem, (window,), "labels", samples, classes=vocabulary, y_shape=(window,),
        vocabulary=vocabulary, ordered=True, continues=True, notes=tuple(notes),
    )


def arrays(source: Source, known: Facts) -> Arrays:
    """The numbers of the file's characters or words, by the vocabulary of `facts`."""
    pieces = _pieces(source, source.option("level") or "characters")
    numbers = {piece: i for i, piece in enumerate(known.vocabulary)}
    (window,) = known.x_shape
    count = (len(pieces) - 1) // window
    codes = np.fromiter((numbers.get(p, UNKNOWN) for p in pieces[: count * window + 1]), np.int64)
    return Arrays(codes[:-1].reshape(count, window).astype(np.float32), codes[1:].reshape(count, window))


def _window(source: Source, level: str) -> int:
    text = source.option("window")
    if text is None:
        return WINDOWS[level]
    if not (text.isascii() and text.isdigit() and 2 <= int(text) <= 1024):
        raise DataError(f"The option window cannot be {shown(text)!r}: write a whole number from 2 to 1024.")
    return int(text)


def _pieces(source: Source, level: str) -> list[str] | str:
    path = resolved(source.name)
    _path, _changed, size = look_at(path)
    name = shown(path.name)
    if size > LARGEST_TEXT:
        raise DataError(f"{name} is larger than 256 MiB: use a part of it.")
    try:
        with reading(path):
            text = path.read_text(encoding=encoding_of(path))
    except UnicodeError:
        raise DataError(f"{name} is not text: choose a file of plain text.") from None
    if any(c < " " and c not in "\t\n\r\f" for c in set(text)):
        raise DataError(f"{name} is not text: choose a file of plain text.")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if level == "characters" else words_of_text(text)
