"""A series in a CSV file: lines that follow each other in time, of which the network sees windows.

``series=a,b`` names the columns; all others are left out. X are ``steps=32`` lines in a row, Y
is the ``target=`` column, else the first of the series, ``horizon=1`` lines after the last of
them. Samples keep their order: the first are for training, the next for validation, the last
for the test. With ``missing=fill`` a blank number is the one before it. Lines must be in the
order of time and equally far apart: nothing in the file is asked about that.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studio.data.csv_column import Column, numbers
from studio.data.csv_rows import Rows, check_weights, read_weights, require_numbers
from studio.data.csv_target import Answers, answers_in
from studio.data.csv_text import Layout, column_index, layout_of
from studio.data.errors import DataError, listed, shown
from studio.data.facts import Arrays, Facts, Survey
from studio.data.files import check_size
from studio.data.progress import Progress
from studio.data.source import Source

STEPS, MOST_STEPS, MOST_HORIZON = 32, 4096, 10_000


@dataclass(frozen=True, eq=False)
class _Series(Survey):
    rows: Rows
    columns: tuple[int, ...]
    answers: Answers
    weight: int
    horizon: int

    def arrays(self, side: int, progress: Progress) -> Arrays:
        rows, (steps, width) = self.rows, self.facts.x_shape
        series: list[np.ndarray] = []
        y: list[np.ndarray] = []
        weights: list[np.ndarray] = []
        try:
            for _, cells in rows.pieces(progress):
                series.append(np.stack([numbers(cells[c], rows.decimal_comma) for c in self.columns], 1))
                y.append(self.answers.read(cells[self.answers.position], rows))
                if self.weight >= 0:
                    weights.append(read_weights(rows, self.facts.weights, cells[self.weight]))
        except (KeyError, IndexError, ValueError) as error:
            raise error if isinstance(error, DataError) else rows.changed() from None
        told = _filled(np.concatenate(series))
        answers = np.concatenate(y)
        if self.answers.kind == "values":
            answers = _filled(answers)
        ahead = steps + self.horizon - 1
        count = len(told) - ahead
        if count != self.facts.samples:
            raise rows.changed()
        windows = np.lib.stride_tricks.sliding_window_view(told, steps, axis=0)[:count]
        x = np.ascontiguousarray(windows.transpose(0, 2, 1)).reshape(count, steps, width)
        return Arrays(x, answers[ahead:], weights=np.concatenate(weights)[ahead:] if weights else None)


def survey(source: Source, path: Path, progress: Progress) -> Survey:
    """Find out whether the columns are a series.

    Raises
    ------
    DataError
        When there are no such columns, or too few lines.
    """
    for option in ("text", "level", "window", "drop"):
        if source.option(option) is not None:
            raise DataError(f"The option {option} does not go with series: leave it out.")
    names = source.values("series")
    layout = layout_of(path, source.option("header"), source.option("target") or names[0])
    columns = tuple(dict.fromkeys(column_index(layout, name, path, "the series") for name in names))
    target = _position(source, layout, path, "target", columns[0])
    weight = _position(source, layout, path, "weight", -1)
    used = {*columns, target, *([weight] if weight >= 0 else [])}
    fill = source.option("missing") == "fill"
    rows = Rows(path, layout, frozenset(range(len(layout.names))) - used, source.option("missing") == "skip")
    found = rows.look(progress)
    for position in columns:
        require_numbers(path, found[position], f"the series {shown(found[position].name)!r}", fill)
    answers = _answers(source, path, target, columns, found)
    if weight >= 0:
        check_weights(path, found[weight])
    steps = source.whole("steps", 1, MOST_STEPS) or STEPS
    horizon = source.whole("horizon", 1, MOST_HORIZON) or 1
    lines = found[target].cells
    count = lines - steps - horizon + 1
    if count < 3:
        raise DataError(
            f"{shown(path.name)} has {lines} usable lines, too few for windows of {steps} and answers {horizon} later: "
            "use fewer steps, such as steps=8."
        )
    check_size(path.name, count * steps * len(columns), 8)
    later = f"{horizon} line{'' if horizon == 1 else 's'} later"
    title = shown(found[target].name)
    seen = listed([found[c].name for c in columns])
    notes = [f"X are {steps} lines in a row of {seen}, Y is {title} {later}; the later part is kept for checking."]
    if any(found[c].first_blank for c in used):
        notes.append("Blank numbers became the number before them.")
    if rows.skip_blank:
        notes.append("Lines with a blank cell were left out, so that some steps take longer.")
    facts = Facts(
        path.name, (steps, len(columns)), answers.kind, count, classes=answers.classes, y_shape=answers.shape,
        features=tuple(found[c].name for c in columns),
        targets=(f"{title} {later}",) if answers.kind == "values" else (), ordered=True, notes=tuple(notes),
        weights=found[weight].name if weight >= 0 else "",
    )  # fmt: skip
    return _Series(facts, rows, columns, answers, weight, horizon)


def _position(source: Source, layout: Layout, path: Path, role: str, otherwise: int) -> int:
    name = source.option(role)
    return otherwise if name is None else column_index(layout, name, path, f"the {role}")


def _answers(source: Source, path: Path, target: int, columns: tuple[int, ...], found: list[Column]) -> Answers:
    """What is forecast: values, unless the target is a column of its own that holds classes."""
    column = found[target]
    if target in columns and source.option("as") != "classes":
        return Answers(target, column.name, "values", {}, ())
    return answers_in(path, target, column, source.option("as"))


def _filled(numbers: np.ndarray) -> np.ndarray:
    """Each gap filled with the number before it, or, at the start, with the first there is."""
    gaps = np.isnan(numbers)
    if not gaps.any():
        return numbers
    rows = np.arange(len(numbers))[:, None]
    last = np.maximum.accumulate(np.where(gaps, -1, rows), axis=0)
    first = np.argmax(~gaps, axis=0)
    return np.asarray(np.take_along_axis(numbers, np.where(last < 0, first, last), axis=0))
