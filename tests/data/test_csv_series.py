"""Columns of a CSV file whose lines follow each other in time."""

from __future__ import annotations

import numpy as np
import pytest
from data_files import csv_node
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.data import DataError, class_balance, describe, load

PLAIN = {"standardize": False, "validation": 0.0, "test": 0.0}


def table(count: int, **columns) -> str:
    """A file of hourly measurements."""
    names = ["time", *columns]
    lines = [",".join([f"2026-01-01 {i:02d}:00", *(str(f(i)) for f in columns.values())]) for i in range(count)]
    return "\n".join([",".join(names), *lines]) + "\n"


WEATHER = {"temperature": lambda i: i * 0.5, "wind": lambda i: -i, "sky": lambda i: ["sun", "rain"][i // 3 % 2]}


def test_windows_of_one_column_and_the_number_after_each(tmp_path):
    layer = csv_node(tmp_path, table(12, **WEATHER), "?series=temperature&steps=4", **PLAIN)
    info = describe(layer)
    assert (info.x_shape, info.y_shape, info.target, info.samples) == ((4, 1), (1,), "values", 8)
    assert (info.features, info.targets) == (("temperature",), ("temperature 1 line later",))
    train = load(layer).train
    for i in range(8):
        assert train.x[i, :, 0].tolist() == [0.5 * n for n in range(i, i + 4)]
        assert train.y[i].tolist() == [0.5 * (i + 4)]


@settings(max_examples=25)
@given(st.integers(8, 40), st.integers(1, 5), st.integers(1, 4), st.booleans())
def test_several_columns_steps_and_horizons(tmp_path_factory, count, steps, horizon, other):
    folder = tmp_path_factory.mktemp("series")
    query = f"?series=temperature,wind&steps={steps}&horizon={horizon}" + ("&target=wind" if other else "")
    layer = csv_node(folder, table(count, **WEATHER), query, **PLAIN)
    if count - steps - horizon + 1 < 3:
        with pytest.raises(DataError, match="too few for windows"):
            describe(layer)
        return
    train = load(layer).train
    assert train.x.shape == (count - steps - horizon + 1, steps, 2)
    for i, (x, y) in enumerate(zip(train.x, train.y, strict=True)):
        lines = np.arange(i, i + steps)
        assert x.tolist() == np.stack([lines * 0.5, -lines], 1).tolist()
        later = i + steps - 1 + horizon
        assert y.tolist() == [-later if other else later * 0.5]


def test_later_lines_are_for_validation_and_test_and_scaled_as_the_first(tmp_path):
    layer = csv_node(tmp_path, table(104, **WEATHER), "?series=temperature&steps=4", validation=0.2, test=0.1)
    data = load(layer)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [70, 20, 10]
    last = [part.y[-1, 0] * data.y_scale[0] + data.y_mean[0] for part in (data.train, data.validation, data.test)]
    np.testing.assert_allclose(last, [0.5 * 73, 0.5 * 93, 0.5 * 103], rtol=1e-5)
    assert abs(data.train.x.mean()) < 1e-5
    assert data.test.x.min() > data.train.x.max() - 0.3
    assert data.x_mean.shape == (1,)


def test_a_column_of_classes_can_be_forecast(tmp_path):
    layer = csv_node(tmp_path, table(30, **WEATHER), "?series=temperature,wind&target=sky&steps=3", **PLAIN)
    info = describe(layer)
    assert (info.classes, info.target, info.y_shape, info.targets) == (("rain", "sun"), "labels", (), ())
    data = load(layer)
    assert [info.classes[int(y)] for y in data.train.y] == [WEATHER["sky"](i) for i in range(3, 30)]
    assert class_balance(data)["train"] == {"rain": 15, "sun": 12}


def test_blank_numbers(tmp_path):
    content = "a,b\n" + "".join(f"{'' if i in (0, 5, 6) else i},{i}\n" for i in range(20))
    with pytest.raises(DataError, match=r"Line 2 of table.csv has no value for the series 'a': fill it in, or add missing=skip"):
        describe(csv_node(tmp_path, content, "?series=a&steps=2"))
    filled = csv_node(tmp_path, content, "?series=a&steps=2&missing=fill", **PLAIN)
    told = load(filled).train.x[:, 0, 0].tolist()
    assert told[:9] == [1, 1, 2, 3, 4, 4, 4, 7, 8]
    skipped = csv_node(tmp_path, content, "?series=a&steps=2&missing=skip", **PLAIN)
    assert load(skipped).train.x[:4, 0, 0].tolist() == [1, 2, 3, 4]
    assert "so that some steps take longer" in " ".join(describe(skipped).notes)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?series=pressure", "has no column 'pressure' for the series: choose one of"),
        ("?series=sky", "Line 2 of table.csv has 'sun' for the series 'sky', which is not a number"),
        ("?series=temperature&steps=0", "The option steps cannot be '0': write a whole number from 1"),
        ("?series=temperature&horizon=-1", "The option horizon cannot be '-1'"),
        ("?series=temperature&text=sky", "The option text does not go with series: leave it out"),
        ("?series=temperature&drop=wind", "The option drop does not go with series"),
        ("?series=temperature", "has 12 usable lines, too few for windows of 32 and answers 1 later: use fewer steps"),
        ("?series=temperature&target=cloud&steps=2", "has no column 'cloud' for the target"),
        ("?series=temperature&horizon=3&horizon=4", "given twice"),
    ],
)
def test_what_does_not_fit_is_one_sentence(tmp_path, query, sentence):
    with pytest.raises(DataError, match=sentence):
        describe(csv_node(tmp_path, table(12, **WEATHER), query))
