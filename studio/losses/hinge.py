"""The loss that only asks for answers that are right with a margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.loss import ElementWiseLoss
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape
from studio.kernels.maths import maximum, where


@dataclass(frozen=True)
class Hinge(ElementWiseLoss):
    """``max(0, 1 - t y)`` for targets -1 and 1 (0 counts as -1), averaged."""

    targets: ClassVar[tuple[str, ...]] = ("labels", "one_hot", "values")
    has_accuracy: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("classification", "two classes", "margin", "support vector", "svm")
    help: ClassVar[str] = (
        "For two classes, answered by one plain number whose sign says which. An answer on the right side "
        "and beyond 1 costs nothing, so only samples near the border are learned from."
    )
    formula: ClassVar[str] = "loss = mean of max(0, 1 − t y), t = ±1"
    source: ClassVar[str] = "C. Cortes, V. Vapnik, Support-vector networks (1995); Keras: Hinge"
    keras: ClassVar[str] = "Hinge"

    def check_classes(self, prediction: Shape, classes: int) -> None:
        if classes > 2:
            raise ShapeProblem(
                f"is for two classes, but the data have {classes}: use CategoricalHinge, with one_hot in Data."
            )

    @staticmethod
    def function(y: Any, t: Any) -> Any:
        return maximum(1.0 - where(t == 0, -1.0, t) * y, 0.0)

    @staticmethod
    def derivative(y: Any, t: Any) -> Any:
        side = where(t == 0, -1.0, t)
        return where(1.0 - side * y > 0, -side, y * 0.0)
