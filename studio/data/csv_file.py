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
- ``weight=COLUMN`` says how much each line counts: Data then has a third output for the Loss.
- ``text=COLUMN`` makes the words of one column what the network sees, ``series=a,b`` windows of
  lines that follow each other in time: see `studio.data.csv_words` and `studio.data.csv_series`.
  A column of sentences beside nothing but the target is taken for text by itself.

Other options are explained in `studio.data.csv_text`. A file is read twice, in pieces: once to
find out what its columns are, once to fill arrays of known size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from studio.data import csv_series, csv_words
from studio.data.csv_column import BLANK_CATEGORY, Column, numbers
from studio.data.csv_rows import Rows, check_range, check_weights, read_weights
from studio.data.csv_target import Answers, answers_in
from studio.data.csv_text import Layout, column_index, is_blank, layout_of
from studio.data.errors import DataError, listed, shown
from studio.data.facts import Arrays, Facts, Survey
from studio.data.files import check_size, look_at, resolved
from studio.data.progress import Progress, silent
from studio.data.source import Source

#: Text columns with more different texts are taken for names.
MOST_CATEGORIES = 64


@dataclass(frozen=True, eq=False)
class _Feature:
    position: int
    categories: tuple[str, ...]  # empty for numbers

    @property
    def width(self) -> int:
        return len(self.categories) if len(self.categories) > 2 else 1


@dataclass(frozen=True)
class _Roles:
    """What the columns are for, by position; -1 for none."""

    target: int
    weight: int = -1
    text: int = -1


def survey(source: Source, progress: Progress = silent) -> Survey:
    """Find out what a file holds.

    Raises
    ------
    DataError
        When it is not a sound table, or has no such target.
    """
    path = resolved(source.name)
    look_at(path)
    if source.option("series") is not None:
        return csv_series.survey(source, path, progress)
    for option in ("steps", "horizon"):
        if source.option(option) is not None:
            raise DataError(f"The option {option} is for series: name the columns that follow each other in time, as series=COLUMN.")
    wanted = source.option("target")
    layout = layout_of(path, source.option("header"), wanted)
    if len(layout.names) < 2:
        raise DataError(f"{shown(path.name)} has only one column: it needs a target and at least one more.")
    dropped = {column_index(layout, name, path, "drop") for name in source.values("drop")}
    roles = _named_roles(source, path, layout, dropped)
    rows = Rows(path, layout, frozenset(dropped), source.option("missing") == "skip")
    found = rows.look(progress)
    kept = [i for i in range(len(found)) if i not in dropped and i != roles.weight]
    roles = _found_roles(roles, source, found, kept)
    count = found[roles.target].cells
    if count < 2:
        raise DataError(f"{shown(path.name)} has {count} usable {'line' if count == 1 else 'lines'}: it needs at least two.")
    if roles.weight >= 0:
        check_weights(path, found[roles.weight])
    if roles.text >= 0:
        answers = answers_in(path, roles.target, found[roles.target], source.option("as"))
        return csv_words.survey(source, rows, found, roles.text, answers, roles.weight, progress)
    for option in ("level", "window"):
        if source.option(option) is not None:
            raise DataError(f"The option {option} is for text: name the column with sentences, as text=COLUMN.")
    return _table(source, rows, found, kept, roles)


def _named_roles(source: Source, path: Path, layout: Layout, dropped: set[int]) -> _Roles:
    """Roles that the source gives, the target -1 if it does not."""
    words = {"target": "the target", "weight": "the weight", "text": "the text"}
    given = {role: column_index(layout, name, path, words[role]) for role in words if (name := source.option(role)) is not None}
    taken: dict[int, str] = {}
    for role, position in given.items():
        name = shown(layout.names[position])
        if position in dropped:
            raise DataError(f"{words[role][0].upper()}{words[role][1:]} {name!r} is among the columns to drop: take it out of drop.")
        if position in taken:
            raise DataError(f"The column {name!r} cannot be {taken[position]} and {words[role]}: choose another for one of them.")
        taken[position] = words[role]
    return _Roles(given.get("target", -1), given.get("weight", -1), given.get("text", -1))


def _found_roles(roles: _Roles, source: Source, found: list[Column], kept: list[int]) -> _Roles:
    """All roles: the target that is not named, and text that is clearly text."""
    free = [i for i in kept if i not in (roles.target, roles.text)]
    told = [i for i in free if found[i].counts_from is None]  # a counter tells nothing
    text = roles.text
    if text < 0 and source.option("level") is None and source.option("window") is None:
        wanted = 1 if roles.target >= 0 else 2
        sentences = [i for i in told if found[i].is_text]
        if len(told) == wanted and len(sentences) == 1:
            text = sentences[0]
    target = roles.target
    if target < 0:
        answering = [i for i in free if i != text]
        target = answering[-1] if answering else kept[-1]
    return replace(roles, target=target, text=text)


