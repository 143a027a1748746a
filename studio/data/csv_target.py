"""The answers in a CSV file: which column they are in, and whether they are classes or values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from studio.core.shapes import Shape
from studio.data import classes
from studio.data.csv_column import Column, numbers
from studio.data.csv_rows import Rows, check_range
from studio.data.csv_text import number
from studio.data.errors import DataError, shown


@dataclass(frozen=True, eq=False)
class Answers:
    """How cells of the target become answers.

    Parameters
    ----------
    position : int
        Of the column.
    name : str
        Of the column.
    kind : {"labels", "values"}
    codes : dict of str to int
        Class by cell; empty for values.
    classes : tuple of str
        Class names; empty for values.
    """

    position: int
    name: str
    kind: Literal["labels", "values"]
    codes: dict[str, int]
    classes: tuple[str, ...]

    @property
    def shape(self) -> Shape:
        """Shape of one answer."""
        return () if self.kind == "labels" else (1,)

    def read(self, cells: tuple[str, ...], rows: Rows) -> np.ndarray:
        """Answers of some samples: int64 or float64 ``(samples, *shape)``.

        Raises
        ------
        KeyError, ValueError
            When a cell is not what it was.
        """
        if self.kind == "labels":
            return np.array([self.codes[cell] for cell in cells], np.int64)
        return numbers(cells, rows.decimal_comma)[:, None]


def answers_in(path: Path, position: int, column: Column, wanted: str | None) -> Answers:
    """Work out what a column's answers are, by the rule of `studio.data.classes`.

    Parameters
    ----------
    wanted : {"classes", "values"} or None
        Overrules it.

    Raises
    ------
    DataError
        When they cannot be answers.
    """
    what = f"The target {shown(column.name)!r} of {shown(path.name)}"
    if column.first_blank is not None:
        raise DataError(
            f"Line {column.first_blank} of {shown(path.name)} has no value for the target {shown(column.name)!r}: fill it in, "
            "or add missing=skip to the source."
        )
    mistake = column.typing_mistake() if wanted != "classes" else None
    if mistake or (wanted == "values" and not column.is_number):
        line, text = mistake or column.first_text or (1, "")
        raise DataError(f"Line {line} of {shown(path.name)} has {shown(text)!r} for the target, which is not a number: correct it.")
    if column.is_number and wanted != "classes":
        distinct = column.distinct_numbers()
        if wanted == "values" or column.many or not classes.are_classes(distinct, column.cells):
            check_range(path, column)
            return Answers(position, column.name, "values", {}, ())
    if column.many or len(column.texts) > classes.MOST_CLASSES:
        classes.check_classes(classes.MOST_CLASSES + 1, what)
    if column.is_number:
        distinct = column.distinct_numbers()
        classes.check_classes(len(distinct), what, classes.names_of(distinct)[0])
        values = [number(t, column.decimal_comma) or 0.0 for t in column.texts]
        codes = dict(zip(column.texts, np.searchsorted(distinct, values).tolist(), strict=True))
        return Answers(position, column.name, "labels", codes, classes.names_of(distinct))
    ordered = sorted(column.texts)
    classes.check_classes(len(ordered), what, ordered[0])
    return Answers(position, column.name, "labels", {t: i for i, t in enumerate(ordered)}, tuple(shown(t) for t in ordered))
