"""The contract of a loss."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from studio.core import registry
from studio.core.dataset import TargetKind
from studio.core.layer import Loss
from studio.core.shapes import Shape
from studio.testing.declarations import check_declaration, check_json, require, require_close
from studio.testing.differences import check_gradient
from studio.testing.rig import Rig

#: Draws predictions and targets, float64 ``(samples, *shape)``, for their two shapes.
Draw = Callable[[Shape, Shape, int, np.random.Generator], tuple[np.ndarray, np.ndarray]]

BATCHES = (1, 5, 13, 33)
VALUE, GRADIENT = 2e-5, 2e-4


def check_loss(loss_class: type[Loss], draw: Draw | None = None) -> None:
    """Check everything the product relies on of one loss class.

    For each of the class's `examples`: the loss against `value` and its gradient against
    central differences of `value`, from given predictions and after softmax and sigmoid
    (which a loss may take into its own formula); one and two threads; batches of 1, 5, 13 and
    33 and one that is partly empty; zero gradient for columns without samples; that `weight`
    counts, also when it changes while training runs; that a NaN is noticed; that two runs are
    equal to the last bit. Of the class: help, formula, source, and help for each parameter.

    Parameters
    ----------
    loss_class : type
        A loss.
    draw : callable, optional
        Gives legal predictions and targets for a prediction shape, a target shape, a number of
        samples and a random generator. By default predictions are any numbers, or, for a loss
        with an accuracy, probabilities; targets are what `targets` says.

    Raises
    ------
    AssertionError
        When something does not hold; says what.
    """
    check_declaration(loss_class)
    name = loss_class.type_name()
    require(bool(loss_class.targets), f"{name} does not say what targets it takes.")
    examples = loss_class.examples()
    require(bool(examples), f"{name} has no examples.")
    for loss, shapes in examples:
        assert isinstance(loss, Loss)
        check_json(loss)
        prediction, target = shapes
        require(loss.output_shape(prediction, target) == (), f"{name} must give one number a sample.")
        activations = [""]
        if len(prediction) == 1:
            activations += ["sigmoid"] if prediction == (1,) else ["sigmoid", "softmax"]
        for activation in activations:
            _check_example(_Example(loss, prediction, target, activation, draw or _draw_for(loss)))


@dataclass(frozen=True)
class _Example:
    loss: Loss
    prediction: Shape
    target: Shape
    activation: str
    draw: Draw

    @property
    def name(self) -> str:
        after = f" after {self.activation}" if self.activation else ""
        return f"{self.loss!r} for {self.prediction} and {self.target}{after}"

    @property
    def classes(self) -> int:
        return max(2, self.prediction[-1]) if self.loss.has_accuracy and self.prediction else 0

    @property
    def kind(self) -> TargetKind:
        if self.target == () and "labels" in self.loss.targets and self.loss.has_accuracy:
            return "labels"
        return "one_hot" if "values" not in self.loss.targets else "values"

    def arrays(self, samples: int) -> tuple[np.ndarray, np.ndarray]:
        """Predictions (or what comes before the activation) and targets, float32."""
        generator = np.random.default_rng(samples)
        prediction, target = self.draw(self.prediction, self.target, samples, generator)
        if self.activation:
            prediction = generator.normal(size=prediction.shape) * 2.0
        return prediction.astype(np.float32), target.astype(np.float32)

    def values(self, x: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Loss of each sample, float64."""
        return self.loss.value(registry.activate(self.activation or "linear", x), target)

    def rig(self, samples: int, batch: int, threads: int, haloed: bool = False) -> Rig:
        x, target = self.arrays(samples)
        return Rig(
            self.loss,
            [x],
            target,
            batch,
            threads,
            answer_kind=self.kind,
            classes=self.classes,
            activation=self.activation,
            haloed=haloed,
        )


def _draw_for(loss: Loss) -> Draw:
    def draw(
        prediction: Shape, target: Shape, samples: int, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        if not loss.has_accuracy:
            return generator.normal(size=(samples, *prediction)), generator.normal(size=(samples, *target))
        probabilities = generator.uniform(0.05, 0.95, (samples, *prediction))
        if target == ():
            classes = max(2, prediction[-1])
            labels = generator.integers(0, classes, samples)
            if classes > 2:
                probabilities /= probabilities.sum(-1, keepdims=True)
            return probabilities, labels
        if "values" in loss.targets:
            return probabilities, generator.integers(0, 2, (samples, *target))
        return probabilities, np.eye(target[-1])[generator.integers(0, target[-1], samples)]

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
) -> None:
    what = f"{example.name}, {samples} samples by {batch}, {threads} thread(s)"
    x, target = (a.astype(np.float64) for a in example.arrays(samples))
    with closing(example.rig(samples, batch, threads, haloed)) as rig:
        outcome = rig.train(steps)
        sums = rig.sums()
    require(outcome.padding == 0.0, f"{what}: columns that hold no sample have a gradient.")
    seen = samples if samples > batch else len(outcome.samples)
    require(float(sums.samples[0]) == seen, f"{what}: counted {sums.samples[0]:g} samples, not {seen}.")
    expected = example.values(x, target)
    require(expected.shape == (samples,), f"{example.name}: value must give one number a sample.")
    require_close(sums.loss[:1] / seen, expected.mean(keepdims=True), VALUE, f"{what}: the loss")
    x, target = x[outcome.samples], target[outcome.samples]

    def mean_loss(moved: np.ndarray) -> float:
        return example.loss.weight * float(example.values(moved, target).mean())

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
    x, target = example.arrays(13)
    x[11] = np.nan
    rig = Rig(
        example.loss, [x], target, 13, threads,
        answer_kind=example.kind, classes=example.classes, activation=example.activation,
    )  # fmt: skip
    with closing(rig):
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
    x, target = (a.astype(np.float64) for a in example.arrays(33))
    expected = example.loss.weight * example.values(x, target).mean()
    require_close(np.array(found.loss), np.array(expected), VALUE, f"{example.name}: the loss of a whole part")
    if not example.loss.has_accuracy:
        require(found.accuracy is None, f"{example.name} claims to have no accuracy, but gives one.")
    if found.confusion is not None and found.accuracy is not None:
        share = np.trace(found.confusion) / found.confusion.sum()
        require_close(np.array(found.accuracy), np.array(share), 1e-6, f"{example.name}: the accuracy")
