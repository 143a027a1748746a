"""The loss for yes or no."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.fields import real
from studio.core.layer import Layer
from studio.core.loss import ClassLoss, ElementWiseLoss
from studio.core.lowering import Lowering, Scoring, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape
from studio.kernels.losses import EPSILON
from studio.kernels.maths import absolute, log, maximum, minimum, sigmoid, softplus, where


@dataclass(frozen=True)
class BinaryCrossentropy(ElementWiseLoss, ClassLoss):
    """``-t log p - (1 - t) log(1 - p)``, averaged over a sample's numbers and over the samples.

    With class weights each number counts by the weight of no (class 0) or yes (class 1).
    """

    targets: ClassVar[tuple[str, ...]] = ("labels", "one_hot", "values")
    reads: ClassVar[str] = "sigmoid"
    domain: ClassVar[tuple[float, float]] = (0.0, 1.0)
    has_accuracy: ClassVar[bool] = True
    threshold: ClassVar[float] = 0.5
    class_kind: ClassVar[str] = "binary"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = (
        "classification", "two classes", "log loss", "logistic", "multi-label", "segmentation", "mask",
    )  # fmt: skip
    help: ClassVar[str] = (
        "For two classes, answered by one neuron with sigmoid, or by one number a pixel or step. Small when "
        "the network gives the right answer a high probability; large when it is sure and wrong."
    )
    formula: ClassVar[str] = "loss = −t log p − (1 − t) log(1 − p)"
    source: ClassVar[str] = "D. R. Cox, The regression analysis of binary sequences (1958); Keras: BinaryCrossentropy"
    keras: ClassVar[str] = "BinaryCrossentropy"
    torch: ClassVar[str] = "BCELoss"

    label_smoothing: float = real(
        0.0, 0.0, 1.0, help="How much of each target is moved towards one half, so that nothing is quite sure.", live=True
    )

    def check_classes(self, prediction: Shape, classes: int) -> None:
        if classes > 2:
            raise ShapeProblem(
                f"is for two classes, but the data have {classes}: use SparseCategoricalCrossentropy instead.",
                Remedy("replace", "Use SparseCategoricalCrossentropy", type="SparseCategoricalCrossentropy"),
            )

    def output_shape(self, *shapes: Shape) -> Shape:
        self.check_class_weights(2)
        return super().output_shape(*shapes)

    def scoring(self, lowering: Lowering, *inputs: Tensor) -> Scoring:
        weights = self.class_ref(lowering, 2)
        return dataclasses.replace(super().scoring(lowering, *inputs), class_weights=weights, class_kind=self.class_kind)

    @staticmethod
    def function(y: Any, t: Any, label_smoothing: Any) -> Any:
        t = t * (1.0 - label_smoothing) + 0.5 * label_smoothing
        p = maximum(minimum(y, 1.0 - EPSILON), EPSILON)
        return -(t * log(p) + (1.0 - t) * log(1.0 - p))

    @staticmethod
    def derivative(y: Any, t: Any, label_smoothing: Any) -> Any:
        t = t * (1.0 - label_smoothing) + 0.5 * label_smoothing
        p = maximum(minimum(y, 1.0 - EPSILON), EPSILON)
        return where(y > EPSILON, where(y < 1.0 - EPSILON, (y - t) / (p * (1.0 - p)), 0.0), 0.0)

    @staticmethod
    def function_of_scores(y: Any, t: Any, label_smoothing: Any) -> Any:
        t = t * (1.0 - label_smoothing) + 0.5 * label_smoothing
        return maximum(y, 0.0) - y * t + softplus(-absolute(y))

    @staticmethod
    def derivative_of_scores(y: Any, t: Any, label_smoothing: Any) -> Any:
        return sigmoid(y) - (t * (1.0 - label_smoothing) + 0.5 * label_smoothing)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((1,), ())),
            (cls(weight=2.0), ((5,), (5,))),
            (cls(), ((3, 4, 2), (3, 4, 2))),
            (cls(label_smoothing=0.2), ((3, 4, 1), (3, 4), (3, 4))),
            (cls(class_weight="balanced"), ((1,), (), ())),
            (cls(class_weight="given", class_weights=(0.5, 3.0)), ((7, 1), (7, 1))),
        )
