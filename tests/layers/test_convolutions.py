"""Convolutions, padding, cropping and enlarging: sentences for wrong inputs, and what must hold between layers."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from studio.core.problems import ShapeProblem
from studio.core.resize import enlargement
from studio.core.windows import Window
from studio.layers.conv1d import Conv1D
from studio.layers.conv2d import Conv2D
from studio.layers.conv2d_transpose import Conv2DTranspose
from studio.layers.cropping2d import Cropping2D
from studio.layers.depthwise_conv2d import DepthwiseConv2D
from studio.layers.zero_padding2d import ZeroPadding2D
from studio.testing.rig import Rig


def _problem(layer, *shapes) -> ShapeProblem:
    with pytest.raises(ShapeProblem) as caught:
        layer.output_shape(*shapes)
    return caught.value


@pytest.mark.parametrize(("layer", "shape"), [(Conv2D(filters=6, groups=4), (5, 5, 8)), (Conv1D(filters=9, groups=6), (5, 6))])
def test_groups_must_divide_channels_and_filters(layer, shape):
    problem = _problem(layer, shape)
    assert "choose groups that divide both" in str(problem)
    assert problem.remedy is not None
    mended = layer.replace(**dict(problem.remedy.values))
    assert mended.output_shape(shape)[-1] == layer.filters
    assert mended.groups > 1


@pytest.mark.parametrize("layer", [Conv2D(kernel_size=(7, 2)), DepthwiseConv2D(kernel_size=(7, 2))])
def test_a_pattern_larger_than_the_picture_is_refused_with_a_remedy(layer):
    problem = _problem(layer, (5, 5, 2))
    assert "pattern larger than its 5 x 5 x 2 picture" in str(problem)
    assert problem.remedy is not None
    assert layer.replace(**dict(problem.remedy.values)).output_shape((5, 5, 2))[:2] == (5, 5)


def test_a_transposed_convolution_says_how_large_output_padding_may_be():
    problem = _problem(Conv2DTranspose(strides=(2, 2), output_padding=(2, 0)), (4, 4, 1))
    assert "smaller than its strides" in str(problem)
    assert problem.remedy is not None


def test_cropping_leaves_something():
    assert "away" in str(_problem(Cropping2D(cropping=(2, 2, 0, 0)), (4, 9, 1)))


def test_sides_are_given_as_in_keras():
    for value, sides in ((2, (2, 2, 2, 2)), ((1, 3), (1, 1, 3, 3)), (((1, 2), (3, 4)), (1, 2, 3, 4)), ([1, 2, 3, 4], (1, 2, 3, 4))):
        assert ZeroPadding2D(padding=value).padding == sides


def test_a_causal_convolution_does_not_see_later_steps():
    generator = np.random.default_rng(4)
    inputs = generator.normal(size=(2, 9, 3)).astype(np.float32)
    changed = inputs.copy()
    changed[:, 5:] += 1.0
    layer = Conv1D(filters=4, kernel_size=3, dilation_rate=2, padding="causal")
    weights = {w.name: generator.normal(size=w.shape) for w in layer.weights((9, 3))}
    outputs = []
    for x in (inputs, changed):
        with closing(Rig(layer, [x], np.zeros((2, 9, 4), np.float32), 2, weights=weights)) as rig:
            outputs.append(rig.infer())
    np.testing.assert_array_equal(outputs[0][:, :5], outputs[1][:, :5])
    assert not np.allclose(outputs[0][:, 5:], outputs[1][:, 5:])


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
def test_a_transposed_convolution_is_the_gradient_of_a_convolution(padding, strides):
    """The input gradient of Conv2D, for an output gradient, is what Conv2DTranspose makes of that gradient."""
    shape = (7, 8, 3) if padding == "valid" else (6, 6, 3)
    forward = Conv2D(filters=5, strides=strides, padding=padding, use_bias=False)
    generator = np.random.default_rng(5)
    dy = generator.normal(size=(4, *forward.output_shape(shape))).astype(np.float32)
    kernel = generator.normal(size=(3, 3, 3, 5)).astype(np.float32)
    with closing(Rig(forward, [np.zeros((4, *shape), np.float32)], dy, 4, weights={"kernel": kernel})) as rig:
        outcome = rig.train()
        expected, dy = outcome.inputs[0], dy[outcome.samples]
    back = Conv2DTranspose(filters=3, strides=strides, padding=padding, use_bias=False)
    made = np.zeros((4, *back.output_shape(dy.shape[1:])), np.float32)
    with closing(Rig(back, [dy], made, 4, weights={"kernel": kernel})) as rig:
        y = rig.infer()
    rows, columns = min(y.shape[1], shape[0]), min(y.shape[2], shape[1])
    np.testing.assert_allclose(y[:, :rows, :columns], expected[:, :rows, :columns], atol=2e-5)


@pytest.mark.parametrize("size", [(2, 2), (3, 1), (1, 4)])
@pytest.mark.parametrize("smooth", [False, True])
def test_shares_of_an_enlarged_picture_are_wholes(size, smooth):
    mixture = enlargement((3, 4), size, smooth)
    sums = np.add.reduceat(mixture.parts, mixture.starts[:-1])
    assert (sums == mixture.whole).all()
    back = mixture.transposed(12)
    assert back.parts.sum() == mixture.parts.sum()
    assert len(back.starts) == 13


@pytest.mark.parametrize("padding", ["valid", "same", "causal", ((1, 2), (0, 3))])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
def test_phases_reach_each_tap_of_each_place_once(padding, strides, dilation):
    window = Window((9, 7), (3, 2), strides, padding, dilation)
    pairs = set()
    for phase in window.phases():
        for i, row in enumerate(phase.rows):
            for j, column in enumerate(phase.columns):
                for tap, down, right in zip(phase.taps, phase.row_moves, phase.column_moves, strict=True):
                    place = (i + down, j + right)
                    if 0 <= place[0] < window.output[0] and 0 <= place[1] < window.output[1]:
                        pairs.add((int(row), int(column), int(tap), int(place[0]), int(place[1])))
    expected = set()
    for r in range(window.output[0]):
        for c in range(window.output[1]):
            for i in range(3):
                for j in range(2):
                    row = r * strides[0] + i * dilation[0] - window.before[0]
                    column = c * strides[1] + j * dilation[1] - window.before[1]
                    if 0 <= row < 9 and 0 <= column < 7:
                        expected.add((row, column, i * 2 + j, r, c))
    assert pairs == expected


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("kernel_size", "multiplier"), [((3, 3), 1), ((3, 2), 2), ((1, 4), 1), ((4, 1), 1), ((5, 5), 1), ((5, 6), 2)])
@pytest.mark.parametrize("rows", [5, 6, 9, 11])
def test_depthwise_convolutions_of_all_heights(padding, kernel_size, multiplier, rows):
    """Rows of pixels are computed together, some fewer at a time where their number asks for it; there may be one only."""
    shape, batch = (rows, 6, 3), 5
    layer = DepthwiseConv2D(kernel_size=kernel_size, padding=padding, depth_multiplier=multiplier)
    generator = np.random.default_rng(rows)
    x = generator.normal(size=(batch, *shape)).astype(np.float32)
    dy = generator.normal(size=(batch, *layer.output_shape(shape))).astype(np.float32)
    kernel = generator.normal(size=(*kernel_size, 3, multiplier)).astype(np.float32)
    bias = generator.normal(size=3 * multiplier).astype(np.float32)
    with closing(Rig(layer, [x], dy, batch, weights={"kernel": kernel, "bias": bias})) as rig:
        outcome, y = rig.train(), rig.infer()
    (high, wide), (down, across) = kernel_size, layer.window(shape).before
    x, dy = x[outcome.samples].astype(np.float64), dy[outcome.samples].astype(np.float64)
    around = np.pad(x, ((0, 0), (down, high), (across, wide), (0, 0)))
    spread, expected = np.zeros_like(around), np.zeros(kernel.shape)
    sums = np.zeros((*dy.shape[:3], 3, multiplier))
    slopes = dy.reshape(sums.shape)
    height, width = dy.shape[1:3]
    for u in range(high):
        for v in range(wide):
            seen = around[:, u : u + height, v : v + width]
            sums += seen[..., None] * kernel[u, v]
            expected[u, v] = np.einsum("brcg,brcgm->gm", seen, slopes)
            spread[:, u : u + height, v : v + width] += (slopes * kernel[u, v]).sum(-1)
    np.testing.assert_allclose(y[outcome.samples], sums.reshape(dy.shape) + bias, atol=2e-5)
    np.testing.assert_allclose(outcome.weights["kernel"], expected, atol=2e-4)
    np.testing.assert_allclose(outcome.weights["bias"], slopes.sum((0, 1, 2)).ravel(), atol=2e-4)
    np.testing.assert_allclose(outcome.inputs[0], spread[:, down : down + rows, across : across + 6], atol=5e-5)
