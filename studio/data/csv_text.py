"""The text of a CSV file: its encoding, its delimiter, its header, its records.

- Encoding: UTF-8 or UTF-16 with a byte order mark, UTF-8, else Windows-1252.
- Delimiter: comma, semicolon, tab or bar; the one that cuts the first lines most evenly, then
  the one that leaves most numbers.
- Header: the first line, if none of its cells is a number and either the second line has a
  number or no two cells are the same; the option ``header=yes`` or ``header=no`` decides
  otherwise, and so does a target that it names.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from studio.data.errors import DataError, listed, shown
from studio.data.files import reading

DELIMITERS = ",;\t|"
#: No line may be longer, in characters; keeps memory bounded for files without line ends.
LONGEST_LINE = 1 << 23
MOST_COLUMNS = 65_536

_SAMPLE = 1 << 16
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BLANK = frozenset(("", "na", "n/a", "nan", "null", "?"))


@dataclass(frozen=True)
class Layout:
    """How a file is to be read.

    Parameters
    ----------
    encoding : str
        Python's name.
    delimiter : str
        One character.
    header : bool
        Whether the first record names the columns.
    names : tuple of str
        Column names, unique; ``column_1``, ... where the file gives none.
    named : tuple of bool
        Which names the file gives.
    """

    encoding: str
    delimiter: str
    header: bool
    names: tuple[str, ...]
    named: tuple[bool, ...]


def is_blank(cell: str) -> bool:
    """Whether a cell says that there is no value: empty, NA, N/A, NaN, null or ?."""
    return len(cell) < 5 and cell.lower() in _BLANK


def number(cell: str, decimal_comma: bool) -> float | None:
    """The number in a cell, None if it holds something else."""
    if decimal_comma and cell.count(",") == 1:
        cell = cell.replace(",", ".")
    return float(cell) if _NUMBER.fullmatch(cell) else None


def layout_of(path: Path, header: str | None, target: str | None) -> Layout:
    """Find out how to read a file.

    Parameters
    ----------
    path : Path
        Looked at before with `studio.data.files.look_at`.
    header : {"yes", "no"} or None
        Overrules the rule for headers.
    target : str or None
        Name of the target column, if one is given.

    Raises
    ------
    DataError
        When the file is not text or not a table.
    """
    encoding = encoding_of(path)
    try:
        with reading(path), path.open(encoding=encoding, newline="") as stream:
            text = stream.read(_SAMPLE)
    except UnicodeError:
        raise _not_text(path) from None
    whole = len(text) < _SAMPLE
    if any(c < " " and c not in "\t\r\n\f" for c in text):
        raise _not_text(path)
    delimiter = _delimiter(text, whole)
    rows = records(path, encoding, delimiter)
    first, second = next(rows, (0, None))[1], next(rows, (0, None))[1]
    rows.close()
    if first is None:
        raise DataError(f"{shown(path.name)} is empty: choose another file.")
    if len(first) > MOST_COLUMNS:
        raise DataError(f"{shown(path.name)} has more than {MOST_COLUMNS} columns: use a part of it.")
    cells = [c.strip() for c in first]
    filled = [c for c in cells if c]
    decimal = delimiter != ","
    below = any(number(c.strip(), decimal) is not None for c in second or ())
    plain = not any(number(c, decimal) is not None for c in cells) and (below or len(set(filled)) == len(filled))
    has_header = header == "yes" or (header is None and (plain or (target is not None and target in cells and not target.isdigit())))
    names, named = _names(cells if has_header else [""] * len(cells))
    return Layout(encoding, delimiter, has_header, names, named)


def is_table(path: Path) -> bool:
    """Whether a text file has columns, rather than being prose; false if it cannot be read."""
    try:
        with path.open(encoding=encoding_of(path), newline="") as stream:
            text = stream.read(_SAMPLE)
    except (DataError, OSError, UnicodeError):
        return False
    whole = len(text) < _SAMPLE
    rows = _sample_records(text, whole, _delimiter(text, whole))
    widths = Counter(len(row) for row in rows)
    width, count = widths.most_common(1)[0] if widths else (0, 0)
    return width > 1 and count > 1 and count >= 0.9 * len(rows)


def records(path: Path, encoding: str, delimiter: str) -> Generator[tuple[int, list[str]]]:
    """Records that are not blank, each with the number of the line it ends on (from 1).

    Raises
    ------
    DataError
        When quotes do not match, a line or a cell is too long, or the file is not text.
    """
    reader = None
    try:
        with reading(path), path.open(encoding=encoding, newline="") as stream:
            reader = csv.reader(_lines(path, stream), delimiter=delimiter, skipinitialspace=True, strict=True)
            for row in reader:
                if len(row) > 1 or (row and row[0].strip()):
                    yield reader.line_num, row
    except csv.Error as error:
        line = reader.line_num if reader is not None else 1
        if "field limit" in str(error):
            raise DataError(f"Line {line} of {shown(path.name)} has a cell of more than 131,072 characters: is a quote missing?") from None
        raise DataError(f"Line {line} of {shown(path.name)} has a quote that does not match: correct it.") from None
    except UnicodeError:
        raise _not_text(path) from None


def column_index(layout: Layout, wanted: str, path: Path, what: str) -> int:
    """Position of a column: by name, else by number from 1.

    Raises
    ------
    DataError
        When there is no such column.
    """
    if wanted in layout.names:
        return layout.names.index(wanted)
    folded = [n.casefold() for n in layout.names]
    if folded.count(wanted.strip().casefold()) == 1:
        return folded.index(wanted.strip().casefold())
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 7 and 1 <= int(wanted) <= len(layout.names):
        return int(wanted) - 1
    raise DataError(
        f"{shown(path.name)} has no column {shown(wanted)!r} for {what}: choose one of {listed(list(layout.names), 12)}."
    )


def _lines(path: Path, stream: io.TextIOBase) -> Iterator[str]:
    while line := stream.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise DataError(f"{shown(path.name)} has a line of more than {LONGEST_LINE:,} characters: it is not a table.")
        if "\0" in line:
            raise _not_text(path)
        yield line


def _not_text(path: Path) -> DataError:
    return DataError(f"{shown(path.name)} is not a text file: save the table as CSV.")


def encoding_of(path: Path) -> str:
    """Python's name of a file's encoding: by its byte order mark, UTF-8, else Windows-1252."""
    with reading(path), path.open("rb") as stream:
        start = stream.read(4)
        if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        stream.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while piece := stream.read(1 << 20):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _sample_records(text: str, whole: bool, delimiter: str) -> list[list[str]]:
    lines = io.StringIO(text, newline="")
    found: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True):
            if len(row) > 1 or (row and row[0].strip()):
                found.append(row)
            if len(found) > 50:
                return found
    except csv.Error:
        return found
    return found if whole or len(found) < 2 else found[:-1]  # the last one may have been cut


def _delimiter(text: str, whole: bool) -> str:
    best, best_score = ",", (0.0, 0.0, 0)
    for delimiter in DELIMITERS:
        rows = _sample_records(text, whole, delimiter)
        if not rows:
            continue
        width, count = Counter(len(r) for r in rows).most_common(1)[0]
        if width < 2:
            continue
        cells = [c.strip() for row in rows for c in row]
        numbers = sum(number(c, delimiter != ",") is not None for c in cells) / len(cells)
        score = (count / len(rows), numbers, width)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _names(cells: list[str]) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    names: list[str] = []
    taken: set[str] = set()
    for position, cell in enumerate(cells, 1):
        wanted = cell or f"column_{position}"
        name, copy = wanted, 2
        while name in taken:
            name, copy = f"{wanted}_{copy}", copy + 1
        taken.add(name)
        names.append(name)
    return tuple(names), tuple(bool(c) for c in cells)
