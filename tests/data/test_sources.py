"""Sources: what people write, and what they should have written."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_files import csv_node, pictures, write_pair
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.core.graph import Graph
from studio.data import DataError, describe, describe_all, load, loading, parse_source, preview, source_for
from studio.layers.data import Data
from studio.layers.flatten import Flatten

TABLE = "a,b,kind\n" + "".join(f"{i / 7:.3f},{i * i},{'yes' if i % 2 else 'no'}\n" for i in range(20))


def sentence(text: str) -> str:
    with pytest.raises(DataError) as caught:
        describe(Data(source=text))
    said = str(caught.value)
    assert said[-1] in ".?"
    assert "\n" not in said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("digits", ("builtin", "digits", ())),
        (" Breast-Cancer ", ("builtin", "breast_cancer", ())),
        ("half_planes", ("plane", "half-planes", ())),
        ("csv:a b/c.csv?target=my%20column", ("csv", "a b/c.csv", (("target", "my column"),))),
        ("csv:what?.csv?target=why%3F", ("csv", "what?.csv", (("target", "why?"),))),
        ("csv:f.csv?target=what?", ("csv", "f.csv", (("target", "what?"),))),
        ("csv:what?.csv", ("csv", "what?.csv", ())),
        ("csv:f.csv?", ("csv", "f.csv", ())),
        ("csv:C:\\data\\f.csv?target=y", ("csv", "C:\\data\\f.csv", (("target", "y"),))),
        ("csv:f.csv?target=a%26b&missing=skip", ("csv", "f.csv", (("target", "a&b"), ("missing", "skip")))),
        ("csv:f.csv?drop=a,b%2Cc&target=a+b", ("csv", "f.csv", (("drop", "a"), ("drop", "b,c"), ("target", "a+b")))),
        ("npz:f.npz?as=values", ("npz", "f.npz", (("as", "values"),))),
        ("idx:folder", ("idx", "folder", ())),
    ],
)
def test_sources_are_taken_apart(text, expected):
    source = parse_source(text)
    assert (source.kind, source.name, source.options) == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("digit", "did you mean digits?"),
        ("spirals2", "did you mean spirals?"),
        ("brest cancer", "breast_cancer"),
        ("mnist-of-the-moon", "choose one such as digits"),
        ("", "No source is given"),
        ("cvs:file.csv", "did you mean csv:FILE"),
        ("http://example.org/x.csv", "no kind of source 'http'"),
        ("csv:", "No file is named"),
        ("csv:nothing-here.csv", "There is no file nothing-here.csv"),
        ("csv:x.csv?targt=y", "did you mean target?"),
        ("csv:x.csv?colour=y", "it takes target, as, missing, header, drop, weight, text"),
        ("idx:x?target=y", "it takes none"),
        ("csv:x.csv?missing=maybe", "write fill or skip"),
        ("csv:x.csv?target=a&target=b", "given twice"),
        ("csv:\0", "cannot be read"),
        ("csv:" + "a" * 4000, "cannot be read"),
        ("npz:/dev/zero", "not an ordinary file"),
        ("idx:nowhere", "There is no folder nowhere"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(text, hint):
    assert hint in sentence(text)


def test_folders_and_files_are_not_taken_for_each_other(tmp_path):
    (tmp_path / "f.csv").write_text(TABLE)
    assert "is a folder" in sentence(f"csv:{tmp_path}")
    assert "is a file" in sentence(f"idx:{tmp_path / 'f.csv'}")
    assert "write csv: before its name" in sentence(str(tmp_path / "f.csv"))


def test_an_unreadable_file_is_one_sentence(tmp_path, monkeypatch):
    layer = csv_node(tmp_path, TABLE)

    def refuse(self, *args, **more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match="cannot be read \\(permission denied\\)"):
        load(layer)


@pytest.mark.parametrize("name", ["plain.csv", "with space.csv", "what?.csv", "odd?target=a.csv", "100%25.csv", "ä.csv"])
def test_every_file_name_can_be_named(tmp_path, name):
    csv_node(tmp_path, TABLE, name=name)
    assert describe(Data(source=source_for(tmp_path / name, target="kind"))).classes == ("no", "yes")
    assert describe(Data(source=f"csv:{tmp_path / name}")).classes == ("no", "yes")


@given(target=st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_every_column_name_can_be_written(target):
    source = parse_source(source_for("x.csv", target=target))
    assert (source.name, source.option("target")) == ("x.csv", target)


def test_source_for_follows_the_ending(tmp_path):
    write_pair(tmp_path, "train", *pictures(6))
    assert source_for(tmp_path) == f"idx:{tmp_path}"
    assert source_for("a.npz", as_="values") == "npz:a.npz?as=values"
    assert source_for("a.TSV") == "csv:a.TSV"
    with pytest.raises(DataError, match=r"Files like a\.xlsx cannot be read"):
        source_for("a.xlsx")


def test_a_preview_says_what_columns_are_for(tmp_path):
    csv_node(tmp_path, "id,review,price,kind\n" + "".join(f"{i},it was number {i},{i / 7:.2f},{'ab'[i % 2]}\n" for i in range(300)))
    found = preview(tmp_path / "table.csv")
    assert found.names == ("id", "review", "price", "kind")
    assert found.rows[1] == ("1", "it was number 1", "0.14", "b")
    assert len(found.rows) == 4
    assert (found.numbers, found.texts, found.target) == (("id", "price"), ("review",), "kind")
    csv_node(tmp_path, "a\n1\n2\n")
    with pytest.raises(DataError, match="has only one column"):
        preview(tmp_path / "table.csv")


def test_files_are_named_by_what_is_in_them(tmp_path):
    (tmp_path / "prose.txt").write_text("Once upon a time, there was a king.\nHe had a daughter.\nAll was well, and more.\n" * 5)
    (tmp_path / "table.txt").write_text("a;b\n1;2\n3;4\n")
    assert source_for(tmp_path / "prose.txt") == f"text:{tmp_path / 'prose.txt'}"
    assert source_for(tmp_path / "table.txt") == f"csv:{tmp_path / 'table.txt'}"
    assert source_for(tmp_path / "prose.txt", "csv").startswith("csv:")
    listed = source_for(tmp_path / "t.csv", series=["a,b", "c d"], target="e&f")
    assert parse_source(listed).values("series") == ("a,b", "c d")
    assert parse_source(listed).option("target") == "e&f"


def test_describe_all_gives_each_data_node_its_facts_or_its_sentence():
    graph, good = Graph().add(Data(source="iris"))
    graph, bad = graph.add(Data(source="irish"))
    graph, _ = graph.add(Flatten())
    found = describe_all(graph)
    assert found == {good: describe(Data(source="iris")), bad: found[bad]}
    assert "did you mean iris" in found[bad]


def test_files_are_looked_into_again_only_when_they_change(tmp_path, monkeypatch):
    looked = []
    original = loading._look_into
    monkeypatch.setattr(loading, "_look_into", lambda source, progress: looked.append(source) or original(source, progress))
    layer = csv_node(tmp_path, TABLE)
    for seed in range(3):
        assert describe(Data(source=layer.source, seed=seed)).samples == 20
    assert len(looked) == 1
    csv_node(tmp_path, TABLE + "1,2,no\n")
    assert describe(layer).samples == 21
    assert len(load(layer).train) + len(load(layer).validation) + len(load(layer).test) == 21
    csv_node(tmp_path, "a,b\n1\n")
    for _ in range(3):
        with pytest.raises(DataError, match="Line 2"):
            describe(layer)
    assert len(looked) == 3


def test_a_changed_file_is_loaded_anew(tmp_path):
    layer = csv_node(tmp_path, TABLE, standardize=False)
    assert load(layer).train.x.max() < 1000
    csv_node(tmp_path, TABLE.replace("0.000", "5000.0"))
    parts = load(layer)
    assert max(p.x.max() for p in (parts.train, parts.validation, parts.test)) == 5000.0
