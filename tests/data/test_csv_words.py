"""A column of sentences in a CSV file."""

from __future__ import annotations

import numpy as np
import pytest
from data_files import csv_node

from studio.data import DataError, describe, load

PLAIN = {"standardize": False, "validation": 0.0, "test": 0.0}
OPINIONS = [
    ("A good film, really good!", "pos"),
    ("What a bad film.", "neg"),
    ("I liked it a lot", "pos"),
    ("Not for me, thank you", "neg"),
    ("good", "pos"),
]


def table(rows: list[tuple[str, ...]], head: str = "review,label") -> str:
    lines = [",".join(f'"{cell}"' for cell in row) for row in rows]
    return "\n".join([head, *lines]) + "\n"


def sentences(layer) -> dict[str, str]:
    """The words that each sample stands for, and its class."""
    data = load(layer)
    words = data.info.vocabulary
    texts = [" ".join(words[int(n)] for n in row if n) for row in data.train.x]
    return dict(zip(texts, (data.info.classes[int(y)] for y in data.train.y), strict=True))


def test_words_and_marks_become_numbers_with_a_vocabulary(tmp_path):
    layer = csv_node(tmp_path, table(OPINIONS), "?target=label&text=review", **PLAIN)
    info = describe(layer)
    assert (info.classes, info.target, info.y_shape, info.samples) == (("neg", "pos"), "labels", (), 5)
    assert info.vocabulary[:4] == ("", "[start]", "[end]", "[other]")
    assert info.vocabulary[4:7] == ("a", "good", "film")  # the most frequent first
    assert info.x_shape == (7,)
    assert load(layer).train.x.dtype == np.float32
    assert sentences(layer) == {
        "a good film , really good !": "pos", "what a bad film .": "neg", "i liked it a lot": "pos",
        "not for me , thank you": "neg", "good": "pos",
    }  # fmt: skip


def test_characters_keep_their_case_and_the_window_cuts(tmp_path):
    layer = csv_node(tmp_path, table(OPINIONS), "?text=review&level=characters&window=6", **PLAIN)
    assert describe(layer).x_shape == (6,)
    words = load(layer).info.vocabulary
    texts = {"".join(words[int(n)] for n in row) for row in load(layer).train.x}
    assert texts == {"A good", "What a", "I like", "Not fo", "good"}
    assert "4 of 5 texts are longer and were cut." in describe(layer).notes


def test_most_texts_are_whole_but_a_very_long_one_is_cut(tmp_path):
    rows = [(f"word number {i} is here", "ab"[i % 2]) for i in range(60)]
    rows[7] = ("so " * 500, "a")
    layer = csv_node(tmp_path, table(rows), "?text=review")
    assert describe(layer).x_shape == (5,)
    assert "1 of 60 texts are longer and were cut." in describe(layer).notes


def test_rare_words_are_one(tmp_path):
    rows = [(f"always w{i} x{i} y{i}", "ab"[i % 2]) for i in range(2000)]
    info = describe(csv_node(tmp_path, table(rows)))
    assert len(info.vocabulary) == 4000
    assert "2,005 rare words are shown as [other]." in info.notes


@pytest.mark.parametrize(
    ("head", "order", "query"),
    [
        ("review,label", (0, 1), ""),
        ("label,review", (1, 0), ""),
        ("label,review", (1, 0), "?target=label"),
        ("label,review", (1, 0), "?target=1"),
    ],
)
def test_sentences_beside_nothing_but_the_target_are_taken_for_text(tmp_path, head, order, query):
    rows = [tuple(row[i] for i in order) for row in OPINIONS * 3]
    rows = [tuple(f"{cell} {n}" if len(cell) > 4 else cell for cell in row) for n, row in enumerate(rows)]
    info = describe(csv_node(tmp_path, table(rows, head), query))
    assert info.vocabulary
    assert info.classes == ("neg", "pos")


def test_a_column_that_counts_the_lines_is_no_reason_against_text(tmp_path):
    rows = [(str(i), f"this is text number {i}", "ab"[i % 2]) for i in range(30)]
    assert describe(csv_node(tmp_path, table(rows, "id,review,label"))).vocabulary


def test_a_table_with_names_is_not_taken_for_text(tmp_path):
    rows = [(f"Mr. John {i} Smith", str(20 + i % 7), "ab"[i % 2]) for i in range(100)]
    layer = csv_node(tmp_path, table(rows, "name,age,label"))
    with pytest.raises(DataError, match=r"leave it out with drop=name, or read one as text with text=name\.$"):
        describe(layer)
    told = csv_node(tmp_path, table(rows, "name,age,label"), "?text=name&target=label", name="other.csv")
    assert "The other columns (age) were left out." in describe(told).notes


def test_texts_may_have_values_for_answers(tmp_path):
    rows = [(f"the price is {i} marks", str(i + 0.5)) for i in range(20)]
    layer = csv_node(tmp_path, table(rows, "offer,price"), "?target=price")
    data = load(layer)
    assert data.info.target == "values"
    assert data.info.targets == ("price",)
    assert abs(data.train.y.mean()) < 1e-5  # scaled as ever, while the numbers of words are left alone
    assert data.train.x.max() == data.train.x.max().round()
    restored = data.train.y[:, 0] * data.y_scale + data.y_mean
    assert set(np.round(restored, 3)) <= {i + 0.5 for i in range(20)}


def test_empty_texts(tmp_path):
    rows = [*OPINIONS, ("", "neg"), ("  ", "pos")]
    with pytest.raises(DataError, match=r"Line 7 of table.csv has no text in 'review': fill it in"):
        describe(csv_node(tmp_path, table(rows), "?text=review"))
    filled = csv_node(tmp_path, table(rows), "?text=review&missing=fill", **PLAIN)
    assert (load(filled).train.x == 0).all(axis=1).sum() == 2
    skipped = csv_node(tmp_path, table(rows), "?text=review&missing=skip", **PLAIN)
    assert len(load(skipped).train) == 5


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?text=nothing", "has no column 'nothing' for the text"),
        ("?text=review&target=review", "The column 'review' cannot be the target and the text"),
        ("?text=review&drop=review", "The text 'review' is among the columns to drop"),
        ("?text=review&level=letters", "write characters or words"),
        ("?text=review&window=1", "write a whole number from 2 to 1024"),
        ("?text=review&steps=3", "The option steps is for series"),
        ("?target=label&level=words", "The option level is for text: name the column with sentences"),
    ],
)
def test_what_does_not_fit_is_one_sentence(tmp_path, query, sentence):
    with pytest.raises(DataError, match=sentence):
        describe(csv_node(tmp_path, table(OPINIONS), query))
