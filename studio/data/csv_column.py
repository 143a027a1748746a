"""What the cells of one column of a CSV file are: numbers, texts, blanks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from studio.data import classes
from studio.data.csv_text import is_blank, number

#: Texts with so many words on average are taken for sentences rather than for names of categories.
_WORDS_OF_A_SENTENCE = 3
#: A blank cell in a column of categories, with ``missing=fill``.
BLANK_CATEGORY = "(missing)"


@dataclass(eq=False)
class Column:
    """What is known of a column; grows while a pass over the file shows it its cells.

    Parameters
    ----------
    name : str
        From the header, or made up.
    decimal_comma : bool
        Whether ``1,5`` is a number.
    """

    name: str
    decimal_comma: bool
    #: How many cells there are, and how many of them are numbers.
    cells: int = 0
    numbers: int = 0
    #: Line and content of the first cell that is neither a number nor blank.
    first_text: tuple[int, str] | None = None
    #: Line of the first blank cell.
    first_blank: int | None = None
    #: 0 or 1 while the column only counts the lines from there, else None.
    counts_from: int | None = None
    #: The different cells, unless they are too `many` to matter.
    texts: set[str] = field(default_factory=set)
    many: bool = False
    #: How many spaces all texts together have.
    spaces: int = 0

    def see(self, lines: list[int], cells: tuple[str, ...]) -> None:
        """Take in the next cells and the lines they are from."""
        found = fast_numbers(cells)
        if found is not None:
            self.numbers += len(cells)
            self._count(found)
        else:
            self._see_one_by_one(lines, cells)
        self.cells += len(cells)
        if not self.many:
            self.texts.update(cells)
            self.many = len(self.texts) > classes.MOST_CLASSES

    def _see_one_by_one(self, lines: list[int], cells: tuple[str, ...]) -> None:
        self.counts_from = None
        for line, cell in zip(lines, cells, strict=True):
            if number(cell, self.decimal_comma) is not None:
                self.numbers += 1
            elif is_blank(cell):
                self.first_blank = self.first_blank or line
            else:
                self.first_text = self.first_text or (line, cell)
                self.spaces += cell.count(" ")

    def _count(self, found: np.ndarray) -> None:
        if self.cells == 0 and found[0] in (0, 1):
            self.counts_from = int(found[0])
        if self.counts_from is not None and not np.array_equal(
            found, np.arange(self.cells, self.cells + len(found)) + self.counts_from
        ):
            self.counts_from = None

    @property
    def is_number(self) -> bool:
        """Whether all cells that are not blank are numbers."""
        return self.first_text is None and self.numbers > 0

    @property
    def is_text(self) -> bool:
        """Whether the cells are sentences, most of them different, rather than a few categories."""
        texts = self.cells - self.numbers
        different = self.many or 2 * len(self.texts) > self.cells
        return different and texts > 0.9 * self.cells and self.spaces >= (_WORDS_OF_A_SENTENCE - 1) * texts

    def distinct_numbers(self) -> np.ndarray:
        """The different numbers, sorted, float64; some of them if there are too many."""
        found = {v for t in self.texts if (v := number(t, self.decimal_comma)) is not None}
        return np.array(sorted(found), np.float64)

    def categories(self) -> list[str]:
        """The different texts in alphabetical order; blanks, if there are some, last."""
        blank = any(is_blank(t) for t in self.texts)
        return sorted(t for t in self.texts if not is_blank(t)) + [BLANK_CATEGORY] * blank

    def typing_mistake(self) -> tuple[int, str] | None:
        """Line and content of a text that clearly should be a number, if there is one."""
        if self.first_text is None or self.numbers < 0.9 * self.cells:
            return None
        return self.first_text if self.many or len(self.distinct_numbers()) > classes.MOST_NUMBER_CLASSES else None


def fast_numbers(cells: tuple[str, ...]) -> np.ndarray | None:
    """The numbers of cells that all are plain finite numbers, else None."""
    try:
        found = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    # Python also reads 1_000, inf and nan as numbers; people who write tables do not.
    if not np.isfinite(found).all() or "_" in "".join(cells):
        return None
    return found


def numbers(cells: tuple[str, ...], decimal_comma: bool) -> np.ndarray:
    """The numbers of a column of numbers; NaN where a cell is blank."""
    found = fast_numbers(cells)
    if found is None:
        parsed = [number(c, decimal_comma) for c in cells]
        if any(v is None and not is_blank(c) for v, c in zip(parsed, cells, strict=True)):
            raise ValueError
        found = np.array([np.nan if v is None else v for v in parsed], np.float64)
    return found
