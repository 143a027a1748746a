"""Words and characters as numbers, and the way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.core.vocabulary import (
    END,
    PADDING,
    START,
    UNKNOWN,
    WordError,
    has_characters,
    joined,
    numbers_of,
    text_of,
    vocabulary_of,
)

LETTERS = vocabulary_of("abc .\n")
WORDS = vocabulary_of(["the", "fox", "ran", ",", ".", "(", ")", "two"])


@given(st.text("abc .\n", max_size=40))
def test_characters_come_back_as_they_were(text: str) -> None:
    assert text_of(numbers_of(text, LETTERS), LETTERS) == text


@given(st.lists(st.sampled_from(["the", "fox", "ran", ",", ".", "(", ")"]), max_size=20))
def test_words_come_back_as_the_same_numbers(words: list[str]) -> None:
    numbers = [WORDS.index(word) for word in words]
    assert numbers_of(text_of(numbers, WORDS), WORDS) == numbers


def test_words_are_set_as_people_set_them() -> None:
    numbers = [WORDS.index(w) for w in ["the", "fox", "(", "two", ")", ",", "ran", "."]]
    assert text_of(numbers, WORDS) == "the fox (two), ran."
    assert joined(["it", "'", "s", "the", "fox", "'", "s"], False) == "it's the fox's"
    assert not has_characters(WORDS)
    assert has_characters(LETTERS)


def test_a_text_ends_at_its_end_mark_and_filling_is_not_seen() -> None:
    a, b = LETTERS.index("a"), LETTERS.index("b")
    assert text_of([START, a, PADDING, b, END, a], LETTERS) == "ab"
    assert text_of([a, UNKNOWN, 99], LETTERS) == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert text_of([WORDS.index("fox"), UNKNOWN], WORDS) == "fox [other]"


def test_capitals_count_as_small_letters_where_there_are_none() -> None:
    assert numbers_of("Ab", LETTERS) == numbers_of("ab", LETTERS)
    assert numbers_of("The FOX", WORDS) == numbers_of("the fox", WORDS)


@pytest.mark.parametrize(
    ("text", "vocabulary", "sentence"),
    [
        ("abx", LETTERS, "does not know the character “x”: use only .abc and spaces."),
        ("the cat", WORDS, "does not know the word “cat”: use words of its text, such as the, fox, ran."),
        ("a\0", LETTERS, r"does not know the character “\x00”"),
    ],
)
def test_what_is_not_known_is_named(text: str, vocabulary: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(WordError) as error:
        numbers_of(text, vocabulary)
    assert sentence in str(error.value)
