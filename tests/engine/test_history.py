"""Curves only grow, and a reader needs no lock."""

from __future__ import annotations

import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from studio.engine.history import MOST_POINTS, History

names = st.sampled_from(["loss", "accuracy", "val_loss"])
numbers = st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(names, numbers, numbers), max_size=60))
def test_what_was_appended_is_there_in_order(points: list[tuple[str, float, float]]) -> None:
    history = History()
    for point in points:
        history.append(*point)
    for name in ("loss", "accuracy", "val_loss"):
        expected = [(epoch, value) for n, epoch, value in points if n == name]
        epochs, values = history.series(name)
        assert list(zip(epochs, values, strict=True)) == expected
        assert history.count(name) == len(expected)
    assert set(history.names) == {n for n, _, _ in points}


def test_views_taken_earlier_keep_their_numbers_while_the_curve_grows() -> None:
    history = History()
    history.append("loss", 0.0, 5.0)
    epochs, values = history.series("loss")
    for i in range(1, 10_000):
        history.append("loss", i, 5.0 + i)
    assert list(epochs) == [0.0]
    assert list(values) == [5.0]
    assert history.count("loss") == 10_000
    assert np.array_equal(history.series("loss")[0], np.arange(10_000))
    assert history.last_epoch == 9999.0


def test_a_full_curve_is_thinned_where_it_is_old() -> None:
    history = History()
    for i in range(MOST_POINTS - 1):
        history.append("loss", i / 100, -i)
    history.append("val_loss", 1.0, 2.0)
    assert not history.is_full
    history.append("loss", 400.0, 7.0)
    assert history.is_full
    thin = history.thinned()
    assert not thin.is_full
    epochs, values = thin.series("loss")
    assert len(epochs) == MOST_POINTS * 5 // 8
    assert (np.diff(epochs) > 0).all()
    assert (epochs[0], values[0]) == (0.0, 0.0)
    assert (epochs[-1], values[-1]) == (400.0, 7.0)
    # The newest quarter has all its points, and all points are ones that were there.
    last = MOST_POINTS // 4
    assert np.array_equal(epochs[-last:], history.series("loss")[0][-last:])
    assert set(zip(epochs, values, strict=True)) <= set(zip(*history.series("loss"), strict=True))
    assert thin.count("val_loss") == 1
    assert history.count("loss") == MOST_POINTS


def test_an_unknown_curve_is_empty() -> None:
    epochs, values = History().series("loss")
    assert len(epochs) == len(values) == History().count("loss") == 0
    assert History().last_epoch == 0.0


def test_arrays_bring_back_the_same_curves() -> None:
    history = History()
    for i in range(3000):
        history.append("loss", i / 10, i)
    history.append("val_loss", 0.5, 1.0)
    copy = History.from_arrays(history.to_arrays())
    for name in history.names:
        assert np.array_equal(copy.series(name), history.series(name))
    copy.append("loss", 400.0, 1.0)
    assert history.count("loss") == 3000
    assert copy.count("loss") == 3001


def test_a_part_is_a_history_of_its_own() -> None:
    history = History()
    for i in range(10):
        history.append("loss", i, i)
    part = history.until(4.0)
    assert list(part.series("loss")[0]) == [0, 1, 2, 3, 4]
    part.append("loss", 5.0, -1.0)
    assert history.count("loss") == 10
    assert history.series("loss")[1][5] == 5.0


def test_a_reader_in_another_thread_sees_only_whole_points() -> None:
    history = History()
    wrong: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            epochs, values = history.series("loss")
            if not np.array_equal(values, epochs * 2.0):
                wrong.append("torn")

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(20_000):
        history.append("loss", float(i), 2.0 * i)
    done.set()
    reader.join()
    assert wrong == []


def test_curves_cut_to_nothing_grow_again() -> None:
    history = History()
    history.append("loss", 3.0, 1.0)
    cut = history.until(2.0)
    assert cut.names == ()
    cut.append("loss", 2.5, 7.0)
    assert [list(column) for column in cut.series("loss")] == [[2.5], [7.0]]
