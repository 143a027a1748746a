"""Dot, Permute, Softmax, GroupNormalization, PReLU and ReLU: sentences, and what a contract test does not see."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from studio.core.layer import Layer
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape
from studio.layers.dot import Dot
from studio.layers.group_normalization import GroupNormalization
from studio.layers.layer_normalization import LayerNormalization
from studio.layers.maximum import Maximum
from studio.layers.permute import Permute
from studio.layers.prelu import PReLU
from studio.layers.relu import ReLU
from studio.layers.softmax import Softmax
from studio.testing.rig import Rig


@pytest.mark.parametrize(
    ("layer", "shapes", "sentence"),
    [
        (Dot(), ((4,), (5,)), r"needs vectors of the same length, not 4 and 5"),
        (Dot(axes=(0, 1)), ((4,), (4,)), r"axis 0, which counts the samples"),
        (Dot(axes=(2, 1)), ((4,), (4,)), r"has axis 2, but its inputs are 4"),
        (Permute(dims=(1, 1)), ((4, 3),), r"has the order 1, 1, but its input, 4 x 3, has the axes 1 to 2"),
        (Permute(), ((4,),), r"needs at least two axes"),
        (Softmax(axis=2), ((4,),), r"has axis 2, but its inputs are 4"),
        (GroupNormalization(), ((4, 4, 24),), r"cannot split 24 channels into 32 equal groups: set groups to 24"),
        (GroupNormalization(groups=5), ((4, 4, 24),), r"set groups to 4"),
        (PReLU(shared_axes=(1, 2)), ((4,),), r"shares slopes along axis 2, but its input is 4"),
    ],
)
def test_sentences_and_remedies(layer: Layer, shapes: tuple[Shape, ...], sentence: str) -> None:
    with pytest.raises(ShapeProblem, match=sentence) as caught:
        layer.output_shape(*shapes)
    assert str(caught.value).endswith(".")
    remedy = caught.value.remedy
    if remedy is not None:
        layer.replace(**dict(remedy.values)).output_shape(*shapes)


def test_keras_s_words_for_none_are_understood() -> None:
    assert ReLU(max_value=None) == ReLU()  # type: ignore[arg-type]
    assert PReLU(shared_axes=None) == PReLU()  # type: ignore[arg-type]
    assert PReLU(shared_axes=[1, 2]) == PReLU(shared_axes=(1, 2))  # type: ignore[arg-type]


def test_a_relu_without_parameters_keeps_its_fast_kernel() -> None:
    assert ReLU().curve() is ReLU
    assert ReLU().numbers() == {}
    assert ReLU(max_value=6.0).numbers() == {"max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0}


def infer(layer: Layer, *inputs: np.ndarray) -> np.ndarray:
    answers = np.zeros((len(inputs[0]), *layer.output_shape(*(x.shape[1:] for x in inputs))), np.float32)
    with closing(Rig(layer, list(inputs), answers, len(inputs[0]))) as rig:
        return rig.infer()


@pytest.mark.parametrize("layer", [LayerNormalization(epsilon=1e-6), GroupNormalization(groups=2, epsilon=1e-6)])
def test_a_mean_far_above_the_deviation_costs_no_digits(layer: Layer) -> None:
    noise = np.random.default_rng(0).normal(size=(3, 16, 16, 8))
    # Most of the noise is lost already in float32, so the expected answer starts from there.
    x = (1000.0 + noise).astype(np.float32)
    x[:, 0, 0] = 0.0
    weights = {"gamma": np.ones(8), "beta": np.zeros(8)}
    expected = layer.reference([x.astype(np.float64)], weights)
    np.testing.assert_allclose(infer(layer, x), expected, atol=3e-3 * np.abs(expected).max())


def test_maximum_shows_undefined_numbers_of_either_input() -> None:
    plain, undefined = np.ones((4, 3), np.float32), np.full((4, 3), np.nan, np.float32)
    for inputs in ((plain, undefined), (undefined, plain)):
        assert np.isnan(infer(Maximum(), *inputs)).all()


def test_equal_inputs_of_maximum_share_the_gradient() -> None:
    ones = np.ones((4, 3), np.float32)
    with closing(Rig(Maximum(), [ones, ones], ones, 4)) as rig:
        outcome = rig.train()
    for gradient in outcome.inputs:
        np.testing.assert_array_equal(gradient, 0.5 * ones)


def test_a_vector_of_zeros_has_no_direction() -> None:
    zeros, ones = np.zeros((4, 3), np.float32), np.ones((4, 3), np.float32)
    np.testing.assert_array_equal(infer(Dot(normalize=True), zeros, ones), np.zeros((4, 1)))
