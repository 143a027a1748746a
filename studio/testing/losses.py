"""The contract of a loss."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from studio.core import registry
from studio.core.dataset import TargetKind
from studio.core.layer import Loss
from studio.core.loss import ClassLoss, class_numbers
from studio.core.shapes import Shape
from studio.testing.declarations import check_declaration, check_json, check_variety, require, require_close
from studio.testing.differences import check_gradient
from studio.testing.rig import Rig

#: Draws predictions and targets, float64 ``(samples, *shape)``, for their two shapes.
Draw = Callable[[Shape, Shape, int, np.random.Generator], tuple[np.ndarray, np.ndarray]]

BATCHES = (1, 5, 13, 33)
VALUE, GRADIENT = 2e-5, 2e-4


def check_loss(loss_class: type[Loss], draw: Draw | None = None) -> None:
    """Check everything the product relies on of one loss class.

    For each of the class's `examples` (a prediction's shape, a target's, and that of weights if
    there are some): the loss against `value` and its gradient against central differences of
    `value`, from given predictions and after softmax and sigmoid (which a loss may take into its
    own formula); one and two threads; batches of 1, 5, 13 and
    33 and one that is partly empty; predictions that go elsewhere too; zero gradient for columns
    without samples; that `weight` counts, also when it changes while training runs; that a NaN is noticed; that two runs are
    equal to the last bit. Of the class: help, formula, source, help for each parameter, and that
    the examples try more than one value of it.

    Parameters
    ----------
    loss_class : type
        A loss.
    draw : callable, optional
        Gives legal predictions and targets for a prediction shape, a target shape, a number of
        samples and a random generator. By default predictions are any numbers in the loss's
        `domain` and targets are what `targets` says.

    Raises
    ------
    AssertionError
        When something does not hold; says what.
    """
    check_declaration(loss_class)
    name = loss_class.type_name()
    require(bool(loss_class.targets), f"{name} does not say what targets it takes.")
    examples = loss_class.examples()
    check_variety(loss_class)
    for number, (loss, shapes) in enumerate(examples):
        assert isinstance(loss, Loss)
        check_json(loss)
        require(loss.output_shape(*shapes) == (), f"{name} must give one number a sample.")
        prediction, target = shapes[:2]
        weights = shapes[2] if len(shapes) > 2 else None
        for activation in _activations(loss, prediction, everything=number == 0):
            _check_example(_Example(loss, prediction, target, weights, activation, draw or _draw_for(loss)))


def _activations(loss: Loss, prediction: Shape, everything: bool) -> list[str]:
    """Activations to put before a loss; a softmax over one number says nothing."""
    found = ["sigmoid", "softmax"] if everything else [loss.reads] if loss.reads else []
    return ["", *(a for a in found if a != "softmax" or prediction[-1] > 1)]


@dataclass(frozen=True)
class _Example:
    loss: Loss
    prediction: Shape
    target: Shape
    weights: Shape | None
    activation: str
    draw: Draw

    @property
    def name(self) -> str:
        after = f" after {self.activation}" if self.activation else ""
        weighted = "" if self.weights is None else f", weights {self.weights}"
        return f"{self.loss!r} for {self.prediction} and {self.target}{weighted}{after}"

    @property
    def classes(self) -> int:
        return max(2, self.prediction[-1]) if self.loss.has_accuracy and self.prediction else 0

    @property
    def kind(self) -> TargetKind:
        if not self.loss.has_accuracy:
            return "values"
        sparse = len(self.target) < len(self.prediction) or self.target[-1:] == (1,)
        if sparse and "labels" in self.loss.targets:
            return "labels"
        return "one_hot" if "values" not in self.loss.targets else "values"

    def arrays(self, samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Predictions (or what comes before the activation), targets and weights, float32."""
        generator = np.random.default_rng(samples)
        prediction, target = self.draw(self.prediction, self.target, samples, generator)
        if self.activation:
            prediction = generator.normal(size=prediction.shape) * 2.0
        weights = None
        if self.weights is not None:
            weights = np.maximum(0.0, generator.uniform(-0.5, 2.0, (samples, *self.weights))).astype(np.float32)
        return prediction.astype(np.float32), target.astype(np.float32), weights

    def values(
        self, x: np.ndarray, target: np.ndarray, weights: np.ndarray | None, samples: int
    ) -> np.ndarray:
        """Loss of each sample, float64; the classes are balanced for a training part of so many samples."""
        loss = self.loss
        if isinstance(loss, ClassLoss) and loss.class_weight == "balanced":
            numbers = class_numbers(self.arrays(samples)[1], loss.class_kind)
            classes = 2 if loss.class_kind == "binary" else self.prediction[-1]
            ignored = getattr(loss, "ignore_class", -1)
            loss = loss.settled(np.bincount(numbers[numbers != ignored], minlength=classes))
        return loss.value(registry.activate(self.activation or "linear", x), target, weights)

    def rig(
        self, samples: int, batch: int, threads: int, haloed: bool = False, undefined: bool = False, shared: bool = False
    ) -> Rig:
        x, target, weights = self.arrays(samples)
        if undefined:
            x[-2] = np.nan
        return Rig(
            self.loss,
            [x, None, weights],
            target,
            batch,
            threads,
            answer_kind=self.kind,
            classes=self.classes,
            activation=self.activation,
            haloed=haloed,
            shared="after" if shared else "",
        )


