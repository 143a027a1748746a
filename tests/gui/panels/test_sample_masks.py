"""Samples whose right answers are pictures: cards with the masks beside them."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.gui.panels.sample_answers import Samples
from studio.gui.panels.sample_cards import CARD, PictureModel, card_size
from studio.gui.theme import Theme

NAMES = ("background", "disc", "square")


@pytest.fixture
def samples(qapp) -> Samples:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(5, 8, 8, 1)).astype(np.float32)
    y = np.zeros((5, 8, 8), np.float32)
    y[:, 2:5, 2:5] = 2
    y[1, 6, 6] = 1
    info = DatasetInfo("Shapes", (8, 8, 1), (8, 8), "labels", NAMES, samples=5)
    found = Samples()
    found.load(Dataset(info, Split(x, y), Split(x, y), Split(x[:0], y[:0])))
    return found


def test_words_name_what_lies_on_the_background(samples: Samples) -> None:
    assert samples.has_masks
    assert not samples.has_classes
    assert samples.truth(0) == "square"
    assert samples.truth(1) == "square, disc"


def test_cards_show_the_right_mask_and_then_the_network_s(samples: Samples) -> None:
    model = PictureModel(samples)
    assert card_size(samples).width() == 3 * CARD.width()
    before = model.data(model.index(0), Qt.ItemDataRole.DecorationRole)
    assert isinstance(before, QImage)
    assert before.width() == 3 * 8 + 2
    square, disc = (Theme.instance().class_color(n, 3) for n in (2, 1))
    assert before.pixelColor(9 + 3, 3) == square
    assert before.pixelColor(18 + 3, 3).alpha() == 0  # not known yet
    scores = np.zeros((2, 8, 8, 3), np.float32)
    scores[..., 1] = 1.0
    samples.take_scores(scores.reshape(2, -1))
    model.forget(len(samples.guesses))
    after = model.data(model.index(0), Qt.ItemDataRole.DecorationRole)
    assert after.pixelColor(18 + 3, 3) == disc
    assert samples.guess(4) is None


def test_scores_of_another_shape_are_no_masks(samples: Samples) -> None:
    samples.take_scores(np.zeros((2, 10), np.float32))
    assert samples.guess(0) is None
