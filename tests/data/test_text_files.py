"""Text of the user's."""

from __future__ import annotations

import numpy as np
import pytest

from studio.data import DataError, describe, load
from studio.layers.data import Data

TEXT = "The cat sat on the mat. " * 60


def source(tmp_path, text, options="", encoding="utf-8"):
    path = tmp_path / "some text.txt"
    path.write_bytes(text.encode(encoding))
    return Data(source=f"text:{path}{options}")


def test_characters_follow_each_other(tmp_path):
    layer = source(tmp_path, TEXT)
    info, dataset = describe(layer), load(layer)
    assert dataset.info == info
    assert info.title == "some text"
    assert info.x_shape == info.y_shape == (64,)
    assert info.vocabulary[4] == " "  # the most frequent one
    train = dataset.train
    text = "".join(info.vocabulary[int(c)] for c in train.x.ravel())
    assert text == TEXT[: len(text)]
    np.testing.assert_array_equal(train.x.ravel()[1:], train.y.ravel()[:-1])
    assert len(dataset.validation) >= 1


def test_words_and_windows_can_be_chosen(tmp_path):
    info = describe(source(tmp_path, TEXT, "?level=words&window=8"))
    assert info.x_shape == (8,)
    assert {"The", "cat", "."} <= set(info.vocabulary)
    assert " " not in info.vocabulary


def test_rare_words_are_one(tmp_path):
    text = "common " * 100 + " ".join(f"w{i} w{i}" if i > 3000 else f"w{i}" for i in range(6000))
    layer = source(tmp_path, text, "?level=words")
    info, dataset = describe(layer), load(layer)
    assert len(info.vocabulary) == 4000
    assert any("rare words are shown as [other]" in note for note in info.notes)
    assert (dataset.train.x == 3).any()


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
def test_encodings(tmp_path, encoding):
    info = describe(source(tmp_path, "Grüße aus Köln. " * 40, encoding=encoding))
    assert "ü" in info.vocabulary
    assert "\ufeff" not in info.vocabulary


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("short", "", "too few for samples of 64: use a longer text"),
        (TEXT, "?window=1", "option window cannot be '1'"),
        (TEXT, "?window=lots", "write a whole number from 2 to 1024"),
        (TEXT, "?level=letters", "write characters or words"),
        (TEXT, "?colour=red", "text: has no option 'colour'"),
        ("a\x00b" * 100, "", "is not text"),
        ("", "", "is empty"),
    ],
)
def test_bad_texts_and_options_give_one_sentence(tmp_path, text, options, sentence):
    with pytest.raises(DataError, match=sentence.replace("(", "\\(")):
        describe(source(tmp_path, text, options))


def test_a_missing_file_is_named():
    with pytest.raises(DataError, match="There is no file"):
        describe(Data(source="text:/nowhere/at all.txt"))
