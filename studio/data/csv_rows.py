"""The rows of a CSV file, piece by piece, as columns of cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from studio.data.csv_column import Column, numbers
from studio.data.csv_text import Layout, is_blank, records
from studio.data.errors import DataError, shown
from studio.data.progress import Progress, silent

_PIECE = 4096
#: What a piece of rows is: line numbers, and the cells of each column.
Piece = tuple[list[int], list[tuple[str, ...]]]


@dataclass(frozen=True)
class Rows:
    """A file and which of its rows count.

    Parameters
    ----------
    path : Path
    layout : Layout
        How the file is to be read.
    ignored : frozenset of int
        Positions of columns that nobody looks at.
    skip_blank : bool
        Whether rows with a blank cell, in the other columns, are left out.
    """

    path: Path
    layout: Layout
    ignored: frozenset[int] = frozenset()
    skip_blank: bool = False

    @property
    def decimal_comma(self) -> bool:
        """Whether ``1,5`` is a number."""
        return self.layout.delimiter != ","

    def pieces(self, progress: Progress = silent) -> Iterator[Piece]:
        """All rows that count, some thousand at a time.

        Raises
        ------
        DataError
            When the file is not a sound table.
        """
        width = len(self.layout.names)
        rows = records(self.path, self.layout.encoding, self.layout.delimiter)
        if self.layout.header:
            next(rows, None)
        used = [i for i in range(width) if i not in self.ignored]
        read = 0
        while piece := list(islice(rows, _PIECE)):
            for line, row in piece:
                if len(row) != width:
                    raise DataError(
                        f"Line {line} of {shown(self.path.name)} has {len(row)} {'cell' if len(row) == 1 else 'cells'}, "
                        f"but the first line has {width}: they must be the same."
                    )
            read += len(piece)
            progress(read, 0)
            lines = [line for line, _ in piece]
            stripped = [list(map(str.strip, row)) for _, row in piece]
            if self.skip_blank:
                whole = [not any(is_blank(row[i]) for i in used) for row in stripped]
                lines = [line for line, keep in zip(lines, whole, strict=True) if keep]
                stripped = [row for row, keep in zip(stripped, whole, strict=True) if keep]
            if lines:
                yield lines, list(zip(*stripped, strict=True))

    def look(self, progress: Progress = silent) -> list[Column]:
        """What each column holds; nothing is known of ignored ones."""
        found = [Column(name, self.decimal_comma) for name in self.layout.names]
        kept = [i for i in range(len(found)) if i not in self.ignored]
        for lines, cells in self.pieces(progress):
            for i in kept:
                found[i].see(lines, cells[i])
        return found

    def changed(self) -> DataError:
        """What to say when the second reading meets something else than the first."""
        return DataError(f"{shown(self.path.name)} changed while it was read: try again.")


def check_range(path: Path, column: Column) -> None:
    """Refuse numbers that nothing can be computed with.

    Raises
    ------
    DataError
        When there are some, among the texts that are remembered; `studio.data.prepare` checks all.
    """
    if any(abs(v) > 3e38 for v in column.distinct_numbers()):
        raise DataError(f"The column {shown(column.name)!r} of {shown(path.name)} has numbers too large to compute with: rescale it.")


def require_numbers(path: Path, column: Column, what: str, blanks: bool = False) -> None:
    """Refuse a column that is not all numbers.

    Parameters
    ----------
    what : str
        What the column is for, such as ``the target``.
    blanks : bool
        Whether a cell may be blank.

    Raises
    ------
    DataError
        When it is not.
    """
    if column.first_text is not None:
        line, text = column.first_text
        raise DataError(f"Line {line} of {shown(path.name)} has {shown(text)!r} for {what}, which is not a number: correct it.")
    if column.first_blank is not None and not blanks:
        raise DataError(
            f"Line {column.first_blank} of {shown(path.name)} has no value for {what}: fill it in, or add missing=skip to the source."
        )
    if column.numbers == 0:
        raise DataError(f"The column {shown(column.name)!r} of {shown(path.name)} has no values at all: choose another for {what}.")
    check_range(path, column)


def check_weights(path: Path, column: Column) -> None:
    """Refuse a column that cannot say how much samples count.

    Raises
    ------
    DataError
        When a weight is missing, no number or below 0.
    """
    require_numbers(path, column, f"the weight {shown(column.name)!r}")
    # A minus is looked for in what is remembered; `read_weights` looks at all.
    if column.distinct_numbers()[:1] < 0:
        raise _negative(path, column.name)


def read_weights(rows: Rows, name: str, cells: tuple[str, ...]) -> np.ndarray:
    """Weights of some samples, float64."""
    found = numbers(cells, rows.decimal_comma)
    if (found < 0).any():
        raise _negative(rows.path, name)
    return found


def _negative(path: Path, name: str) -> DataError:
    return DataError(f"The weight {shown(name)!r} of {shown(path.name)} is below 0 in some lines: a sample counts 0 or more.")
