"""Losses that have much in common: of single numbers, and of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from studio.core.fields import choice, reals
from studio.core.layer import Layer, Loss
from studio.core.lowering import Ref, Scoring
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape

if TYPE_CHECKING:
    from studio.core.lowering import Lowering, Tensor


def wired(inputs: Sequence[Tensor | None]) -> tuple[Tensor, Tensor, Tensor | None]:
    """Prediction, target and weights of a loss; weights only where there is a wire."""
    prediction, target = inputs[:2]
    assert prediction is not None
    assert target is not None
    return prediction, target, inputs[2] if len(inputs) > 2 else None


@dataclass(frozen=True)
class ElementWiseLoss(Loss):
    """A loss that applies one function to each prediction and its target; stated once, run everywhere.

    A subclass gives `function` and its `derivative` by the prediction as static methods written
    with the functions of `studio.kernels.maths`. The same text runs as SIMD on the CPU and as
    float64 NumPy in the tests. Parameters that the maths needs are the declared ``real`` fields
    but `weight`, in order, passed by keyword.

    With `reads`, `function_of_scores` and `derivative_of_scores` may say the same for the
    numbers before that activation, which is exact where the activation would round to 0 or 1.
    """

    #: Whether a sample's loss is the mean over its numbers, or the sum over the last axis.
    averaged: ClassVar[bool] = True
    #: From where on a prediction says yes, and a score does, for a loss with an accuracy.
    threshold: ClassVar[float] = 0.0
    threshold_of_scores: ClassVar[float] = 0.0

    @classmethod
    def number_names(cls) -> tuple[str, ...]:
        """Names of the parameters that enter the maths."""
        return tuple(n for n, f in cls.parameters().items() if f.kind == "real" and n != "weight")

    def numbers(self) -> dict[str, float]:
        """Values of the parameters that enter the maths."""
        return {n: getattr(self, n) for n in self.number_names()}

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lowering.score(self.scoring(lowering, *inputs))

    def scoring(self, lowering: Lowering, *inputs: Tensor) -> Scoring:
        """What `lower` asks for."""
        prediction, target, weights = wired(inputs)
        scores = None
        if hasattr(self, "function_of_scores"):
            scores = lowering.before_activation(prediction, self.reads)
        suffix = "" if scores is None else "_of_scores"
        x = lowering.need(prediction) if scores is None else scores
        return Scoring(
            f"function{suffix}",
            f"derivative{suffix}",
            x,
            lowering.need(target),
            weights,
            maths=type(self),
            divisor=x.features if self.averaged else x.features // x.shape[-1],
            numbers=[lowering.number(n) for n in self.number_names()],
            answers="threshold" if self.has_accuracy and (len(x.shape) == 1 or x.shape[-1] == 1) else "",
            threshold=self.threshold if scores is None else self.threshold_of_scores,
        )

    def term_values(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        function = type(self).function  # type: ignore[attr-defined]
        values = np.asarray(function(prediction, target.reshape(prediction.shape), **self.numbers()), np.float64)
        return values if self.averaged else values.sum(-1)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,), (7,))),
            (cls(weight=0.5), ((1,), ())),
            (cls(), ((3, 5, 2), (3, 5, 2))),
            (cls(), ((7, 1), (7,), (7,))),
        )


@dataclass(frozen=True)
class ClassLoss(Loss):
    """A loss whose targets are classes, some of which may count more than others.

    The weights of the classes count while training only. Evaluation, of validation samples too,
    takes all samples alike, as Keras's `fit` and `evaluate` do.
    """

    #: How the target says which class it is.
    class_kind: ClassVar[str] = "labels"

    class_weight: str = choice(
        "none",
        ("none", "balanced", "given"),
        help="Whether samples of rare classes count more while training: balanced lets all classes count alike, "
        "however many training samples they have; given takes the numbers of class_weights.",
    )
    class_weights: tuple[float, ...] = reals(
        (), 0.0, 1e6, help="How much a sample of each class counts, where class_weight is given: one number a class."
    )

    def class_factors(self, counts: np.ndarray) -> np.ndarray:
        """How much each class counts, float64, for classes with so many training samples."""
        if self.class_weight == "given":
            return np.array(self.class_weights, np.float64)
        if self.class_weight == "none":
            return np.ones(len(counts))
        present = np.maximum(counts, 1)
        return np.where(counts > 0, counts.sum() / (len(counts) * present), 0.0)

    def settled(self, counts: np.ndarray) -> Self:
        """The loss with its class weights in numbers, for so many training samples of each class."""
        factors = tuple(float(f) for f in self.class_factors(counts))
        return self.replace(class_weight="given", class_weights=factors)

    def check_class_weights(self, classes: int) -> None:
        """Look whether there is a weight for each class.

        Raises
        ------
        ShapeProblem
            When there is not.
        """
        if self.class_weight == "given" and len(self.class_weights) != classes:
            raise ShapeProblem(
                f"has {len(self.class_weights)} class_weights for {classes} classes: give one number a class."
            )

    def term_weights(self, prediction: np.ndarray, target: np.ndarray, weights: np.ndarray) -> np.ndarray:
        if self.class_weight == "none":
            return weights
        classes = class_numbers(target, self.class_kind).reshape(len(target), -1)
        most = 2 if self.class_kind == "binary" else prediction.shape[-1]
        counts = np.bincount(classes.ravel(), minlength=most)
        factors = self.class_factors(counts)[classes]
        return np.asarray(np.repeat(weights, classes.shape[1] // weights.shape[1], 1) * factors)

    def class_ref(self, lowering: Lowering, classes: int) -> Ref | None:
        """Where the kernels find the weights of the classes; None if all count alike."""
        return None if self.class_weight == "none" or not lowering.training else lowering.numbers("class_weights", classes)


def class_numbers(target: np.ndarray, kind: str) -> np.ndarray:
    """The class that each term of a target is of, int64.

    Parameters
    ----------
    target : numpy.ndarray
        Of ``labels``, ``one_hot`` vectors along the last axis, or of yes and no as 1 and 0 (or -1).
    kind : {"labels", "one_hot", "binary"}
    """
    if kind == "one_hot":
        return np.asarray(target.argmax(-1), np.int64)
    return np.asarray(target > 0.5 if kind == "binary" else target).astype(np.int64)
