"""Text of the user's, for models that predict what comes next.

The file is cut into windows that follow each other. X are the numbers of a window's characters
(or words), Y those of the ones after each. ``level=words`` takes words and marks rather than
characters; ``window=N`` says how many a sample has.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from studio.core.vocabulary import UNKNOWN
from studio.data.csv_text import encoding_of
from studio.data.errors import DataError, shown
from studio.data.facts import Arrays, Facts
from studio.data.files import check_size, look_at, reading, resolved
from studio.data.source import Source
from studio.data.words import LARGEST_TEXT, pieces_of, vocabulary_and_note

#: Characters or words a sample has, if the source does not say.
WINDOWS = {"characters": 64, "words": 24}
#: How many it can have.
SMALLEST_WINDOW, LARGEST_WINDOW = 2, 1024


def facts(source: Source) -> Facts:
    """What the file holds, read once.

    Raises
    ------
    DataError
        When it is not text, or too short for a few windows.
    """
    level = source.option("level") or "characters"
    window = source.whole("window", SMALLEST_WINDOW, LARGEST_WINDOW) or WINDOWS[level]
    pieces = _pieces(source, level)
    samples = (len(pieces) - 1) // window
    name = shown(resolved(source.name).name)
    if samples < 3:
        raise DataError(
            f"{name} has only {len(pieces)} {level}, too few for samples of {window}: use a longer text, "
            "or a smaller window such as ?window=16."
        )
    check_size(name, 2 * samples * window)
    vocabulary, note = vocabulary_and_note(Counter(pieces), level)
    notes = [f"X are {window} {level} in a row, Y the one after each; the end of the text is kept for checking.", *note]
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
    return pieces_of(text, level)
