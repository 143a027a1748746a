"""CSV files: tables of text.

The target is the column that ``target=`` names (by its name in the header, or its number from
1), else the last one; all other columns are what the network sees.

- A column is numbers if all its cells are. With a delimiter other than the comma, ``1,5`` is
  a number too.
- Other columns are categories: two of them become one column of 0 and 1, up to 64 become one
  column each (1 where the cell has that category). A column with more than nine numbers in ten
  and more than 20 different ones is taken for numbers with a typing mistake, which is reported.
- The target is classes or values by the rule of `studio.data.classes`; ``as=classes`` or
  ``as=values`` overrules it. Classes are in alphabetical or numerical order.
- A blank cell (empty, NA, N/A, NaN, null, ?) is reported. With ``missing=skip`` lines with one
  are left out; with ``missing=fill`` a blank number becomes the mean of the training part and
  a blank category a category of its own. The target must not be blank.
- ``drop=a,b`` leaves columns out. A first column without a name that only counts the lines is
  left out by itself.

Other options are explained in `studio.data.csv_text`. A file is read twice, in pieces: once to
find out what its columns are, once to fill arrays of known size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from studio.data import classes
from studio.data.csv_column import BLANK_CATEGORY, Column, numbers
from studio.data.csv_text import Layout, column_index, is_blank, layout_of, number, records
from studio.data.errors import DataError, listed, shown
from studio.data.facts import Arrays, Facts
from studio.data.files import check_size, look_at, resolved
from studio.data.source import Source

#: Text columns with more different texts are taken for names.
MOST_CATEGORIES = 64
_PIECE = 4096


@dataclass(frozen=True, eq=False)
class _Feature:
    position: int
    categories: tuple[str, ...]  # empty for numbers

    @property
    def width(self) -> int:
        return len(self.categories) if len(self.categories) > 2 else 1


@dataclass(frozen=True, eq=False)
class Survey:
    """How a file becomes arrays; found in the first pass, used in the second."""

    path: Path
    layout: Layout
    skip: tuple[int, ...]
    skip_blank: bool
    features: tuple[_Feature, ...]
    target: int
    target_texts: dict[str, int]
    facts: Facts


def columns(path: str | Path, header: str | None = None) -> tuple[str, ...]:
    """Names of the columns of a file, for choosing a target.

    Raises
    ------
    DataError
        When the file cannot be read.
    """
    path = resolved(str(path))
    look_at(path)
    return layout_of(path, header, None).names


def survey(source: Source) -> Survey:
    """Find out what a file holds.

    Raises
    ------
    DataError
        When it is not a sound table, or has no such target.
    """
    path = resolved(source.name)
    look_at(path)
    wanted = source.option("target")
    layout = layout_of(path, source.option("header"), wanted)
    if len(layout.names) < 2:
        raise DataError(f"{shown(path.name)} has only one column: it needs a target and at least one more.")
    target = len(layout.names) - 1 if wanted is None else column_index(layout, wanted, path, "the target")
    dropped = {column_index(layout, name, path, "drop") for name in source.values("drop")}
    if target in dropped:
        raise DataError(f"The target {shown(layout.names[target])!r} is among the columns to drop: take it out of drop.")
    skip_blank = source.option("missing") == "skip"
    found = [Column(name, layout.delimiter != ",") for name in layout.names]
    kept = [i for i in range(len(found)) if i not in dropped]
    for lines, cells in _pieces(path, layout, tuple(dropped), skip_blank):
        for i in kept:
            found[i].see(lines, cells[i])
    count = found[target].cells
    if count < 2:
        raise DataError(f"{shown(path.name)} has {count} usable {'line' if count == 1 else 'lines'}: it needs at least two.")
    notes = []
    if kept[0] == 0 != target and layout.header and not layout.named[0] and found[0].counts_from is not None:
        kept.remove(0)
        dropped.add(0)
        notes.append("The first column only counts the lines and was left out.")
    if kept == [target]:
        raise DataError(f"{shown(path.name)} has no column left besides the target: drop fewer.")
    features = _features(path, [(i, found[i]) for i in kept if i != target], source.option("missing") == "fill")
    width = sum(f.width for f in features)
    check_size(path.name, count * width, 8)
    kind, texts, names = _target(path, found[target], source.option("as"))
    for feature in features:
        if feature.width > 1:
            notes.append(f"The categories of {shown(found[feature.position].name)!r} became {feature.width} columns of 0 and 1.")
    if any(found[f.position].first_blank for f in features):
        notes.append("Blank numbers became the mean of their column, blank categories one of their own.")
    if skip_blank:
        notes.append("Lines with a blank cell were left out.")
    facts = Facts(
        path.name,
        (width,),
        kind,
        count,
        classes=names,
        y_shape=() if kind == "labels" else (1,),
        features=tuple(n for f in features for n in _feature_names(found[f.position].name, f)),
        targets=(found[target].name,) if kind == "values" else (),
        plane=len(features) == 2 and not any(f.categories for f in features),
        notes=tuple(notes),
    )
    return Survey(path, layout, tuple(dropped), skip_blank, tuple(features), target, texts, facts)


def arrays(plan: Survey) -> Arrays:
    """Read the table that `survey` found.

    Raises
    ------
    DataError
        When the file changed since.
    """
    count = plan.facts.samples
    x = np.zeros((count, plan.facts.x_shape[0]), np.float64)
    labels = plan.facts.target == "labels"
    y = np.zeros(count, np.int64) if labels else np.zeros((count, 1), np.float64)
    codes = [{text: code for code, text in enumerate(f.categories)} for f in plan.features]
    changed = DataError(f"{shown(plan.path.name)} changed while it was read: try again.")
    comma = plan.layout.delimiter != ","
    start = 0
    try:
        for lines, cells in _pieces(plan.path, plan.layout, plan.skip, plan.skip_blank):
            stop = start + len(lines)
            column = 0
            for feature, code in zip(plan.features, codes, strict=True):
                given = cells[feature.position]
                if not feature.categories:
                    x[start:stop, column] = numbers(given, comma)
                else:
                    _place(x[start:stop, column : column + feature.width], given, code)
                column += feature.width
            given = cells[plan.target]
            if labels:
                y[start:stop] = [plan.target_texts[c] for c in given]
            else:
                y[start:stop, 0] = numbers(given, comma)
            start = stop
    except (KeyError, IndexError, ValueError) as error:
        raise error if isinstance(error, DataError) else changed from None
    if start != count:
        raise changed
    return Arrays(x, y)


def _pieces(
    path: Path, layout: Layout, dropped: tuple[int, ...], skip_blank: bool
) -> Iterator[tuple[list[int], list[tuple[str, ...]]]]:
    """The table in pieces: line numbers, and the cells of each column."""
    width = len(layout.names)
    rows = records(path, layout.encoding, layout.delimiter)
    if layout.header:
        next(rows, None)
    while piece := list(islice(rows, _PIECE)):
        for line, row in piece:
            if len(row) != width:
                raise DataError(
                    f"Line {line} of {shown(path.name)} has {len(row)} {'cell' if len(row) == 1 else 'cells'}, "
                    f"but the first line has {width}: they must be the same."
                )
        lines = [line for line, _ in piece]
        stripped = [list(map(str.strip, row)) for _, row in piece]
        if skip_blank:
            used = [i for i in range(width) if i not in dropped]
            whole = [not any(is_blank(row[i]) for i in used) for row in stripped]
            lines = [line for line, keep in zip(lines, whole, strict=True) if keep]
            stripped = [row for row, keep in zip(stripped, whole, strict=True) if keep]
        if lines:
            yield lines, list(zip(*stripped, strict=True))


def _place(block: np.ndarray, cells: tuple[str, ...], codes: dict[str, int]) -> None:
    found = np.array([codes[BLANK_CATEGORY if is_blank(c) else c] for c in cells])
    if block.shape[1] == 1:
        block[:, 0] = found
    else:
        block[np.arange(len(cells)), found] = 1.0


def _features(path: Path, found: list[tuple[int, Column]], fill: bool) -> list[_Feature]:
    features: list[_Feature] = []
    names: list[str] = []
    for position, column in found:
        if column.first_blank is not None and not fill:
            raise DataError(
                f"Line {column.first_blank} of {shown(path.name)} has no value for {shown(column.name)!r}: fill it in, "
                "or add missing=fill or missing=skip to the source."
            )
        mistake = column.typing_mistake()
        if mistake:
            raise DataError(
                f"Line {mistake[0]} of {shown(path.name)} has {shown(mistake[1])!r} for {shown(column.name)!r}, where other "
                "lines have a number: correct it."
            )
        if column.is_number:
            _check_range(path, column)
            features.append(_Feature(position, ()))
        elif column.numbers == 0 and column.first_text is None:
            raise DataError(f"The column {shown(column.name)!r} of {shown(path.name)} has no values at all: drop it.")
        elif column.many or len(column.categories()) > MOST_CATEGORIES:
            names.append(column.name)
        else:
            features.append(_Feature(position, tuple(column.categories())))
    if names:
        plural = len(names) > 1
        raise DataError(
            f"The column{'s' if plural else ''} {listed(names)} of {shown(path.name)} hold{'' if plural else 's'} more than "
            f"{MOST_CATEGORIES} different texts, too many to learn from: leave "
            f"{'them' if plural else 'it'} out with drop={shown(','.join(names), 200)}."
        )
    return features


def _check_range(path: Path, column: Column) -> None:
    # Only texts that are remembered are checked here; `studio.data.prepare` checks all.
    if any(abs(v) > 3e38 for v in column.distinct_numbers()):
        raise DataError(f"The column {shown(column.name)!r} of {shown(path.name)} has numbers too large to compute with: rescale it.")


def _feature_names(name: str, feature: _Feature) -> list[str]:
    if not feature.categories:
        return [name]
    kept = feature.categories if len(feature.categories) > 2 else feature.categories[-1:]
    return [f"{name}={category}" for category in kept]


def _target(
    path: Path, column: Column, wanted: str | None
) -> tuple[Literal["labels", "values"], dict[str, int], tuple[str, ...]]:
    """Kind of the answers, code by text, and class names."""
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
            _check_range(path, column)
            return "values", {}, ()
    if column.many or len(column.texts) > classes.MOST_CLASSES:
        classes.check_classes(classes.MOST_CLASSES + 1, what)
    if column.is_number:
        distinct = column.distinct_numbers()
        classes.check_classes(len(distinct), what, classes.names_of(distinct)[0])
        values = [number(t, column.decimal_comma) or 0.0 for t in column.texts]
        codes = np.searchsorted(distinct, values).tolist()
        return "labels", dict(zip(column.texts, codes, strict=True)), classes.names_of(distinct)
    ordered = sorted(column.texts)
    classes.check_classes(len(ordered), what, ordered[0])
    return "labels", {t: i for i, t in enumerate(ordered)}, tuple(shown(t) for t in ordered)
