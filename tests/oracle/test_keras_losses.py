"""Each loss and its gradient are Keras's: of samples, steps and pixels, weighted or not, of numbers or of scores."""

from __future__ import annotations

import inspect
from contextlib import closing
from typing import Any

import jax
import keras
import numpy as np
import pytest

from studio.core import registry
from studio.core.layer import Loss
from studio.core.loss import ClassLoss, class_numbers
from studio.testing.declarations import require_close
from studio.testing.losses import _draw_for, _Example

#: Allowed difference in float32, relative to the largest number (or 1).
TOLERANCE = 2e-5
BATCH = 7
#: What Keras does not take when it makes a loss, but in `compile` or `fit`.
_OF_FIT = {"weight", "class_weight", "class_weights"}

LOSSES = sorted(name for name, kind in registry.layers().items() if issubclass(kind, Loss))


def _examples(name: str) -> list[_Example]:
    """The examples of a loss, of plain predictions and, where it reads probabilities, of scores."""
    found = []
    for loss, shapes in registry.layer(name).examples():
        assert isinstance(loss, Loss)
        prediction, target, weights = (*shapes, None)[:3]
        for activation in ("", loss.reads) if loss.reads and prediction[-1] > (loss.reads == "softmax") else ("",):
            found.append(_Example(loss, prediction, target, weights, activation, _draw_for(loss)))
    return found


CASES = [(name, i) for name in LOSSES for i in range(len(_examples(name)))]


def _twin(example: _Example) -> Any:
    loss = example.loss
    values = {name: getattr(loss, name) for name in loss.parameters() if name not in _OF_FIT}
    if values.get("ignore_class", 0) < 0:
        values["ignore_class"] = None
    kind = getattr(keras.losses, loss.keras)
    if example.activation and "from_logits" in inspect.signature(kind.__init__).parameters:
        return kind(**values, from_logits=True)
    made, curve = kind(**values), keras.activations.get(example.activation or None)
    return lambda target, prediction, weights: made(target, curve(prediction), weights)


def _sample_weights(example: _Example, target: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
    """What Keras's `fit` makes of weights of samples and of classes: a number for each term."""
    loss = example.loss
    terms = example.prediction[:-1]
    factors = None if weights is None else weights.reshape(BATCH, *(weights.shape[1:][: len(terms)] or (1,) * len(terms)))
    if not isinstance(loss, ClassLoss) or loss.class_weight == "none":
        return factors
    classes = class_numbers(target, loss.class_kind).reshape(BATCH, *terms)
    counts = np.bincount(classes.ravel()[classes.ravel() != getattr(loss, "ignore_class", -1)], minlength=example.classes)
    own = loss.class_factors(counts)[classes]
    return np.asarray(own if factors is None else own * factors, np.float32)


@pytest.mark.parametrize(("name", "number"), CASES, ids=str)
def test_value_and_gradient_are_keras_s(name: str, number: int) -> None:
    example = _examples(name)[number]
    x, target, weights = example.arrays(BATCH)
    twin, factors = _twin(example), _sample_weights(example, target, weights)
    if example.prediction[-1] == 1:
        # Ours may leave out the last axis. Keras would then leave out the prediction's, and take steps for features.
        target = target.reshape(x.shape)

    @jax.jit
    def value_and_slope(prediction: Any) -> Any:
        return jax.value_and_grad(lambda p: twin(target, p, factors) * example.loss.weight)(prediction)

    value, slope = value_and_slope(x)
    with closing(example.rig(BATCH, BATCH, 1)) as rig:
        outcome = rig.train()
        loss = rig.network.total_loss(rig.sums())
    require_close(np.array(loss), np.asarray(value), TOLERANCE, f"{example.name}: the loss")
    theirs = np.asarray(slope)[outcome.samples]
    # A gradient of many terms is a mean, and so small: it is compared with its own size.
    size = max(float(np.abs(theirs).max()), 1e-6)
    require_close(outcome.inputs[0] / size, theirs / size, TOLERANCE, f"{example.name}: the gradient, over {size:.3g},")


def test_every_loss_is_compared_with_weights_and_for_steps() -> None:
    for name in LOSSES:
        examples = _examples(name)
        assert len(examples) >= 2
        assert any(e.weights is not None for e in examples), name
        assert any(len(e.prediction) > 1 for e in examples), name
