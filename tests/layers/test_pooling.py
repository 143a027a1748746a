"""Pooling layers: ties, failures that must stay visible, and sentences for wrong inputs."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from studio.core import registry
from studio.core.pooling import pooling_tables
from studio.core.problems import ShapeProblem
from studio.core.windows import Window
from studio.layers.average_pooling2d import AveragePooling2D
from studio.layers.global_average_pooling2d import GlobalAveragePooling2D
from studio.layers.max_pooling2d import MaxPooling2D
from studio.testing.rig import Rig

POOLING = (MaxPooling2D, AveragePooling2D, GlobalAveragePooling2D)


@pytest.mark.parametrize("strides", [(2, 2), (1, 1)])
def test_the_first_of_equal_numbers_gets_the_gradient(strides):
    inputs = np.zeros((3, 4, 4, 2), np.float32)
    layer = MaxPooling2D(strides=strides)
    output = layer.output_shape((4, 4, 2))
    with closing(Rig(layer, [inputs], np.ones((3, *output), np.float32), 3)) as rig:
        outcome = rig.train()
    expected = np.zeros((4, 4))
    for row in range(output[0]):
        for column in range(output[1]):
            expected[row * strides[0], column * strides[1]] += 1.0
    np.testing.assert_array_equal(outcome.inputs[0], np.broadcast_to(expected[None, :, :, None], inputs.shape))


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_failure_is_not_pooled_away(place):
    inputs = np.ones((1, 2, 2, 1), np.float32)
    inputs.reshape(-1)[place] = np.nan
    with closing(Rig(MaxPooling2D(), [inputs], np.ones((1, 1, 1, 1), np.float32), 1)) as rig:
        assert np.isnan(rig.infer()).all()
        assert np.isnan(rig.train().output).all()
        assert rig.network.failed


def test_edges_of_negative_pictures_do_not_see_the_padding():
    inputs = np.full((2, 3, 3, 1), -5.0, np.float32)
    for layer in (MaxPooling2D(padding="same"), AveragePooling2D(padding="same")):
        with closing(Rig(layer, [inputs], np.ones((2, 2, 2, 1), np.float32), 2)) as rig:
            np.testing.assert_allclose(rig.infer(), -5.0)


@pytest.mark.parametrize("layer", POOLING)
@pytest.mark.parametrize("shape", [(), (7,), (1,), (2, 3, 4, 5)])
def test_what_is_no_picture_is_refused_by_a_sentence(layer, shape):
    with pytest.raises(ShapeProblem, match=r"needs a picture \(height x width x channels\).*\.$"):
        layer().output_shape(shape)


@pytest.mark.parametrize("layer", POOLING)
@pytest.mark.parametrize("shape", [(64,), (8, 6)])
def test_the_remedy_makes_it_a_picture(layer, shape):
    with pytest.raises(ShapeProblem) as caught:
        layer().output_shape(shape)
    remedy = caught.value.remedy
    assert remedy is not None
    reshape = registry.layer(remedy.type)(**dict(remedy.values))
    assert len(layer().output_shape(reshape.output_shape(shape))) in (1, 3)


@pytest.mark.parametrize("layer", POOLING[:2])
def test_a_window_larger_than_the_picture_is_refused_with_a_remedy(layer):
    large = layer(pool_size=(3, 2))
    with pytest.raises(ShapeProblem, match="window larger than its 2 x 9 x 1 picture") as caught:
        large.output_shape((2, 9, 1))
    assert caught.value.remedy is not None
    assert large.replace(**dict(caught.value.remedy.values)).output_shape((2, 9, 1)) == (1, 5, 1)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3), (4, 4)])
def test_tables_say_the_same_in_both_directions(padding, strides):
    tables = pooling_tables(Window((7, 6), (3, 2), strides, padding))
    seeing = {
        (int(window), int(pixel), place)
        for window in range(len(tables.starts) - 1)
        for place, pixel in enumerate(tables.pixels[tables.starts[window] : tables.starts[window + 1]])
    }
    seen = {
        (int(tables.seen_windows[i]), pixel, int(tables.seen_places[i]))
        for pixel in range(len(tables.seen_starts) - 1)
        for i in range(tables.seen_starts[pixel], tables.seen_starts[pixel + 1])
    }
    assert seeing == seen
    assert len(tables.seen_starts) == 7 * 6 + 1
