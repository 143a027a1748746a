"""Sets for whole tasks, drawn on the fly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.core.vocabulary import END, PADDING, UNKNOWN, encode
from studio.data import DataError, describe, drawn, load
from studio.data.drawn import number_words, reviews, shapes, stories, tones, waves
from studio.layers.data import Data


@pytest.mark.parametrize("name", drawn.NAMES)
def test_what_is_described_is_what_comes(name):
    layer = Data(source=name, samples=60)
    info, dataset = describe(layer), load(layer)
    assert dataset.info == info
    for part in (dataset.train, dataset.validation, dataset.test):
        assert part.x.shape[1:] == info.x_shape
        assert part.y.shape[1:] == info.y_shape
        assert part.x.dtype == part.y.dtype == np.float32
        assert np.isfinite(part.x).all()
    if info.vocabulary:
        assert (dataset.train.x == np.floor(dataset.train.x)).all()
        assert dataset.train.x.max() < len(info.vocabulary)
        assert not (dataset.train.x == UNKNOWN).any() or name == "stories"
    if info.classes:
        assert dataset.train.y.max() < len(info.classes)


@given(name=st.sampled_from(drawn.NAMES), few=st.integers(10, 40), more=st.integers(0, 40), noise=st.floats(0, 1), seed=st.integers(0, 2**31 - 1))
@settings(max_examples=30, deadline=None)
def test_more_samples_keep_those_there_are(name, few, more, noise, seed):
    module = drawn.MODULES[name]
    small, large = module.arrays(few, noise, seed), module.arrays(few + more, noise, seed)
    assert np.array_equal(small.x, large.x[:few])
    assert np.array_equal(small.y, large.y[:few])


@given(st.integers(0, number_words.LARGEST - 1))
def test_words_mean_their_number(number):
    def value(words):
        total = 0
        for word in words:
            if word in ("hundred", "thousand"):
                total *= {"hundred": 100, "thousand": 1000}[word]
            else:
                small = number_words._SMALL
                total += small.index(word) if word in small else 10 * (number_words._TENS.index(word) + 2)
        return total

    words = number_words.words_of(number)
    assert len(words) <= number_words.WORDS
    if "thousand" in words:
        cut = words.index("thousand")
        assert value(words[:cut]) * 1000 + value(words[cut + 1 :]) == number
    else:
        assert value(words) == number


def test_no_number_is_in_two_parts_and_answers_end():
    dataset = load(Data(source="number-words", samples=500))
    rows = [{tuple(row) for row in part.x} for part in (dataset.train, dataset.validation, dataset.test)]
    assert rows[0].isdisjoint(rows[1] | rows[2])
    assert rows[1].isdisjoint(rows[2])
    answers = dataset.train.y.astype(int)
    ends = (answers == END).argmax(axis=1)
    assert ((answers == END).sum(axis=1) == 1).all()
    for row, end in zip(answers, ends, strict=True):
        assert (row[end + 1 :] == PADDING).all()
        assert (row[:end] > UNKNOWN).all()
    with pytest.raises(DataError, match="only 100,000 numbers"):
        load(Data(source="number-words", samples=100_001))


def test_single_words_do_not_tell_a_review():
    data = reviews.arrays(2000, 0.0, 0)
    counts = np.stack([(data.x == w).sum(axis=1) for w in range(len(reviews.VOCABULARY))], axis=1)
    design = np.c_[counts, np.ones(len(counts))]
    weights = np.linalg.lstsq(design[:1000], 2.0 * data.y[:1000] - 1.0, rcond=None)[0]
    right = ((design[1000:] @ weights > 0) == data.y[1000:]).mean()
    assert 0.5 < right < 0.92


def test_stories_answer_with_the_next_character():
    data = stories.arrays(20, 0.0, 3)
    np.testing.assert_array_equal(data.x.ravel()[1:], data.y.ravel()[:-1])
    text = "".join(stories.CHARACTERS[int(c)] for c in data.x.ravel())
    assert "once a" in text
    assert "." in text


def test_a_forecast_is_checked_on_later_numbers():
    dataset = load(Data(source="waves", samples=300, standardize=False))
    numbers = waves.series(300 + waves.WINDOW, 0.1, 0)
    np.testing.assert_allclose(dataset.train.y[:, 0], numbers[waves.WINDOW :][:180], atol=1e-6)
    np.testing.assert_allclose(dataset.test.y[-1, 0], numbers[-1], atol=1e-6)
    np.testing.assert_allclose(dataset.test.x[-1, -1, 0], numbers[-2], atol=1e-6)


def test_masks_cover_what_is_brighter_than_the_ground():
    data = shapes.arrays(200, 0.0, 5)
    for kind in (1, 2, 3):
        assert (data.y == kind).any(axis=(1, 2)).mean() > 0.3
    inside, outside = data.x[..., 0][data.y > 0], data.x[..., 0][data.y == 0]
    assert inside.min() > outside.mean() + 0.2
    smaller = load(Data(source="shapes", samples=50, resize=16, standardize=False)).train
    assert smaller.y.shape[1:] == (16, 16)
    assert smaller.x[..., 0][smaller.y > 0].mean() > smaller.x[..., 0][smaller.y == 0].mean() + 0.25
    one_hot = load(Data(source="shapes", samples=20, one_hot=True))
    assert one_hot.train.y.shape[1:] == (shapes.SIDE, shapes.SIDE, 4)
    np.testing.assert_array_equal(one_hot.train.y.sum(-1), 1.0)


def test_rising_tones_rise():
    sound, labels = tones.sounds(80, 0.0, 1)
    assert np.abs(sound).max() < 4.0
    pictures = tones.spectrogram(sound)[..., 0]
    # The lowest strong row of a column follows the pitch; row 0 is the highest frequency.
    height = tones.ROWS - 1 - np.array([[np.flatnonzero(p[:, c] > 0.5 * p[:, c].max()).max() for c in (6, 18)] for p in pictures])
    change = height[:, 1] - height[:, 0]
    means = [change[labels == kind].mean() for kind in range(4)]
    assert means[1] > means[0] > means[3]


def test_sequences_are_cut_filled_and_unknown_words_are_marked():
    vocabulary = ("", "[start]", "[end]", "[other]", "a", "b")
    np.testing.assert_array_equal(encode([["a", "c"], ["b", "a", "b"]], vocabulary, 2), [[4, 3], [5, 4]])
