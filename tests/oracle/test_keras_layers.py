"""Each layer computes what Keras's computes, and has the same gradients."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import jax
import keras
import numpy as np
import pytest

from studio.core import registry
from studio.core.layer import Layer, Loss
from studio.testing.declarations import require_close
from studio.testing.rig import Rig
from tests.oracle import keras_twins

#: Allowed difference in float32, relative to the largest number (or 1).
TOLERANCE = 2e-5
BATCH = 6

#: Layers that are not compared with Keras, and why.
NOT_COMPARED = {
    "Data": "numbers come from a data set",
    "Input": "stands for numbers that are not there yet",
    "RandomMask": "Keras has none; KerasHub's MaskedLMMaskGenerator draws other words, after training too",
}
LAYERS = sorted(
    name
    for name, layer in registry.layers().items()
    if not issubclass(layer, Loss) and name not in NOT_COMPARED and keras_twins.has_twin(layer)
)
CASES = [(name, i) for name in LAYERS for i in range(len(registry.layer(name).examples()))]


def test_every_layer_is_compared_in_several_configurations() -> None:
    layers = {name: layer for name, layer in registry.layers().items() if not issubclass(layer, Loss)}
    assert set(layers) == {*LAYERS, *NOT_COMPARED}
    assert all(len(layers[name].examples()) >= 2 for name in LAYERS)


def _arrays(layer: Layer, shapes: tuple[Any, ...]) -> tuple[list[np.ndarray], dict[str, np.ndarray], np.ndarray]:
    generator = np.random.default_rng(11)
    inputs = []
    for port, shape in enumerate(shapes):
        if shape is not None:
            count = layer.whole_numbers(port)
            size = (BATCH, *shape)
            numbers = generator.normal(size=size) if count is None else generator.integers(0, min(count, 9), size)
            inputs.append(numbers.astype(np.float32))
    weights = {}
    for weight in layer.weights(*shapes):
        values = generator.normal(size=weight.shape) * 0.5 if weight.trainable else generator.uniform(0.5, 1.5, weight.shape)
        weights[weight.name] = values.astype(np.float32)
    factors = generator.normal(size=(BATCH, *layer.output_shape(*shapes))).astype(np.float32)
    return inputs, weights, factors


@pytest.mark.parametrize(("name", "number"), CASES, ids=lambda value: str(value))
def test_forward_and_gradients_are_keras_s(name: str, number: int) -> None:
    layer, shapes = registry.layer(name).examples()[number]
    inputs, weights, factors = _arrays(layer, shapes)
    plain = layer.replace(**{n: 0.0 for n in ("l1", "l2") if n in layer.parameters()})

    keras_layer = keras_twins.twin(layer, shapes)
    keras_twins.call(keras_layer, layer, [keras.KerasTensor(x.shape) for x in inputs])  # builds it
    variables = keras_twins.set_weights(keras_layer, weights)
    trainable = list(keras_layer.trainable_variables)
    fixed = [v.value for v in keras_layer.non_trainable_variables]

    def compute(values: Any, arrays: Any, training: bool) -> Any:
        positional, named = keras_twins.arguments(layer, arrays)
        more = {"training": training} if keras_layer._call_has_training_arg else {}
        return keras_layer.stateless_call(values, fixed, *positional, **named, **more)[0]

    @jax.jit  # one thing to compile, instead of each operation by itself
    def everything(values: Any, arrays: Any, minibatch: Any, slopes: Any) -> Any:
        inferred = compute(values, arrays, False)
        if layer.is_random:
            return inferred, None, None  # in training mode each library draws numbers of its own
        output, pull = jax.vjp(lambda v, a: compute(v, a, True), values, minibatch)
        return inferred, output, pull(slopes)

    ours = Rig(plain, _by_port(shapes, inputs), factors, BATCH, weights=weights)
    with closing(ours):
        inferred = ours.infer()
        outcome = ours.train()
    arrays = [x[outcome.samples] for x in inputs]
    expected, output, gradients = everything([v.value for v in trainable], inputs, arrays, factors[outcome.samples])
    require_close(inferred, np.asarray(expected), TOLERANCE, f"{layer!r}: the output in inference mode")
    if layer.is_random:
        return
    require_close(outcome.output, np.asarray(output), TOLERANCE, f"{layer!r}: the output in training mode")
    weight_gradients, input_gradients = gradients
    wired = [port for port, shape in enumerate(shapes) if shape is not None]
    sloped = [g for port, g in zip(wired, input_gradients, strict=True) if layer.whole_numbers(port) is None]
    for port, (mine, theirs) in enumerate(zip(outcome.inputs, sloped, strict=True)):
        require_close(mine, np.asarray(theirs), TOLERANCE, f"{layer!r}: the gradient of input {port}")
    by_id = {id(v): g for v, g in zip(trainable, weight_gradients, strict=True)}
    for weight, gradient in outcome.weights.items():
        theirs = np.asarray(by_id[id(variables[weight])])
        require_close(gradient, theirs, TOLERANCE, f"{layer!r}: the gradient of {weight}")


def _by_port(shapes: tuple[Any, ...], inputs: list[np.ndarray]) -> list[np.ndarray | None]:
    left = iter(inputs)
    return [None if s is None else next(left) for s in shapes]


@pytest.mark.parametrize("name", registry.activation_names())
def test_activations_by_name_are_keras_s(name: str) -> None:
    """Not all of them have the parameters of the layer of that name."""
    x = np.random.default_rng(3).normal(size=(BATCH, 7)) * 2.0
    expected = keras.activations.get(name)(keras.ops.convert_to_tensor(x, "float32"))
    require_close(registry.activate(name, x), np.asarray(expected), TOLERANCE, name)