@dataclass(frozen=True, eq=False)
class _Table(Survey):
    """A table whose lines are samples."""

    rows: Rows
    features: tuple[_Feature, ...]
    answers: Answers
    weight: int

    def arrays(self, side: int, progress: Progress) -> Arrays:
        rows = self.rows
        count = self.facts.samples
        x = np.zeros((count, self.facts.x_shape[0]), np.float64)
        y = np.zeros((count, *self.answers.shape), np.int64 if self.answers.kind == "labels" else np.float64)
        weights = np.zeros(count) if self.weight >= 0 else None
        codes = [{text: code for code, text in enumerate(f.categories)} for f in self.features]
        start = 0
        try:
            for lines, cells in rows.pieces(progress):
                stop = start + len(lines)
                column = 0
                for feature, code in zip(self.features, codes, strict=True):
                    given = cells[feature.position]
                    if not feature.categories:
                        x[start:stop, column] = numbers(given, rows.decimal_comma)
                    else:
                        _place(x[start:stop, column : column + feature.width], given, code)
                    column += feature.width
                y[start:stop] = self.answers.read(cells[self.answers.position], rows)
                if weights is not None:
                    weights[start:stop] = read_weights(rows, self.facts.weights, cells[self.weight])
                start = stop
        except (KeyError, IndexError, ValueError) as error:
            raise error if isinstance(error, DataError) else rows.changed() from None
        if start != count:
            raise rows.changed()
        return Arrays(x, y, weights=weights)


def _table(source: Source, rows: Rows, found: list[Column], kept: list[int], roles: _Roles) -> Survey:
    path, layout, target = rows.path, rows.layout, roles.target
    notes = []
    if kept[0] == 0 != target and layout.header and not layout.named[0] and found[0].counts_from is not None:
        kept = kept[1:]
        rows = replace(rows, ignored=rows.ignored | {0})
        notes.append("The first column only counts the lines and was left out.")
    if kept == [target]:
        raise DataError(f"{shown(path.name)} has no column left besides the target: drop fewer.")
    features = _features(path, [(i, found[i]) for i in kept if i != target], source.option("missing") == "fill")
    width = sum(f.width for f in features)
    count = found[target].cells
    check_size(path.name, count * width, 8)
    answers = answers_in(path, target, found[target], source.option("as"))
    for feature in features:
        if feature.width > 1:
            notes.append(f"The categories of {shown(found[feature.position].name)!r} became {feature.width} columns of 0 and 1.")
    if any(found[f.position].first_blank for f in features):
        notes.append("Blank numbers became the mean of their column, blank categories one of their own.")
    if rows.skip_blank:
        notes.append("Lines with a blank cell were left out.")
    facts = Facts(
        path.name,
        (width,),
        answers.kind,
        count,
        classes=answers.classes,
        y_shape=answers.shape,
        features=tuple(n for f in features for n in _feature_names(found[f.position].name, f)),
        targets=(answers.name,) if answers.kind == "values" else (),
        plane=len(features) == 2 and not any(f.categories for f in features),
        notes=tuple(notes),
        weights=found[roles.weight].name if roles.weight >= 0 else "",
    )
    return _Table(facts, rows, tuple(features), answers, roles.weight)


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
            check_range(path, column)
            features.append(_Feature(position, ()))
        elif column.numbers == 0 and column.first_text is None:
            raise DataError(f"The column {shown(column.name)!r} of {shown(path.name)} has no values at all: drop it.")
        elif column.many or len(column.categories()) > MOST_CATEGORIES:
            names.append(column.name)
        else:
            features.append(_Feature(position, tuple(column.categories())))
    if names:
        plural = len(names) > 1
        sentences = [column.name for _, column in found if column.name in names and column.is_text]
        reading = f", or read one as text with text={shown(sentences[0])}" if sentences else ""
        raise DataError(
            f"The column{'s' if plural else ''} {listed(names)} of {shown(path.name)} hold{'' if plural else 's'} more than "
            f"{MOST_CATEGORIES} different texts, too many to learn from: leave "
            f"{'them' if plural else 'it'} out with drop={shown(','.join(names), 200)}{reading}."
        )
    return features


def _feature_names(name: str, feature: _Feature) -> list[str]:
    if not feature.categories:
        return [name]
    kept = feature.categories if len(feature.categories) > 2 else feature.categories[-1:]
    return [f"{name}={category}" for category in kept]
