"""What layers that change pictures by chance show."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from scipy import ndimage

from studio.core.layer import Layer
from studio.layers.random_flip import RandomFlip
from studio.layers.random_rotation import RandomRotation
from studio.layers.random_translation import RandomTranslation
from studio.testing.rig import Outcome, Rig

SAMPLES = 40


def _train(layer: Layer, first_step: int = 0) -> tuple[np.ndarray, Outcome]:
    x = np.random.default_rng(2).normal(size=(SAMPLES, 6, 5, 2)).astype(np.float32)
    with closing(Rig(layer, [x], np.ones_like(x), SAMPLES, 2)) as rig:
        outcome = rig.train(first_step=first_step)
        np.testing.assert_array_equal(rig.infer(), x)
    return x[outcome.samples], outcome


@pytest.mark.parametrize(("mode", "axes"), [("horizontal", [2]), ("vertical", [1])])
def test_half_of_the_pictures_are_mirrored(mode: str, axes: list[int]) -> None:
    x, outcome = _train(RandomFlip(mode=mode))
    mirrored = np.flip(x, axes)
    same = (outcome.output == x).all(axis=(1, 2, 3))
    other = (outcome.output == mirrored).all(axis=(1, 2, 3))
    assert (same ^ other).all()
    assert 0.25 < other.mean() < 0.75


def test_a_shifted_picture_is_what_scipy_makes_of_it() -> None:
    x, outcome = _train(RandomTranslation(height_factor=0.4, width_factor=0.4, fill_mode="constant", fill_value=0.25))
    shifts = []
    for before, after in zip(x, outcome.output, strict=True):
        errors = {
            (down, across): np.abs(
                ndimage.shift(before[..., 0], (down, across), order=1, mode="grid-constant", cval=0.25) - after[..., 0]
            ).max()
            for down in np.linspace(-2.4, 2.4, 25)
            for across in np.linspace(-2.0, 2.0, 21)
        }
        best = min(errors, key=lambda shift: errors[shift])
        shifts.append(best)
        # The grid of shifts that are tried is 0.2 pixels wide.
        assert errors[best] < 0.6
    down, across = np.array(shifts).T
    assert down.std() > 0.7
    assert across.std() > 0.6


def test_a_turn_keeps_the_middle_and_the_sum_near() -> None:
    x, outcome = _train(RandomRotation(factor=0.5, fill_mode="reflect"))
    assert np.abs(outcome.output - x).mean() > 0.3
    low, high = x.min(axis=(1, 2)), x.max(axis=(1, 2))
    inside = (outcome.output >= low[:, None, None] - 1e-5) & (outcome.output <= high[:, None, None] + 1e-5)
    assert inside.all()


def test_each_step_draws_other_numbers() -> None:
    _, one = _train(RandomTranslation())
    _, other = _train(RandomTranslation(), first_step=1)
    assert not np.array_equal(one.output, other.output)
