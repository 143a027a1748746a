"""CSV files: delimiters, headers, columns, targets, gaps; what is wrong in one sentence."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from data_files import csv_node
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.data import DataError, class_balance, describe, load
from studio.data.loading import load_afresh
from studio.layers.data import Data

PLAIN = {"standardize": False, "validation": 0.0, "test": 0.0}


def rows_of(layer: Data) -> list[tuple[float, ...]]:
    """All samples with their answers, sorted."""
    data = load(layer).train
    return sorted(tuple(r) for r in np.c_[data.x, data.y.reshape(len(data), -1)].tolist())


def test_text_targets_are_classes_in_alphabetical_order(tmp_path):
    layer = csv_node(tmp_path, "x1,x2,kind\n1,2,b\n3,4,a\n5,6,b\n7,8,c\n", "?target=kind", **PLAIN)
    info = describe(layer)
    assert (info.classes, info.features, info.target) == (("a", "b", "c"), ("x1", "x2"), "labels")
    assert (info.y_shape, info.samples, info.plane, info.title) == ((), 4, True, "table.csv")
    assert rows_of(layer) == [(1, 2, 1), (3, 4, 0), (5, 6, 1), (7, 8, 2)]
    assert class_balance(load(layer))["train"] == {"a": 1, "b": 2, "c": 1}


def test_the_last_column_is_the_target_if_none_is_named(tmp_path):
    layer = csv_node(tmp_path, "y,x\n1.5,no\n2.5,yes\n3.5,yes\n")
    assert describe(layer).classes == ("no", "yes")
    by_number = csv_node(tmp_path, "y,x\n1.5,no\n2.5,yes\n3.5,yes\n", "?target=1")
    assert describe(by_number).targets == ("y",)


@pytest.mark.parametrize(
    ("values", "query", "classes"),
    [
        ([0, 1] * 5, "", ("0", "1")),
        ([3, 7, 5] * 4, "", ("3", "5", "7")),
        ([2.0, 10.0] * 3, "", ("2", "10")),
        (range(10), "", ()),
        ([0.5, 1.5] * 5, "", ()),
        ([i % 25 for i in range(100)], "", ()),
        ([i % 25 for i in range(100)], "&as=classes", tuple(map(str, range(25)))),
        ([0.5, 1.5] * 5, "&as=classes", ("0.5", "1.5")),
        ([0, 1] * 5, "&as=values", ()),
    ],
)
def test_numbers_are_classes_or_values_by_the_rule(tmp_path, values, query, classes):
    content = "x,y\n" + "".join(f"{i},{v}\n" for i, v in enumerate(values))
    layer = csv_node(tmp_path, content, f"?target=y{query}", **PLAIN)
    info = describe(layer)
    assert info.classes == classes
    assert info.target == ("labels" if classes else "values")
    truth = [float(classes.index(f"{v:g}")) if classes else float(v) for v in values]
    assert rows_of(layer) == sorted((float(i), t) for i, t in enumerate(truth))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_delimiters_and_encodings(tmp_path, delimiter, encoding):
    lines = [["größe", "wie, so; was|nun\t?", "art"], ["1.5", "2", "süß"], ["-3e2", ".25", 'sau"er'], ["4", "5.", "süß"]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(lines)
    layer = csv_node(tmp_path, text.getvalue().encode(encoding), **PLAIN)
    info = describe(layer)
    assert info.features == ("größe", "wie, so; was|nun\t?")
    assert info.classes == ('sau"er', "süß")
    assert rows_of(layer) == [(-300, 0.25, 0), (1.5, 2, 1), (4, 5, 1)]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_blank_lines_and_spaces(tmp_path, ending):
    content = ending.join(["", " a , b ,k", "", " 1 , 2 , x ", '3, "4",y', "", ""])
    assert rows_of(csv_node(tmp_path, content, **PLAIN)) == [(1, 2, 0), (3, 4, 1)]


def test_decimal_commas(tmp_path):
    layer = csv_node(tmp_path, "a;b;y\n1,5;2;0,25\n-3,5;4;1,75\n", **PLAIN)
    assert rows_of(layer) == [(-3.5, 4, 1.75), (1.5, 2, 0.25)]
    no_header = csv_node(tmp_path, "1,5;2,5\n3,1;4,2\n0,1;0,2\n", **PLAIN)
    assert rows_of(no_header) == [pytest.approx(r) for r in [(0.1, 0.2), (1.5, 2.5), (3.1, 4.2)]]


@pytest.mark.parametrize(
    ("content", "query", "features", "samples"),
    [
        ("5.1,3,x\n4.9,2,y\n", "", ("column_1", "column_2"), 2),
        ("p,x,s\np,q,t\ns,s,s\np,p,p\n", "", None, 3),
        ("red,small,a\nred,red,b\n", "?header=no", None, 2),
        ("1,2,3\n4,5,0\n6,7,0\n3,3,3\n8,8,3\n", "?header=yes", ("1", "2"), 4),
        ("2019,2020,k\n1,2,x\n3,4,y\n", "?target=k", ("2019", "2020"), 2),
        ("5.1,1.4,3\n4.9,2,3\n6,1,4\n7,8,4\n", "?target=3", ("column_1", "column_2"), 4),
        ("a,a,k\n1,2,x\n3,4,y\n", "", ("a", "a_2"), 2),
        ("a,,k\n1,2,x\n3,4,y\n", "", ("a", "column_2"), 2),
    ],
)
def test_headers_are_recognised(tmp_path, content, query, features, samples):
    info = describe(csv_node(tmp_path, content, query))
    assert info.samples == samples
    if features is not None:
        assert info.features == features


def test_a_nameless_column_that_counts_is_left_out(tmp_path):
    layer = csv_node(tmp_path, ",a,k\n" + "".join(f"{i},{i * i},{'uv'[i % 2]}\n" for i in range(5000)))
    info = describe(layer)
    assert info.features == ("a",)
    assert info.notes == ("The first column only counts the lines and was left out.",)
    assert load(layer).train.x.shape == (3000, 1)
    other = csv_node(tmp_path, ",a,k\n" + "".join(f"{i * 2},{i * i},{'uv'[i % 2]}\n" for i in range(10)))
    assert describe(other).features == ("column_1", "a")


def test_categories_become_columns(tmp_path):
    content = "colour,sex,size,y\nred,f,1.5,0.5\ngreen,m,2,1.5\nblue,m,3,2.5\nred,f,4,3.5\n"
    layer = csv_node(tmp_path, content, **PLAIN)
    info = describe(layer)
    assert info.features == ("colour=blue", "colour=green", "colour=red", "sex=m", "size")
    assert info.notes == ("The categories of 'colour' became 3 columns of 0 and 1.",)
    assert not info.plane
    assert rows_of(layer) == [
        (0, 0, 1, 0, 1.5, 0.5),
        (0, 0, 1, 0, 4, 3.5),
        (0, 1, 0, 1, 2, 1.5),
        (1, 0, 0, 1, 3, 2.5),
    ]


def test_columns_can_be_dropped(tmp_path):
    content = "id,na me,a,k\n" + "".join(f"{i},person {i},{i},{'uv'[i % 2]}\n" for i in range(200))
    with pytest.raises(DataError, match=r"na me of table\.csv holds more than 64 different texts"):
        describe(csv_node(tmp_path, content))
    assert describe(csv_node(tmp_path, content, "?target=k&drop=id,na%20me")).features == ("a",)
    with pytest.raises(DataError, match="no column left besides the target"):
        describe(csv_node(tmp_path, content, "?target=k&drop=id,na me,a"))
    with pytest.raises(DataError, match="among the columns to drop"):
        describe(csv_node(tmp_path, content, "?target=k&drop=k"))


GAPS = "a,c,k\n1,x,u\n,y,v\n3,?,u\n4,x,v\nNA,y,u\n6,x,v\n"


def test_blank_cells_are_reported_filled_or_skipped(tmp_path):
    with pytest.raises(DataError, match=r"^Line 3 of table\.csv has no value for 'a': fill it in, or add missing=fill"):
        describe(csv_node(tmp_path, GAPS))
    skipped = csv_node(tmp_path, GAPS, "?missing=skip", **PLAIN)
    assert rows_of(skipped) == [(1, 0, 0), (4, 0, 1), (6, 0, 1)]
    filled = csv_node(tmp_path, GAPS, "?missing=fill", **PLAIN)
    assert describe(filled).features == ("a", "c=x", "c=y", "c=(missing)")
    assert rows_of(filled) == [
        (1, 1, 0, 0, 0),
        (3, 0, 0, 1, 0),
        (3.5, 0, 1, 0, 0),
        (3.5, 0, 1, 0, 1),
        (4, 1, 0, 0, 1),
        (6, 1, 0, 0, 1),
    ]


def test_a_class_only_in_skipped_lines_is_no_class(tmp_path):
    layer = csv_node(tmp_path, "a,k\n1,u\n2,v\n,w\n", "?missing=skip")
    assert describe(layer).classes == ("u", "v")


def test_many_lines_are_read_in_pieces(tmp_path):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(9000, 3)), generator.integers(0, 3, 9000)
    content = "a,b,c,k\n" + "".join(f"{r[0]!r},{r[1]!r},{r[2]!r},class {k}\n" for r, k in zip(x.tolist(), y, strict=True))
    rows = rows_of(csv_node(tmp_path, content, **PLAIN))
    expected = sorted(tuple(r) for r in np.c_[x, y].astype(np.float32).tolist())
    assert rows == expected


finite = st.floats(-1e30, 1e30, allow_nan=False).map(lambda v: 0.0 if abs(v) < 1e-30 else v)
words = st.text(st.characters(codec="utf-8", categories=("L", "P", "Zs", "S")), max_size=8).map(lambda t: f"w{t.strip()}")


@given(
    rows=st.lists(st.tuples(finite, finite, words), min_size=2, max_size=30),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@settings(max_examples=80, deadline=None)
def test_what_is_written_is_read(rows, delimiter, quoting):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting)
    writer.writerows([("first", "second", "kind"), *rows])
    with tempfile.TemporaryDirectory() as folder:
        layer = csv_node(Path(folder), text.getvalue(), "?target=kind&header=yes", **PLAIN)
        kinds = sorted({k for *_, k in rows})
        if len(kinds) < 2:
            with pytest.raises(DataError, match="only one class"):
                load_afresh(layer)
            return
        data = load_afresh(layer)
    assert len(data.info.classes) == len(kinds)
    expected = [(np.float32(a), np.float32(b), kinds.index(k)) for a, b, k in rows]
    assert sorted(map(tuple, np.c_[data.train.x, data.train.y].tolist())) == sorted(expected)


def check_any_content(content: bytes) -> None:
    """Whatever is in a file, it is loaded or refused in one sentence."""
    said = ""
    with tempfile.TemporaryDirectory() as folder:
        layer = csv_node(Path(folder), content)
        try:
            data = load_afresh(layer)
        except DataError as error:
            said = str(error)
        else:
            assert np.isfinite(data.train.x).all()
            assert describe(layer) == data.info
    assert said == "" or (said[-1] in ".?" and "\n" not in said)


@given(content=st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_no_bytes_whatever_bring_more_than_a_sentence(content):
    check_any_content(content)


@given(content=st.text(st.sampled_from('ab1.5-,;\t\n" ?e'), max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_small_table_whatever_brings_more_than_a_sentence(content):
    check_any_content(content.encode())


TYPO = "a,k\n" + "".join(f"{i / 3:.3f},{'uv'[i % 2]}\n" for i in range(60)) + "12O,u\n"


@pytest.mark.parametrize(
    ("content", "query", "said"),
    [
        ("a,b,k\n1,2,x\n3,y\n4,5,x\n", "", "Line 3 of table.csv has 2 cells, but the first line has 3"),
        ("a,b\n1,2,3\n", "", "Line 2 of table.csv has 3 cells, but the first line has 2"),
        ("a,k\n", "", "has 0 usable lines"),
        ("a,k\n1,u\n", "", "has 1 usable line:"),
        ("", "", "table.csv is empty"),
        ("\n\n  \n", "", "table.csv is empty"),
        ("just text\nmore text\n", "", "has only one column"),
        ("a,k\n1,u\n2,u\n", "", "holds only one class ('u')"),
        ("a,k\n1,1\n2,1\n", "", "holds only one class ('1')"),
        ("a,k\n1,u\n2,v\n", "?target=q", "has no column 'q' for the target: choose one of a and k."),
        ("a,k\n1,u\n2,v\n", "?drop=q", "has no column 'q' for drop"),
        ("a,k\n1,u\n2,v\n", "?target=7", "has no column '7'"),
        ("a,k\n1,\n2,v\n", "", "Line 2 of table.csv has no value for the target 'k'"),
        ("a,k\n1,NaN\n2,0.5\n", "", "no value for the target"),
        ("a,k\n1,u\n2,v\n", "?as=values", "which is not a number"),
        (TYPO, "", "Line 62 of table.csv has '12O' for 'a', where other lines have a number: correct it."),
        ("a,b,k\n,1,u\n,2,v\n", "?missing=fill", "The column 'a' of table.csv has no values at all"),
        ("a,k\n1e200,u\n2,v\n", "", "too large"),
        ('a,k\n1,"u\n2,v\n', "", "has a quote that does not match"),
        ('a,k\n1,"u"x\n2,v\n', "", "has a quote that does not match"),
        ('a,k\n1,"' + "u" * 140_000 + '"\n', "", "cell of more than 131,072 characters"),
        ("a,k\n1,u\x00\n2,v\n", "", "is not a text file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "", "is not a text file"),
        (b"a,k\n1,\x81\n", "", "is not a text file"),
        (b"\xff\xfea\x00,\x00\xd8\xd8\xd8", "", "is not a text file"),
        ("k,a\n" + "".join(f"n{i},{i}\n" for i in range(1500)), "?target=k", "more than 1000 different classes"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, content, query, said):
    layer = csv_node(tmp_path, content, query)
    before = (tmp_path / "table.csv").read_bytes()
    for reader in (describe, load):
        with pytest.raises(DataError) as caught:
            reader(layer)
        assert said in str(caught.value)
        assert str(caught.value).count("\n") == 0
    assert (tmp_path / "table.csv").read_bytes() == before


def test_a_line_without_end_takes_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("studio.data.csv_text.LONGEST_LINE", 100_000)
    with pytest.raises(DataError, match="a line of more than 100,000 characters"):
        describe(csv_node(tmp_path, "a,b\n" + "1" * 200_000))


def test_tables_too_large_are_refused_before_they_are_made(tmp_path, monkeypatch):
    layer = csv_node(tmp_path, "a,k\n" + "1,u\n2,v\n" * 100)
    monkeypatch.setattr("studio.data.files.LARGEST", 1000)
    with pytest.raises(DataError, match="more than 4 GiB of memory"):
        load(layer)
    monkeypatch.setattr("studio.data.files.LARGEST", 100)
    with pytest.raises(DataError, match="larger than 4 GiB"):
        load(layer)


def test_a_file_that_changes_while_it_is_read_is_a_sentence(tmp_path, monkeypatch):
    from studio.data import loading

    layer = csv_node(tmp_path, "a,k\n1,u\n2,v\n3,u\n")
    describe(layer)
    for later in ("a,k\n1,u\n2,w\n3,u\n", "a,k\n1,u\n2,v\n", "a,k\nx,u\n2,v\n3,u\n"):
        monkeypatch.setattr(loading, "_stamp", lambda source, whole=False: "same")
        csv_node(tmp_path, "a,k\n1,u\n2,v\n3,u\n")
        loading._known.clear()
        describe(layer)
        csv_node(tmp_path, later)
        with pytest.raises(DataError, match="changed while it was read: try again"):
            load_afresh(layer)
