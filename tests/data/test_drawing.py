"""What a person draws becomes a sample like those of the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.data import load
from studio.data.drawing import Likeness, likeness, native_side, sample_of
from studio.layers.data import Data


def lines(width: int, side: int = 28, paper: float = 0.0, ink: float = 1.0) -> Dataset:
    """Upright lines of a width, 20 pixels high, in the middle; test pictures whose measures are known."""
    x = np.full((40, side, side, 1), paper, np.float32)
    x[:, 4:24, 14 - width // 2 : 14 - width // 2 + width] = ink
    nothing = Split(x[:0], np.zeros(0, np.float32))
    info = DatasetInfo("lines", (side, side, 1), (), "labels", ("a", "b"), samples=40)
    return Dataset(info, Split(x, np.zeros(40, np.float32)), nothing, nothing)


@pytest.mark.parametrize(("paper", "ink"), [(0.0, 1.0), (1.0, 0.0), (0.2, 0.9)])
def test_paper_ink_size_and_place_are_measured(paper: float, ink: float) -> None:
    found = likeness(lines(4, paper=paper, ink=ink))
    assert found is not None
    assert (found.paper, found.ink) == pytest.approx((paper, ink), abs=1e-6)
    assert found.size == 20 / 28
    assert found.centre == pytest.approx((0.5, 0.5))
    # All of the line is upright, where edges are not longer than they are: between 4 and 4 * 4 / pi pixels.
    assert 3 / 28 < found.line < 5.2 / 28


def test_wider_lines_are_wider() -> None:
    measured = [likeness(lines(width)).line for width in (2, 4, 6)]  # type: ignore[union-attr]
    assert measured == sorted(set(measured))


@pytest.mark.parametrize("source", ["tones", "shapes", "spirals", "iris", "stories"])
def test_what_nobody_draws_has_no_likeness(source: str) -> None:
    assert likeness(load(Data(source=source, samples=60))) is None


def test_digits_fill_their_frame() -> None:
    found = likeness(load(Data(source="digits")))
    assert found is not None
    assert found.paper == 0.0
    assert found.ink == pytest.approx(1.0)
    assert found.size == 1.0
    assert 0.1 < found.line < 0.25


@pytest.mark.parametrize("layer", [Data(source="digits"), Data(source="digits", resize=28), Data(source="digits", standardize=False)])
def test_a_digit_of_the_data_drawn_again_is_that_digit(layer: Data) -> None:
    """Pixels of a picture as ink: as a sample it is the picture, whatever the Data node makes of it."""
    dataset, raw = load(layer), load(replace(layer, resize=0, standardize=False))
    native = native_side(layer, dataset)
    assert native == 8
    like = Likeness(0.0, 1.0, 1.0, 0.2, (0.5, 0.5))
    for number in range(5):
        drawn = np.kron(raw.validation.x[number, :, :, 0], np.ones((4, 4), np.float32))
        made = sample_of(drawn, like, dataset, native)
        assert made.dtype == np.float32
        assert made.shape == dataset.info.x_shape
        np.testing.assert_allclose(made, dataset.validation.x[number], atol=1e-5)
