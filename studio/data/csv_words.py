"""A column of sentences in a CSV file: what the network sees are its words, as numbers.

``text=COLUMN`` names the column; all columns but the target and the weight are left out. Words
are lower-cased and marks count as words; ``level=characters`` takes characters as they are.
``window=N`` says how many a sample has, else as many as nineteen lines in twenty need, at most
128 words or 256 characters: what is longer is cut, what is shorter is filled up at its end.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from studio.core.vocabulary import PADDING, UNKNOWN
from studio.data.csv_column import Column
from studio.data.csv_rows import Rows, read_weights
from studio.data.csv_target import Answers
from studio.data.errors import DataError, shown
from studio.data.facts import Arrays, Facts, Survey
from studio.data.files import check_size
from studio.data.progress import Progress
from studio.data.source import Source
from studio.data.words import LARGEST_TEXT, pieces_of, vocabulary_and_note

#: Most words or characters a sample has, if the source does not say.
LONGEST = {"words": 128, "characters": 256}


@dataclass(frozen=True, eq=False)
class _Words(Survey):
    rows: Rows
    level: str
    text: int
    answers: Answers
    weight: int

    def arrays(self, side: int, progress: Progress) -> Arrays:
        count, (length,) = self.facts.samples, self.facts.x_shape
        numbers = {piece: i for i, piece in enumerate(self.facts.vocabulary)}
        x = np.full((count, length), PADDING, np.float32)
        y: list[np.ndarray] = []
        weights: list[np.ndarray] = []
        start = 0
        try:
            for _, cells in self.rows.pieces(progress):
                for i, text in enumerate(cells[self.text], start):
                    pieces = pieces_of(_plain(text, self.level), self.level)[:length]
                    x[i, : len(pieces)] = [numbers.get(piece, UNKNOWN) for piece in pieces]
                start += len(cells[self.text])
                y.append(self.answers.read(cells[self.answers.position], self.rows))
                if self.weight >= 0:
                    weights.append(read_weights(self.rows, self.facts.weights, cells[self.weight]))
        except (KeyError, IndexError, ValueError) as error:
            raise error if isinstance(error, DataError) else self.rows.changed() from None
        if start != count:
            raise self.rows.changed()
        return Arrays(x, np.concatenate(y), weights=np.concatenate(weights) if weights else None)


def survey(
    source: Source, rows: Rows, found: list[Column], text: int, answers: Answers, weight: int, progress: Progress
) -> Survey:
    """Count the words of the column.

    Parameters
    ----------
    found : list of Column
        What a first reading found.
    text, weight : int
        Positions of the text and of the weight, -1 for none.

    Raises
    ------
    DataError
        When the column has no text, or the file is too large.
    """
    path, level = rows.path, source.option("level") or "words"
    used = {text, answers.position, *([weight] if weight >= 0 else [])}
    others = [c.name for i, c in enumerate(found) if i not in used and i not in rows.ignored]
    if path.stat().st_size > LARGEST_TEXT:
        raise DataError(f"{shown(path.name)} is larger than 256 MiB: use a part of it.")
    counted: Counter[str] = Counter()
    lengths: list[int] = []
    for lines, cells in rows.pieces(progress):
        for line, cell in zip(lines, cells[text], strict=True):
            pieces = pieces_of(_plain(cell, level), level)
            if not pieces and source.option("missing") != "fill":
                raise DataError(
                    f"Line {line} of {shown(path.name)} has no text in {shown(found[text].name)!r}: fill it in, or add "
                    "missing=fill or missing=skip to the source."
                )
            counted.update(pieces)
            lengths.append(len(pieces))
    if not counted:
        raise DataError(f"The column {shown(found[text].name)!r} of {shown(path.name)} has no text at all: choose another one.")
    usual = int(np.ceil(np.quantile(lengths, 0.95)))
    length = source.whole("window", 2, 1024) or max(2, min(usual, LONGEST[level]))
    check_size(path.name, 2 * len(lengths) * length)
    vocabulary, note = vocabulary_and_note(counted, level)
    notes = [f"X are the first {length} {level} of {shown(found[text].name)!r}.", *note]
    cut = sum(n > length for n in lengths)
    if cut:
        notes.append(f"{cut:,} of {len(lengths):,} texts are longer and were cut.")
    if others:
        notes.append(f"The other columns ({', '.join(shown(n, 40) for n in others[:6])}{', …' if len(others) > 6 else ''}) were left out.")
    if rows.skip_blank:
        notes.append("Lines with a blank cell were left out.")
    facts = Facts(
        path.name, (length,), answers.kind, len(lengths), classes=answers.classes, y_shape=answers.shape,
        targets=(answers.name,) if answers.kind == "values" else (), vocabulary=vocabulary, notes=tuple(notes),
        weights=found[weight].name if weight >= 0 else "",
    )  # fmt: skip
    return _Words(facts, rows, level, text, answers, weight)


def _plain(text: str, level: str) -> str:
    return text.lower() if level == "words" else text
