"""The loss for numbers that forgives outliers: absolute distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.loss import ElementWiseLoss
from studio.kernels.maths import absolute, where


@dataclass(frozen=True)
class MeanAbsoluteError(ElementWiseLoss):
    """``|y - t|``, averaged over a sample's numbers and over the samples."""

    targets: ClassVar[tuple[str, ...]] = ("values", "one_hot", "labels")
    keywords: ClassVar[tuple[str, ...]] = ("mae", "regression", "l1", "robust")
    help: ClassVar[str] = (
        "For numbers, such as prices. Adds up how far each answer is off; "
        "a few wild samples disturb it less than they disturb squared errors."
    )
    formula: ClassVar[str] = "loss = mean of |y − t|"
    source: ClassVar[str] = "R. J. Boscovich, least absolute deviations (1757); Keras: MeanAbsoluteError"
    keras: ClassVar[str] = "MeanAbsoluteError"
    torch: ClassVar[str] = "L1Loss"

    @staticmethod
    def function(y: Any, t: Any) -> Any:
        return absolute(y - t)

    @staticmethod
    def derivative(y: Any, t: Any) -> Any:
        error = y - t
        return where(error > 0, 1.0, where(error < 0, -1.0, error * 0.0))
