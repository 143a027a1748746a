"""The first lines of a CSV file, for choosing how it is to be read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from studio.data.csv_column import Column
from studio.data.csv_text import layout_of, records
from studio.data.errors import DataError, shown
from studio.data.files import look_at, resolved

#: So many lines are looked at, and so many of them are shown.
LOOKED_AT, SHOWN = 200, 4


@dataclass(frozen=True)
class Preview:
    """What a CSV file looks like.

    Parameters
    ----------
    names : tuple of str
        Of the columns.
    rows : tuple of tuple of str
        The cells of the first lines.
    numbers : tuple of str
        Columns that hold nothing but numbers so far.
    texts : tuple of str
        Columns of sentences.
    target : str
        The column that probably holds the answers.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    target: str


def preview(path: str | Path) -> Preview:
    """Look at the first lines of a file.

    Raises
    ------
    DataError
        When it is not a table of at least two columns.
    """
    path = resolved(str(path))
    look_at(path)
    layout = layout_of(path, None, None)
    names = layout.names
    if len(names) < 2:
        raise DataError(f"{shown(path.name)} has only one column: it needs a target and at least one more.")
    rows = records(path, layout.encoding, layout.delimiter)
    seen = list(islice(rows, LOOKED_AT + 1))[1 if layout.header else 0 :]
    rows.close()
    cells = [tuple(map(str.strip, row)) for _, row in seen if len(row) == len(names)]
    columns = [Column(name, layout.delimiter != ",") for name in names]
    for column, given in zip(columns, zip(*cells, strict=True), strict=False):
        column.see(list(range(len(given))), given)
    numbers = tuple(c.name for c in columns if c.is_number)
    texts = tuple(c.name for c in columns if c.is_text)
    answering = [c.name for c in columns if not c.is_text and c.counts_from is None]
    return Preview(names, tuple(cells[:SHOWN]), numbers, texts, answering[-1] if answering else names[-1])
