"""The loss that asks for a margin, and squares what is missing of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.loss import ElementWiseLoss
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape
from studio.kernels.maths import maximum, where


@dataclass(frozen=True)
class SquaredHinge(ElementWiseLoss):
    """``max(0, 1 - t y)²`` for targets -1 and 1 (0 counts as -1), averaged."""

    targets: ClassVar[tuple[str, ...]] = ("labels", "one_hot", "values")
    has_accuracy: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("classification", "two classes", "margin", "support vector", "svm")
    help: ClassVar[str] = (
        "For two classes, answered by one plain number whose sign says which. An answer on the right side "
        "and beyond 1 costs nothing; what is missing is squared, so bad answers count most."
    )
    formula: ClassVar[str] = "loss = mean of max(0, 1 − t y)², t = ±1"
    source: ClassVar[str] = "Y. Tang, Deep learning using linear support vector machines (2013); Keras: SquaredHinge"
    keras: ClassVar[str] = "SquaredHinge"

    def check_classes(self, prediction: Shape, classes: int) -> None:
        if classes > 2:
            raise ShapeProblem(
                f"is for two classes, but the data have {classes}: use CategoricalHinge, with one_hot in Data."
            )

    @staticmethod
    def function(y: Any, t: Any) -> Any:
        missing = maximum(1.0 - where(t == 0, -1.0, t) * y, 0.0)
        return missing * missing

    @staticmethod
    def derivative(y: Any, t: Any) -> Any:
        side = where(t == 0, -1.0, t)
        return -2.0 * side * maximum(1.0 - side * y, 0.0)