def _within(domain: tuple[float, float], shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Numbers well inside a range that may be open at one end or both."""
    if np.isinf(domain[0]):
        return generator.normal(size=shape) * 1.5
    if np.isinf(domain[1]):
        return domain[0] + 0.05 + np.abs(generator.normal(size=shape))
    return generator.uniform(domain[0] + 0.05, domain[1] - 0.05, shape)


def _draw_for(loss: Loss) -> Draw:
    def draw(
        prediction: Shape, target: Shape, samples: int, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        predictions = _within(loss.domain, (samples, *prediction), generator)
        if not loss.has_accuracy:
            return predictions, _within(loss.domain, (samples, *target), generator)
        one_hot = target == prediction and target[-1] > 1
        if "values" in loss.targets:
            return predictions, generator.integers(0, 2, (samples, *target))
        if loss.reads == "softmax":
            predictions /= predictions.sum(-1, keepdims=True)
        numbers = generator.integers(0, prediction[-1], (samples, *(target[:-1] if one_hot else target)))
        return predictions, np.eye(target[-1])[numbers] if one_hot else numbers

    return draw


def _check_example(example: _Example) -> None:
    for batch in BATCHES:
        for threads in (1, 2):
            _check_minibatch(example, batch, batch, 1, threads, one_by_one=batch == 5 and threads == 1)
    for threads in (1, 2):
        # The second minibatch has 3 samples of 8: with two threads the second has none.
        _check_minibatch(example, 11, 8, 2, threads)
        _check_undefined(example, threads)
        _check_repeats(example, threads)
    if len(example.prediction) == 3:
        _check_minibatch(example, 5, 5, 1, 1, haloed=True)
    _check_minibatch(example, 5, 5, 1, 1, shared=True)
    _check_weight(example)
    _check_confusion(example)


def _check_minibatch(
    example: _Example,
    samples: int,
    batch: int,
    steps: int,
    threads: int,
    one_by_one: bool = False,
    haloed: bool = False,
    shared: bool = False,
) -> None:
    what = f"{example.name}, {samples} samples by {batch}, {threads} thread(s)"
    what += ", predictions that go elsewhere too" if shared else ""
    x, target, weights = example.arrays(samples)
    x, target = x.astype(np.float64), target.astype(np.float64)
    with closing(example.rig(samples, batch, threads, haloed, shared=shared)) as rig:
        outcome = rig.train(steps)
        sums = rig.sums()
    require(outcome.padding == 0.0, f"{what}: columns that hold no sample have a gradient.")
    seen = samples if samples > batch else len(outcome.samples)
    ignored = getattr(example.loss, "ignore_class", -1)
    counted = seen * float((target != ignored).mean()) if ignored >= 0 else float(seen)
    require_close(sums.samples[:1], np.array([counted]), 1e-6, f"{what}: the samples that count")
    expected = example.values(x, target, weights, samples)
    require(expected.shape == (samples,), f"{example.name}: value must give one number a sample.")
    require_close(sums.loss[:1] / counted, expected.mean(keepdims=True), VALUE, f"{what}: the loss")
    x, target = x[outcome.samples], target[outcome.samples]
    chosen = None if weights is None else weights[outcome.samples]

    def mean_loss(moved: np.ndarray) -> float:
        elsewhere = 0.0
        if shared and example.activation:  # without, the rig takes it out of the gradient
            elsewhere = float((registry.activate(example.activation, moved) * x).sum())
        return example.loss.weight * float(example.values(moved, target, chosen, samples).mean()) + elsewhere

    check_gradient(
        mean_loss,
        x,
        outcome.inputs[0],
        f"{what}: the gradient",
        np.random.default_rng(7),
        one_by_one,
        GRADIENT / np.sqrt(x.size) if not one_by_one else GRADIENT,
    )


def _check_undefined(example: _Example, threads: int) -> None:
    """A prediction that is not a number must stop training."""
    what = f"{example.name}, {threads} thread(s)"
    with closing(example.rig(13, 13, threads)) as rig:
        rig.train()
        require(not rig.network.failed, f"{what}: finite losses are taken for a failure.")
    with closing(example.rig(13, 13, threads, undefined=True)) as rig:
        rig.train()
        require(rig.network.failed, f"{what}: an undefined prediction (NaN) goes unnoticed.")


def _check_repeats(example: _Example, threads: int) -> None:
    found = []
    for _ in range(2):
        with closing(example.rig(13, 13, threads)) as rig:
            outcome = rig.train()
            found.append((outcome.inputs[0], rig.sums().loss))
    same = all(np.array_equal(a, b) for a, b in zip(*found, strict=True))
    require(same, f"{example.name}, {threads} thread(s): two runs differ in their last bits.")


def _check_weight(example: _Example) -> None:
    """Half the weight is half the gradient and half the total, also while training runs."""
    lighter = example.loss.replace(weight=example.loss.weight / 2)
    with closing(example.rig(5, 5, 1)) as rig:
        before, total = rig.train().inputs[0], rig.network.total_loss(rig.sums())
        graph = rig.network.graph.set_layer(rig.node, lighter)
        rig.network.set_numbers(graph, rig.network.training)
        after, half = rig.train().inputs[0], rig.network.total_loss(rig.sums())
    require_close(after, before / 2, 1e-6, f"{example.name}: the gradient after halving the weight")
    require_close(np.array(half), np.array(total / 2), 1e-6, f"{example.name}: the loss after halving the weight")


def _check_confusion(example: _Example) -> None:
    """Accuracy is the share on the diagonal of the confusion matrix."""
    with closing(example.rig(33, 33, 1)) as rig:
        found = rig.network.evaluate(lambda dataset: dataset.train)
    assert found is not None
    x, target, weights = example.arrays(33)
    loss = example.loss
    if isinstance(loss, ClassLoss):  # weights of classes are for training
        loss = loss.replace(class_weight="none", class_weights=())
    expected = loss.weight * replace(example, loss=loss).values(x.astype(np.float64), target, weights, 33).mean()
    require_close(np.array(found.loss), np.array(expected), VALUE, f"{example.name}: the loss of a whole part")
    if not example.loss.has_accuracy:
        require(found.accuracy is None, f"{example.name} claims to have no accuracy, but gives one.")
    if found.confusion is not None and found.accuracy is not None:
        share = np.trace(found.confusion) / found.confusion.sum()
        require_close(np.array(found.accuracy), np.array(share), 1e-6, f"{example.name}: the accuracy")
